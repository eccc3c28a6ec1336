"""Hugging Face folders: the same answers as transformers, built anew from the configuration, without network."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.models import load_model
from kdaudit.models.checks import check_architecture
from kdaudit.models.folder import folder_digest
from kdaudit.models.identify import identify
from kdaudit.models.trainable import ArchitectureNetwork, open_network
from kdaudit.types import AnyArray, OutputKind, Role
from tests.models.networks import Reducer, network_spec, ref

# Untyped: transformers makes the signatures of configurations at run time.
CONFIGS: Any = transformers
RNG = np.random.default_rng(0)
ATTENTION = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
NAMES = ("image", "sequence", "sound", "convolution")
DATA: dict[str, dict[str, AnyArray]] = {
    "image": {"x": RNG.normal(size=(5, 3, 16, 16)).astype(np.float32)},
    "sequence": {
        "attention_mask": np.array([[1] * 7, [1] * 5 + [0] * 2, [1] * 3 + [0] * 4, [1] * 6 + [0], [1] * 7]),
        "input_ids": RNG.integers(50, size=(5, 7)),
    },
    "sound": {"recording": RNG.normal(size=(5, 400)).astype(np.float32)},
    "convolution": {"x": RNG.normal(size=(5, 3, 32, 32)).astype(np.float32)},
}
MAIN = {"image": "pixel_values", "sound": "input_values", "convolution": "pixel_values"}


def network(name: str, *, n_classes: int = 4, seed: int = 0) -> nn.Module:
    """A small classifier of transformers, with drawn weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "image":
            config = CONFIGS.ViTConfig(**ATTENTION, image_size=16, patch_size=4, num_labels=n_classes)
            made: nn.Module = transformers.ViTForImageClassification(config)
        elif name == "sequence":
            config = CONFIGS.BertConfig(
                **ATTENTION, vocab_size=50, max_position_embeddings=16, num_labels=n_classes
            )
            made = transformers.BertForSequenceClassification(config)
        elif name == "sound":
            config = CONFIGS.Wav2Vec2Config(
                **ATTENTION,
                conv_dim=(16, 16),
                conv_stride=(5, 2),
                conv_kernel=(10, 3),
                num_conv_pos_embeddings=16,
                num_conv_pos_embedding_groups=2,
                classifier_proj_size=8,
                num_labels=n_classes,
            )
            made = transformers.Wav2Vec2ForSequenceClassification(config)
        else:
            config = CONFIGS.ResNetConfig(
                embedding_size=8,
                hidden_sizes=[8, 16],
                depths=[1, 1],
                layer_type="basic",
                num_labels=n_classes,
            )
            made = transformers.ResNetForImageClassification(config)
    return made.eval()


def save(name: str, folder: Path, **settings: object) -> Path:
    """Saves a network as its user does."""
    shard = settings.pop("max_shard_size", "1GB")
    network(name, **settings).save_pretrained(folder, max_shard_size=shard)  # type: ignore[arg-type, operator]
    return folder


