"""Foreign text (names of classes, files and models) made fit to stand in a sentence of ours. No markup here."""

from __future__ import annotations

import re
import unicodedata

_ISOLATE, _END = "\u2068", "\u2069"
_LONGEST_IN_SENTENCE = 60
# What XML 1.0 and HTML forbid, the controls that reorder what follows them, and separators that break lines.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066\u2067\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_LIMIT_OF_P = re.compile(r"\bp ([<>≤≥=]) (?=[.\d])")
_SPACE = re.compile(r"[\t\r\n ]+")


def clean(text: str) -> str:
    r"""The text without characters that no document may hold or that would turn around the text after them.

    >>> clean("a\x00b\u202ec")
    'a\ufffdb\ufffdc'
    """
    return _FORBIDDEN.sub("\ufffd", text)


def one_line(text: str) -> str:
    r"""The cleaned text on one line.

    >>> one_line(" a\n  b ")
    'a b'
    """
    return _SPACE.sub(" ", clean(text)).strip()


def name(text: str) -> str:
    """A foreign name as it may stand among our words: one line, isolated where it is written right to left.

    An empty name is named as such.
    """
    line = one_line(text).replace(_ISOLATE, "").replace(_END, "")
    if not line:
        return "(no name)"
    turned = any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in line)
    return f"{_ISOLATE}{line}{_END}" if turned else line


def short(text: str) -> str:
    """A name for a sentence: at most 60 characters, cut in the middle so that both ends show.

    Tables show the whole name.
    """
    line = one_line(text)
    if len(line) > _LONGEST_IN_SENTENCE:
        half = _LONGEST_IN_SENTENCE // 2 - 1
        line = f"{line[:half]} … {line[-half:]}"
    return name(line)


def glued(text: str) -> str:
    r"""The line with p and its limit on one line.

    >>> glued("below 1.25, or p > .05")
    'below 1.25, or p\xa0>\xa0.05'
    """
    return _LIMIT_OF_P.sub("p\u00a0\\1\u00a0", one_line(text))


def sentence(text: str) -> str:
    """The text on one line, ending like a sentence; empty text stays empty.

    >>> sentence("shirt: 5 of 9"), sentence("Why?")
    ('shirt: 5 of 9.', 'Why?')
    """
    line = one_line(text)
    return line if not line or line[-1] in ".!?:" else line + "."


def opening(text: str) -> str:
    """A sentence that begins with a capital.

    >>> opening("too few controls")
    'Too few controls.'
    """
    line = sentence(text)
    return line[:1].upper() + line[1:]
