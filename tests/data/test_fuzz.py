"""Every form of data with bytes changed, cut, doubled or overwritten: refused or read, and nothing else."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kdaudit.errors import KDAuditError

from .factories import load
from .sources import BUILDERS

CASES = int(os.environ.get("KDAUDIT_FUZZ_CASES", "480"))
# Code is the user's own, and archives of arrays are fuzzed with the models.
FORMS = sorted(set(BUILDERS) - {"python_object", "arrays"})
HOSTILE = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"nan,", b'"', b"-1")


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The bytes with one to three changes."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        if not data:
            break
        i, kind = int(rng.integers(len(data))), rng.random()
        if kind < 0.5:
            data[i] = int(rng.integers(256))
        elif kind < 0.65:
            del data[i:]
        elif kind < 0.8:
            data[i:i] = data[i : i + int(rng.integers(1, 64))]
        else:
            hostile = HOSTILE[int(rng.integers(len(HOSTILE)))]
            data[i : i + len(hostile)] = hostile
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_damaged_data_is_refused_or_read(form: str, tmp_path: Path) -> None:
    """Whatever else happens is a bug; a crash of a library ends the test run."""
    (tmp_path / "source").mkdir()
    made = BUILDERS[form](tmp_path / "source")
    files = sorted(path for path in (tmp_path / "source").rglob("*") if path.is_file())
    rng = np.random.default_rng(FORMS.index(form))
    ended: Counter[str] = Counter()
    for _ in range(CASES // len(FORMS)):
        path = files[int(rng.integers(len(files)))]
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, rng))
        try:
            examples = load(made.location, tmp_path / "cache", made.options)
            assert len(examples) == sum(len(batch) for batch in examples.batches(4))
            ended["read"] += 1
        except KDAuditError:
            ended["refused"] += 1
        path.write_bytes(whole)
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    print(form, dict(ended))  # noqa: T201 - for docs/untrusted-files.md
