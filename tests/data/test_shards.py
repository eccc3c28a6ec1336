"""WebDataset shards: labels of every kind, and tars that want to be somewhere else."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kdaudit.data import DataOptions, Examples
from kdaudit.errors import DataError

from .factories import load
from .sources import png_bytes, tar_of


def read(location: Path | str, tmp_path: Path, **options: object) -> Examples:
    """With these options."""
    return load(location, tmp_path / "cache", DataOptions(**options))  # type: ignore[arg-type]


def labelled(**label: object) -> dict[str, bytes]:
    """Four keys, each with a picture and a `.json`."""
    members: dict[str, bytes] = {}
    for i in range(4):
        members[f"k{i}.png"] = png_bytes(i)
        values = {name: value[i] if isinstance(value, list) else value for name, value in label.items()}
        members[f"k{i}.json"] = json.dumps(values).encode()
    return members


def test_json_holds_labels_groups_and_slices(tmp_path: Path) -> None:
    """Names are numbered as in tables."""
    members = labelled(label=["b", "a", "b", "a"], group=["p", "p", "q", "q"], site=["x", "y", "x", "y"])
    examples = read(tar_of(tmp_path / "s.tar", members), tmp_path, slices=("site",))
    assert ([1, 0, 1, 0], ("a", "b")) == (examples.labels.tolist(), examples.class_names)
    assert ["k0", "k1", "k2", "k3"] == examples.ids.tolist()
    assert examples.groups is not None
    assert [0, 0, 1, 1] == examples.groups.tolist()
    assert ["x", "y", "x", "y"] == examples.columns["site"].tolist()


def test_another_label_may_be_named(tmp_path: Path) -> None:
    """A key of `.json` in place of `.cls`."""
    members = labelled(coarse=[0, 0, 1, 1]) | {f"k{i}.cls": str(i).encode() for i in range(4)}
    shard = tar_of(tmp_path / "s.tar", members)
    assert [0, 1, 2, 3] == read(shard, tmp_path).labels.tolist()
    assert [0, 0, 1, 1] == read(shard, tmp_path, label_column="coarse").labels.tolist()


def test_a_folder_and_a_pattern_are_all_their_shards(tmp_path: Path) -> None:
    """In the order of their names; keys that come twice have the shard's name before them."""
    for shard in range(3):
        members = {"a.png": png_bytes(shard), "a.cls": str(shard % 2).encode()}
        tar_of(tmp_path / f"s{shard}.tar", members)
    by_folder, by_glob = (read(where, tmp_path) for where in (tmp_path, f"{tmp_path}/s*.tar"))
    assert ["s0.tar/a", "s1.tar/a", "s2.tar/a"] == by_folder.ids.tolist() == by_glob.ids.tolist()
    assert 2 == len(read(f"{tmp_path}/s{{0..1}}.tar", tmp_path))


def test_what_is_no_picture_and_no_label_is_counted(tmp_path: Path) -> None:
    """Pickles are never opened; keys without a picture and hidden members are left out."""
    members = labelled(label=[0, 1, 0, 1]) | {
        "k0.pickle": b"cos\nsystem\n(S'false'\ntR.",
        "lonely.cls": b"1",
        ".hidden": b"",
    }
    examples = read(tar_of(tmp_path / "s.tar", members), tmp_path)
    assert 4 == len(examples)
    assert "1 member .pickle is left out" in examples.assumptions
    assert "1 key without a picture or sound is left out" in examples.assumptions


