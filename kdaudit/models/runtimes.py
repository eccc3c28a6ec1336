"""What the installed torch and onnxruntime can do together, and what stands in their way: for `kdaudit doctor`."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from kdaudit.installed import version_of
from kdaudit.types import Check

# All of them install one and the same package directory: the last one wins, whichever that was.
ONNXRUNTIMES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-training",
    "ort-nightly",
    "ort-nightly-gpu",
)


def runtime_checks() -> Iterator[Check]:
    """The installed onnxruntime packages, what CUDA each runtime was built for, the driver, and the usable devices."""
    installed = {name: version for name in ONNXRUNTIMES if (version := version_of(name))}
    torch, of_torch = _imported("torch")
    onnxruntime, of_onnxruntime = _imported("onnxruntime")
    yield one_onnxruntime(installed, imported=getattr(onnxruntime, "__version__", None))
    yield from (check for check in (of_torch, of_onnxruntime) if check is not None)
    if torch is None or onnxruntime is None:
        return
    info = import_module("onnxruntime.capi.build_and_package_info")
    yield same_cuda(torch.version.cuda, getattr(info, "cuda_version", None))
    if (driver := cuda_driver()) is not None:
        yield driver_fits(torch.version.cuda, driver)
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    yield gpu(devices, onnxruntime.get_available_providers())


def _imported(name: str) -> tuple[Any, Check | None]:
    """A runtime, or None and why it cannot be imported: damaged packages raise whatever they run into."""
    try:
        module = import_module(name)
        said = "" if hasattr(module, "__version__") else "an empty folder is left of it"
    except Exception as failure:  # a library that is missing, a symbol, a file that another package took
        said = f"{type(failure).__name__}: {failure}".partition("\n")[0]
    if not said:
        return module, None
    advice = f"pip uninstall {name} (or {name}-gpu), then pip install it again"
    return None, Check(what=f"import {name}", state="broken", found=said, advice=advice)


def one_onnxruntime(installed: Mapping[str, str], *, imported: str | None) -> Check:
    """Exactly one package may bring `onnxruntime`: two shadow each other, and one that went takes the other's files.

    Args:
        installed: version by package.
        imported: the version that `import onnxruntime` gives; None if it gives none.
    """
    versions = ", ".join(f"{name} {version}" for name, version in installed.items()) or "none"
    if not installed:
        return Check(
            what="onnxruntime",
            state="broken",
            found=versions,
            advice="pip install onnxruntime-gpu, or onnxruntime where there is no CUDA",
        )
    mixed = imported is not None and not any(version.startswith(imported) for version in installed.values())
    if len(installed) == 1 and not mixed:
        return Check(what="onnxruntime", state="works", found=versions)
    found = f"{versions}; imported is {imported}" if mixed else versions
    return Check(
        what="onnxruntime",
        state="broken",
        found=found,
        advice=f"pip uninstall -y {' '.join(installed)}, then pip install one of them (onnxruntime-gpu for CUDA)",
    )


def cuda_driver() -> str | None:
    """The newest CUDA that the graphics driver knows, as '12.4'; None where there is no driver."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    version = ctypes.c_int()
    try:
        if ctypes.CDLL(library).cuDriverGetVersion(ctypes.byref(version)) != 0:
            return None
    except (OSError, AttributeError):
        return None
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def driver_fits(of_torch: str | None, driver: str) -> Check:
    """A driver runs what is built for its CUDA or an older one, within a major version for newer ones too."""
    found = f"knows CUDA {driver}, torch: {of_torch or 'none'}"
    if of_torch is None:
        return Check(
            what="GPU driver",
            state="note",
            found=found,
            advice="the installed torch runs on the CPU alone: install its build with CUDA to use the GPU",
        )
    if int(of_torch.partition(".")[0]) <= int(driver.partition(".")[0]):
        return Check(what="GPU driver", state="works", found=found)
    return Check(
        what="GPU driver",
        state="broken",
        found=found,
        advice="update the driver, or install the torch that is built for its CUDA, or use --device cpu",
    )


def same_cuda(of_torch: str | None, of_onnxruntime: str | None) -> Check:
    """CUDA libraries come with torch; onnxruntime loads them, so both must be built for one major version."""
    found = f"torch: {of_torch or 'none'}, onnxruntime: {of_onnxruntime or 'none'}"
    if not of_torch or not of_onnxruntime:
        return Check(
            what="CUDA builds",
            state="note",
            found=found,
            advice="on a GPU install torch with CUDA and onnxruntime-gpu; on the CPU all is well",
        )
    if of_torch.partition(".")[0] == of_onnxruntime.partition(".")[0]:
        return Check(what="CUDA builds", state="works", found=found)
    return Check(
        what="CUDA builds",
        state="broken",
        found=found,
        advice="install the torch and the onnxruntime-gpu that are built for one CUDA version, or use --device cpu",
    )


def gpu(devices: Sequence[str], providers: Sequence[str]) -> Check:
    """The GPUs that torch sees, if onnxruntime has its CUDA provider; without a GPU everything runs on the CPU."""
    if not devices:
        return Check(
            what="GPU", state="note", found="torch sees none", advice="audits run on the CPU (--device auto)"
        )
    if "CUDAExecutionProvider" in providers:
        return Check(what="GPU", state="works", found=", ".join(devices))
    return Check(
        what="GPU",
        state="broken",
        found=f"{', '.join(devices)}, but onnxruntime has only {', '.join(providers)}",
        advice="pip install onnxruntime-gpu in place of onnxruntime, or use --device cpu",
    )
