"""Duration and loudness alone: what any system must beat."""

import numpy as np

from sertools.models.base import Embedder


class DurationLoudness(Embedder):
    """Describe a clip by how long and how loud it is, and nothing else.

    A score that is no better than this one's has learnt the recording, not the
    voice. It stands as the baseline under every score.

    References
    ----------
    None needed: the logarithm of seconds, and the level in dB of full scale.

    Examples
    --------
    >>> DurationLoudness().embed([np.ones(16000)]).round(3).tolist()
    [[0.0, 0.0]]
    """

    name = "duration_loudness"
    title = "Duration and loudness alone (the baseline)"
    license = "Apache-2.0"
    reference = ""
    dimensions = {None: 2}

    def _feature_names(self) -> list[str]:
        return ["log_seconds", "level_db"]

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        seconds = [len(waveform) / self.sampling_rate for waveform in waveforms]
        power = [np.square(waveform, dtype=np.float64).mean() for waveform in waveforms]
        return np.c_[np.log(seconds), 10 * np.log10(np.maximum(power, 1e-10))]
