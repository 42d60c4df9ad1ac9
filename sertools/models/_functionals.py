"""openSMILE alone, for worker processes: its library and numpy, and no more."""

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sertools.extras import require

_CONFIGS = {
    "eGeMAPSv02": "egemaps/v02/eGeMAPSv02.conf",
    "ComParE_2016": "compare/ComParE_2016.conf",
}

_SHARED = {  # what ``opensmile.Smile`` tells its configurations
    "source": "standard_external_wave_input.conf.inc",
    "sink": "standard_external_data_output_single.conf.inc",
    "bufferModeRbConf": "BufferModeRb.conf.inc",
    "frameModeFunctionalsConf": "FrameModeFunctionals.conf.inc",
}

_SOURCE, _SINK = "extsource", "extsink"


class Functionals:
    """Compute one openSMILE feature set, clip by clip.

    A worker process that takes this takes openSMILE and numpy. The estimator
    around it, `sertools.models.opensmile.OpenSMILE`, brings scikit-learn along,
    and the package ``opensmile`` brings pandas along: either takes longer to
    import than the features of ten clips take.

    Examples
    --------
    >>> len(Functionals("eGeMAPSv02", 16_000).get_feature_names_out())
    88
    """

    def __init__(self, feature_set: str, sampling_rate: int):
        self.feature_set = feature_set
        self.sampling_rate = sampling_rate
        self._smile = None

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_smile": None}

    @property
    def smile(self) -> "_Direct | _Packaged":
        """The openSMILE at work, made at first use."""
        if self._smile is None:
            self._smile = _smile(self.feature_set, self.sampling_rate)
        return self._smile

    def get_feature_names_out(self) -> list[str]:
        """Name the features, as openSMILE does."""
        return list(self.smile.names)

    def embed(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Give one row of features a waveform, shape (n, d), float32."""
        return np.stack([self.smile(waveform) for waveform in waveforms])


def _smile(feature_set: str, sampling_rate: int) -> "_Direct | _Packaged":
    """Take openSMILE directly; where its package is built otherwise, as it comes."""
    try:
        return _Direct(feature_set, sampling_rate)
    except Exception:  # and if openSMILE itself is at fault, it says so now
        return _Packaged(feature_set, sampling_rate)


class _Direct:
    """One openSMILE, without the package around it, and reset between clips.

    ``opensmile.Smile`` builds openSMILE's components anew for each clip, a
    twelfth of the work. The numbers are the same.
    """

    def __init__(self, feature_set: str, sampling_rate: int):
        home = _home()
        options = {k: home / "config" / "shared" / name for k, name in _SHARED.items()}
        options |= {"sinkLevel": "func", "sampleRate": sampling_rate, "nBits": 16}
        config = home / "config" / _CONFIGS[feature_set]
        self._core = _binding(home).OpenSMILE()
        self._core.initialize(str(config.resolve(strict=True)), options)
        self._callbacks = self._core._callbacks
        n = self._core.external_sink_get_num_elements(_SINK)
        name = self._core.external_sink_get_element_name
        self.names = [name(_SINK, i) for i in range(n)]
        self._used = False

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        """Compute the features of one clip; not a number where it is too short."""
        core, rows = self._core, []
        if self._used:
            core.reset()
        self._used = True
        self._callbacks.clear()  # those of clips before
        core.external_sink_set_callback_ex(
            _SINK, lambda row, _: rows.append(row.copy())
        )
        samples = (np.asarray(waveform) * 32768).astype(np.int16)
        core.external_audio_source_write_data(_SOURCE, bytes(samples))
        core.external_audio_source_set_eoi(_SOURCE)
        core.run()
        if not rows:
            return np.full(len(self.names), np.nan, np.float32)
        return np.vstack(rows).reshape(-1)


def _home() -> Path:
    """Find the folder of openSMILE's library, its binding and configurations."""
    package = importlib.util.find_spec("opensmile")
    if package is None or package.origin is None:
        raise ModuleNotFoundError(name="opensmile")
    return Path(package.origin).with_name("core").resolve()


def _binding(home: Path):
    """Load the module that speaks with the library, and no other of its package."""
    if "opensmile" in sys.modules:
        return importlib.import_module("opensmile.core.lib")
    spec = importlib.util.spec_from_file_location("_opensmile_lib", home / "lib.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Packaged:
    """openSMILE as its package has it."""

    def __init__(self, feature_set: str, sampling_rate: int):
        opensmile = require("opensmile")
        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet[feature_set],
            feature_level=opensmile.FeatureLevel.Functionals,
        )
        self._rate = sampling_rate
        self.names = self._smile.feature_names

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        """Compute the features of one clip; not a number where it is too short."""
        return self._smile(waveform, self._rate).reshape(-1)
