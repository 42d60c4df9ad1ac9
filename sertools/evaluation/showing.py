"""Show a result: a few lines in a terminal, a table in a notebook."""

import html

from sertools.evaluation import wording
from sertools.evaluation.result import Result

__all__ = ["as_html", "as_text"]

_TITLES = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro F1"}


def as_text(result: Result) -> str:
    """Write a result in a few lines."""
    lines = [_headline(result)]
    lines += [f"  {_TITLES[name]:9} {_score(s)}" for name, s in result.scores().items()]
    lines.append(f"  chance    {result.chance:.3f}")
    if result.baseline:
        lines.append(f"  baseline  {_score(result.baseline['uar'])}  {_BASELINE}")
    recalls = result.per_class()["recall"]
    lines.append(
        "  recall    " + ", ".join(f"{name} {r:.2f}" for name, r in recalls.items())
    )
    lines += [f"  {note}" for note in _notes(result)]
    return "\n".join(lines)


def as_html(result: Result) -> str:
    """Write a result as a small table with its warnings."""
    rows = [
        (_TITLES[name], f"{s['value']:.3f}", wording.span(s["low"], s["high"]), "")
        for name, s in result.scores().items()
    ]
    rows.append(("chance", f"{result.chance:.3f}", "", "guessing among the emotions"))
    if base := result.baseline and result.baseline["uar"]:
        between = wording.span(base["low"], base["high"])
        rows.append(("baseline", f"{base['value']:.3f}", between, _BASELINE))
    return (
        f"<p>{html.escape(_headline(result))}</p>"
        + wording.rows(rows, ("", "value", "95 % over speakers", ""), "Scores")
        + wording.dotted(_notes(result))
    )


_BASELINE = "UAR of duration and loudness alone"


def _headline(result: Result) -> str:
    name = wording.named(result.info, "dataset", "model", "head", "folds")
    who = wording.speakers(result.n_speakers)
    size = f"{len(result.predictions)} clips, {who}, {len(result.emotions)} emotions"
    return f"{name}: {size}"


def _score(score: dict) -> str:
    return f"{score['value']:.3f}  {wording.span(score['low'], score['high'])}"


def _notes(result: Result) -> list[str]:
    notes = list(result.warnings)
    if result.excluded:
        first = result.excluded[0]
        notes.append(
            f"{len(result.excluded)} excluded, the first: {first['clip']} "
            f"({first['reason']})."
        )
    notes += [
        f"{n} clip{'s' * (n != 1)} left out: {why}."
        for why, n in result.left_out.items()
    ]
    return notes
