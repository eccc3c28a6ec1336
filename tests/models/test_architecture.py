"""An architecture named by the user: found in a module or a file, built, or refused with the reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kdaudit.errors import ModelError, SpecError
from kdaudit.models.architecture import build_architecture

_NETWORK = "import torch\ndef net(width=2):\n    return torch.nn.Linear(width, 2)\n"
_NAME = "from kdaudit.models.architecture import build_architecture as b; print(type(b('net.py:Net', None)).__module__)"


def test_a_file_and_a_module_are_found(tmp_path: Path) -> None:
    """Both forms, with arguments."""
    (tmp_path / "net.py").write_text(_NETWORK)
    by_file = build_architecture(f"{tmp_path / 'net.py'}:net", '{"width": 3}')
    by_module = build_architecture("torch.nn:Linear", '{"in_features": 3, "out_features": 2}')
    assert repr(by_module) == repr(by_file)


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    """Neither shadows the other."""
    for folder, width in (("a", 3), ("b", 4)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text(_NETWORK.replace("width=2", f"width={width}"))
    built = [repr(build_architecture(f"{tmp_path / folder / 'net.py'}:net", None)) for folder in "ab"]
    assert built[0] != built[1]


def test_a_file_has_the_same_module_name_in_every_process(tmp_path: Path) -> None:
    """Workers and later runs must not see another class."""
    (tmp_path / "net.py").write_text("import torch\nclass Net(torch.nn.Identity): pass\n")
    names = {
        subprocess.run(
            [sys.executable, "-c", _NAME],
            cwd=tmp_path,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert 1 == len(names)


@pytest.mark.parametrize(
    ("arch", "args", "message"),
    [
        ("torch.nn:Linear", "{", "expected --arch-args to be a JSON object"),
        ("torch.nn:Linear", "[1]", "expected --arch-args to be a JSON object"),
        ("net.py", None, "expected an architecture as module:callable, path/file.py:callable or timm:NAME"),
    ],
)
def test_how_it_is_named_invalid(arch: str, args: str | None, message: str) -> None:
    """Usage errors."""
    with pytest.raises(SpecError, match=message):
        build_architecture(arch, args)


@pytest.mark.parametrize(
    ("source", "name", "args", "message"),
    [
        (_NETWORK, "other", None, "expected a callable named 'other' in .*net.py, found none of that name"),
        (_NETWORK, "net", '{"depth": 1}', "with arguments {'depth': 1}, found TypeError"),
        ("def net(): return 3", "net", None, "to give a torch.nn.Module, found int"),
        ("import absent_module", "net", None, "to import, found ModuleNotFoundError"),
        ("def net(", "net", None, "to import, found SyntaxError"),
        ("open('absent.txt')", "net", None, "to import, found FileNotFoundError"),
        ("raise RuntimeError('no GPU')", "net", None, "to import, found RuntimeError: no GPU"),
        ("import sys; sys.exit(3)", "net", None, "to import, found SystemExit: 3"),
        (None, "net", None, "expected the architecture's file .*net.py, found nothing there"),
    ],
)
def test_what_it_is_invalid(
    tmp_path: Path, source: str | None, name: str, args: str | None, message: str
) -> None:
    """The user's code is not there, does not import, or builds no network."""
    if source is not None:
        (tmp_path / "net.py").write_text(source)
    with pytest.raises(ModelError, match=message):
        build_architecture(f"{tmp_path / 'net.py'}:{name}", args)


def test_an_absent_module_invalid() -> None:
    """The hint says what to do."""
    with pytest.raises(ModelError, match="expected to import the module 'absent_module'") as failure:
        build_architecture("absent_module:net", None)
    assert "name a file" in str(failure.value.hint)
