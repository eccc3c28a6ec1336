"""Named sets of texts: read in order, and handed to whoever has the tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdaudit.data import DataOptions
from kdaudit.data.catalogue import DATA_SETS
from kdaudit.data.data_set import Split
from kdaudit.data.raw_texts import Texts, texts_at
from kdaudit.errors import DataError

from .factories import load


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package `datasets`."""
    monkeypatch.setattr("kdaudit.data.hub_cache.version_of", lambda _: None)


def put(path: Path, text: str) -> Path:
    """A text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def save_all(root: Path) -> None:
    """Both splits of all four sets."""
    for split in ("train", "test"):
        put(root / "ag_news" / f"{split}.csv", f'"3","Title, {split}","Said ""so"""\n"1","Other","Words"\n')
        for i, name in enumerate(("neg", "pos")):
            put(root / "aclImdb" / split / name / f"0_{i}.txt", f"{split} is {name}")
    put(root / "SST-2" / "train.tsv", "sentence\tlabel\na fine film \t1\n")
    put(root / "SST-2" / "dev.tsv", "sentence\tlabel\nno film\t0\nwhat a film\t1\n")
    put(root / "tinyshakespeare" / "input.txt", "To be, or not to be\n" * 10)


def texts(root: Path, name: str, split: Split = "test") -> Texts:
    """What is read of a split."""
    folders = [root / folder for folder in DATA_SETS[name].folders]
    return texts_at(DATA_SETS[name], split, next(path for path in folders if path.is_dir()))


def test_every_set_is_read_in_its_order(tmp_path: Path) -> None:
    """With labels, ids and names."""
    save_all(tmp_path)
    news = texts(tmp_path, "ag-news")
    assert ('Title, test Said "so"', 2, "Business") == (news.texts[0], _label(news, 0), news.class_names[2])
    films = texts(tmp_path, "sst2")
    assert (("no film", "what a film"), 1) == (films.texts, _label(films, 1))
    reviews = texts(tmp_path, "imdb", "train")
    assert (("neg/0_0.txt", "pos/0_1.txt"), "train is pos") == (reviews.ids, reviews.texts[1])
    play, rest = texts(tmp_path, "tiny-shakespeare"), texts(tmp_path, "tiny-shakespeare", "train")
    assert "To be, or not to be\n" == play.texts[0]
    assert 180 == len(rest.texts[0])
    assert play.labels is None


def _label(found: Texts, i: int) -> int:
    assert found.labels is not None
    return int(found.labels[i])


@pytest.mark.parametrize("name", ["ag-news", "sst2", "imdb", "tiny-shakespeare"])
def test_texts_are_no_inputs_invalid(name: str, tmp_path: Path) -> None:
    """Found, and refused with what to do: only a model's own tokenizer knows its numbers."""
    save_all(tmp_path)
    with pytest.raises(
        DataError,
        match=rf"expected token numbers, .*, found (1 raw text|[2-9] raw texts) of {name}:test",
    ) as caught:
        load(name, tmp_path / "cache", DataOptions(data_root=tmp_path))
    assert caught.value.hint is not None
    wanted = "y (n, positions)" if name == "tiny-shakespeare" else "input_ids"
    assert wanted in caught.value.hint


@pytest.mark.parametrize(
    ("name", "file", "content", "message"),
    [
        (
            "ag-news",
            "ag_news/test.csv",
            "5,a,b\n5,a,b",
            "expected a class from 1 to 4, a title and a description in row",
        ),
        (
            "sst2",
            "SST-2/dev.tsv",
            "sentence\tlabel\nno label",
            "expected a sentence, a tab and 0 or 1 in line 2 of",
        ),
        ("sst2", "SST-2/dev.tsv", "sentence\tlabel\n", "expected texts of sst2:test in .*, found none"),
    ],
)
def test_damaged_texts_invalid(name: str, file: str, content: str, message: str, tmp_path: Path) -> None:
    """Named with the line."""
    put(tmp_path / file, content)
    with pytest.raises(DataError, match=message):
        texts(tmp_path, name)


def test_a_split_that_is_not_there_invalid(tmp_path: Path) -> None:
    """One file of two."""
    put(tmp_path / "SST-2" / "dev.tsv", "sentence\tlabel\nfine\t1\n")
    with pytest.raises(DataError, match=r"expected sst2:train in .*, found: No such file or directory"):
        texts(tmp_path, "sst2", "train")
