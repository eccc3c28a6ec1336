"""A limit on what a graph's values may take while it is run, enforced before torch allocates them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from kdaudit.errors import ModelError
from kdaudit.models.graph import WAYS_OUT
from kdaudit.models.untrusted import GIB, MAX_VALUE_BYTES

# Numbers that depend on shapes alone, such as masks and positions, are computed for real.
_MAX_KNOWN_BYTES = GIB
_SURELY_SMALL = 1 << 24


class Budget(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses values too large, and too many of them, whether torch computes them or only their shapes.

    One value may take MAX_VALUE_BYTES for each example, and all of them together as much in memory of their own;
    a value that is computed for real, _MAX_KNOWN_BYTES.

    Args:
        path: the file, for the message.
        n_examples: how many examples the graph is run on.
    """

    def __init__(self, path: str, *, n_examples: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._path = path
        self._n_examples = n_examples
        self._total = 0

    def __torch_dispatch__(  # type: ignore[no-untyped-def]
        self, operator, types, args=(), kwargs=None
    ):
        """What the operator gives, if that is not too large."""
        kwargs = kwargs or {}
        given = list(_leaves((args, kwargs)))
        given_tensors = [leaf for leaf in given if isinstance(leaf, Tensor)]
        is_known = not any(tensor.is_meta for tensor in given_tensors) and str(kwargs.get("device")) != "meta"
        if is_known and _most(given) > _SURELY_SMALL:
            self._check(_foreseen(operator, args, kwargs), _MAX_KNOWN_BYTES)
        result = operator(*args, **kwargs)
        results = [leaf for leaf in _leaves(result) if isinstance(leaf, Tensor)]
        self._check(results, MAX_VALUE_BYTES * self._n_examples)
        taken = {tensor.untyped_storage()._cdata for tensor in given_tensors}
        fresh = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in results}
        self._total += sum(n_bytes for place, n_bytes in fresh.items() if place not in taken)
        if self._total > MAX_VALUE_BYTES * self._n_examples:
            raise ModelError(
                f"expected the values of one example to take at most {MAX_VALUE_BYTES // GIB} GiB together, found more "
                f"in {self._path}",
                hint=f"export the network for a smaller batch or smaller inputs, or {WAYS_OUT}",
            )
        return result

    def _check(self, values: Iterable[Tensor], limit: int) -> None:
        for value in values:
            # As if all were: operators of onnxruntime and of torch copy what is only repeated here.
            if (n_bytes := value.numel() * value.element_size()) > limit:
                raise ModelError(
                    f"expected a value of at most {limit / GIB:.0f} GiB, found one of shape {tuple(value.shape)}, "
                    f"{n_bytes / GIB:.1f} GiB, in {self._path}",
                    hint=f"export the network for a smaller batch or smaller inputs, or {WAYS_OUT}",
                )


def _most(given: Iterable[object]) -> float:
    """A number of elements that no operator exceeds: sizes and factors are among the numbers that it is given."""
    most = 1.0
    for leaf in given:
        if isinstance(leaf, Tensor):
            most *= leaf.numel() + 1
        elif isinstance(leaf, int | float) and leaf:
            most *= max(abs(leaf) + 1, 1 / abs(leaf))
    return most


def _foreseen(operator: Callable[..., object], args: object, kwargs: dict[str, object]) -> list[Tensor]:
    """What an operator would give, without its numbers; nothing where torch cannot tell without them."""
    inputs = tree_map_only(Tensor, _without_numbers, [args, kwargs])
    if "device" in kwargs:
        inputs[1]["device"] = "meta"
    try:
        result = operator(*inputs[0], **inputs[1])
    except (RuntimeError, TypeError, ValueError, IndexError):
        # The number of results depends on numbers (nonzero), or the operator fails, as it then will for real.
        return []
    return [leaf for leaf in _leaves(result) if isinstance(leaf, Tensor)]


def _without_numbers(tensor: Tensor) -> Tensor:
    return tensor.to("meta")


def _leaves(values: object) -> Iterator[object]:
    """All that lists, tuples and dictionaries hold; torch's own function for it takes longer than the operators."""
    if isinstance(values, tuple | list):
        for value in values:
            yield from _leaves(value)
    elif isinstance(values, dict):
        yield from _leaves(list(values.values()))
    else:
        yield values
