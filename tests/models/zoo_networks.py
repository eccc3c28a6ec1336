"""The networks of the zoo: what engineers export, small enough to be exported in seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import timm
import torch
import torchvision
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A network and its examples: shape and, for tokens, how many there are."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    n_tokens: int = 0


def small_vgg() -> nn.Module:
    """Four convolutions with BatchNorm, pooling and a dense head."""
    return nn.Sequential(
        *_block(3, 8), nn.MaxPool2d(2), *_block(8, 16), nn.MaxPool2d(2), *_block(16, 16), *_block(16, 24),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip


def biased_vgg() -> nn.Module:
    """Convolutions that have a bias of their own before their BatchNorm, as torchvision's VGGs do."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.LeakyReLU(0.1), nn.Flatten(),
        nn.Linear(16 * 8 * 8, 10),
    )  # fmt: skip


def plain_cnn() -> nn.Module:
    """Convolutions that never had a BatchNorm."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 3 * 3, 32), nn.ReLU(), nn.Linear(32, 10),
    )  # fmt: skip


def audio_cnn() -> nn.Module:
    """Convolutions over time with BatchNorm."""
    return nn.Sequential(
        nn.Conv1d(1, 8, 9, stride=2), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 16, 5, stride=2),
        nn.BatchNorm1d(16), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 5),
    )  # fmt: skip


def mlp() -> nn.Module:
    """Dense layers with BatchNorm1d and Dropout."""
    return nn.Sequential(
        nn.Linear(20, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 32),
        nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 5),
    )  # fmt: skip


class Gated(nn.Module):
    """A squeeze-and-excitation gate (convolutions onto one point, with true biases) and a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_block(3, 16))
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 4, 1), nn.ReLU(), nn.Conv2d(4, 16, 1), nn.Hardsigmoid()
        )
        self.body = nn.Sequential(*_block(16, 16), nn.Hardswish())
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        x = self.stem(x)
        x = torch.cat([x * self.gate(x), self.body(x) + x], dim=1)[:, 8:24]
        out: Tensor = self.head(x.mean((2, 3)))
        return out


class GroupNormed(nn.Module):
    """Convolutions with GroupNorm, an affine InstanceNorm and PReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.PReLU(8),
            nn.Conv2d(8, 16, 3, stride=2), nn.InstanceNorm2d(16, affine=True), nn.PReLU(),
        )  # fmt: skip
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        out: Tensor = self.head(self.body(x).mean((2, 3)))
        return out


class CharGPT(nn.Module):
    """Two causal blocks over tokens; the embedding is the output layer too, read at the last place."""

    def __init__(self, width: int = 32, n_tokens: int = 40, length: int = 12) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(n_tokens, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList([CausalBlock(width) for _ in range(2)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_tokens, bias=False)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.head.weight = self.tokens.weight

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the next token."""
        x = self.tokens(x) + self.positions(torch.arange(x.shape[1], device=x.device))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.head(self.norm(x)[:, -1])
        return out


class CausalBlock(nn.Module):
    """Causal attention and a dense block, both residual, normalised before."""

    def __init__(self, width: int, n_heads: int = 4) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """The next activations."""
        n, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).split(width, dim=2)
        q, k, v = (t.view(n, length, self.n_heads, -1).transpose(1, 2) for t in (q, k, v))
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(n, length, width))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class Bert(nn.Module):
    """Torch's own encoder over tokens, with learned positions, averaged."""

    def __init__(self, width: int = 32, n_tokens: int = 50, length: int = 10) -> None:
        super().__init__()
        self.tokens = nn.Embedding(n_tokens, width)
        self.positions = nn.Parameter(torch.randn(1, length, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        out: Tensor = self.head(self.encoder(self.tokens(x) + self.positions).mean(1))
        return out


class Recurrent(nn.Module):
    """Two layers of a recurrent network over measurements, the first in both directions; its last state."""

    def __init__(self, kind: type[nn.LSTM | nn.GRU]) -> None:
        super().__init__()
        self.first = kind(6, 12, batch_first=True, bidirectional=True)
        self.second = kind(24, 16, batch_first=True)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        x, _ = self.second(self.first(x)[0])
        out: Tensor = self.head(x[:, -1])
        return out


def vgg11_bn() -> nn.Module:
    """The VGG11 of torchvision with BatchNorm; its dense layers, of 120 million weights, made small."""
    network: nn.Module = torchvision.models.vgg11_bn(num_classes=10)
    network.classifier = nn.Sequential(nn.Linear(512 * 7 * 7, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, 10))
    return network


def small_vit() -> nn.Module:
    """The ViT of torchvision, narrow and of two blocks."""
    vit: nn.Module = torchvision.models.VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=4, hidden_dim=32, mlp_dim=64, num_classes=10
    )
    return vit


def small_swin() -> nn.Module:
    """The Swin of torchvision, narrow, with shifted windows."""
    swin: nn.Module = torchvision.models.SwinTransformer(
        patch_size=[2, 2], embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], num_classes=10
    )
    return swin


