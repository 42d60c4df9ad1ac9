"""openSMILE at work: light enough to start in every worker process."""

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
        self._smile = None

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_smile": None}

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
        rows = [self.smile(waveform, self.sampling_rate) for waveform in waveforms]
        return np.stack([row.reshape(-1) for row in rows])
