"""Quick looks: versions, folders, variables."""

import os
import shutil
import sys
from pathlib import Path

from sertools import extras, fetching, shipped
from sertools.doctor.check import Check

__all__ = ["LOOKS"]

_FOLDERS = ("SERTOOLS_DATA", "SERTOOLS_WEIGHTS", "SERTOOLS_REAL_DATA")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", "ok", f"{version} at {sys.executable}")


def _versions() -> Check:
    """Compare what is installed with what sertools asks for, pins included."""
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    missing, wrong, state = [], [], "warn"
    for wanted in map(Requirement, requires("sertools") or []):
        optional = "extra" in str(wanted.marker or "")
        idle = wanted.name == "setuptools" and not extras.available("tensorflow_hub")
        if wanted.name == "sertools" or idle:
            continue
        try:
            here = version(wanted.name)
        except PackageNotFoundError:
            missing += [] if optional else [wanted.name]
            continue
        if not wanted.specifier.contains(here, prereleases=True):
            wrong.append((f"{wanted.name} {here}", f"{wanted.name}{wanted.specifier}"))
            state = state if optional else "fail"
    if missing:
        mend = "pip install --upgrade --force-reinstall sertools"
        return Check("versions", "fail", f"missing: {', '.join(missing)}", mend)
    if wrong:
        found = ", ".join(f"{here} (wanted: {spec})" for here, spec in wrong)
        mend = "pip install " + " ".join(f"'{spec}'" for _, spec in wrong)
        return Check("versions", state, found, mend)
    return Check("versions", "ok", "every package is of a version that fits")


def _shipped() -> Check:
    try:
        count = len(list(shipped.folder("notebooks").glob("*.ipynb")))
        shipped.folder("data/demo")
    except FileNotFoundError as error:
        message, _, mend = str(error).partition(". ")
        return Check("notebooks", "fail", message, mend)
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
    mend = f"export {variable}=/a/folder/you/may/write"
    return Check(name, "fail", f"{folder} cannot be written", mend)


def _disk() -> Check:
    there = _nearest(fetching.cache_folder())
    free = shutil.disk_usage(there).free / 1e9
    if free < 3:
        state, found = "fail" if free < 0.2 else "warn", f"only {free:.1f} GB free"
        mend = "Free some space, or set SERTOOLS_CACHE and SERTOOLS_STORE elsewhere."
        return Check("disk", state, f"{found} at {there}", mend)
    return Check("disk", "ok", f"{free:.0f} GB free")


def _nearest(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _variables() -> Check:
    set_here = {n: os.environ[n] for n in _FOLDERS if os.environ.get(n)}
    lost = [n for n, v in set_here.items() if not Path(v).expanduser().is_dir()]
    if lost:
        found = ", ".join(f"{n}={set_here[n]}" for n in lost)
        mend = f"unset {' '.join(lost)}   (or name folders that are there)"
        return Check("variables", "warn", f"no such folder: {found}", mend)
    found = ", ".join(f"{n}={v}" for n, v in set_here.items())
    return Check("variables", "ok", found or "none set")


def _browser() -> Check:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    where = found or "not found: only the browser tests need it"
    return Check("chromium", "ok", where)


def _kernel() -> Check:
    """See whether the kernel called python3 is this interpreter."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    mend = f"{sys.executable} -m ipykernel install --sys-prefix"
    try:
        started = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Check("kernel", "fail", "there is no kernel called python3", mend)
    here = Path(sys.executable).parent
    elsewhere = Path(started).is_absolute() and Path(started).parent != here
    if elsewhere:
        message = f"JupyterLab's python3 is another one: {started}"
        return Check("kernel", "warn", message, f"{mend}   (or start: sertools lab)")
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
