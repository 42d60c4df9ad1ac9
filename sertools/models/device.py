"""Where a model computes: on a GPU where there is one, and on the CPU otherwise."""

import ctypes
import functools
import platform
import sys
import warnings

__all__ = ["has_cuda", "resolve"]

_KNOWN = ("auto", "cpu", "cuda", "mps")


def resolve(device: str, spec: str = "the model") -> str:
    """Choose a device that exists.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda`` (or ``cuda:1``) or ``mps``.
    spec : str, default "the model"
        Who asks, for the warning.

    Returns
    -------
    str
        The device; ``cpu`` where the one asked for is not there.

    Raises
    ------
    ValueError
        If it is no device at all.

    Warns
    -----
    UserWarning
        If a GPU was asked for by name and there is none.

    Examples
    --------
    >>> resolve("cpu")
    'cpu'
    """
    kind = str(device).partition(":")[0]
    if kind not in _KNOWN:
        raise ValueError(f"Unknown device {device!r}. Known: {', '.join(_KNOWN)}.")
    there = {"cpu": True, "cuda": has_cuda(), "mps": _has_mps()}
    if kind == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if there[kind]:
        return device
    warnings.warn(
        f"No {kind} device here: {spec} computes on the CPU.",
        stacklevel=3,
    )
    return "cpu"


@functools.cache
def has_cuda() -> bool:
    """Say whether the NVIDIA driver sees a GPU, without importing a framework.

    Examples
    --------
    >>> has_cuda() in (True, False)
    True
    """
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return False
    count = ctypes.c_int(0)
    ready = driver.cuInit(0) == 0
    return (
        ready and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    )


def _has_mps() -> bool:
    return sys.platform == "darwin" and platform.machine() == "arm64"
