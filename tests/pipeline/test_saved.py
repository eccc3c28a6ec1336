"""Saved audits are read as they were written; damaged, foreign and hostile files are refused with the reason."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from kdaudit.errors import DataError
from kdaudit.pipeline.saved import SavedAudit, read_audit
from tests.pipeline.saved_audits import saved, written
from tests.stats.test_null import world


@pytest.fixture
def audit() -> SavedAudit:
    """An audit with three controls and 120 examples in groups."""
    rows = world(np.random.default_rng(0), n=120, k=3, seed_sd=0.1)
    return saved(rows, groups=np.arange(120) // 2)


def test_an_audit_is_read_as_it_was_written(audit: SavedAudit, tmp_path: Path) -> None:
    """From its folder, from its audit.json, and from the folder of the only audit of a run."""
    folder = written(tmp_path / "run" / "student", audit)
    for place in (folder, folder / "audit.json", folder.parent):
        found = read_audit(place)
        assert audit.result == found.result
        assert audit.groups is not None
        assert found.groups is not None
        assert audit.labels is not None
        assert found.labels is not None
        for expected, actual in (
            (audit.ids, found.ids),
            (audit.labels, found.labels),
            (audit.answers, found.answers),
            (audit.groups, found.groups),
        ):
            assert expected.dtype == actual.dtype
            assert np.array_equal(expected, actual)


def test_examples_without_groups_have_none(audit: SavedAudit, tmp_path: Path) -> None:
    """An empty array stands for none."""
    assert read_audit(written(tmp_path, audit, groups=np.empty(0, dtype=np.int64))).groups is None


def test_one_of_several_audits_must_be_named_invalid(audit: SavedAudit, tmp_path: Path) -> None:
    """A run of two students has two."""
    for name in ("a", "b"):
        written(tmp_path / name, audit)
    with pytest.raises(DataError, match=r"expected one audit in .*, found 2") as raised:
        read_audit(tmp_path)
    assert str(tmp_path / "a") in str(raised.value.hint)


def test_a_missing_audit_is_named_invalid(tmp_path: Path) -> None:
    """An empty folder, and no folder at all."""
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match=r"expected an audit.json at .*: No such file"):
            read_audit(place)


def test_a_damaged_document_is_named_invalid(audit: SavedAudit, tmp_path: Path) -> None:
    """With the key that is wrong."""
    (written(tmp_path, audit) / "audit.json").write_text('{"verdict": "maybe"}', encoding="utf-8")
    with pytest.raises(DataError, match=r"expected an audit of kdaudit in .*, found that verdict"):
        read_audit(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"", "File is not a zip file"),
        (b"\x93NUMPY", "File is not a zip file"),
        (b"PK\x05\x06" + bytes(18), "There is no item named 'ids.npy' in the archive"),
    ],
)
def test_missing_or_damaged_answers_are_named_invalid(
    audit: SavedAudit, tmp_path: Path, content: bytes | None, said: str
) -> None:
    """The hint says where they belong."""
    path = written(tmp_path, audit) / "examples.npz"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"expected the answers of every model at .*{said}") as raised:
        read_audit(tmp_path)
    assert "beside audit.json" in str(raised.value.hint)


def test_cut_answers_are_named_invalid(audit: SavedAudit, tmp_path: Path) -> None:
    """A member that ends early, or whose checksum is another."""
    path = written(tmp_path, audit) / "examples.npz"
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"expected the answers of every model at .*examples.npz, found: "):
        read_audit(tmp_path)


def test_pickled_objects_are_refused_invalid(audit: SavedAudit, tmp_path: Path) -> None:
    """Unpickling runs code."""
    objects = np.array([{"a": 1}] * 120, dtype=object)
    with pytest.raises(DataError, match="found: Object arrays cannot be loaded when allow_pickle=False"):
        read_audit(written(tmp_path, audit, ids=objects))


def test_a_member_that_unpacks_into_gigabytes_is_refused_invalid(
    audit: SavedAudit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is read."""
    monkeypatch.setattr("kdaudit.pipeline.saved._LARGEST_BYTES", 1000)
    with pytest.raises(DataError, match=r"expected at most 1,000 bytes in ids.npy of .*, found [\d,]+"):
        read_audit(written(tmp_path, audit))


@pytest.mark.parametrize("shape", [b"(9000000000000000,), ", b"((((((((((((((((((((("])
def test_a_header_that_lies_is_refused_invalid(audit: SavedAudit, tmp_path: Path, shape: bytes) -> None:
    """A million billion labels, of which none follows, and a header that is no literal."""
    path = written(tmp_path, audit) / "examples.npz"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    honest = b"(120,), }".ljust(len(shape) + 1)
    assert honest in members["labels.npy"]
    members["labels.npy"] = members["labels.npy"].replace(honest, shape + b"}")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match=r"expected the answers of every model at .*examples.npz, found: "):
        read_audit(tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"models": np.array(["a", "b", "c", "d", "e"])}, "found other models"),
        (
            {"labels": np.zeros(119, dtype=np.int64)},
            r"labels of int64 \(119,\) instead of whole numbers \(120,\)",
        ),
        ({"answers": np.zeros((5, 120))}, r"answers of float64 \(5, 120\) instead of whole numbers"),
        ({"ids": np.arange(120)}, r"ids of int64 \(120,\) instead of text"),
        (
            {"groups": np.zeros(3, dtype=np.int64)},
            r"groups of int64 \(3,\) instead of whole numbers \(120,\)",
        ),
        ({"ids": np.array(["a"] * 120)}, "ids that occur twice"),
        ({"labels": np.full(120, -1)}, "labels that are no class"),
        ({"answers": np.full((5, 120), 2**40)}, "answers that are no class"),
        ({"answers": np.full((5, 120), 9)}, r"that teacher answers 0.00% right instead of"),
    ],
)
def test_answers_of_another_audit_are_refused_invalid(
    audit: SavedAudit, tmp_path: Path, changed: dict[str, npt.NDArray[np.generic]], said: str
) -> None:
    """They must have the document's models, examples and accuracies."""
    with pytest.raises(DataError, match=f"expected the answers of .*audit.json in .*{said}") as raised:
        read_audit(written(tmp_path, audit, **changed))
    assert "together in a folder" in str(raised.value.hint)


def test_a_document_without_a_student_is_refused_invalid(audit: SavedAudit, tmp_path: Path) -> None:
    """The first models are the teacher and a student."""
    models = [m.model_copy(update={"role": "independent"}) for m in audit.result.models]
    result = audit.result.model_copy(update={"models": tuple(models)})
    with pytest.raises(DataError, match="no teacher and student as its first models"):
        read_audit(
            written(
                tmp_path,
                SavedAudit(
                    result=result, ids=audit.ids, labels=audit.labels, answers=audit.answers, groups=None
                ),
            )
        )
