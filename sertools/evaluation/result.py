"""What an evaluation found: every prediction, and the scores drawn from them."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sertools.evaluation.calibration.abstention import Abstention
    from sertools.evaluation.calibration.reliability import Calibration

__all__ = ["FIELDS", "INFO", "Result"]

FIELDS = ("clip", "emotion", "predicted", "speaker", "sex", "fold", "path")
"""The columns of ``predictions`` before the probabilities."""

INFO = (
    *("dataset", "model", "head", "folds", "standardize", "seed"),
    *("leaking", "synthetic", "random_weights"),
)
"""What ``info`` holds of every result; anything else is ``more`` in the metrics."""


@dataclass(repr=False)
class Result:
    """Every prediction of an evaluation, and the scores drawn from them.

    Parameters
    ----------
    predictions : DataFrame
        One row a clip: clip, emotion, predicted, speaker, sex, fold, path, and
        one probability column a class. ``predicted`` is the most probable.
    info : dict
        dataset, model, head, folds, standardize, seed, and what `calibrate`
        fitted as ``calibration``; ``None`` where it does not apply.
    excluded : list of dict
        ``clip`` and ``reason`` of each clip that could not be used.
    left_out : dict of str to int
        Clips not looked at by choice, counted by reason.
    warnings : list of str
        What a reader of the scores must know.
    baseline : dict, optional
        The scores of duration and loudness alone, on the same folds.
    provenance : dict
        ``corpus_sha256``, ``weights_sha256``, ``licenses``.
    """

    predictions: pd.DataFrame
    info: dict = field(default_factory=dict)
    excluded: list[dict] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    baseline: dict | None = None
    provenance: dict = field(default_factory=dict)

    @property
    def classes(self) -> list[str]:
        """The classes predicted, sorted: the probability columns."""
        return [name for name in self.predictions.columns if name not in FIELDS]

    @property
    def emotions(self) -> list[str]:
        """The true emotions, sorted."""
        return sorted(self.predictions["emotion"].unique())

    @property
    def chance(self) -> float:
        """The UAR of guessing: one over the number of true emotions."""
        return 1 / len(self.emotions)

    @property
    def n_speakers(self) -> int | None:
        """How many speakers were tested; ``None`` if that is unknown."""
        speakers = self.predictions["speaker"]
        return None if speakers.isna().any() else int(speakers.nunique())

    def scores(self) -> dict[str, dict[str, float | None]]:
        """Score all clips together, with 95 % intervals over speakers.

        Returns
        -------
        dict
            ``uar``, ``accuracy``, ``macro_f1``, each a dict of ``value``,
            ``low`` and ``high``, shares in [0, 1]. ``low`` and ``high`` are
            ``None`` with fewer than 3 speakers, or if they are unknown.
        """
        from sertools.evaluation.grouping import scores

        return scores(self.predictions, self.classes)

    def by(self, column: str) -> pd.DataFrame:
        """Score groups of clips apart.

        Parameters
        ----------
        column : str
            ``sex``, ``speaker``, ``fold``, or any other column of
            ``predictions``.

        Returns
        -------
        DataFrame
            One row a group: n_clips, n_speakers, n_emotions, uar, low, high,
            accuracy. The UAR is the mean recall over the emotions the group
            has. Clips of which the column is unknown are a group of their own,
            ``unknown``.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        from sertools.evaluation.grouping import by

        return by(self, column)

    def per_class(self) -> pd.DataFrame:
        """Count clips, recall, precision and F1 of each true emotion."""
        confusion = self.confusion()
        hits = pd.Series(
            {name: self._hits(confusion, name) for name in confusion.index}
        )
        total = confusion.sum(axis=1)
        claimed = confusion.sum(axis=0).reindex(confusion.index, fill_value=0)
        return pd.DataFrame(
            {
                "n_clips": total,
                "recall": hits / total,
                "precision": hits / claimed.where(claimed > 0),
                "f1": 2 * hits / (total + claimed),
            }
        )

    @staticmethod
    def _hits(confusion: pd.DataFrame, name: str) -> int:
        return int(confusion.at[name, name]) if name in confusion.columns else 0

    def mistakes(self, top: int = 6) -> pd.DataFrame:
        """List the wrong predictions, the most confident first.

        Parameters
        ----------
        top : int, default 6
            How many.

        Returns
        -------
        DataFrame
            Rows of ``predictions``, with ``confidence`` (the probability of
            what was predicted) in the place of the probabilities.
        """
        table = self.predictions[list(FIELDS)].copy()
        table["confidence"] = self.predictions[self.classes].max(axis=1)
        wrong = table[table["emotion"] != table["predicted"]]
        return wrong.sort_values("confidence", ascending=False, kind="stable").head(top)

    def calibration(self, bins: int = 10, seed: int = 0) -> "Calibration":
        """Measure how far the probabilities can be trusted.

        Parameters
        ----------
        bins : int, default 10
            Of the confidence, equally wide.
        seed : int, default 0
            Of the draws that say what a calibrated model would show.

        Returns
        -------
        Calibration
            Log loss and Brier score with intervals, calibration errors with
            their bias, and what the reliability diagram is drawn from.

        Raises
        ------
        ValueError
            If the answers come without probabilities.
        """
        from sertools.evaluation.calibration.reliability import measure

        return measure(self, bins, seed)

    def abstention(self) -> "Abstention":
        """Measure what silence buys: errors among the clips it is surest of.

        Returns
        -------
        Abstention
            Error against the share of clips answered, and on whom the silence
            falls.

        Raises
        ------
        ValueError
            If the answers come without probabilities.
        """
        from sertools.evaluation.calibration.abstention import measure

        return measure(self)

    def confusion(self) -> pd.DataFrame:
        """Count confusions: rows true emotions, columns predicted classes."""
        table = pd.crosstab(self.predictions["emotion"], self.predictions["predicted"])
        return table.reindex(
            index=pd.Index(self.emotions, name="emotion"),
            columns=pd.Index(self.classes, name="predicted"),
            fill_value=0,
        )

    def metrics(self) -> dict:
        """Give everything that ``metrics.json`` holds."""
        from sertools.evaluation.saving import metrics

        return metrics(self)

    def save(self, folder: str | os.PathLike) -> Path:
        """Write ``metrics.json`` and ``predictions.parquet``.

        Parameters
        ----------
        folder : path-like
            Made if need be. Each file is written whole or not at all.

        Returns
        -------
        Path
            The folder.
        """
        from sertools.evaluation.saving import save

        return save(self, folder)

    def __repr__(self) -> str:
        from sertools.evaluation.showing import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from sertools.evaluation.showing import as_html

        return as_html(self)
