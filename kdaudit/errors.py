"""What the user must fix, by kind, with the exit code of each.

Every message says what was expected, what was found and where; `hint` says what to do about it.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_PASS = 0
EXIT_FAIL = 1
EXIT_USAGE = 2
EXIT_INCONCLUSIVE = 3
EXIT_CANNOT_RUN = 4
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class KDAuditError(Exception):
    """Something that the user can fix.

    Args:
        message: one line: what was expected, what was found, where.
        hint: what to do about it, if it is not obvious.
    """

    exit_code: ClassVar[int] = EXIT_CANNOT_RUN
    usual_hint: ClassVar[str | None] = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.usual_hint

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel from worker processes: keep the hint."""
        return (_rebuild, (type(self), self.message, self.hint))


def said_by(failure: BaseException) -> str:
    """The first line of an error's text; its kind where it has none."""
    return (str(failure).strip().splitlines() or [type(failure).__name__])[0]


def _rebuild(kind: type[KDAuditError], message: str, hint: str | None) -> KDAuditError:
    return kind(message, hint=hint)


class SpecError(KDAuditError):
    """An option, a configuration key or their combination is wrong."""

    exit_code = EXIT_USAGE
    usual_hint = "kdaudit COMMAND --help lists the options and their values"


class AlignmentError(KDAuditError):
    """Models or data that cannot be compared with each other."""

    exit_code = EXIT_USAGE


class ModelError(KDAuditError):
    """A model file cannot be read, run or turned into a trainable network."""


class NotFiniteError(ModelError):
    """A model puts out NaN or infinity."""


class DataError(KDAuditError):
    """Examples or labels cannot be read or used."""

    usual_hint = "docs/how-to/own-data.md says what a data file holds: x and y, one row for each example"


class UnreadableError(DataError):
    """One picture or sound cannot be read; the others may be."""


class DeviceError(KDAuditError):
    """A device was asked for that is not there."""


class TrainingError(KDAuditError):
    """A control could not be trained."""


class RenderError(KDAuditError):
    """A report could not be written."""
