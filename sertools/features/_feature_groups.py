"""What openSMILE's features are about: pitch, loudness, spectrum, voice, rhythm."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

FAMILIES = ("pitch", "loudness", "spectrum", "voice quality", "rhythm")
"""The families, in the order that tables follow."""

_STARTS = {
    "pitch": ("F0",),
    "loudness": (
        *("loudness_", "equivalentSoundLevel", "pcm_RMSenergy"),
        *("audspec_lengthL1norm", "audspecRasta_lengthL1norm"),
    ),
    "spectrum": (
        *("spectralFlux", "mfcc", "alphaRatio", "hammarbergIndex", "slope"),
        *("F1", "F2", "F3", "audSpec_Rfilt", "pcm_fftMag", "pcm_zcr"),
    ),
    "voice quality": ("jitter", "shimmer", "HNR", "logHNR", "logRelF0", "voicingFinal"),
    "rhythm": (
        *("loudnessPeaksPerSec", "VoicedSegmentsPerSec"),
        *("MeanVoicedSegment", "StddevVoicedSegment"),
        *("MeanUnvoicedSegment", "StddevUnvoicedSegment"),
    ),
}

_TIMES = ("SegLen", "segLenStddev", "meanPeakDist", "peakDistStddev", "_nnz")
_SEPARATOR = "/"  # between an embedder and its feature, where several are fused


def feature_groups(names: Iterable[str]) -> pd.Series:
    """Say what features are about, by their names.

    For openSMILE's eGeMAPSv02 and ComParE_2016, and for MFCCs, which are
    spectrum. A feature belongs where the descriptor does that it sums up:
    formants, MFCCs, auditory bands and zero crossings are spectrum; jitter,
    shimmer, harmonics-to-noise ratio and the glottal H1 ratios are voice
    quality. Rhythm is how long and how often: segments of voice, peaks of
    loudness, and in ComParE_2016 the lengths and distances that are measured
    on energy and on pitch.

    Parameters
    ----------
    names : iterable of str
        Columns, such as ``X.columns``; ``"opensmile/loudness_sma3_amean"``,
        too.

    Returns
    -------
    Series of str
        Family by feature, in the order of `names`; each has exactly one.

    Raises
    ------
    ValueError
        If a feature is of no known family, as those of networks are.

    References
    ----------
    Eyben et al. (2016), doi:10.1109/TAFFC.2015.2457417
    Weninger et al. (2013), the acoustics of emotion in speech, music and
    sound, doi:10.3389/fpsyg.2013.00292

    Examples
    --------
    >>> names = ["F0semitoneFrom27.5Hz_sma3nz_amean", "mfcc1_sma3_amean"]
    >>> feature_groups(names).tolist()
    ['pitch', 'spectrum']
    """
    names = [str(name) for name in names]
    found = [_family(name.rpartition(_SEPARATOR)[2]) for name in names]
    if None in found:
        raise ValueError(
            f"{names[found.index(None)]!r} is of no known family. Families are known "
            "for openSMILE's features and for MFCCs; for others, give a table of "
            "your own: a Series of names by feature."
        )
    return pd.Series(found, index=pd.Index(names, name="feature"), name="family")


def _family(name: str) -> str | None:
    for family, starts in _STARTS.items():
        if name.startswith(starts):
            timed = any(word in name for word in _TIMES)
            return "rhythm" if timed and family in ("pitch", "loudness") else family
    return None


def eta_squared(X: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Rank features by how much of their variation in a speaker emotion explains.

    Within each speaker: the variance between the emotions' means over the
    whole variance (eta squared), 0 to 1. It looks at one feature at a time and
    describes these clips; it does not say what a model has learnt.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features, one row a clip.
    clips : DataFrame
        The clips table; where speakers are unknown, all clips count as one
        speaker's.

    Returns
    -------
    DataFrame of shape (d, 2)
        ``mean`` and ``std`` over speakers, the most telling feature first.

    References
    ----------
    Fisher (1925), Statistical Methods for Research Workers: the correlation
    ratio, doi:10.1007/978-1-4612-4380-9_6

    Examples
    --------
    >>> X = pd.DataFrame({"x": [0.0, 0.0, 1.0, 1.0], "y": [0.0, 1.0, 0.0, 1.0]})
    >>> clips = pd.DataFrame({"emotion": list("aabb"), "speaker": "s"})
    >>> eta_squared(X, clips)["mean"].tolist()
    [1.0, 0.0]
    """
    clips = clips.loc[X.index]
    speakers = clips["speaker"].fillna("").to_numpy()
    shares = {}
    for speaker in np.unique(speakers.astype(str)):
        rows = speakers == speaker
        values = X[rows].astype(np.float64)
        means = values.groupby(clips["emotion"].to_numpy()[rows]).transform("mean")
        between = (means - values.mean()).pow(2).sum()
        whole = (values - values.mean()).pow(2).sum()
        shares[speaker] = between / whole.where(whole > 1e-20)
    table = pd.DataFrame(shares)
    ranked = pd.DataFrame(
        {"mean": table.mean(axis=1), "std": table.std(axis=1, ddof=0)}
    )
    return ranked.sort_values("mean", ascending=False, kind="stable")
