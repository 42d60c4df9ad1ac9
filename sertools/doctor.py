"""Find what commonly breaks, and the command that mends it: looks, then trials."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sertools import _interpreter, extras, fetching, files

_FOLDERS = ("SERTOOLS_DATA", "SERTOOLS_WEIGHTS", "SERTOOLS_REAL_DATA")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
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


@dataclass(frozen=True)
class Check:
    """What one look found.

    Parameters
    ----------
    name : str
        What was looked at.
    state : str
        ``"ok"``, ``"warn"`` (works, but worth knowing) or ``"fail"``.
    message : str
        What was found, in one line.
    remedy : str
        The command, or the step, that mends it; empty where nothing needs to be.
    """

    name: str
    state: str
    message: str
    remedy: str = ""


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", "ok", f"{version} at {sys.executable}")


def _versions() -> Check:
    """Compare what is installed with what sertools asks for, pins included."""
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    missing, wrong, state = [], [], "warn"
    for wanted in map(Requirement, requires(extras.DISTRIBUTION) or []):
        optional = "extra" in str(wanted.marker or "")
        idle = wanted.name == "setuptools" and not extras.available("tensorflow_hub")
        if wanted.name == extras.DISTRIBUTION or idle:
            continue
        try:
            here = version(wanted.name)
        except PackageNotFoundError:
            missing += [] if optional else [f"{wanted.name}{wanted.specifier}"]
            continue
        if not wanted.specifier.contains(here, prereleases=True):
            wrong.append((f"{wanted.name} {here}", f"{wanted.name}{wanted.specifier}"))
            state = state if optional else "fail"
    if missing:
        remedy = f"pip install {' '.join(missing)}"
        return Check("versions", "fail", f"missing: {', '.join(missing)}", remedy)
    if wrong:
        found = ", ".join(f"{here} (wanted: {spec})" for here, spec in wrong)
        remedy = "pip install " + " ".join(f"'{spec}'" for _, spec in wrong)
        return Check("versions", state, found, remedy)
    return Check("versions", "ok", "every package is of a version that fits")


def _shipped() -> Check:
    try:
        count = len(list(files.folder("notebooks").glob("*.ipynb")))
        files.folder("data/demo")
    except FileNotFoundError as error:
        message, _, remedy = str(error).partition(". ")
        return Check("notebooks", "fail", message, remedy)
    return Check("notebooks", "ok", f"{count} notebooks and the demo corpus")


def _cache() -> Check:
    return _writable("cache", fetching.cache_folder(), "SERTOOLS_CACHE")


def _store() -> Check:
    given = os.environ.get("SERTOOLS_STORE")
    folder = Path(given).expanduser() if given else fetching.cache_folder() / "store"
    return _writable("store", folder, "SERTOOLS_STORE")


def _writable(name: str, folder: Path, variable: str) -> Check:
    there = _nearest(folder)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Check(name, "ok", str(folder))
    remedy = f"export {variable}=/a/folder/you/may/write"
    return Check(name, "fail", f"{folder} cannot be written", remedy)


def _disk() -> Check:
    there = _nearest(fetching.cache_folder())
    free = shutil.disk_usage(there).free / 1e9
    if free < 3:
        state, found = "fail" if free < 0.2 else "warn", f"only {free:.1f} GB free"
        remedy = "Free some space, or set SERTOOLS_CACHE and SERTOOLS_STORE elsewhere."
        return Check("disk", state, f"{found} at {there}", remedy)
    return Check("disk", "ok", f"{free:.0f} GB free")


def _nearest(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _variables() -> Check:
    set_here = {n: os.environ[n] for n in _FOLDERS if os.environ.get(n)}
    lost = [n for n, v in set_here.items() if not Path(v).expanduser().is_dir()]
    if lost:
        found = ", ".join(f"{n}={set_here[n]}" for n in lost)
        remedy = f"unset {' '.join(lost)}   (or name folders that are there)"
        return Check("variables", "warn", f"no such folder: {found}", remedy)
    found = ", ".join(f"{n}={v}" for n, v in set_here.items())
    return Check("variables", "ok", found or "none set")


def _browser() -> Check:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    where = found or "not found: only the browser tests need it"
    return Check("chromium", "ok", where)


def _kernel() -> Check:
    """See whether the kernel called python3 is this interpreter."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    remedy = f"{sys.executable} -m ipykernel install --sys-prefix"
    try:
        started = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Check("kernel", "fail", "there is no kernel called python3", remedy)
    here = Path(sys.executable).parent
    elsewhere = Path(started).is_absolute() and Path(started).parent != here
    if elsewhere:
        message = f"JupyterLab's python3 is another one: {started}"
        return Check("kernel", "warn", message, f"{remedy}   (or start: sertools lab)")
    return Check("kernel", "ok", "JupyterLab's python3 is this one")


