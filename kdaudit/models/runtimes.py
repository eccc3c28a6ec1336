"""What the installed torch and onnxruntime can do together, and what stands in their way: for `kdaudit doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    """The installed onnxruntime packages, what CUDA each runtime was built for, and the devices that both can use."""
    yield one_onnxruntime([name for name in ONNXRUNTIMES if version_of(name)])
    import onnxruntime
    import torch
    from onnxruntime.capi import build_and_package_info

    yield same_cuda(torch.version.cuda, getattr(build_and_package_info, "cuda_version", None))
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    yield gpu(devices, onnxruntime.get_available_providers())


def one_onnxruntime(installed: Sequence[str]) -> Check:
    """Exactly one package may bring `onnxruntime`: two shadow each other."""
    versions = ", ".join(f"{name} {version_of(name)}" for name in installed) or "none"
    if len(installed) == 1:
        return Check(what="onnxruntime", state="works", found=versions)
    return Check(
        what="onnxruntime",
        state="broken",
        found=versions,
        advice=f"pip uninstall -y {' '.join(installed)}, then pip install one of them (onnxruntime-gpu for CUDA)"
        if installed
        else "pip install onnxruntime-gpu, or onnxruntime where there is no CUDA",
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
