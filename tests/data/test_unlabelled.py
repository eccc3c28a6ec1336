"""Evaluation data without labels: read in every form when it is said, refused when it is not, and never half."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kdaudit.data import DataOptions, Limit, load_data
from kdaudit.errors import DataError, SpecError

from . import sources
from .factories import labels, load, save_npz, save_picture
from .sources import N, numbers, png_bytes, tar_of, wav_bytes

UNLABELLED = DataOptions(unlabelled=True)
NAMES_THE_OPTION = "to compare answers alone, say --unlabelled"


def npz(folder: Path) -> str:
    """Inputs alone."""
    return str(save_npz(folder / "a.npz", x=numbers()))


def npy_folder(folder: Path) -> str:
    """A folder of x.npy."""
    np.save(folder / "x.npy", numbers())
    return str(folder)


def lone_npy(folder: Path) -> str:
    """A file of inputs whose name says nothing."""
    np.save(folder / "field.npy", numbers())
    return str(folder / "field.npy")


def flat_pictures(folder: Path) -> str:
    """Pictures beside each other."""
    for i in range(N):
        save_picture(folder / f"{i}.png", seed=i)
    (folder / "README.txt").write_text("field, 2026", encoding="utf-8")
    return str(folder)


def flat_sounds(folder: Path) -> str:
    """Sounds beside each other."""
    for i in range(N):
        (folder / f"{i}.wav").write_bytes(wav_bytes(i))
    return str(folder)


def csv_table(folder: Path) -> str:
    """Numbers with ids."""
    rows = [",".join(map(str, row)) + f",row{i}" for i, row in enumerate(numbers())]
    (folder / "t.csv").write_text("\n".join(["f0,f1,f2,id", *rows]), encoding="utf-8")
    return str(folder / "t.csv")


def picture_table(folder: Path) -> str:
    """Paths and nothing else."""
    for i in range(N):
        save_picture(folder / "pictures" / f"{i}.png", seed=i)
    rows = [f"pictures/{i}.png" for i in range(N)]
    (folder / "t.csv").write_text("\n".join(["path", *rows]), encoding="utf-8")
    return str(folder / "t.csv")


def jsonl_table(folder: Path) -> str:
    """Lists of numbers."""
    lines = [json.dumps({"x": [float(v) for v in row]}) for row in numbers()]
    (folder / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return str(folder / "t.jsonl")


def parquet_pictures(folder: Path) -> str:
    """Pictures in a parquet file."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [{"bytes": png_bytes(i), "path": None} for i in range(N)]
    pq.write_table(pa.table({"image": rows}), folder / "p.parquet")
    return str(folder / "p.parquet")


def shards(folder: Path) -> str:
    """Pictures, one of them with notes that are no label."""
    members = {f"{i:04d}.png": png_bytes(i) for i in range(N)}
    return str(tar_of(folder / "s.tar", {**members, "0000.json": b'{"camera": "left"}'}))


def sound_shards(folder: Path) -> str:
    """Sounds in a shard."""
    return str(tar_of(folder / "s.tar", {f"{i}.wav": wav_bytes(i) for i in range(N)}))


def sound_table(folder: Path) -> str:
    """Paths of sounds."""
    flat_sounds(folder)
    (folder / "t.csv").write_text("\n".join(["path", *(f"{i}.wav" for i in range(N))]), encoding="utf-8")
    return str(folder / "t.csv")


def saved_dataset(folder: Path) -> str:
    """Numbers that `datasets` saved."""
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_dict({"x": numbers().tolist()}).save_to_disk(str(folder / "d"))
    return str(folder / "d")


def saved_pictures(folder: Path) -> str:
    """Pictures that `datasets` saved."""
    datasets = pytest.importorskip("datasets")
    rows = {"image": [{"bytes": png_bytes(i), "path": None} for i in range(N)]}
    features = datasets.Features({"image": datasets.Image()})
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(folder / "d"))
    return str(folder / "d")


