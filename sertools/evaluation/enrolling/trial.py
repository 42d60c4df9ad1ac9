"""Score speakers again and again, each time standardised by other clips of theirs."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from sertools.evaluation import folds as folding
from sertools.evaluation.enrolling.batches import batch
from sertools.evaluation.enrolling.ways import WAYS
from sertools.evaluation.intervals import jackknife, uar
from sertools.models import heads

__all__ = ["Trial"]

NOTHING, ALL = ("", 0), ("", -1)
"""The cells in which no clip is enrolled, and every one."""

_SPREAD = (0.05, 0.95)  # of the draws


class Trial:
    """Speakers held out in turn, and the confusions of every cell counted.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features.
    clips : DataFrame
        Their clips table, in the same order.
    head : scikit-learn classifier
        Trained afresh for each fold and way.
    draws, seed : int
        How many batches of a speaker's clips are drawn for a cell, and from
        where.
    """

    def __init__(self, X: pd.DataFrame, clips: pd.DataFrame, head, draws, seed):
        self.values = X.to_numpy(np.float64)
        self.emotions = clips["emotion"].to_numpy(dtype=object).astype(str)
        self.speakers = clips["speaker"].to_numpy(dtype=object).astype(str)
        self.fold = folding.assign(clips).fold.to_numpy(dtype=object).astype(str)
        self.classes, self.codes = np.unique(self.emotions, return_inverse=True)
        self.people = np.unique(self.speakers)
        self.head, self.draws, self.seed = head, draws, seed

    def nothing(self) -> dict:
        """Score the head without standardising by speaker."""
        counts = self._empty(1)
        for name in np.unique(self.fold):
            test = self.fold == name
            fitted = self._fit(self.values[~test], ~test)
            said = self._said(fitted, self.values[test])
            who = np.searchsorted(self.people, self.speakers[test])
            np.add.at(counts[0], (who, self.codes[test], said), 1)
        return {
            **_scores(counts),
            "drawn": 0.0,
            "scored": float(len(self.codes)),
            "n_speakers": len(self.people),
        }

    def scored(self, way: str, cells: Iterable[tuple[str, int]]) -> dict[tuple, dict]:
        """Score a way to standardise, for each mix and count of enrolment clips.

        Parameters
        ----------
        way : str
            One of `WAYS`.
        cells : iterable of (str, int)
            Mix and count; or `NOTHING`, or `ALL`.

        Returns
        -------
        dict of dict
            By cell: ``value``, ``low``, ``high``, ``draw_low``, ``draw_high``,
            ``value_all``, ``drawn`` and ``scored`` (clips, on average), and
            ``n_speakers`` (who had enough of such clips).
        """
        cells = [cell for cell in cells if self._enough(cell[1], way)]
        others = {cell: self._empty(self.draws) for cell in cells}
        everyone = {cell: self._empty(self.draws) for cell in cells}
        drawn = {cell: [] for cell in cells}
        for name in np.unique(self.fold):
            train = self.fold != name
            known = self.speakers[train], self.emotions[train]
            place, placed = WAYS[way].learn(self.values[train], *known)
            fitted = self._fit(placed, train)
            for who in np.unique(self.speakers[~train]):
                person = int(np.searchsorted(self.people, who))
                for cell in cells:
                    tables = others[cell][:, person], everyone[cell][:, person]
                    sizes = self._enrol(way, place, fitted, who, cell, tables)
                    drawn[cell] += sizes
        return {
            cell: {
                **_scores(others[cell]),
                "value_all": float(uar(everyone[cell].sum(axis=(0, 1)))),
                "scored": others[cell].sum() / self.draws,
                "drawn": float(np.mean(drawn[cell])) if drawn[cell] else 0.0,
                "n_speakers": len(drawn[cell]) // (self.draws if cell[1] > 0 else 1),
            }
            for cell in cells
        }

    def _enough(self, count: int, way: str) -> bool:
        return count < 0 or count >= WAYS[way].least

    def _enrol(self, way, place, fitted, who, cell, tables) -> list[int]:
        """Count one speaker's confusions in one cell; give the batches' sizes."""
        mine = np.flatnonzero(self.speakers == who)
        values, codes, least = self.values[mine], self.codes[mine], WAYS[way].least
        every = np.arange(len(mine))
        if cell == NOTHING:
            batches = [every[:0]]
        elif cell == ALL:
            batches = [every]
        else:
            keys = [f"{self.seed}|{who}|{draw}" for draw in range(self.draws)]
            batches = [batch(self.emotions[mine], *cell, key) for key in keys]
        if min(map(len, batches)) < least or (cell != NOTHING and not len(batches[0])):
            return []
        stacked = np.vstack([place(values, values[own]) for own in batches])
        said = self._said(fitted, stacked).reshape(len(batches), -1)
        if cell == ALL and len(mine) > max(least, 1):
            rows = [place(values[[i]], values[every != i]) for i in every]
            apart = self._said(fitted, np.vstack(rows))
            np.add.at(tables[0], (slice(None), codes, apart), 1)
            np.add.at(tables[1], (slice(None), codes, said[0]), 1)
            return [len(mine) - 1]
        for draw in range(self.draws):
            own, told = batches[draw % len(batches)], said[draw % len(batches)]
            rest = ~np.isin(every, own)
            np.add.at(tables[0][draw], (codes[rest], told[rest]), 1)
            np.add.at(tables[1][draw], (codes, told), 1)
        return [len(own) for own in batches]

    def _fit(self, values: np.ndarray, rows: np.ndarray):
        fresh = heads.make(self.head, self.seed)
        return heads.fit(fresh, values, self.emotions[rows], self.speakers[rows])

    def _said(self, fitted, values: np.ndarray) -> np.ndarray:
        """Name the classes of clips, as codes."""
        best = fitted.predict_proba(values).argmax(axis=1)
        return np.searchsorted(self.classes, np.asarray(fitted.classes_)[best])

    def _empty(self, draws: int) -> np.ndarray:
        k = len(self.classes)
        return np.zeros((draws, len(self.people), k, k), dtype=np.int64)


def _scores(counts: np.ndarray) -> dict:
    """Score confusions (draws, speakers, k, k): pooled, and how they scatter."""
    heard = counts.sum(axis=(0, 2, 3)) > 0
    value, low, high = jackknife(counts.sum(axis=0)[heard])
    spread = np.quantile(uar(counts.sum(axis=1)), _SPREAD)
    return {
        "value": value,
        "low": low,
        "high": high,
        "draw_low": float(spread[0]),
        "draw_high": float(spread[1]),
        "value_all": value,
    }
