"""Cross-corpus evaluation: each corpus trained on, and each tested on."""

import functools
import html
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from sertools import display
from sertools.evaluation._cross_validation import cross_validate
from sertools.evaluation._notes import Note
from sertools.evaluation._result import Result
from sertools.evaluation._transfer import apart, transfer
from sertools.features._standardization import FORMS
from sertools.metadata import ClipsMetadata, FeaturesMetadata
from sertools.models import heads

_FORMS = {"none": "features as they are"}
OTHERS = "all others"
"""Stands for every corpus but the one tested on."""


@dataclass(repr=False)
class CrossCorpus(display.Display):
    """How a recipe fares from each corpus to each, one table a standardisation.

    Parameters
    ----------
    results : dict of (str, str, str) to Result
        By what was trained on, tested on, and how features were standardised.
        Where both corpora are the same, its speakers were held out in turn;
        with three corpora or more, ``"all others"`` is trained on, too.
    corpora : list of str
        In the order of the tables.
    forms : list of str
        The standardisations.
    notes : list of str
        What a reader must know.
    """

    results: dict[tuple[str, str, str], Result]
    corpora: list[str]
    forms: list[str]
    notes: list[str] = field(default_factory=list)

    @property
    def emotions(self) -> list[str]:
        """The emotions that all corpora have."""
        return sorted({name for r in self.results.values() for name in r.emotions})

    @property
    def chance(self) -> float:
        """The UAR of guessing: one over the number of emotions."""
        return 1 / len(self.emotions)

    @property
    def trained_on(self) -> list[str]:
        """What was trained on: each corpus, and all others if there are three."""
        return [*self.corpora, *([OTHERS] if len(self.corpora) > 2 else [])]

    def table(self) -> pd.DataFrame:
        """List every result in one row.

        Returns
        -------
        DataFrame
            standardize, train, test, within (one corpus, its speakers held
            out), uar, low, high, baseline, n_clips, n_speakers.
        """
        return self._table.copy()

    @functools.cached_property
    def _table(self) -> pd.DataFrame:
        rows = []
        for (train, test, form), result in self.results.items():
            uar, base = result.scores()["uar"], result.baseline
            rows.append(
                {
                    "standardize": form,
                    "train": train,
                    "test": test,
                    "within": train == test,
                    "uar": uar["value"],
                    "low": uar["low"],
                    "high": uar["high"],
                    "baseline": base["uar"]["value"] if base else None,
                    "n_clips": len(result.predictions),
                    "n_speakers": result.n_speakers,
                }
            )
        numbers = dict.fromkeys(("low", "high", "baseline"), "float64")
        return pd.DataFrame(rows).astype(numbers)

    def matrix(self, standardize: str = "none", score: str = "uar") -> pd.DataFrame:
        """Give one number of every pair.

        Parameters
        ----------
        standardize : str, default "none"
            Which standardisation.
        score : {"uar", "low", "high", "baseline", "n_clips"}
            A column of `table`.

        Returns
        -------
        DataFrame
            A row for what was trained on, a column for what was tested on;
            missing where it could not be done.

        Raises
        ------
        ValueError
            If that standardisation was not tried.
        """
        if standardize not in self.forms:
            raise ValueError(
                f"Not tried: {standardize!r}. Here: {', '.join(self.forms)}."
            )
        rows = self._table
        rows = rows[rows["standardize"] == standardize]
        wide = rows.pivot(index="train", columns="test", values=score)
        return wide.reindex(index=self.trained_on, columns=self.corpora)

    def summary(self) -> pd.DataFrame:
        """Sum up what came of the pairs of different corpora.

        Returns
        -------
        DataFrame
            One row a standardisation: ``mean`` and ``worst`` UAR from one
            corpus to another, ``worst_pair``, the mean from ``all_others``
            (three corpora or more) and the mean ``within`` a corpus.
        """
        rows, table = {}, self._table
        for form in self.forms:
            part = table[table["standardize"] == form]
            within, others = part["within"], part["train"] == OTHERS
            across = part[~within & ~others]
            low = across.loc[across["uar"].idxmin()] if len(across) else None
            rows[form] = {
                "mean": across["uar"].mean(),
                "worst": across["uar"].min(),
                "worst_pair": "" if low is None else f"{low.train} -> {low.test}",
                "all_others": part.loc[others, "uar"].mean(),
                "within": part.loc[within, "uar"].mean(),
            }
        found = pd.DataFrame.from_dict(rows, orient="index")
        return found.rename_axis("standardize")

    def _parts(self):
        yield display.heading(self._head())
        for form in self.forms:
            name, told, cells = _named(form), self._told(form), self._cells(form)
            lines = [f"  {line}" for line in cells.to_string().split("\n")]
            page = f"<p><b>{html.escape(name)}</b>: {html.escape(told)}</p>"
            page += display.frame(cells, name)
            yield display.Part([name, *lines, f"  {told}"], page)
        yield display.notes(self.notes)

    def _head(self) -> str:
        info = next(iter(self.results.values())).info
        what = ", ".join(filter(None, (info.get("model"), info.get("head"))))
        shared = ", ".join(self.emotions)
        return (
            f"{len(self.corpora)} corpora, each on each; {what}; {shared}; UAR with "
            "95 % over speakers; in brackets: one corpus, its speakers held out"
        )

    def _told(self, form: str) -> str:
        row = self.summary().loc[form]
        told = ["no pair of corpora could be computed"]
        if not pd.isna(row.worst):
            told = [f"from one corpus to another: mean {row['mean']:.3f}, worst "]
            told[0] += f"{row.worst:.3f} ({row.worst_pair})"
        if not pd.isna(row.all_others):
            told.append(f"from all others: mean {row.all_others:.3f}")
        if not pd.isna(row.within):
            told.append(f"within one: {row.within:.3f}")
        return "; ".join([*told, f"chance {self.chance:.3f}"])

    def _cells(self, form: str) -> pd.DataFrame:
        cells = pd.DataFrame("", index=self.trained_on, columns=self.corpora)
        for (train, test, own), result in self.results.items():
            if own == form:
                text = _span(result.scores()["uar"])
                cells.at[train, test] = f"({text})" if train == test else text
        cells.index = [f"trained on {name}" for name in cells.index]
        return cells.add_prefix("on ")


