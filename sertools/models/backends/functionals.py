"""openSMILE at work: light enough to start in every worker process."""

import os
from collections.abc import Sequence

import numpy as np

from sertools.extras import require

__all__ = ["Functionals"]


class Functionals:
    """Compute one openSMILE feature set, clip by clip.

    A worker process that takes this takes openSMILE and numpy; the estimator
    around it, `sertools.models.opensmile.OpenSMILE`, brings scikit-learn along,
    whose import takes longer than the features of thirty clips.

    Parameters
    ----------
    feature_set : str
        A name in ``opensmile.FeatureSet``.
    sampling_rate : int
        Of the waveforms, in Hz.

    Examples
    --------
    >>> len(Functionals("eGeMAPSv02", 16_000).get_feature_names_out())
    88
    """

    def __init__(self, feature_set: str, sampling_rate: int):
        self.feature_set = feature_set
        self.sampling_rate = sampling_rate
        self._smile = self._again = None

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_smile": None, "_again": None}

    @property
    def smile(self):
        """The ``opensmile.Smile`` at work, made at first use."""
        if self._smile is None:
            opensmile = require("opensmile")
            self._smile = opensmile.Smile(
                feature_set=opensmile.FeatureSet[self.feature_set],
                feature_level=opensmile.FeatureLevel.Functionals,
            )
        return self._smile

    def get_feature_names_out(self) -> list[str]:
        """Name the features, as openSMILE does."""
        return list(self.smile.feature_names)

    def embed(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Give one row of features a waveform, shape (n, d), float32."""
        if self._again is None:
            self._again = _again(self.smile, self.sampling_rate)
        return np.stack([self._again(waveform) for waveform in waveforms])


def _again(smile, sampling_rate: int):
    """Give a function from waveform to features that sets openSMILE up only once.

    ``opensmile.Smile`` builds its components anew for each clip, a twelfth of
    the work. They can be reset instead, by names that the package keeps to
    itself; where a version of it has other names, it works as it always does.
    """
    try:
        return _Reset(smile, sampling_rate)
    except (AttributeError, ImportError, TypeError):
        return lambda waveform: smile(waveform, sampling_rate).reshape(-1)


class _Reset:
    """One openSMILE, reset between clips."""

    def __init__(self, smile, sampling_rate: int):
        from opensmile.core.config import config

        source = os.path.join(smile.default_config_root, config.EXTERNAL_INPUT_CONFIG)
        options = {"source": source, "sampleRate": sampling_rate, "nBits": 16}
        self._core = smile._smile({**smile._options(), **options})
        self._collect, self._used = smile._sink_callback, False
        self._source = config.EXTERNAL_SOURCE_COMPONENT
        self._sink = config.EXTERNAL_OUTPUT_COMPONENT
        self._width = smile.num_features

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        core, rows = self._core, []
        if self._used:
            core.reset()
        self._used = True
        core._callbacks.clear()
        core.external_sink_set_callback_ex(self._sink, self._collect(rows, [], []))
        samples = (np.asarray(waveform) * 32768).astype(np.int16)
        core.external_audio_source_write_data(self._source, bytes(samples))
        core.external_audio_source_set_eoi(self._source)
        core.run()
        if not rows:  # too short for a single frame
            return np.full(self._width, np.nan, np.float32)
        return np.vstack(rows).reshape(-1)
