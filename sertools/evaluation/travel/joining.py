"""Corpora one below the other, over the emotions that all of them have."""

from collections import Counter
from collections.abc import Iterable

import pandas as pd

__all__ = ["concerning", "joined", "only"]


def joined(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join the clips tables of several corpora over the emotions all of them have.

    Parameters
    ----------
    tables : iterable of DataFrame
        One a corpus, as `sertools.datasets.load` gives.

    Returns
    -------
    DataFrame
        One below the other. ``attrs`` keeps the tables' ``excluded``, and counts
        under ``left_out`` the clips of emotions that not all have.

    Raises
    ------
    ValueError
        If fewer than two emotions are shared, or a clip is in two tables.

    Examples
    --------
    >>> from sertools import datasets
    >>> demo = datasets.load("demo")
    >>> women, men = (demo[demo["sex"] == sex] for sex in ("female", "male"))
    >>> men = men[men["emotion"] != "fear"]
    >>> joined([women, men]).attrs["left_out"]
    {'fear of demo, not in every corpus': 16}
    """
    tables = list(tables)
    had = {_named(table): set(table["emotion"]) for table in tables}
    shared = set.intersection(*(set(table["emotion"]) for table in tables))
    if len(shared) < 2:
        each = "; ".join(f"{n}: {', '.join(sorted(e))}" for n, e in had.items())
        raise ValueError(f"Fewer than two emotions are shared ({each}).")
    left_out, excluded = Counter(), []
    for given in tables:
        left_out.update(given.attrs.get("left_out", {}))
        excluded += given.attrs.get("excluded", [])
        away = given.loc[~given["emotion"].isin(shared), "emotion"]
        for emotion, n in away.value_counts(sort=False).sort_index().items():
            left_out[f"{emotion} of {_named(given)}, not in every corpus"] += n
    clips = pd.concat([table[table["emotion"].isin(shared)] for table in tables])
    if clips.index.has_duplicates:
        twice = clips.index[clips.index.duplicated()][0]
        raise ValueError(f"Clip {twice} is in two of the corpora.")
    told = {why: int(n) for why, n in left_out.items()}
    clips.attrs = {"left_out": told, "excluded": excluded}
    return clips


def _named(clips: pd.DataFrame) -> str:
    return "+".join(sorted(clips["dataset"].dropna().unique()))


def only(clips: pd.DataFrame, corpora: list[str]) -> pd.DataFrame:
    """Take some corpora of a joined table, and what it tells of clips left out."""
    parts = [clips[clips["dataset"] == name].copy() for name in corpora]
    for part in parts:
        part.attrs = {}
    taken = joined(parts)
    away = set(clips["dataset"].dropna()) - set(corpora)
    told = {
        why: n
        for why, n in clips.attrs.get("left_out", {}).items()
        if not any(f" of {name}, not in" in why for name in away)
    }
    taken.attrs["left_out"] = dict(Counter(told) + Counter(taken.attrs["left_out"]))
    taken.attrs["away"] = sorted(away)
    taken.attrs["excluded"] = concerning(taken, clips.attrs.get("excluded"))
    return taken


def concerning(clips: pd.DataFrame, excluded: list[dict] | None) -> list[dict]:
    """Take the excluded clips, but for those of corpora that are not used."""
    if excluded is None:
        return clips.attrs["excluded"]
    away = clips.attrs["away"]
    return [row for row in excluded if str(row["clip"]).partition("/")[0] not in away]
