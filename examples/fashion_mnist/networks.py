"""A small convolutional network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Pictures = npt.NDArray[np.uint8]


class ConvNet(nn.Module):
    """Three convolutions with BatchNorm, mean over the picture, one linear layer; input pixels / 255."""

    def __init__(self, *, width: int, strides: tuple[int, int, int], n_classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for i, stride in enumerate(strides):
            wider = width * 2**i
            layers += [
                nn.Conv2d(channels, wider, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(wider),
                nn.ReLU(),
            ]
            channels = wider
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(channels, n_classes)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of pictures (n, 1, height, width)."""
        logits: torch.Tensor = self.classifier(self.features(pictures))
        return logits
