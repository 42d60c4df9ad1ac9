"""Trials: whatever could crash or hang, each in a process of its own."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable

from sertools import extras
from sertools.doctor.check import Check

__all__ = ["trials"]

_TIMEOUT = 180  # seconds for one process
_PACKAGES = [
    *("soundfile", "soxr", "librosa", "sklearn", "pandas", "pyarrow"),
    *("numba", "matplotlib", "seaborn", "papermill", "nbconvert", "ipywidgets"),
]

_IMPORT = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
from sertools import extras
failed = {{}}
for name in {modules!r}:
    try:
        extras.require(name)
    except Exception as error:
        failed[name] = f"{{type(error).__name__}}: {{error}}".splitlines()[0]
print(json.dumps(failed))
"""

_TONE = """
import json, tempfile, pathlib
import numpy, soundfile
tone = numpy.sin(numpy.arange(16000) / 20).astype("float32") / 2
with tempfile.TemporaryDirectory() as folder:
    for name in ("tone.wav", "tone.flac"):
        path = pathlib.Path(folder, name)
        soundfile.write(path, tone, 16000)
        back, rate = soundfile.read(path, dtype="float32")
        assert rate == 16000 and abs(back - tone).max() < 1e-3, name
print(json.dumps(soundfile.__libsndfile_version__))
"""

_OPENSMILE = """
import json
from sertools import extras
if {tensorflow}:
    extras.require("tensorflow")
import numpy, opensmile
tone = numpy.sin(numpy.arange(16000) / 20).astype("float32") / 2
smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02)
features = smile(tone, 16000)
assert features.size == 88 and numpy.isfinite(features).all(), features
print(json.dumps(opensmile.__version__))
"""

_DEVICE = """
import json, torch
mps = torch.backends.mps.is_available()
name = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
print(json.dumps(name or ("Apple GPU (mps)" if mps else "")))
"""


def trials() -> list[Callable[[], Check]]:
    """List the trials that make sense with what is installed.

    Returns
    -------
    list of callable
        Each runs for some seconds and gives a `Check`.
    """
    chosen: list[Callable[[], Check]] = [_packages, _sound, _opensmile]
    chosen += [functools.partial(_extra, name) for name in _installed_extras()]
    if extras.available("tensorflow"):
        chosen.append(_tensorflow_beside_opensmile)
    return [*chosen, _device]


def _packages() -> Check:
    mend = "pip install --force-reinstall sertools"
    return _imports("packages", _PACKAGES, mend)


def _sound() -> Check:
    value, why = _try(_TONE)
    if why:
        mend = "pip install --force-reinstall soundfile"
        return Check(
            "audio files", "fail", f"cannot write and read a tone: {why}", mend
        )
    return Check("audio files", "ok", f"wav and flac ({value})")


def _opensmile() -> Check:
    value, why = _try(_OPENSMILE.format(tensorflow=False))
    if why:
        mend = "pip install --force-reinstall opensmile"
        return Check("opensmile", "fail", f"no features of a tone: {why}", mend)
    return Check("opensmile", "ok", f"{value}, 88 features of a tone")


def _tensorflow_beside_opensmile() -> Check:
    name = "tensorflow beside opensmile"
    _, why = _try(_OPENSMILE.format(tensorflow=True))
    if why:
        mend = 'Use sertools.extras.require("tensorflow"), and report this.'
        return Check(name, "fail", f"they cannot share a process: {why}", mend)
    return Check(name, "ok", "they share a process")


def _installed_extras() -> list[str]:
    """List the extras of which every module is installed."""
    named = sorted(set(extras.EXTRAS.values()))
    return [extra for extra in named if all(map(extras.available, _modules(extra)))]


def _modules(extra: str) -> list[str]:
    return [module for module, name in extras.EXTRAS.items() if name == extra]


def _extra(extra: str) -> Check:
    modules = _modules(extra)
    mend = f"pip install --force-reinstall 'sertools[{extra}]'"
    return _imports(f"extra {extra}", modules, mend)


def _imports(name: str, modules: list[str], mend: str) -> Check:
    failed, why = _try(_IMPORT.format(modules=modules))
    if why:
        return Check(name, "fail", f"importing {', '.join(modules)}: {why}", mend)
    if failed:
        module, reason = next(iter(failed.items()))
        if "pkg_resources" in reason:
            mend = "pip install 'setuptools<82'"
        return Check(name, "fail", f"{module}: {reason}", mend)
    return Check(name, "ok", f"{', '.join(modules)} can be imported")


def _device() -> Check:
    if not extras.available("torch"):
        return Check("gpu", "ok", "not looked for: torch is not installed")
    device, why = _try(_DEVICE)
    if why:
        return Check("gpu", "warn", f"torch cannot say: {why}")
    if device:
        return Check("gpu", "ok", str(device))
    if shutil.which("nvidia-smi"):
        message = "there is an NVIDIA driver, but torch sees no GPU"
        return Check("gpu", "warn", message, "nvidia-smi")
    return Check("gpu", "ok", "none seen: models compute on the CPU")


def _try(code: str) -> tuple[object, str]:
    """Run code in a fresh interpreter; give its last line as JSON, or why not."""
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {_TIMEOUT} s"
    if done.returncode < 0:
        return None, f"the process crashed (signal {-done.returncode})"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    last = lines[-1] if lines else f"exit status {done.returncode}"
    return (json.loads(last), "") if done.returncode == 0 else (None, last)
