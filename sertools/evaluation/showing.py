"""Show a result: a few lines in a terminal, a table in a notebook."""

import html

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
        (f"<b>{_TITLES[name]}</b>", f"<b>{s['value']:.3f}</b>", _interval(s), "")
        for name, s in result.scores().items()
    ]
    rows.append(("chance", f"{result.chance:.3f}", "", "guessing among the emotions"))
    if base := result.baseline and result.baseline["uar"]:
        rows.append(("baseline", f"{base['value']:.3f}", _interval(base), _BASELINE))
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{c}</td>" for c in row) + "</tr>"
        for row in rows
    )
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in _notes(result))
    return (
        f"<p>{html.escape(_headline(result))}</p>"
        "<table><thead><tr><th></th><th>value</th><th>95 % over speakers</th><th></th>"
        f"</tr></thead><tbody>{body}</tbody></table>"
        + (f"<ul>{notes}</ul>" if notes else "")
    )


_BASELINE = "UAR of duration and loudness alone"


def _headline(result: Result) -> str:
    about = [result.info.get("dataset"), result.info.get("model")]
    about += [result.info.get("head"), result.info.get("folds")]
    speakers = result.n_speakers
    who = (
        "speakers unknown"
        if speakers is None
        else f"{speakers} speaker{'s' * (speakers != 1)}"
    )
    size = f"{len(result.predictions)} clips, {who}, {len(result.emotions)} emotions"
    return " / ".join(map(str, filter(None, about))) + f": {size}"


def _score(score: dict) -> str:
    return f"{score['value']:.3f}  {_interval(score)}"


def _interval(score: dict) -> str:
    if score["low"] is None:
        return "(no interval)"
    return f"[{score['low']:.3f}, {score['high']:.3f}]"


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