LOOKS = (
    _python,
    _versions,
    _shipped,
    _cache,
    _store,
    _disk,
    _variables,
    _kernel,
    _browser,
)
"""In this order."""


def trials() -> list[Callable[[], Check]]:
    """List the trials that make sense with what is installed."""
    chosen: list[Callable[[], Check]] = [_packages, _sound, _opensmile]
    chosen += [functools.partial(_extra, name) for name in _installed_extras()]
    if extras.available("tensorflow"):
        chosen.append(_tensorflow_beside_opensmile)
    return [*chosen, _device]


def _packages() -> Check:
    remedy = extras.install(options="--force-reinstall")
    return _imports("packages", _PACKAGES, remedy)


def _sound() -> Check:
    value, why = _try(_TONE)
    if why:
        remedy = "pip install --force-reinstall soundfile"
        return Check(
            "audio files", "fail", f"cannot write and read a tone: {why}", remedy
        )
    return Check("audio files", "ok", f"wav and flac ({value})")


def _opensmile() -> Check:
    value, why = _try(_OPENSMILE.format(tensorflow=False))
    if why:
        remedy = "pip install --force-reinstall opensmile"
        return Check("opensmile", "fail", f"no features of a tone: {why}", remedy)
    return Check("opensmile", "ok", f"{value}, 88 features of a tone")


def _tensorflow_beside_opensmile() -> Check:
    name = "tensorflow beside opensmile"
    _, why = _try(_OPENSMILE.format(tensorflow=True))
    if why:
        remedy = 'Use sertools.extras.require("tensorflow"), and report this.'
        return Check(name, "fail", f"they cannot share a process: {why}", remedy)
    return Check(name, "ok", "they share a process")


def _installed_extras() -> list[str]:
    """List the extras of which every module is installed."""
    named = sorted(set(extras.EXTRAS.values()))
    return [extra for extra in named if all(map(extras.available, _modules(extra)))]


def _modules(extra: str) -> list[str]:
    return [module for module, name in extras.EXTRAS.items() if name == extra]


def _extra(extra: str) -> Check:
    modules = _modules(extra)
    remedy = extras.install(extra, "--force-reinstall")
    return _imports(f"extra {extra}", modules, remedy)


def _imports(name: str, modules: list[str], remedy: str) -> Check:
    failed, why = _try(_IMPORT.format(modules=modules))
    if why:
        return Check(name, "fail", f"importing {', '.join(modules)}: {why}", remedy)
    if failed:
        module, reason = next(iter(failed.items()))
        if "pkg_resources" in reason:
            remedy = "pip install 'setuptools<82'"
        return Check(name, "fail", f"{module}: {reason}", remedy)
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
            _interpreter.command("-W", "ignore", "-c", code),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            stdin=subprocess.DEVNULL,
            env={**_interpreter.environment(), "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {_TIMEOUT} s"
    if done.returncode < 0:
        return None, f"the process crashed (signal {-done.returncode})"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    last = lines[-1] if lines else f"exit status {done.returncode}"
    return (json.loads(last), "") if done.returncode == 0 else (None, last)


def examine(quick: bool = False) -> Iterator[Check]:
    """Look at everything that commonly breaks, quick things first.

    Parameters
    ----------
    quick : bool, default False
        Leave out the trials, which import every package and compute features.

    Yields
    ------
    Check
        One look after the other, each as soon as it is done.

    Examples
    --------
    >>> first = next(examine())
    >>> first.name, first.state
    ('python', 'ok')
    """
    for look in LOOKS:
        yield look()
    if quick:
        return
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield from pool.map(lambda trial: trial(), trials())
