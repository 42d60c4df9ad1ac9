"""Each corpus trained on and each tested on."""

from collections.abc import Sequence

import pandas as pd

from sertools.evaluation.result import Result
from sertools.evaluation.travel.each_on_each import OTHERS, CrossCorpus
from sertools.evaluation.travel.joining import joined
from sertools.evaluation.travel.transfer import transfer
from sertools.evaluation.validation import cross_validate
from sertools.features.scaling import FORMS
from sertools.models import heads

__all__ = ["cross_corpus"]

_FORMS = ("none", "corpus", "speaker")


def cross_corpus(
    head,
    X: pd.DataFrame,
    clips: pd.DataFrame,
    standardize: str | Sequence[str] = _FORMS,
    seed: int = 0,
    baseline: bool = False,
    tune: bool = False,
) -> CrossCorpus:
    """Train on each corpus and test on each, over the emotions all of them have.

    Within one corpus speakers are held out in turn. With three corpora or more,
    each is also tested with a head trained on all others together, where every
    clip counts alike within its emotion.

    Parameters
    ----------
    head : str or scikit-learn classifier
        See `sertools.models.heads.make`.
    X : DataFrame of shape (n, d)
        Features of the clips of all corpora.
    clips : DataFrame
        Their clips tables, as `joined` or `pandas.concat` joins them; the
        column ``dataset`` says which corpus.
    standardize : str or sequence of str
        Standardisations to try side by side, by default none, corpus and
        speaker; see `sertools.features.standardize`.
    seed : int, default 0
        Of everything drawn.
    baseline : bool, default False
        Score duration and loudness alone, too, where clips have files.
    tune : bool, default False
        Choose the head's settings anew for each cell, inside its training clips;
        see `cross_validate`.

    Returns
    -------
    CrossCorpus
        Shows itself as tables. What cannot be done, such as holding speakers
        out that are unknown, is left empty and noted.

    Raises
    ------
    ValueError
        If there are fewer than two corpora, they share fewer than two emotions,
        or a name is unknown.

    Examples
    --------
    >>> from sertools import datasets, features, models
    >>> clips = datasets.load("demo")
    >>> model = models.load("duration_loudness")
    >>> X = features.extract(model, clips, store=False)
    >>> women = clips["sex"] == "female"
    >>> clips["dataset"] = women.map({True: "women", False: "men"})
    >>> board = cross_corpus("logistic", X, clips, "none")
    >>> board.matrix().columns.tolist()
    ['women', 'men']
    """
    corpora = list(clips["dataset"].dropna().unique())
    if len(corpora) < 2:
        raise ValueError(
            f"One corpus only ({', '.join(corpora)}): join two or more. Within one, "
            "cross_validate holds speakers out."
        )
    forms = _known(standardize)
    head = heads.make(head, seed)
    clips = _shared(clips, corpora)
    X = X[X.index.isin(clips.index)]
    results, notes = {}, []
    shared = {"seed": seed, "baseline": baseline, "tune": tune}
    for form in forms:
        for train, test in _pairs(corpora):
            given = {**shared, "standardize": form}
            try:
                result = _one(head, X, clips, train, test, given)
            except ValueError as error:
                notes.append(f"{train} -> {test}, standardize={form}: {error}")
            else:
                results[train, test, form] = result
    if not results:
        raise ValueError(notes[0])
    return CrossCorpus(results, corpora, forms, [*_notes(results, clips), *notes])


def _known(standardize: str | Sequence[str]) -> list[str]:
    forms = [standardize] if isinstance(standardize, str) else list(standardize)
    if strangers := [form for form in forms if form not in FORMS]:
        known = ", ".join(FORMS)
        raise ValueError(f"Unknown standardize {strangers[0]!r}. Known: {known}.")
    return forms


def _shared(clips: pd.DataFrame, corpora: list[str]) -> pd.DataFrame:
    parts = [clips[clips["dataset"] == name].copy() for name in corpora]
    for part in parts:
        part.attrs = {}
    shared = joined(parts)
    told = {**clips.attrs.get("left_out", {}), **shared.attrs["left_out"]}
    shared.attrs = {**clips.attrs, "left_out": told}
    return shared


def _pairs(corpora: list[str]) -> list[tuple[str, str]]:
    trained = [*corpora, *([OTHERS] if len(corpora) > 2 else [])]
    return [(train, test) for train in trained for test in corpora]


def _one(head, X, clips, train: str, test: str, given: dict) -> Result:
    if train != test:
        which = None if train == OTHERS else train
        return transfer(head, X, clips, test, which, **given)
    own = clips[clips["dataset"] == test].copy()
    own.attrs = {}
    part = X[X.index.isin(own.index)]
    part.attrs = {**X.attrs, "excluded": []}
    return cross_validate(head, part, own, "speaker", **given)


def _notes(results: dict, clips: pd.DataFrame) -> list[str]:
    """Collect the results' warnings, with the corpus where not all have them."""
    where: dict[str, set[str]] = {}
    for (_, test, _), result in results.items():
        for warning in result.warnings:
            where.setdefault(warning, set()).add(test)
    everywhere = {test for _, test, _ in results}
    said = [
        warning if tests == everywhere else f"On {', '.join(sorted(tests))}: {warning}"
        for warning, tests in where.items()
    ]
    left_out = clips.attrs.get("left_out", {})
    said += [f"{n} clips left out: {why}." for why, n in left_out.items()]
    if excluded := clips.attrs.get("excluded"):
        first = excluded[0]
        said.append(
            f"{len(excluded)} excluded, the first: {first['clip']} ({first['reason']})."
        )
    return said
