"""ONNX files answered by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from kdaudit.errors import DeviceError, ModelError, said_by
from kdaudit.models.estimate import value_bytes
from kdaudit.models.inference import for_inference
from kdaudit.models.onnx_signature import onnx_signature
from kdaudit.models.untrusted import GIB, read_message
from kdaudit.types import AnyArray, Conversions, ModelRef, Signature, TensorSpec

if TYPE_CHECKING:
    import onnx
    import onnxruntime

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint64)": "uint64",
    "tensor(uint32)": "uint32",
    "tensor(uint16)": "uint16",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}
_ERRORS_ONLY = 3
_ASKS_FOR_MORE = "Available memory of"
_WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"
# Without inferred shapes: a convolutional net's activations rarely exceed this many times its input.
_ACTIVATIONS_PER_INPUT = 200
# For the values of one batch, all sessions of a process together; weights do not count.
_MAX_BATCH_BYTES = 8 * GIB


class OnnxModel:
    """One ONNX file on one device. The first output is the model's answer; more outputs are refused."""

    def __init__(self, ref: ModelRef, *, device: str) -> None:
        self._ref = ref
        self._wanted = device
        self._session: onnxruntime.InferenceSession | None = None

    def __enter__(self) -> Self:
        """Load the file, after a check of what it claims.

        Raises:
            ModelError: the file is no ONNX graph that onnxruntime can run, or asks for too much.
            DeviceError: CUDA was asked for and onnxruntime fell back to the CPU.
        """
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as failures

        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
        _limit_memory()
        self._value_bytes  # noqa: B018 - refuses what is too large
        source: str | bytes = self._ref.path
        if for_inference(self._proto):
            source = self._proto.SerializeToString()
            options.add_session_config_entry(_WEIGHTS_FOLDER, str(Path(self._ref.path).resolve().parent))
        try:
            self._session = onnxruntime.InferenceSession(
                source, sess_options=options, providers=self._providers()
            )
        except (
            failures.InvalidProtobuf,
            failures.InvalidGraph,
            failures.InvalidArgument,
            failures.NoSuchFile,
            failures.NotImplemented,
            failures.Fail,
            failures.RuntimeException,
            UnicodeDecodeError,  # its message quotes a file's name that is no text
        ) as failure:
            raise ModelError(
                f"expected an ONNX model in {self._ref.path}, found: {said_by(failure)}",
                hint="the file is truncated, no ONNX, or needs a newer onnxruntime; export it again",
            ) from failure
        self._check_providers()
        if len(self._session.get_outputs()) != 1:
            names = ", ".join(output.name for output in self._session.get_outputs())
            raise ModelError(
                f"expected one output in {self._ref.path}, found {len(self._session.get_outputs())}: {names}",
                hint="export the model with its class scores as the only output",
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the session."""
        self._session = None

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What the file declares."""
        return tuple(
            TensorSpec(
                name=declared.name,
                shape=tuple(size if isinstance(size, int) else None for size in declared.shape[1:]),
                dtype=_dtype(declared.type, declared.name, self._ref.path),
            )
            for declared in self._open.get_inputs()
        )

    @property
    def fixed_batch(self) -> int | None:
        """The first axis of the first input where it is a number."""
        shape = self._open.get_inputs()[0].shape
        return shape[0] if shape and isinstance(shape[0], int) else None

    @property
    def device(self) -> str:
        """The provider that onnxruntime really uses."""
        provider = self._open.get_providers()[0].removesuffix("ExecutionProvider")
        return f"{self._wanted} (onnxruntime {provider})"

    def run(self, inputs: Mapping[str, AnyArray], shared: Conversions | None = None) -> AnyArray:
        """The raw output for a batch.

        Raises:
            ModelError: the graph fails on these inputs.
        """
        try:
            return self._bound_run(inputs, shared or Conversions())
        except RuntimeError as failure:
            if _ASKS_FOR_MORE in str(failure):
                raise ModelError(
                    f"expected {self._ref.path} to need at most {_MAX_BATCH_BYTES // GIB} GiB for its values, "
                    "found that it asks for more",
                    hint="export the network for a batch of 1 or a dynamic batch axis, or for smaller inputs",
                ) from failure
            raise ModelError(
                f"expected {self._ref.path} to run on the data, found: {said_by(failure)}"
            ) from failure

    def bytes_per_example(self, inputs: Mapping[str, AnyArray]) -> int:
        """Sum of all inferred activations; a multiple of the input where shapes cannot be inferred."""
        n_bytes = sum(array.nbytes for array in inputs.values())
        if self._value_bytes is None:
            return n_bytes * _ACTIVATIONS_PER_INPUT
        return max(sum(self._value_bytes) // (self.fixed_batch or 1), n_bytes)

    def signature(self) -> Signature:
        """The file's arrays, wherever it keeps them, and the operators that bend."""
        return onnx_signature(self._proto)

    def _bound_run(self, inputs: Mapping[str, AnyArray], shared: Conversions) -> AnyArray:
        """Inputs that lie on the device, where each is put once for all sessions; the output comes to the processor."""
        binding = self._open.io_binding()
        place = f"onnxruntime on {self._wanted}"
        for name, array in inputs.items():
            binding.bind_ortvalue_input(name, shared.once(array, place, self._placed))
        binding.bind_output(self._open.get_outputs()[0].name)
        self._open.run_with_iobinding(binding)
        (output,) = binding.copy_outputs_to_cpu()
        return np.asarray(output)

    def _placed(self, array: AnyArray) -> onnxruntime.OrtValue:
        """The array on the device; on the CPU its own memory."""
        import onnxruntime

        kind, _, index = self._wanted.partition(":")
        return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array), kind, int(index or 0))

    @property
    def _open(self) -> onnxruntime.InferenceSession:
        if self._session is None:
            raise ModelError(f"expected {self._ref.path} to be entered before use, found it closed")
        return self._session

    @cached_property
    def _proto(self) -> onnx.ModelProto:
        return read_message(Path(self._ref.path))

    @cached_property
    def _value_bytes(self) -> tuple[int, ...] | None:
        return value_bytes(self._proto, Path(self._ref.path))

    def _providers(self) -> list[str | tuple[str, dict[str, int]]]:
        if self._wanted == "cpu":
            return ["CPUExecutionProvider"]
        import onnxruntime

        # Its CUDA libraries come from torch's nvidia-* packages.
        onnxruntime.preload_dlls()
        index = int(self._wanted.partition(":")[2] or 0)
        return [("CUDAExecutionProvider", {"device_id": index}), "CPUExecutionProvider"]

    def _check_providers(self) -> None:
        found = self._open.get_providers()
        if self._wanted != "cpu" and "CUDAExecutionProvider" not in found:
            raise DeviceError(
                f"expected onnxruntime to run {Path(self._ref.path).name} on {self._wanted}, found {', '.join(found)}",
                hint="use --device cpu, or install the CUDA libraries that this onnxruntime-gpu needs",
            )


@cache
def _limit_memory() -> None:
    """From now on onnxruntime refuses what would take more memory, which the kernel would end the process for."""
    import onnxruntime

    cpu = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    limit = onnxruntime.OrtArenaCfg({"max_mem": _MAX_BATCH_BYTES})
    onnxruntime.create_and_register_allocator(cpu, limit)


def _dtype(declared: str, name: str, path: str) -> str:
    if declared not in _DTYPES:
        raise ModelError(f"expected a numeric input {name!r} in {path}, found {declared}")
    return _DTYPES[declared]
