"""Mel-frequency cepstral coefficients: the spectrum's rough shape."""

import numpy as np

from sertools.extras import require
from sertools.models.base import Embedder


class MFCC(Embedder):
    """Embed speech as mean and standard deviation of 40 MFCCs over time.

    References
    ----------
    Davis and Mermelstein (1980), doi:10.1109/TASSP.1980.1163420

    Examples
    --------
    >>> MFCC().embed([np.sin(np.arange(16000) / 20)]).shape
    (1, 80)
    """

    name = "mfcc"
    title = "MFCC statistics"
    license = "ISC (librosa)"
    reference = "doi:10.1109/TASSP.1980.1163420"
    dimensions = {None: 80}
    packages = ("librosa",)
    run_in_workers = True

    n_mfcc = 40

    def _feature_names(self) -> list[str]:
        return [f"mfcc{i}_{s}" for s in ("mean", "std") for i in range(self.n_mfcc)]

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        mfcc = require("librosa").feature.mfcc
        frames = [
            mfcc(y=waveform, sr=self.sampling_rate, n_mfcc=self.n_mfcc)
            for waveform in waveforms
        ]
        return np.stack([np.r_[f.mean(axis=1), f.std(axis=1)] for f in frames])
