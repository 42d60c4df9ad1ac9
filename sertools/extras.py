"""Optional packages: import them, or say in one line how to install them."""

import importlib
import importlib.util
from types import ModuleType

__all__ = ["DISTRIBUTION", "EXTRAS", "available", "install", "require", "version"]

DISTRIBUTION = "sertools-speech"
"""The name to install by: on the package index, "sertools" is another project."""

EXTRAS = {
    "torch": "torch",
    "torchaudio": "torch",
    "silero_vad": "torch",
    "tensorflow": "tensorflow",
    "tf_keras": "tensorflow",
    "tensorflow_hub": "tensorflow",
    "keras": "tensorflow",
    "h5py": "tensorflow",
    "whisper": "whisper",
    "funasr": "emotion2vec",
    "speechbrain": "speechbrain",
    "transformers": "huggingface",
    "distributed": "dask",
    "kagglehub": "kaggle",
}
"""Which extra of this package installs which module."""


def available(module: str) -> bool:
    """Say whether a module can be imported, without importing it.

    Examples
    --------
    >>> available("json")
    True
    """
    return importlib.util.find_spec(module) is not None


def require(module: str) -> ModuleType:
    """Import an optional module, or say which extra installs it.

    Parameters
    ----------
    module : str
        Name of a module, for example ``"torch"``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed; the message is the command that installs it.

    Notes
    -----
    TensorFlow imported before openSMILE kills the process, while the other
    order works. So openSMILE's library is loaded before TensorFlow.

    Examples
    --------
    >>> require("json").dumps([1])
    '[1]'
    """
    if module in ("tensorflow", "tf_keras", "tensorflow_hub", "keras"):
        _load_opensmile_library()
    if module == "librosa":
        _give_numba_a_cache()
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise ModuleNotFoundError(_install(module, module), name=module) from None


def version(package: str) -> str:
    """Give the version of an installed package, or say which extra installs it.

    Parameters
    ----------
    package : str
        By the name that pip knows, for example ``"openai-whisper"``.

    Returns
    -------
    str
        The version.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed; the message is the command that installs it.

    Examples
    --------
    >>> version("numpy")[0].isdigit()
    True
    """
    import importlib.metadata

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        module = package.removeprefix("openai-").replace("-", "_")
        raise ModuleNotFoundError(_install(package, module), name=module) from None


def install(extra: str = "", options: str = "") -> str:
    """Give the command that installs what an extra needs, version by version.

    Never the extra itself: that would name a distribution, and might bring
    another one than this.

    Parameters
    ----------
    extra : str
        One of the values of `EXTRAS`; the core's packages if not given.
    options : str
        Of pip, such as ``"--force-reinstall"``.

    Returns
    -------
    str
        A command for the shell.

    Examples
    --------
    >>> install("kaggle")
    "pip install 'kagglehub>=0.3.12'"
    """
    return " ".join(filter(None, ["pip install", options, *_requirements(extra)]))


def reinstall() -> str:
    """Give the command that installs sertools again, from where it came from."""
    import importlib.metadata
    import json

    try:
        came = importlib.metadata.distribution(DISTRIBUTION).read_text(
            "direct_url.json"
        )
    except importlib.metadata.PackageNotFoundError:
        came = None
    place = json.loads(came)["url"] if came else DISTRIBUTION
    return f"pip install --force-reinstall --no-deps '{place}'"


def _requirements(extra: str) -> list[str]:
    import importlib.metadata

    from packaging.requirements import Requirement

    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:  # used without being installed
        lines = []
    found: dict[str, str] = {}
    for wanted in map(Requirement, lines):
        marker = wanted.marker
        if marker.evaluate({"extra": extra}) if marker else not extra:
            if wanted.name == DISTRIBUTION:
                for other in sorted(wanted.extras):
                    found |= dict.fromkeys(_requirements(other))
            elif not extra or not marker.evaluate({"extra": ""}):
                found[f"'{wanted.name}{wanted.specifier}'"] = ""
    return list(found)


def _install(name: str, module: str) -> str:
    extra = EXTRAS.get(module.partition(".")[0])
    command = install(extra) if extra else f"pip install {name}"
    return f"{name} is not installed. Install it with: {command}"


def _give_numba_a_cache() -> None:
    """Name a folder for compiled code where that of the package is read-only.

    numba, which librosa imports, otherwise refuses: "no locator available".
    """
    import os
    import tempfile

    spec = importlib.util.find_spec("librosa")
    if "NUMBA_CACHE_DIR" in os.environ or spec is None or spec.origin is None:
        return
    if not os.access(os.path.dirname(spec.origin), os.W_OK):
        folder = os.path.join(tempfile.gettempdir(), f"sertools-numba-{os.getuid()}")
        os.environ["NUMBA_CACHE_DIR"] = folder


def _load_opensmile_library() -> None:
    """Load libSMILEapi, without importing opensmile, where it is installed."""
    import ctypes
    from pathlib import Path

    spec = importlib.util.find_spec("opensmile")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "core" / "bin"
    for library in sorted(folder.rglob("libSMILEapi.*")):
        try:
            ctypes.CDLL(str(library))
        except OSError:  # a library for another platform
            continue
        return
