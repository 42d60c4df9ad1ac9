"""Scores on clean and on degraded recordings, side by side."""

import html
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools import audio
from sertools.evaluation import wording
from sertools.evaluation.comparison.exchange import MIN_SPEAKERS, exchange, shares
from sertools.evaluation.result import Result
from sertools.evaluation.wording import p_value, span

__all__ = ["CLEAN", "Robustness"]

CLEAN = "clean"
"""The name of the level at which nothing is done."""

_LEVEL = 0.05


@dataclass(repr=False)
class Robustness:
    """What became of a score when the recordings became worse.

    Parameters
    ----------
    results : dict of str to Result
        By degradation, ``"clean"`` first; all on the same clips.
    matched : dict of str to Result
        The same for heads that were trained on speech as bad as the test;
        empty if that was not asked for.
    seed : int
        Of noise, rooms and exchanges.
    notes : list of str
        What a reader must know.
    """

    results: dict[str, Result]
    matched: dict[str, Result] = field(default_factory=dict)
    seed: int = 0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.levels = _levels(self)

    @property
    def clean(self) -> Result:
        """The result on the recordings as they are."""
        return self.results[CLEAN]

    def answers(self) -> pd.DataFrame:
        """Say what is answered at each level: shares of clips, rows sum to one.

        A model that loses its bearings often does not guess: it calls
        everything by one name.

        Returns
        -------
        DataFrame of shape (levels, classes)
            Indexed by degradation, clean first.
        """
        found = {
            name: result.predictions["predicted"].value_counts(normalize=True)
            for name, result in self.results.items()
        }
        table = pd.DataFrame(found).T.reindex(columns=self.clean.classes).fillna(0.0)
        return table.rename_axis(index="degradation", columns="predicted")

    def __repr__(self) -> str:
        score = self.clean.scores()["uar"]
        lines = [
            self._head(),
            f"  clean  {score['value']:.3f}  {span(score['low'], score['high'])}",
        ]
        lines += [f"  {row.verdict}" for row in self.levels.itertuples()]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        rows = [_cells(CLEAN, self.clean.scores()["uar"])]
        rows += [
            _cells(name, {key: row[key] for key in _SCORE}, row)
            for name, row in self.levels.rename(columns={"uar": "value"}).iterrows()
        ]
        shown = _COLUMNS if self.matched else _COLUMNS[:-1]
        return (
            f"<p>{html.escape(self._head())}</p>"
            + wording.rows([row[: len(shown)] for row in rows], shown, "Degradations")
            + wording.dotted(self.notes)
        )

    def _head(self) -> str:
        result = self.clean
        who = wording.speakers(result.n_speakers)
        named = wording.named(result.info, "dataset", "model", "head", "folds")
        clips = (
            f"{len(result.predictions)} clips, {who}, {len(result.emotions)} emotions"
        )
        return f"{named}: {clips}, chance {result.chance:.3f}"


def _levels(found: Robustness) -> pd.DataFrame:
    """Score every level, and say how far it is from clean."""
    clean = found.clean.predictions
    rows = {}
    for spec, result in found.results.items():
        if spec == CLEAN:
            continue
        asked, score = audio.Degradation.parse(spec), result.scores()["uar"]
        matched = found.matched.get(spec)
        trained = matched.scores()["uar"] if matched else dict.fromkeys(score)
        rows[spec] = {
            "family": asked.family,
            "amount": asked.amount,
            "unit": asked.unit,
            "uar": score["value"],
            "low": score["low"],
            "high": score["high"],
            "difference": score["value"] - found.clean.scores()["uar"]["value"],
            "changed": float(
                (result.predictions["predicted"] != clean["predicted"]).mean()
            ),
            "matched": trained["value"],
            "matched_low": trained["low"],
            "matched_high": trained["high"],
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("degradation")
    numbers = [name for name in table if name not in ("family", "amount", "unit")]
    table[numbers] = table[numbers].astype(float)
    return _tested(table, found)


def _tested(table: pd.DataFrame, found: Robustness) -> pd.DataFrame:
    """Test each difference from clean, speakers exchanged, all levels together."""
    added = {spec: _added(result) for spec, result in found.results.items()}
    columns = ("diff_low", "diff_high", "p", "p_joint", "detectable")
    table[list(columns)] = np.nan
    n = found.clean.n_speakers
    if n is not None and n >= MIN_SPEAKERS:
        moved = np.array([added[spec] - added[CLEAN] for spec in table.index])
        tested = exchange(moved, found.seed)
        for name, values in zip(
            columns,
            (tested.low, tested.high, tested.p, tested.p_joint, tested.detectable),
            strict=True,
        ):
            table[name] = values
    table["verdict"] = [_verdict(row) for row in table.itertuples()]
    return table


def _added(result: Result) -> np.ndarray:
    """Give what each speaker adds to the score."""
    told = result.predictions
    right = (told["emotion"] == told["predicted"]).to_numpy()
    who = told["speaker"].fillna("").to_numpy(dtype=str)
    return shares(right, told["emotion"].to_numpy(dtype=str), who)


def _verdict(row) -> str:
    start = f"{row.Index}: UAR {row.uar:.3f}"
    if np.isnan(row.p_joint):
        return f"{start}, {row.difference:+.3f} from clean."
    size = f"{row.difference:+.3f} {span(row.diff_low, row.diff_high)} from clean"
    p = p_value(row.p_joint)
    if row.p_joint <= _LEVEL:
        return f"{start}, {size}, p = {p}."
    return f"{start}, {size}: that may be chance, p = {p}."


_SCORE = ("value", "low", "high")
_COLUMNS = (
    *("", "UAR", "95 % over speakers", "from clean", "p, joint", "answers changed"),
    "trained on the same",
)


def _cells(name: str, score: dict, row=None) -> list[str]:
    """Write one level for a reader; of clean speech there is no change to tell."""
    cells = [name, f"{score['value']:.3f}", span(score["low"], score["high"])]
    if row is None:
        return [*cells, "", "", "", ""]
    cells += [f"{row['difference']:+.3f} {span(row['diff_low'], row['diff_high'])}"]
    cells += ["" if np.isnan(row["p_joint"]) else p_value(row["p_joint"])]
    cells += [f"{row['changed']:.0%}"]
    return [*cells, "" if np.isnan(row["matched"]) else f"{row['matched']:.3f}"]
