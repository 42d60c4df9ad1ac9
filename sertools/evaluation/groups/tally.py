"""How often each speaker was right, and whether luck alone could spread them so."""

from typing import NamedTuple

import numpy as np

__all__ = ["Tally", "luck"]


class Tally(NamedTuple):
    """How often each speaker was right, emotion by emotion.

    Parameters
    ----------
    hits, clips : ndarray of shape (speakers, emotions) or more
        Clips that were right, and all clips.
    """

    hits: np.ndarray
    clips: np.ndarray

    @classmethod
    def of(cls, right, codes, shape) -> "Tally":
        """Count clips by speaker, emotion and, if need be, group.

        Parameters
        ----------
        right : array-like of shape (n,), bool
            Whether each clip was right.
        codes : tuple of array-like of shape (n,), int
            Speaker, emotion and perhaps group of each clip, from 0.
        shape : tuple of int
            How many of each there are.

        Examples
        --------
        >>> Tally.of([True, False], ([0, 1], [0, 0]), (2, 1)).hits.tolist()
        [[1.0], [0.0]]
        """
        hits, clips = np.zeros(shape), np.zeros(shape)
        np.add.at(hits, tuple(codes), np.asarray(right, dtype=float))
        np.add.at(clips, tuple(codes), 1.0)
        return cls(hits, clips)

    def paired(self) -> int:
        """Count speakers with an emotion both inside and outside of the group."""
        return int((self.clips.min(axis=-1) > 0).any(axis=1).sum())


def luck(tally: Tally, seed: int = 0, draws: int = 5000) -> tuple[float, float, float]:
    """Compare how far speakers spread with what luck alone would do.

    If it mattered to no clip who speaks it, the clips of an emotion that were
    right would be dealt out among the speakers by chance.

    Parameters
    ----------
    tally : Tally of shape (speakers, emotions)
        Every speaker has clips of every emotion.
    seed : int, default 0
        Of what is drawn.
    draws : int
        How many.

    Returns
    -------
    spread, by_luck : float
        Standard deviation of the speakers' mean recalls, and its mean where
        luck alone decides.
    p : float
        How often luck spreads them as far.

    Examples
    --------
    >>> tally = Tally(np.array([[9.0], [1.0]]), np.array([[10.0], [10.0]]))
    >>> spread, by_luck, p = luck(tally)
    >>> round(spread, 2), bool(p < 0.01)
    (0.4, True)
    """
    drawn = np.random.default_rng(seed)
    clips, hits = tally.clips.astype(int), tally.hits.sum(axis=0).astype(int)
    null = np.zeros((draws, len(clips)))
    for column, n in zip(clips.T, hits, strict=True):
        null += drawn.multivariate_hypergeometric(column, n, size=draws) / column
    by_luck = (null / clips.shape[1]).std(axis=1)
    spread = (tally.hits / clips).mean(axis=1).std()
    p = (1 + (by_luck >= spread - 1e-9).sum()) / (1 + draws)
    return float(spread), float(by_luck.mean()), float(p)
