"""openSMILE functionals: low-level descriptors and their statistics."""

import os

import numpy as np
import pandas as pd

from sertools import audio
from sertools.extras import require
from sertools.models._functionals import Functionals
from sertools.models.base import Embedder


class OpenSMILE(Embedder):
    """Embed speech with openSMILE's functionals.

    ``eGeMAPSv02`` holds 88 features chosen by voice researchers;
    ``ComParE_2016`` holds 6373, and lets the head choose.

    References
    ----------
    Eyben et al. (2016), the Geneva minimalistic acoustic parameter set,
    doi:10.1109/TAFFC.2015.2457417
    Schuller et al. (2016), the ComParE 2016 set, doi:10.21437/Interspeech.2016-129

    Examples
    --------
    >>> OpenSMILE().embed([np.sin(np.arange(16000) / 20)]).shape
    (1, 88)
    """

    name = "opensmile"
    title = "openSMILE functionals"
    license = "audEERING research licence: research and evaluation, no products"
    reference = "doi:10.1145/1873951.1874246"
    variants = ("eGeMAPSv02", "ComParE_2016")
    dimensions = {"eGeMAPSv02": 88, "ComParE_2016": 6373}
    packages = ("opensmile",)
    run_in_workers = True

    def _load(self) -> Functionals:
        return Functionals(self.variant_, self.sampling_rate)

    def worker_engine(self) -> Functionals:
        """Give openSMILE alone; see `Model.worker_engine`."""
        return self._load()

    def _feature_names(self) -> list[str]:
        return self.backend.get_feature_names_out()

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        return self.backend.embed(waveforms)

    def descriptors(self, source: str | os.PathLike | np.ndarray) -> pd.DataFrame:
        """Follow the low-level descriptors of one clip over time.

        Parameters
        ----------
        source : path or ndarray of shape (t,)
            A file, or mono samples at ``sampling_rate``.

        Returns
        -------
        DataFrame of shape (frames, descriptors)
            Indexed by the frame's start in seconds; a frame every 10 ms.
            Pitch (``F0...``) is 0 where no voice is heard.
        """
        waveform = audio.load(source, self.sampling_rate)
        opensmile = require("opensmile")
        smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet[self.variant_],
            feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
        )
        table = smile.process_signal(waveform, self.sampling_rate)
        table.index = table.index.get_level_values("start").total_seconds()
        table.index.name = "seconds"
        return table