def small_convnext() -> nn.Module:
    """The ConvNeXt of torchvision, narrow and of two stages."""
    from torchvision.models.convnext import CNBlockConfig

    settings = [CNBlockConfig(16, 32, 1), CNBlockConfig(32, None, 1)]
    network: nn.Module = torchvision.models.ConvNeXt(settings, num_classes=10)
    return network


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def _torchvision(name: str, side: int = 32, **settings: object) -> Entry:
    return Entry(
        make=lambda: getattr(torchvision.models, name)(num_classes=10, **settings), shape=(3, side, side)
    )


def _timm(name: str, side: int = 32, **settings: Any) -> Entry:
    return Entry(
        make=lambda: timm.create_model(name, pretrained=False, num_classes=10, **settings),
        shape=(3, side, side),
    )


NETWORKS = {
    "small_vgg": Entry(make=small_vgg, shape=(3, 16, 16)),
    "biased_vgg": Entry(make=biased_vgg, shape=(3, 16, 16)),
    "plain_cnn": Entry(make=plain_cnn, shape=(3, 16, 16)),
    "audio_cnn": Entry(make=audio_cnn, shape=(1, 120)),
    "mlp": Entry(make=mlp, shape=(20,)),
    "gated": Entry(make=Gated, shape=(3, 16, 16)),
    "group_norm": Entry(make=GroupNormed, shape=(3, 16, 16)),
    "char_gpt": Entry(make=CharGPT, shape=(12,), n_tokens=40),
    "bert": Entry(make=Bert, shape=(10,), n_tokens=50),
    "lstm": Entry(make=lambda: Recurrent(nn.LSTM), shape=(9, 6)),
    "gru": Entry(make=lambda: Recurrent(nn.GRU), shape=(9, 6)),
    "vit": Entry(make=small_vit, shape=(3, 32, 32)),
    "swin": Entry(make=small_swin, shape=(3, 32, 32)),
    "convnext": Entry(make=small_convnext, shape=(3, 32, 32)),
    "resnet18": _torchvision("resnet18"),
    "resnet34": _torchvision("resnet34"),
    "resnet50": _torchvision("resnet50"),
    "vgg11_bn": Entry(make=vgg11_bn, shape=(3, 32, 32)),
    "vgg11_bn_224": Entry(make=vgg11_bn, shape=(3, 224, 224)),
    "regnet_y_400mf": _torchvision("regnet_y_400mf"),
    "mobilenet_v2": _torchvision("mobilenet_v2", width_mult=0.5),
    "mobilenet_v3_small": _torchvision("mobilenet_v3_small"),
    "efficientnet_b0": _torchvision("efficientnet_b0"),
    "densenet121": _torchvision("densenet121"),
    "shufflenet_v2": _torchvision("shufflenet_v2_x0_5"),
    "swin_t": _torchvision("swin_t"),
    "convnext_tiny": _torchvision("convnext_tiny"),
    "timm_resnet10t": _timm("resnet10t"),
    "timm_resnext26ts": _timm("resnext26ts"),
    "timm_regnetx_002": _timm("regnetx_002"),
    "timm_mobilenetv4": _timm("mobilenetv4_conv_small_050"),
    "timm_ghostnet": _timm("ghostnet_050"),
    "timm_deit_tiny": _timm("deit_tiny_patch16_224", img_size=32, depth=3),
    "timm_mixer": _timm("mixer_s16_224", img_size=32),
}

# What the table of docs/onnx-zoo.md holds.
TABLE = (
    "mlp", "audio_cnn", "group_norm", "char_gpt", "bert", "lstm", "gru", "vit", "swin", "convnext", "resnet18",
    "regnet_y_400mf", "vgg11_bn", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "densenet121",
    "shufflenet_v2", "timm_resnet10t", "timm_resnext26ts", "timm_regnetx_002", "timm_mobilenetv4", "timm_ghostnet",
    "timm_deit_tiny", "timm_mixer",
)  # fmt: skip
