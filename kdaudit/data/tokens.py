"""Texts into the token numbers that a model takes, by its own `tokenizer.json` (package tokenizers, extra [hf])."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kdaudit.digest import file_digest
from kdaudit.errors import DataError, SpecError
from kdaudit.installed import required
from kdaudit.types import AnyArray, StatedPreprocess, TextForm

TOKENIZER = "tokenizer.json"
TOKEN_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
DEFAULT_LENGTH = 512


def text_form(stated: StatedPreprocess) -> TextForm | None:
    """How texts become tokens, if a tokenizer is named: a `tokenizer.json`, or a folder that holds one.

    Raises:
        SpecError: a length without a tokenizer.
        DataError: there is no tokenizer.
    """
    if stated.tokenizer is None:
        if stated.max_length is not None:
            raise SpecError(
                f"expected a tokenizer for max_length of {stated.source}, found none",
                hint="name it with the key tokenizer, or keep tokenizer.json beside the model",
            )
        return None
    path = Path(stated.tokenizer)
    path = path / TOKENIZER if path.is_dir() else path
    return TextForm(
        tokenizer=str(path),
        sha256=file_digest(path, error=DataError, what="a tokenizer"),
        max_length=stated.max_length or DEFAULT_LENGTH,
        inputs=stated.tokens or TOKEN_INPUTS[:2],
    )


def encoder(form: TextForm) -> Callable[[AnyArray], dict[str, AnyArray]]:
    """Gives {input: (n, max_length) int64} for texts (n,): longer ones are cut, shorter ones padded.

    Raises:
        DataError: tokenizers is not installed, or cannot read the file.
    """
    tokenizers: Any = required("tokenizers", extra="hf", needed_for=form.tokenizer, error=DataError)
    try:
        tokenizer = tokenizers.Tokenizer.from_file(form.tokenizer)
    except Exception as failure:  # it raises Exception itself
        raise DataError(
            f"expected a tokenizer in {form.tokenizer}, found: {failure}",
            hint="save it anew: tokenizer.save_pretrained(FOLDER), or Tokenizer.save(FILE)",
        ) from failure
    token = _padding(tokenizer, form)
    tokenizer.enable_truncation(form.max_length)
    tokenizer.enable_padding(
        length=form.max_length, pad_id=tokenizer.token_to_id(token) or 0, pad_token=token
    )
    parts = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}

    def encode(texts: AnyArray) -> dict[str, AnyArray]:
        encoded = tokenizer.encode_batch([str(text) for text in texts])
        return {
            name: np.array([getattr(one, parts[name]) for one in encoded], dtype=np.int64)
            for name in form.inputs
        }

    return encode


def _padding(tokenizer: Any, form: TextForm) -> str:
    """The token that fills up: what the tokenizer pads with, what stands beside it, or a usual one; else number 0."""
    if tokenizer.padding is not None:
        return str(tokenizer.padding["pad_token"])
    beside = Path(form.tokenizer).with_name("tokenizer_config.json")
    try:
        stated = json.loads(beside.read_text(encoding="utf-8")).get("pad_token")
        named = stated.get("content") if isinstance(stated, dict) else stated
    except (OSError, ValueError, AttributeError):
        named = None
    usual = (named, "[PAD]", "<pad>", "<|endoftext|>")
    return next((t for t in usual if isinstance(t, str) and tokenizer.token_to_id(t) is not None), "[PAD]")
