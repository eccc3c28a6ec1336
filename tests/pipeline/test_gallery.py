"""What inherited errors look like: pictures, sounds, texts and rows of numbers, and nothing where that is wished."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kdaudit.render.views.inherited import inherited
from kdaudit.schema import AuditResult, InheritedRecord
from tests.pipeline.conftest import Auditor
from tests.planted import flawed_world

N = 400


def found(audited: Auditor, folder: Path, *, images: bool = True, **columns: object) -> InheritedRecord:
    """The inherited errors of a student that copies, with these columns in its data."""
    world = flawed_world(folder, n=N, n_controls=4, copied=0.9, **columns)  # type: ignore[arg-type]
    record = audited(world, images=images).inherited
    assert record is not None
    assert record.examples
    return record


def test_texts_are_shown_by_example(audited: Auditor, tmp_path: Path) -> None:
    """Each card has its own text, cut where it is long."""
    texts = np.array([f"mail {i} " + "x" * 1000 for i in range(N)])
    record = found(audited, tmp_path, texts=texts)
    assert [texts[int(e.id)][:400] for e in record.examples] == [e.text for e in record.examples]
    assert {None} == {e.features for e in record.examples} | {e.image for e in record.examples}


def test_features_are_shown_by_name(audited: Auditor, tmp_path: Path) -> None:
    """Numbers with their names, at most eight of them."""
    world = flawed_world(tmp_path / "w", n=N, n_controls=4, copied=0.9)
    n_features = np.load(world.data)["x"].shape[1]
    record = found(audited, tmp_path, feature_names=np.array([f"f{i}" for i in range(n_features)]))
    assert n_features == len(record.feature_names)
    assert n_features == len(record.examples[0].features or ())


def test_inputs_are_left_out_if_wished(audited: Auditor, tmp_path: Path) -> None:
    """`--no-images`: no input of any kind leaves the machine with the report."""
    record = found(audited, tmp_path, images=False, texts=np.array(["secret"] * N))
    assert {(None, None, None)} == {(e.image, e.text, e.features) for e in record.examples}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"texts": np.arange(N)}, "expected texts to be text of shape (n,)"),
        ({"feature_names": np.array(["a", "b"])}, "as feature_names has names, found [("),
        ({"feature_names": np.array(["a", "a"])}, "expected different feature_names"),
        ({"sample_rate": np.array([0])}, "to be one whole number above 0, found [0]"),
        ({"sample_rate": np.array([8000.5])}, "to be one whole number above 0, found [8000.5]"),
    ],
)
def test_what_cannot_be_shown_invalid(
    audited: Auditor, tmp_path: Path, columns: dict[str, object], message: str
) -> None:
    """Each names the file and what was found."""
    from kdaudit.errors import DataError

    with pytest.raises(DataError) as caught:
        found(audited, tmp_path, **columns)  # type: ignore[arg-type]
    assert message in caught.value.message


def shown(**fields: object) -> AuditResult:
    """A FAIL whose first inherited error has these fields."""
    from tests.factories import audit_result

    result = audit_result("fail")
    assert result.inherited is not None
    example = result.inherited.examples[0].model_copy(update=fields)
    update: dict[str, object] = {"examples": (example,)}
    update |= {name: fields[name] for name in ("feature_names", "sample_rate") if name in fields}
    changed = result.inherited.model_copy(update=update)
    return result.model_copy(update={"inherited": changed})


def test_a_card_of_a_text_quotes_it() -> None:
    """Escaped and with its own direction."""
    from kdaudit.render import render

    result = shown(image=None, text="<b>שלום</b>\nyou")
    assert '<blockquote dir="auto">&lt;b&gt;שלום&lt;/b&gt;\nyou</blockquote>' in render(result, "html")


def test_a_card_of_a_row_names_its_numbers() -> None:
    """Name, then value; a minus sign is one."""
    (card,) = inherited(shown(image=None, features=(1.5, -2.0), feature_names=("width", "x-box"))).cards
    assert ("width 1.5", "x-box −2") == card.features


def test_a_picture_of_a_sound_says_so() -> None:
    """To those who see it and those who do not."""
    view = inherited(shown(sample_rate=16000))
    assert "Waveform above, spectrogram below (0 to 8 kHz)." in view.note
    assert ": sound of " in view.cards[0].alt
