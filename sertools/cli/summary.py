"""Say in a few lines how an evaluation went."""

from typing import TYPE_CHECKING

from sertools.cli import output

if TYPE_CHECKING:
    from sertools.evaluation import Result

__all__ = ["write"]

_SHOWN = 20  # excluded clips named on the screen; the files name all


def write(result: "Result") -> None:
    """Write the summary of a result to standard output.

    Parameters
    ----------
    result : Result
        What an evaluation returned.
    """
    metrics, scores = result.metrics(), result.scores()
    info = [result.info[key] for key in ("dataset", "model", "head")]
    if result.info.get("folds"):
        info.append(f"folds: {result.info['folds']}")
    if result.info.get("standardize") not in (None, "none"):
        info.append(f"standardised by {result.info['standardize']}")
    output.say(" · ".join(str(word) for word in info if word))
    output.say(_sizes(metrics))
    output.say()
    rows = [_score(name, scores[key]) for key, name in _NAMES.items()]
    rows.append(("chance", f"{result.chance:.3f}", "", "UAR of guessing"))
    if result.baseline:
        _, value, interval, _ = _score("", result.baseline["uar"])
        meaning = "UAR from duration and loudness alone"
        rows.append(("baseline", value, interval, meaning))
    output.table(rows)
    output.say()
    per_class = result.per_class()
    output.table(
        (
            (
                emotion,
                f"{row['recall']:.3f}",
                f"{row['precision']:.3f}",
                int(row["n_clips"]),
            )
            for emotion, row in per_class.iterrows()
        ),
        ("emotion", "recall", "precision", "clips"),
    )
    _excluded(result.excluded)
    for warning in result.warnings:
        output.say(f"warning: {warning}")


_NAMES = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro F1"}


def _sizes(metrics: dict) -> str:
    speakers = metrics["n_speakers"]
    known = f"{speakers} speakers" if speakers is not None else "speakers unknown"
    return f"{metrics['n_clips']} clips, {known}, {len(metrics['classes'])} classes"


def _score(name: str, score: dict) -> tuple[str, str, str, str]:
    if score["low"] is None:
        return name, f"{score['value']:.3f}", "", "no interval: fewer than 3 speakers"
    interval = f"[{score['low']:.3f}, {score['high']:.3f}]"
    return name, f"{score['value']:.3f}", interval, "95 % over speakers"


def _excluded(excluded: list[dict]) -> None:
    if not excluded:
        return
    output.say(f"\n{len(excluded)} left out:")
    for item in excluded[:_SHOWN]:
        output.say(f"  {item['clip']}: {item['reason']}")
    if len(excluded) > _SHOWN:
        output.say(f"  and {len(excluded) - _SHOWN} more; metrics.json names them all")