def code(kind: str) -> Callable[[Path], str]:
    """Code that gives x, (x,) or {"x": x}."""
    item = {"x": "row", "tuple": "(row,)", "dict": '{"x": row}'}[kind]

    def make(folder: Path) -> str:
        np.save(folder / "numbers.npy", numbers())
        path = folder / "field.py"
        path.write_text(
            f"import numpy as np\n\ndef make():\n"
            f"    return [{item} for row in np.load({str(folder / 'numbers.npy')!r})]\n",
            encoding="utf-8",
        )
        return f"{path}:make"

    make.__name__ = f"code_{kind}"
    return make


FORMS = [
    *(npz, npy_folder, lone_npy, flat_pictures, flat_sounds, csv_table, picture_table, jsonl_table),
    *(sound_shards, sound_table),
    *(parquet_pictures, shards, saved_dataset, saved_pictures, code("x"), code("tuple"), code("dict")),
]
LABELLED = [
    *(sources.arrays, sources.npy_folder, sources.npy_pair, sources.image_folder, sources.sound_folder),
    *(sources.csv_table, sources.picture_table, sources.jsonl_table, sources.parquet_table),
    *(sources.parquet_pictures, sources.shards, sources.sound_table, sources.sound_shards),
    sources.parquet_sounds,
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_examples_without_labels_are_read_when_it_is_said(
    form: Callable[[Path], str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """All of them, with nothing in the place of labels."""
    cache = tmp_path_factory.mktemp("cache")
    examples = load(form(tmp_path), cache, UNLABELLED)
    assert N == len(examples) == examples.n_answers == len(examples.units)
    assert not examples.has_labels
    assert examples.units.labels is None
    assert [None, None, None] == [batch.labels for batch in examples.batches(4)]
    assert [4, 4, 2] == [len(batch) for batch in examples.batches(4)]
    with pytest.raises(DataError, match=r"expected labels in .*, found none"):
        _ = examples.labels


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_examples_without_labels_are_refused_when_it_is_not_said_also_after_they_were_read(
    form: Callable[[Path], str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What the cache keeps is no answer to another question; the hint names the option."""
    location, cache = form(tmp_path), tmp_path_factory.mktemp("cache")
    load(location, cache, UNLABELLED)
    with pytest.raises(DataError, match="found") as refused:
        load(location, cache)
    assert NAMES_THE_OPTION in (refused.value.hint or "")


@pytest.mark.parametrize("form", LABELLED, ids=lambda form: form.__name__)
def test_labels_that_are_there_are_never_ignored(
    form: Callable[[Path], sources.Made], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whoever says that there are none, and is wrong, is told."""
    made, cache = form(tmp_path), tmp_path_factory.mktemp("cache")
    load(made.location, cache, made.options)
    with pytest.raises(DataError, match=r"expected no labels in .*, as --unlabelled says, found") as refused:
        load(made.location, cache, replace(made.options, unlabelled=True))
    assert "leave out --unlabelled" in (refused.value.hint or "")


def test_pairs_from_code_are_inputs_and_labels(tmp_path: Path) -> None:
    """(x, y) is read as ever."""
    path = tmp_path / "pairs.py"
    path.write_text("def make():\n    return [([1.0, 2.0], i % 2) for i in range(4)]\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"found a column 'y'"):
        load(f"{path}:make", tmp_path / "cache", UNLABELLED)


def test_a_label_in_a_shard_is_found_wherever_it_stands(tmp_path: Path) -> None:
    """--label-column names another column, that of the training data; a .cls is still a label."""
    members = {"a.png": png_bytes(0), "b.png": png_bytes(1), "b.cls": b"1"}
    path = tar_of(tmp_path / "s.tar", members)
    for column in (None, "kind"):
        with pytest.raises(DataError, match="found one of b"):
            load(path, tmp_path / "cache", DataOptions(unlabelled=True, label_column=column))


def test_the_label_column_of_the_training_data_need_not_be_in_the_evaluation_data(tmp_path: Path) -> None:
    """But where it is, it is a label."""
    location = csv_table(tmp_path)
    examples = load(location, tmp_path / "cache", DataOptions(unlabelled=True, label_column="kind"))
    assert ("f0", "f1", "f2") == examples.feature_names
    with pytest.raises(DataError, match="found a column 'f2'"):
        load(location, tmp_path / "cache", DataOptions(unlabelled=True, label_column="f2"))
    with pytest.raises(SpecError, match="expected a column 'kind'"):
        load(location, tmp_path / "cache", DataOptions(label_column="kind"))


def test_a_column_that_is_named_as_labels_are_may_be_an_input(tmp_path: Path) -> None:
    """Where it is said."""
    (tmp_path / "t.csv").write_text("a,target\n1,2\n3,4\n", encoding="utf-8")
    options = DataOptions(unlabelled=True, input_columns=("a", "target"))
    assert [[1, 2], [3, 4]] == load(tmp_path / "t.csv", tmp_path / "cache", options).stored["x"].tolist()


def test_class_names_are_those_of_the_file_or_as_stated(tmp_path: Path) -> None:
    """They name the models' outputs."""
    named = save_npz(tmp_path / "named.npz", x=numbers(), class_names=np.array(["no", "yes"]))
    assert ("no", "yes") == load(named, tmp_path / "cache", UNLABELLED).class_names
    stated = replace(UNLABELLED, class_names=("a", "b"))
    (tmp_path / "flat").mkdir()
    assert ("a", "b") == load(flat_pictures(tmp_path / "flat"), tmp_path / "cache", stated).class_names
    assert ("a", "b") == load(npz(tmp_path), tmp_path / "cache", stated).class_names


def test_a_folder_in_a_flat_folder_would_be_a_class(tmp_path: Path) -> None:
    """And is not passed over."""
    flat_pictures(tmp_path)
    (tmp_path / "cats").mkdir()
    with pytest.raises(DataError, match="found class folders: cats"):
        load(tmp_path, tmp_path.parent / "cache", UNLABELLED)


def test_a_flat_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    """Nothing is no data."""
    (tmp_path / "notes.txt").write_text("none", encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(f"expected pictures or sounds in {tmp_path}, found none")):
        load(tmp_path, tmp_path.parent / "cache", UNLABELLED)


def test_known_data_sets_have_labels(tmp_path: Path) -> None:
    """Nobody needs to leave them out."""
    with pytest.raises(
        DataError, match=r"expected no labels in .*, as --unlabelled says, found a known data set"
    ):
        load_data("digits", cache=tmp_path, options=UNLABELLED)


def test_a_limit_draws_at_random_and_the_same_again(tmp_path: Path) -> None:
    """Without classes there are no strata."""
    path = npz(tmp_path)
    limited = replace(UNLABELLED, limit=Limit(n=4, seed=3))
    first, again = (load(path, tmp_path / "cache", limited) for _ in range(2))
    assert 4 == len(first)
    assert first.ids.tolist() == again.ids.tolist()
    assert 4 == len(set(first.ids) & {str(i) for i in range(N)})
    other = load(path, tmp_path / "cache", replace(limited, limit=Limit(n=4, seed=4)))
    assert first.ids.tolist() != other.ids.tolist()
    assert N == len(load(path, tmp_path / "cache", replace(limited, limit=Limit(n=99, seed=0))))
    with pytest.raises(SpecError, match="expected a limit of at least 1 example, found 0"):
        load(path, tmp_path / "cache", replace(limited, limit=Limit(n=0, seed=0)))


def test_a_limit_of_pictures_decodes_no_more(tmp_path: Path) -> None:
    """As with labels."""
    examples = load(
        flat_pictures(tmp_path), tmp_path.parent / "c", replace(UNLABELLED, limit=Limit(n=3, seed=0))
    )
    assert 3 == len(examples.whole)


def test_labels_are_part_of_what_examples_are(tmp_path: Path) -> None:
    """Another digest, so that nothing kept for one is taken for the other."""
    with_labels = load(save_npz(tmp_path / "a.npz", x=numbers(), y=labels(N)), tmp_path / "cache")
    without = load(save_npz(tmp_path / "a.npz", x=numbers()), tmp_path / "cache", UNLABELLED)
    assert with_labels.ref.sha256 != without.ref.sha256
