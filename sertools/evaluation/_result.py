"""What an evaluation found: every prediction, and the scores drawn from them."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from sertools import display, files
from sertools.evaluation import _proper_scoring, _schema, intervals
from sertools.evaluation._calibration import Calibration, reliability
from sertools.evaluation._notes import Kind, Note, recognised
from sertools.evaluation._selective import RiskCoverage, risk_coverage
from sertools.evaluation.intervals import FIELDS

INFO = (
    *("dataset", "model", "head", "folds", "standardize", "seed"),
    *("leaking", "synthetic", "random_weights"),
)
"""What ``info`` holds of every result; anything else is ``more`` in the metrics."""


@dataclass(repr=False)
class Result(display.Display):
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
    filtered : dict of str to int
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
    filtered: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    baseline: dict | None = None
    provenance: dict = field(default_factory=dict)

    @property
    def notes(self) -> list[Note]:
        """The warnings, each with its kind: what programs ask for."""
        return [
            said if isinstance(said, Note) else Note(Kind.OTHER, said)
            for said in self.warnings
        ]

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
        return intervals.scores(self.predictions, self.classes)

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
        return intervals.by(self, column)

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

    def calibration(self, bins: int = 10, seed: int = 0) -> Calibration:
        """Measure calibration: how far the probabilities can be trusted.

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
        return reliability(self, bins, seed)

    def risk_coverage(self) -> RiskCoverage:
        """Draw the risk-coverage curve: errors among the clips it is surest of.

        Returns
        -------
        RiskCoverage
            Error against the share of clips answered, and on whom the silence
            falls.

        Raises
        ------
        ValueError
            If the answers come without probabilities.
        """
        return risk_coverage(self)

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
        folder = Path(folder)
        with files.replacing(folder / "predictions.parquet") as draft:
            self.predictions.to_parquet(draft, index=False)
            files.write_json(folder / "metrics.json", self.metrics())
        return folder

    def _parts(self):
        yield display.heading(_headline(self))
        yield display.Part(_lines(self), _table(self))
        yield display.notes(_remarks(self))


_KEYS = INFO[:6]
_PROVENANCE = ("corpus_sha256", "weights_sha256", "licenses")


def load(folder: str | os.PathLike) -> Result:
    """Read a result that was saved.

    Parameters
    ----------
    folder : path-like
        With ``metrics.json`` and ``predictions.parquet`` in it.

    Returns
    -------
    Result
        As it was.

    Raises
    ------
    FileNotFoundError
        If one of the files is not there.
    ValueError
        If one is damaged: a line with its name, the field, and what is wrong.
    """
    folder = Path(folder)
    for name in ("metrics.json", "predictions.parquet"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder}: no {name}, so no saved result.")
    metrics = _schema.read_metrics(folder)
    info = {key: metrics.get(key) for key in INFO}
    return Result(
        _schema.read_predictions(folder / "predictions.parquet"),
        info={**info, **metrics.get("more", {})},
        excluded=metrics["excluded"],
        filtered=metrics.get("left_out", {}),
        warnings=recognised(metrics["warnings"], metrics),
        baseline=metrics["baseline"],
        provenance={key: metrics.get(key) for key in _PROVENANCE},
    )


def metrics(result: Result) -> dict:
    """Give everything that ``metrics.json`` holds; see `Result.metrics`."""
    info = result.info
    return {
        "schema_version": 1,
        **{key: info.get(key) for key in _KEYS},
        "n_clips": len(result.predictions),
        "n_speakers": result.n_speakers,
        "classes": result.classes,
        "emotions": result.emotions,
        **result.scores(),
        **_losses(result),
        "chance": result.chance,
        "baseline": result.baseline,
        "per_class": {
            name: {key: None if pd.isna(value) else value for key, value in row.items()}
            for name, row in result.per_class().to_dict("index").items()
        },
        "per_speaker": _per_speaker(result),
        "confusion": {
            "rows": result.emotions,
            "columns": result.classes,
            "counts": result.confusion().to_numpy().tolist(),
        },
        "excluded": result.excluded,
        "left_out": result.filtered,
        "warnings": result.warnings,
        "leaking": info.get("leaking"),
        "synthetic": bool(info.get("synthetic")),
        "random_weights": bool(info.get("random_weights")),
        "more": {key: value for key, value in info.items() if key not in INFO},
        "corpus_sha256": result.provenance.get("corpus_sha256"),
        "weights_sha256": result.provenance.get("weights_sha256"),
        "licenses": result.provenance.get("licenses", []),
    }


def _losses(result: Result) -> dict[str, dict | None]:
    """Score the probabilities; ``None`` where the answers come without."""
    said = _proper_scoring.answers(result)
    if _proper_scoring.is_one_hot(said.probabilities):
        return dict.fromkeys(_proper_scoring.LOSSES)
    return {
        name: _proper_scoring.mean(loss(*said[:2]), said.speakers, scale)
        for name, (loss, scale) in _proper_scoring.LOSSES.items()
    }


def _per_speaker(result: Result) -> dict | None:
    if result.n_speakers is None:
        return None
    return {
        speaker: {"n_clips": int(row["n_clips"]), "uar": float(row["uar"])}
        for speaker, row in result.by("speaker").iterrows()
    }


_TITLES = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro F1"}


def _lines(result: Result) -> list[str]:
    """Write scores, chance and recalls in a few lines."""
    lines = [f"  {_TITLES[name]:9} {_score(s)}" for name, s in result.scores().items()]
    lines.append(f"  chance    {result.chance:.3f}")
    if result.baseline:
        lines.append(f"  baseline  {_score(result.baseline['uar'])}  {_BASELINE}")
    recalls = result.per_class()["recall"]
    named = ", ".join(f"{name} {r:.2f}" for name, r in recalls.items())
    return [*lines, f"  recall    {named}"]


def _table(result: Result) -> str:
    """Write scores and chance as a small table in HTML."""
    rows = [
        (_TITLES[name], f"{s['value']:.3f}", display.span(s["low"], s["high"]), "")
        for name, s in result.scores().items()
    ]
    rows.append(("chance", f"{result.chance:.3f}", "", "guessing among the emotions"))
    if base := result.baseline and result.baseline["uar"]:
        between = display.span(base["low"], base["high"])
        rows.append(("baseline", f"{base['value']:.3f}", between, _BASELINE))
    return display.rows(rows, ("", "value", "95 % over speakers", ""), "Scores")


_BASELINE = "UAR of duration and loudness alone"


def _headline(result: Result) -> str:
    name = display.named(result.info, "dataset", "model", "head", "folds")
    who = display.speakers(result.n_speakers)
    size = f"{len(result.predictions)} clips, {who}, {len(result.emotions)} emotions"
    return f"{name}: {size}"


def _score(score: dict) -> str:
    return f"{score['value']:.3f}  {display.span(score['low'], score['high'])}"


def _remarks(result: Result) -> list[str]:
    notes = list(result.warnings)
    if result.excluded:
        first = result.excluded[0]
        notes.append(
            f"{len(result.excluded)} excluded, the first: {first['clip']} "
            f"({first['reason']})."
        )
    notes += [
        f"{n} clip{'s' * (n != 1)} left out: {why}."
        for why, n in result.filtered.items()
    ]
    return notes