def test_hostile_members_are_only_read_or_passed_over(tmp_path: Path) -> None:
    """Names that climb or are absolute are names; links, devices and folders are no pictures. Nothing is written."""
    inner = tmp_path / "deep" / "er"
    inner.mkdir(parents=True)
    with tarfile.open(inner / "s.tar", "w") as archive:
        for name in ("../../evil", "/tmp/evil", "good"):  # noqa: S108 - nothing is written there
            for end, content in (("png", png_bytes(len(name))), ("cls", str(len(name) % 2).encode())):
                info = tarfile.TarInfo(f"{name}.{end}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        for kind, name in (
            (tarfile.SYMTYPE, "l.png"),
            (tarfile.LNKTYPE, "h.png"),
            (tarfile.CHRTYPE, "c.png"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    before = set(tmp_path.rglob("*"))
    examples = load(inner / "s.tar", tmp_path / "cache")
    assert ["../../evil", "/tmp/evil", "good"] == examples.ids.tolist()  # noqa: S108
    assert before == {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    assert "3 members that are links or devices are left out" in examples.assumptions


def test_a_broken_picture_in_a_shard_is_left_out(tmp_path: Path) -> None:
    """As one in a folder, named with its shard."""
    members = labelled(label=[0, 1, 0, 1]) | {"k3.png": b"no picture"}
    shard = tar_of(tmp_path / "s.tar", members)
    with pytest.raises(DataError, match=r"expected a whole picture in k3\.png of .*s\.tar, found: "):
        read(shard, tmp_path)
    assert ["k3"] == [skipped.what for skipped in read(shard, tmp_path, max_skipped=1).skipped]


def test_shards_that_cannot_be_read_invalid(tmp_path: Path) -> None:
    """Cut, compressed, empty, of other things, without labels, or not all there."""
    shard = tar_of(tmp_path / "s.tar", labelled(label=[0, 1, 0, 1]))
    data = shard.read_bytes()
    cases = {
        "cut": (data[:700], r"expected a whole, uncompressed tar at .*cut\.tar, found: "),
        "gzip": (gzip.compress(data), r"expected a whole, uncompressed tar at .*gzip\.tar, found: "),
    }
    for name, (content, message) in cases.items():
        (tmp_path / f"{name}.tar").write_bytes(content)
        with pytest.raises(DataError, match=message) as caught:
            read(tmp_path / f"{name}.tar", tmp_path)
        assert caught.value.hint is not None
        assert "not .tar.gz" in caught.value.hint
    for name, members, message in (
        ("empty", {}, "expected files in the tar .*, found none"),
        (
            "others",
            {"a.npy": b"", "a.cls": b"1"},
            "expected pictures or sounds in the shards of .*, found none",
        ),
        ("bare", {"a.png": png_bytes(0)}, r"expected a\.cls, or a label in a\.json, in .*, found none"),
        (
            "json",
            {"a.png": png_bytes(0), "a.json": b"{"},
            r"expected a JSON object in a\.json of .*, found: ",
        ),
        ("list", {"a.png": png_bytes(0), "a.json": b"[1]"}, r"expected a\.cls, or a label in a\.json"),
    ):
        with pytest.raises(DataError, match=message):
            read(tar_of(tmp_path / f"{name}.tar", members), tmp_path)
    with pytest.raises(DataError, match=r"expected all shards of .*, found no .*s9\.tar"):
        read(f"{tmp_path}/s{{9..9}}.tar", tmp_path)
    with pytest.raises(DataError, match=r"expected shards at .*, found none"):
        read(f"{tmp_path}/zzz*.tar", tmp_path)
    with pytest.raises(DataError, match="expected at most 100,000 shards, found braces for 1,000,000,000 in"):
        read(f"{tmp_path}/s{{000000000..999999999}}.tar", tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda whole: whole[: 4 * 1024], "it ends at byte 4,096 without an end mark: the file is cut"),
        (lambda whole: whole[: 4 * 1024 + 100], "it ends at byte 4,196 without an end mark: the file is cut"),
        (lambda whole: whole[: 4 * 1024] + b"x" * 2048, "no member at byte 4,096: the file is damaged"),
    ],
)
def test_a_tar_that_is_cut_between_members_is_no_shorter_one_invalid(
    tmp_path: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    """A download that stopped: tarfile itself takes the rest for nothing."""
    members: dict[str, bytes] = {}
    for i in range(4):
        members |= {f"k{i}.png": png_bytes(i), f"k{i}.cls": str(i % 2).encode()}
    shard = tar_of(tmp_path / "s.tar", members)
    assert [0, 1, 0, 1] == read(shard, tmp_path).labels.tolist()
    shard.write_bytes(change(shard.read_bytes()))
    with pytest.raises(DataError, match=said):
        read(shard, tmp_path)


def test_two_pictures_of_one_key_are_refused_invalid(tmp_path: Path) -> None:
    """A photograph and its mask; named key.mask.png it is passed over and counted."""
    members = labelled(label=[0, 1, 0, 1])
    masked = read(tar_of(tmp_path / "a.tar", members | {"k0.mask.png": png_bytes(9)}), tmp_path)
    assert "1 member .mask.png is left out" in masked.assumptions
    with pytest.raises(
        DataError, match=r"expected one picture .* of each key in .*, found k0.png and k0.jpg"
    ):
        read(tar_of(tmp_path / "b.tar", members | {"k0.jpg": png_bytes(9)}), tmp_path)