def change(folder: Path, **settings: object) -> Path:
    """Edits the configuration of a folder."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return folder


def answers(folder: Path, data: dict[str, AnyArray]) -> AnyArray:
    """What the audit gets from a folder."""
    with load_model(ref(folder, "huggingface"), device="cpu") as model:
        return model.run(data)


def factory(folder: Path, name: str, **settings: object) -> ArchitectureNetwork:
    """The folder's architecture, to be trained again."""
    opened = open_network(network_spec(ref(folder, "huggingface"), DATA[name], **settings))
    assert isinstance(opened, ArchitectureNetwork)
    return opened


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise AssertionError("the network was reached for")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved classifier of images."""
    return save("image", tmp_path / "net")


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_transformers_does(name: str, tmp_path: Path) -> None:
    """Images, sequences with a mask, and sounds: the logits alone, inputs by name."""
    own = network(name)
    with torch.inference_mode():
        given = {MAIN.get(name, key): torch.from_numpy(array) for key, array in DATA[name].items()}
        logits = own(**given).logits.numpy()
    assert logits == pytest.approx(answers(save(name, tmp_path / "net"), DATA[name]), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_built_anew_from_its_configuration(name: str, tmp_path: Path) -> None:
    """Exact, with weights that follow the seed and owe the student nothing; it learns."""
    opened = factory(save(name, tmp_path / "net"), name)
    families = {"convolution": "convolution"}
    assert ("exact", families.get(name, "attention")) == (opened.fidelity.level, opened.family)
    check_architecture(opened, examples=DATA[name], output=OutputKind.LOGITS)
    first, same = opened.build(1).state_dict(), opened.build(1).state_dict()
    assert all(torch.equal(first[key], same[key]) for key in first)
    drawn = {
        key for key, value in network(name).state_dict().items() if value.ndim > 1 and bool(value.std() > 0)
    }
    student = network(name).state_dict()
    assert all(not torch.equal(first[f"network.{key}"], student[key]) for key in drawn)
    assert len(drawn) > 3


def test_digests_are_those_of_architectures(tmp_path: Path) -> None:
    """Where a folder lies and what its weights are does not matter; the configuration does."""
    paths = [save("image", tmp_path / "a"), save("image", tmp_path / "b", seed=1)]
    paths.append(change(save("image", tmp_path / "c"), hidden_dropout_prob=0.3))
    found = [factory(path, "image").spec_digest for path in paths]
    assert found[0] == found[1] != found[2]


def test_shards_and_pickled_weights_are_read(folder: Path, tmp_path: Path) -> None:
    """Several files with an index, safetensors or torch's; torch's never run code."""
    whole = answers(folder, DATA["image"])
    sharded = save("image", tmp_path / "sharded", max_shard_size="10KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1
    assert np.array_equal(whole, answers(sharded, DATA["image"]))
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    shutil.copy(folder / "config.json", pickled)
    torch.save(load_file(folder / "model.safetensors"), pickled / "pytorch_model.bin")
    assert np.array_equal(whole, answers(pickled, DATA["image"]))
    made = tmp_path / "made"
    torch.save({"w": Reducer(made)}, pickled / "pytorch_model.bin")
    with pytest.raises(
        ModelError, match=r"expected only tensors in .*pytorch_model.bin, found Python objects"
    ):
        answers(pickled, DATA["image"])
    assert not made.exists()


def test_half_precision_is_computed_in_single(folder: Path, tmp_path: Path) -> None:
    """A folder saved in float16 answers and trains in float32."""
    half = tmp_path / "half"
    network("image").half().save_pretrained(half)  # type: ignore[operator]
    assert answers(folder, DATA["image"]) == pytest.approx(answers(half, DATA["image"]), abs=1e-2)
    assert {torch.float32} == {p.dtype for p in factory(half, "image").build(0).parameters()}


def test_controls_start_where_the_student_did(folder: Path, tmp_path: Path) -> None:
    """--init-from takes the weights that fit; a head for other classes is drawn anew and named."""
    start = ref(save("image", tmp_path / "start", n_classes=7, seed=5), "huggingface")
    opened = factory(folder, "image", init_from=start)
    built, initial = opened.build(0).state_dict(), network("image", n_classes=7, seed=5).state_dict()
    patches = "vit.embeddings.patch_embeddings.projection.weight"
    assert torch.equal(initial[patches], built[f"network.{patches}"])
    assert "drawn anew: network.classifier.weight, network.classifier.bias" in opened.fidelity.evidence[0]


def test_the_kind_and_the_digest_follow_the_content(folder: Path, tmp_path: Path) -> None:
    """A folder with a configuration is one model; another weight makes another, the folder's name does not."""

    def found(path: Path) -> str:
        model = identify(
            str(path), role=Role.TEACHER, name="m", output=OutputKind.LOGITS, arch=None, arch_args=None
        )
        assert "huggingface" == model.kind
        return model.sha256

    copy = shutil.copytree(folder, tmp_path / "copy")
    assert found(folder) == found(copy)
    save_file(
        {k: t + 1 for k, t in load_file(copy / "model.safetensors").items()}, copy / "model.safetensors"
    )
    assert found(folder) != found(copy)


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _no_object(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def _index_outside(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"w": "../other.safetensors"}}')


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_no_config, "expected a model file, or a folder with config.json"),
        (_no_weights, "expected weights in .* as model.safetensors, .*, found none of them"),
        (_no_json, "expected JSON in .*config.json, found"),
        (_no_object, "expected a JSON object in .*config.json, found list"),
        (_index_outside, "expected the names of files beside it in .*index.json, found others"),
        (
            lambda f: change(f, auto_map={"AutoModel": "x--y.Z"}),
            r"found one that brings its own \(auto_map\)",
        ),
        (
            lambda f: change(f, quantization_config={"bits": 4}),
            "expected float weights in .*, found quantised",
        ),
    ],
)
def test_folders_that_are_no_safe_models_invalid(
    spoil: Callable[[Path], object], message: str, folder: Path
) -> None:
    """Seen before transformers is asked."""
    spoil(folder)
    with pytest.raises(ModelError, match=message):
        folder_digest(folder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"architectures": ["ViTModel"]}, "expected a classifier of images, .*, found ViTModel"),
        ({"architectures": None}, "expected a classifier of images, .*, found none"),
        ({"architectures": ["OsForImageClassification"]}, "found OsForImageClassification"),
        ({"problem_type": "multi_label_classification"}, "found the problem type multi_label_classification"),
        ({"model_type": "unheard"}, "to be built by transformers .*, found"),
        ({"hidden_size": "wide"}, "to be built by transformers .*, found"),
        ({"num_hidden_layers": 2}, "to fit their config.json, found 16 missing"),
        ({"intermediate_size": 30}, r"found 3 of another shape \(vit"),
    ],
)
def test_configurations_that_do_not_fit_invalid(
    settings: dict[str, object], message: str, folder: Path
) -> None:
    """One line each, with what to do."""
    with pytest.raises(ModelError, match=message) as caught:
        answers(change(folder, **settings), DATA["image"])
    assert caught.value.hint


def test_implementations_that_would_be_fetched_are_not_used(folder: Path) -> None:
    """A folder may name code of a hub for its attention."""
    whole = answers(folder, DATA["image"])
    for key in ("attn_implementation", "_attn_implementation"):
        assert np.array_equal(whole, answers(change(folder, **{key: "evil/kernel"}), DATA["image"]))


def test_unknown_inputs_invalid(tmp_path: Path) -> None:
    """Several arrays must be called what the network calls its inputs."""
    path = save("sequence", tmp_path / "net")
    with pytest.raises(ModelError, match=r"expected inputs among input_ids, .*, found words in the data"):
        answers(
            path,
            {"words": DATA["sequence"]["input_ids"], "attention_mask": DATA["sequence"]["attention_mask"]},
        )


def test_without_transformers_the_extra_is_named_invalid(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is optional."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(
        ModelError, match="expected the package transformers for the Hugging Face folder"
    ) as caught:
        answers(folder, DATA["image"])
    assert "pip install 'kdaudit[hf]'" == caught.value.hint
