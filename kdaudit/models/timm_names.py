"""`timm:NAME`: an architecture by its name in timm, with the weights that its own code draws."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from kdaudit.errors import ModelError, SpecError
from kdaudit.installed import required

TIMM = "timm"


def timm_factory(name: str) -> Callable[..., object]:
    """What builds the network `name` of timm from keyword arguments of its `create_model`. Never fetches weights.

    Raises:
        ModelError: timm is not installed, or does not know the name.
    """
    timm = required("timm", extra="timm", needed_for=f"the architecture {TIMM}:{name}", error=ModelError)
    if not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), n=1)
        raise ModelError(
            f"expected the name of an architecture of timm, found {name!r}",
            hint=f"did you mean {TIMM}:{near[0]}?" if near else "python -c 'import timm; timm.list_models()'",
        )

    def create(**arguments: object) -> object:
        if arguments.pop("pretrained", False):
            raise SpecError(
                f"expected {TIMM}:{name} without trained weights, found pretrained in its arguments",
                hint="kdaudit fetches nothing: give the weights as a file",
            )
        return timm.create_model(name, pretrained=False, **arguments)

    return create
