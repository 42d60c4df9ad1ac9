"""Models side by side: what they score and cost, and what can be said of it."""

import html
from dataclasses import dataclass, field

import pandas as pd

from sertools.evaluation import wording
from sertools.evaluation.wording import span

__all__ = ["Comparison"]

_COSTS = {"seconds_per_clip": "not measured", "megabytes": "unknown"}
_TITLES = {"seconds_per_clip": "seconds a clip", "megabytes": "MB of weights"}
_PUBLISHED = "Published, by other protocols: reported, not run here, never ranked"


@dataclass(repr=False)
class Comparison:
    """Models side by side, and what can be said of their differences.

    Parameters
    ----------
    models : DataFrame
        One row a model, the best first: ``uar``, ``low``, ``high`` (95 % over
        speakers), ``accuracy``, ``uar_outside`` (answers outside the shared
        emotions count as wrong), ``seconds_per_clip`` and ``megabytes`` of
        weights (missing where not measured), ``head``, ``folds``,
        ``standardize``, and ``apart``: why a model is not ranked with the
        first ones; empty for those.
    pairs : DataFrame
        One row a pair that may be ranked: ``a``, ``b``, ``difference`` of the
        UAR (a minus b), ``low``, ``high``, ``p``, ``p_joint`` (for all pairs
        together), ``detectable`` (a difference that four of five such studies
        would have found) and ``verdict``.
    emotions : list of str
        Those that all models and the clips share.
    n_clips, n_speakers : int
        What all were tested on; speakers ``None`` if unknown.
    notes : list of str
        What was left out, and what a reader must know.
    published : DataFrame, optional
        What others published, as `published` gives it.
    """

    models: pd.DataFrame
    pairs: pd.DataFrame
    emotions: list[str]
    n_clips: int
    n_speakers: int | None
    notes: list[str] = field(default_factory=list)
    published: pd.DataFrame | None = None

    def groups(self) -> list[tuple[str, pd.DataFrame]]:
        """Give the models that may be ranked with each other, group by group.

        Returns
        -------
        list of (str, DataFrame)
            Why the group stands apart, empty for the first; its rows of
            ``models``.
        """
        if "apart" not in self.models:
            return [("", self.models)]
        return list(self.models.groupby("apart", sort=False))

    def __repr__(self) -> str:
        lines = [self._head()]
        width = max(len(str(name)) for name in self.models.index)
        for why, models in self.groups():
            lines += [f"  Not to be ranked with the rest: {why}"] * bool(why)
            for name, row in models.iterrows():
                told = f"{row['uar']:.3f}  {span(row['low'], row['high'])}"
                lines.append(f"  {name!s:{width}}  {told}{_cost(row)}")
        lines += [f"  {line}" for line in [*self.pairs["verdict"], *self.notes]]
        if (rows := self.published) is not None and len(rows):
            lines.append(f"  {_PUBLISHED}:")
            lines += [
                f"    {name}  {row.measure} {row.score:.3f}, {row.n_emotions} "
                f"emotions; {row.source}"
                for name, row in rows.iterrows()
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(self._head())}</p>"]
        for why, models in self.groups():
            if why:
                parts.append(
                    f"<p><b>Not to be ranked with the rest</b>: {html.escape(why)}</p>"
                )
            parts.append(_table(models))
        said = [*self.pairs["verdict"], *self.notes]
        parts.append(wording.dotted(said))
        if self.published is not None and len(self.published):
            parts.append(f"<p><b>{_PUBLISHED}</b></p>")
            parts.append(wording.frame(self.published.rename_axis(None), _PUBLISHED))
        return "".join(parts)

    def _head(self) -> str:
        who = wording.speakers(self.n_speakers)
        shared = ", ".join(self.emotions)
        return f"{len(self.models)} models, {self.n_clips} clips, {who}; {shared}"


def _cost(row: pd.Series) -> str:
    """Say in a line what a model costs, where anything is known of it."""
    if row.get("seconds_per_clip") is None or pd.isna(row["seconds_per_clip"]):
        return ""
    return f"  {row['seconds_per_clip']:.3f} s a clip"


def _table(models: pd.DataFrame) -> str:
    shown = pd.DataFrame({"UAR": models["uar"].round(3)})
    spans = zip(models["low"], models["high"], strict=True)
    shown["95 % over speakers"] = [span(low, high) for low, high in spans]
    if (models["uar_outside"] < models["uar"] - 1e-9).any():
        shown["UAR, outside = wrong"] = models["uar_outside"].round(3)
    for name in ("accuracy", "head", "folds", "standardize"):
        if name in models and not models[name].isna().all():
            shown[name] = models[name] if name != "accuracy" else models[name].round(3)
    for name, absent in _COSTS.items():
        if name in models:
            shown[_TITLES[name]] = [_number(value, absent) for value in models[name]]
    return wording.frame(shown, "Models")


def _number(value, absent: str) -> str:
    if value is None or pd.isna(value):
        return absent
    return "none" if value == 0 else f"{value:.3g}"
