"""Texts become tokens by the model's own tokenizer, which lies beside it or is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kdaudit.data import DataOptions, load_data
from kdaudit.data.tokens import encoder, text_form
from kdaudit.errors import DataError, SpecError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.predict_one import Predicted, predict_one
from kdaudit.types import AnyArray, StatedPreprocess

tokenizers = pytest.importorskip("tokenizers")
WORDS = ("[PAD]", "[UNK]", "bad", "good", "film", "a")
TEXTS = ("a good film", "a bad film", "good good film a good", "bad", "awful a bad film")
LABELS = (1, 0, 1, 0, 0)


def tokenizer_in(folder: Path, *, order: tuple[str, ...] = WORDS, **config: object) -> Path:
    """A word-level tokenizer; words are numbered in this order."""
    folder.mkdir(exist_ok=True)
    vocabulary = {word: i for i, word in enumerate(order)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    if config:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder / "tokenizer.json"


def counter_in(folder: Path, *, order: tuple[str, ...] = WORDS) -> str:
    """An ONNX file that counts bad and good among the tokens that the mask leaves."""
    folder.mkdir(exist_ok=True)
    table = np.zeros((len(order), 2), dtype=np.float32)
    table[order.index("bad"), 0] = table[order.index("good"), 1] = 2.0
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["each"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["each", "column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["logits"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "counter",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([-1]), "last"),
            numpy_helper.from_array(np.array([1]), "middle"),
        ],
    )
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


def table_in(folder: Path) -> str:
    """A CSV of texts with labels."""
    path = folder / "reviews.csv"
    path.write_text("text,label\n" + "".join(f"{t},{y}\n" for t, y in zip(TEXTS, LABELS, strict=True)))
    return str(path)


def predicted(folder: Path, **options: object) -> Predicted:
    """What a model in `folder`/m says of the table."""
    values: dict[str, object] = {
        "teacher": counter_in(folder / "m"),
        "students": (counter_in(folder / "m"),),
        "data": table_in(folder),
        "cache_dir": str(folder / "cache"),
        "device": "cpu",
        **options,
    }
    return predict_one(AuditSpec(**values), progress=lambda _event: None)  # type: ignore[arg-type]


def test_a_tokenizer_beside_the_model_is_used(tmp_path: Path) -> None:
    """To the length that its configuration states; texts stay what examples are shown as."""
    tokenizer_in(tmp_path / "m", model_max_length=6)
    found = predicted(tmp_path)
    assert found.logits.tolist() == [[0, 2], [2, 0], [0, 6], [2, 0], [2, 0]]
    assert {name: array.shape for name, array in found.data.stored.items()} == {
        "input_ids": (5, 6),
        "attention_mask": (5, 6),
    }
    assert found.data.text(4) == "awful a bad film"
    assert any("text becomes input_ids and attention_mask by" in said for said in found.data.assumptions)


def test_a_named_tokenizer_wins_and_texts_are_cut(tmp_path: Path) -> None:
    """At the stated number of tokens."""
    tokenizer_in(tmp_path / "m", model_max_length=6)
    other = tokenizer_in(tmp_path / "other", order=("[PAD]", "[UNK]", "good", "bad", "film", "a"))
    found = predicted(tmp_path, preprocess={"tokenizer": str(other), "max_length": 2})
    assert found.logits.tolist() == [[2, 0], [0, 2], [4, 0], [0, 2], [0, 0]]


def test_no_length_means_512(tmp_path: Path) -> None:
    """As where a configuration states an absurd one."""
    tokenizer_in(tmp_path / "m", model_max_length=int(1e30))
    assert predicted(tmp_path).data.stored["input_ids"].shape == (5, 512)


def test_tokens_that_stand_in_the_table_are_taken(tmp_path: Path) -> None:
    """A tokenizer beside the model is not asked then."""
    tokenizer_in(tmp_path / "m")
    rows: list[dict[str, object]] = [
        {"text": t, "label": y, "input_ids": [2, 3], "attention_mask": [1, 1]}
        for t, y in zip(TEXTS, LABELS, strict=True)
    ]
    (tmp_path / "tokens.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    found = predicted(tmp_path, data=str(tmp_path / "tokens.jsonl"))
    assert found.data.stored["input_ids"].shape == (5, 2)


def test_text_without_a_tokenizer_says_how_to_name_one(tmp_path: Path) -> None:
    """In the hint."""
    with pytest.raises(DataError, match="expected columns of inputs beside 'label'") as caught:
        predicted(tmp_path)
    assert "the key tokenizer of [preprocess]" in (caught.value.hint or "")


def test_what_a_model_takes_is_made_and_padded_by_its_token(tmp_path: Path) -> None:
    """token_type_ids where they are asked for; the padding token of the configuration beside it."""
    path = tokenizer_in(tmp_path / "m", order=("[UNK]", "good", "fill"), pad_token={"content": "fill"})
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    form = text_form(StatedPreprocess(tokenizer=str(path.parent), max_length=3, tokens=inputs))
    assert form is not None
    texts: AnyArray = np.array(["good"])
    found = {name: array.tolist() for name, array in encoder(form)(texts).items()}
    assert found == {"input_ids": [[1, 2, 2]], "attention_mask": [[1, 0, 0]], "token_type_ids": [[0, 0, 0]]}


def test_tokenizers_invalid(tmp_path: Path) -> None:
    """A length alone, a file that is not there, one that is none."""
    with pytest.raises(SpecError, match="expected a tokenizer for max_length of --preprocess, found none"):
        text_form(StatedPreprocess(source="--preprocess", max_length=8))
    with pytest.raises(DataError, match="expected a tokenizer at"):
        text_form(StatedPreprocess(tokenizer=str(tmp_path / "no.json")))
    (tmp_path / "broken.json").write_text("{}")
    form = text_form(StatedPreprocess(tokenizer=str(tmp_path / "broken.json")))
    assert form is not None
    with pytest.raises(DataError, match="expected a tokenizer in"):
        encoder(form)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"tokenizer": 7}, "expected a file or folder for tokenizer in --preprocess, found 7"),
        ({"max_length": 0}, "expected a number of tokens for max_length in --preprocess, found 0"),
    ],
)
def test_tables_of_texts_invalid(tmp_path: Path, table: dict[str, object], message: str) -> None:
    """With the key."""
    with pytest.raises(SpecError) as caught:
        predicted(tmp_path, preprocess=table)
    assert message == caught.value.message


def test_named_texts_are_read_with_a_tokenizer(tmp_path: Path) -> None:
    """SST-2's development set, by the tokenizer of the options."""
    folder = tmp_path / "sst2"
    folder.mkdir()
    lines = [f"{text}\t{label}" for text, label in zip(TEXTS, LABELS, strict=True)]
    (folder / "dev.tsv").write_text("sentence\tlabel\n" + "\n".join(lines) + "\n")
    form = text_form(StatedPreprocess(tokenizer=str(tokenizer_in(tmp_path / "m")), max_length=4))
    found = load_data("sst2:test", cache=tmp_path, options=DataOptions(data_root=tmp_path, text=form))
    assert [1, 0, 1, 0, 0] == found.labels.tolist()
    assert [5, 3, 4, 0] == found.stored["input_ids"][0].tolist()


def test_without_tokenizers_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is not installed."""

    def missing(name: str) -> object:
        raise ImportError(f"No module named {name!r}")

    form = text_form(StatedPreprocess(tokenizer=str(tokenizer_in(tmp_path / "m"))))
    assert form is not None
    monkeypatch.setattr("kdaudit.installed.import_module", missing)
    with pytest.raises(DataError, match="expected the package tokenizers for") as caught:
        encoder(form)
    assert caught.value.hint == "pip install 'kdaudit[hf]'"
