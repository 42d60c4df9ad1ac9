"""Cross-corpus evaluation: train on some corpora and test on others."""

import functools
import html
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from sertools import datasets, display, features, fetching
from sertools.evaluation import _provenance
from sertools.evaluation._cross_validation import (
    baseline_scores,
    cross_validate,
    excluded,
    head_name,
    held_out,
    matching,
)
from sertools.evaluation._notes import Kind, Note, one_answer
from sertools.evaluation._predictions import table
from sertools.evaluation._result import Result
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


def concat_corpora(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join the clips tables of several corpora over the emotions all of them have.

    Parameters
    ----------
    tables : iterable of DataFrame
        One a corpus, as `sertools.datasets.load` gives.

    Returns
    -------
    DataFrame
        One below the other; `sertools.metadata.ClipsMetadata` keeps what the tables
        ``excluded``, and counts as ``filtered`` clips of emotions that not all have.

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
    >>> from sertools.metadata import ClipsMetadata
    >>> ClipsMetadata.of(concat_corpora([women, men])).filtered
    {'fear of demo, not in every corpus': 16}
    """
    tables = list(tables)
    had = {_corpora_named(table): set(table["emotion"]) for table in tables}
    shared = set.intersection(*(set(table["emotion"]) for table in tables))
    if len(shared) < 2:
        each = "; ".join(f"{n}: {', '.join(sorted(e))}" for n, e in had.items())
        raise ValueError(f"Fewer than two emotions are shared ({each}).")
    filtered, excluded, unshared = Counter(), [], []
    for given in tables:
        facts, name = ClipsMetadata.of(given), _corpora_named(given)
        filtered.update(facts.filtered)
        excluded += facts.excluded
        unshared += facts.unshared
        away = given.loc[~given["emotion"].isin(shared), "emotion"]
        for emotion, n in away.value_counts(sort=False).sort_index().items():
            filtered[_unshared(name, emotion)] += n
            unshared.append((name, emotion, int(n)))
    clips = pd.concat([table[table["emotion"].isin(shared)] for table in tables])
    if clips.index.has_duplicates:
        twice = clips.index[clips.index.duplicated()][0]
        raise ValueError(f"Clip {twice} is in two of the corpora.")
    told = {why: int(n) for why, n in filtered.items()}
    return ClipsMetadata(excluded, told, unshared).attach(clips)


def _unshared(corpus: str, emotion: str) -> str:
    """Say why clips of an emotion are left out of a join."""
    return f"{emotion} of {corpus}, not in every corpus"


def _corpora_named(clips: pd.DataFrame) -> str:
    return "+".join(sorted(clips["dataset"].dropna().unique()))


def only(clips: pd.DataFrame, corpora: list[str]) -> pd.DataFrame:
    """Take some corpora of a joined table, and what it tells of clips left out."""
    facts, taken = ClipsMetadata.of(clips), _apart(clips, corpora)
    own = ClipsMetadata.of(taken)
    away = sorted(set(clips["dataset"].dropna()) - set(corpora))
    gone = {_unshared(name, what) for name, what, _ in facts.unshared if name in away}
    told = {why: n for why, n in facts.filtered.items() if why not in gone}
    own.filtered = dict(Counter(told) + Counter(own.filtered))
    own.unshared += [each for each in facts.unshared if each[0] not in away]
    own.away = away
    own.excluded = concerning(away, facts.excluded)
    return own.attach(taken)


def _apart(clips: pd.DataFrame, corpora: list[str]) -> pd.DataFrame:
    """Join the corpora of a table anew, without what it tells of them."""
    parts = [clips[clips["dataset"] == name].copy() for name in corpora]
    return concat_corpora([ClipsMetadata().attach(part) for part in parts])


def concerning(away: list[str], excluded: list[dict]) -> list[dict]:
    """Take the excluded clips, but for those of corpora that are not used."""
    return [row for row in excluded if str(row["clip"]).partition("/")[0] not in away]


_SHOWN = 3


@dataclass(repr=False)
class Transfer(Result):
    """A `Result` whose head was trained on other corpora than it is tested on.

    ``info["train"]`` and ``info["test"]`` tell of either side: ``datasets`` (a
    list of names), ``n_clips``, ``n_speakers`` (``None`` if unknown), and
    ``emotions``, the clips of each.
    """

    @property
    def train(self) -> dict:
        """What it was trained on."""
        return self.info["train"]

    @property
    def test(self) -> dict:
        """What it was tested on."""
        return self.info["test"]

    def metrics(self) -> dict:
        """Give everything that ``metrics.json`` holds, both sides included."""
        return {**super().metrics(), "train": self.train, "test": self.test}

    def _parts(self):
        (head, page), *rest = super()._parts()
        told = f"<p>{html.escape(self._sides())}</p>"
        yield display.Part([*head, f"  {self._sides()}"], told + page)
        yield from rest

    def _sides(self) -> str:
        return f"trained on {_size(self.train)}; tested on {_size(self.test)}"


def transfer(
    head,
    X: pd.DataFrame,
    clips: pd.DataFrame,
    test: str,
    train: str | Iterable[str] | None = None,
    seed: int = 0,
    standardize: str = "none",
    baseline: bool = True,
    tune: bool = False,
) -> Transfer:
    """Train a head on some corpora and test it on another one.

    Both sides are brought to the emotions that all these corpora have, by name;
    what that leaves out is counted. Where several corpora are trained on, every
    clip counts alike within its emotion: a large corpus outweighs a small one.

    Parameters
    ----------
    head : str or scikit-learn classifier
        See `sertools.models.heads.make`.
    X : DataFrame of shape (n, d)
        Features of the clips of all corpora.
    clips : DataFrame
        Their clips tables, as `concat_corpora` or `pandas.concat` joins them.
    test : str
        The corpus tested on, a value of the column ``dataset``.
    train : str or iterable of str, optional
        The corpora trained on; all others if not given.
    seed : int, default 0
        Of everything drawn.
    standardize : str, default "none"
        How features are standardised, without labels; see
        `sertools.features.standardize`. Anything but ``"none"`` also looks at
        the clips tested on, and a warning says so.
    baseline : bool, default True
        Train duration and loudness alone on the same clips, where they have
        files, and score that, too.
    tune : bool, default False
        Choose the head's settings on the training clips, with their speakers
        held out in turn; see `cross_validate`.

    Returns
    -------
    Transfer
        A `Result` over the clips and speakers of `test`. ``leaking`` is True if
        a speaker or a file stands on both sides, None if speakers are unknown.
        Copies that were encoded again are found by `leakage`, not here.

    Raises
    ------
    ValueError
        If a corpus is not among the clips or on both sides, or fewer than two
        emotions are shared.

    Examples
    --------
    >>> from sertools import models
    >>> clips = datasets.load("demo")
    >>> model = models.load("duration_loudness")
    >>> X = features.extract(model, clips, store=False)
    >>> women = clips["sex"] == "female"
    >>> clips["dataset"] = women.map({True: "women", False: "men"})
    >>> result = transfer("logistic", X, clips, test="men", baseline=False)
    >>> result.info["folds"], result.n_speakers, result.info["leaking"]
    ('train women -> test men', 4, False)
    """
    head = heads.make(head, seed)
    train = _trained_on(clips, test, train)
    given = only(clips, [*train, test])
    X = X[~X.index.isin(clips.index.difference(given.index))]
    facts = ClipsMetadata.of(given)
    told = FeaturesMetadata.of(X).excluded
    told = facts.excluded if told is None else concerning(facts.away, told)
    FeaturesMetadata.update(X, excluded=told)
    clips = matching(X, given)
    tested = clips["dataset"] == test
    fold = pd.Series(test, index=clips.index).where(tested)
    scaled = features.standardize(X, clips, standardize)
    said = held_out(head, scaled, clips, fold, seed, tune)
    leaking, leaks = _on_both_sides(clips[~tested], clips[tested])
    path = f"train {'+'.join(train)} -> test {test}"
    return Transfer(
        predictions=table(
            clips[tested].assign(fold=test).reset_index(), said.probabilities
        ),
        info={
            **_provenance.about(clips, X),
            "dataset": test,
            "head": head_name(head, seed),
            "folds": path,
            "standardize": standardize,
            "seed": int(seed),
            "leaking": leaking,
            **said.info(),
            "train": _about(clips[~tested], train),
            "test": _about(clips[tested], [test]),
        },
        excluded=excluded(X, given),
        filtered=facts.filtered,
        warnings=[
            *leaks,
            *said.notes,
            *one_answer(said.probabilities),
            *_provenance.warnings(clips[tested], X, standardize),
            *_further(clips[~tested], standardize),
        ],
        baseline=baseline_scores(clips, fold, seed, standardize) if baseline else None,
        provenance=_provenance.provenance(clips, X),
    )


def _trained_on(clips: pd.DataFrame, test: str, train) -> list[str]:
    here = sorted(clips["dataset"].dropna().unique())
    others = [name for name in here if name != test]
    train = [train] if isinstance(train, str) else list(train or others)
    if strangers := [name for name in [*train, test] if name not in here]:
        raise ValueError(
            f"No clips of {', '.join(strangers)}. Corpora here: {', '.join(here)}."
        )
    if test in train:
        raise ValueError(
            f"{test} is trained on and tested on. Hold its speakers out with "
            "cross_validate (--dataset instead of --train and --test)."
        )
    if not train:
        raise ValueError(f"{test} is the only corpus: nothing is left to train on.")
    return list(dict.fromkeys(train))


def _on_both_sides(train, test) -> tuple[bool | None, list[Note]]:
    """Look for speakers and files that are trained on and tested on."""
    said = []
    people = sorted(set(train["speaker"].dropna()) & set(test["speaker"].dropna()))
    if people:
        said.append(
            f"LEAKING: {len(people)} speakers are in training and test "
            f"({_some(people)}). The score flatters."
        )
    if copies := _same_files(train, test):
        said.append(
            f"LEAKING: {len(copies)} files tested on are trained on, too "
            f"({_some(copies)}). The score flatters."
        )
    if said:
        return True, [Note(Kind.LEAKING, text) for text in said]
    sides = {"trained on": train, "tested on": test}
    if unknown := [n for n, side in sides.items() if side["speaker"].isna().any()]:
        text = (
            f"It is not known who speaks in the clips {' and '.join(unknown)}: the "
            "same people may be on both sides."
        )
        return None, [Note(Kind.UNKNOWN_SPEAKERS, text)]
    return False, []


def _same_files(train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """Name the pairs of clips whose files are equal; only equal sizes are read."""
    sizes = defaultdict(lambda: ([], []))
    for side, clips in enumerate((train, test)):
        for clip, path in clips["path"].dropna().items():
            if os.path.isfile(path):
                sizes[os.path.getsize(path)][side].append((clip, path))
    found = []
    for ours, theirs in sizes.values():
        if ours and theirs:
            known = {fetching.sha256(path): clip for clip, path in ours}
            pairs = ((known.get(fetching.sha256(path)), clip) for clip, path in theirs)
            found += [f"{a} = {b}" for a, b in pairs if a]
    return found


def _further(trained: pd.DataFrame, standardize: str) -> list[Note]:
    """Say what a reader must know that lies in training, or in the test as a whole."""
    said = []
    corpora = sorted(set(trained["dataset"]) & set(datasets.names()))
    if made := [name for name in corpora if datasets.card(name)["synthetic"]]:
        text = f"Trained on synthetic speech ({', '.join(made)})."
        said.append(Note(Kind.TRAINED_ON_SYNTHETIC, text))
    if standardize == "corpus":
        text = (
            "Standardised by corpus: presumes that many clips of the corpus tested on "
            "are at hand together, in a like mix of emotions. No single recording is."
        )
        said.append(Note(Kind.PRESUMES_CORPUS, text))
    return said


def _about(clips: pd.DataFrame, names: list[str]) -> dict:
    speakers = clips["speaker"]
    return {
        "datasets": names,
        "n_clips": len(clips),
        "n_speakers": None if speakers.isna().any() else int(speakers.nunique()),
        "emotions": {n: int(k) for n, k in clips["emotion"].value_counts().items()},
    }


def _size(side: dict) -> str:
    who = display.speakers(side["n_speakers"])
    return f"{' + '.join(side['datasets'])} ({side['n_clips']} clips, {who})"


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


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
    facts, shared = ClipsMetadata.of(clips), _apart(clips, corpora)
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