def _span(score: dict) -> str:
    if score["low"] is None:
        return f"{score['value']:.3f}"
    return f"{score['value']:.3f} {display.span(score['low'], score['high'], digits=2)}"


def _named(form: str) -> str:
    return _FORMS.get(form, f"standardised by {form}")


_STANDARDIZATIONS = ("none", "corpus", "speaker")


def cross_corpus(
    head,
    X: pd.DataFrame,
    clips: pd.DataFrame,
    standardize: str | Sequence[str] = _STANDARDIZATIONS,
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
        Their clips tables, as `concat_corpora` or `pandas.concat` joins them; the
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
    return CrossCorpus(results, corpora, forms, [*_remarks(results, clips), *notes])


def _known(standardize: str | Sequence[str]) -> list[str]:
    forms = [standardize] if isinstance(standardize, str) else list(standardize)
    if strangers := [form for form in forms if form not in FORMS]:
        known = ", ".join(FORMS)
        raise ValueError(f"Unknown standardize {strangers[0]!r}. Known: {known}.")
    return forms


def _shared(clips: pd.DataFrame, corpora: list[str]) -> pd.DataFrame:
    facts, shared = ClipsMetadata.of(clips), apart(clips, corpora)
    own = ClipsMetadata.of(shared)
    facts.filtered |= own.filtered
    facts.unshared += own.unshared
    return facts.attach(shared)


def _pairs(corpora: list[str]) -> list[tuple[str, str]]:
    trained = [*corpora, *([OTHERS] if len(corpora) > 2 else [])]
    return [(train, test) for train in trained for test in corpora]


def _one(head, X, clips, train: str, test: str, given: dict) -> Result:
    if train != test:
        which = None if train == OTHERS else train
        return transfer(head, X, clips, test, which, **given)
    own = ClipsMetadata().attach(clips[clips["dataset"] == test].copy())
    part = FeaturesMetadata.update(X[X.index.isin(own.index)], excluded=[])
    return cross_validate(head, part, own, "speaker", **given)


def _remarks(results: dict, clips: pd.DataFrame) -> list[str]:
    """Collect the results' warnings, with the corpus where not all have them."""
    where: dict[Note, set[str]] = {}
    for (_, test, _), result in results.items():
        for note in result.notes:
            where.setdefault(note, set()).add(test)
    everywhere = {test for _, test, _ in results}
    said = [
        note
        if tests == everywhere
        else Note(note.kind, f"On {', '.join(sorted(tests))}: {note}")
        for note, tests in where.items()
    ]
    facts = ClipsMetadata.of(clips)
    said += [f"{n} clips left out: {why}." for why, n in facts.filtered.items()]
    if excluded := facts.excluded:
        first = excluded[0]
        said.append(
            f"{len(excluded)} excluded, the first: {first['clip']} ({first['reason']})."
        )
    return said
