"""Transfer: a head trained on some corpora and tested on another one.

Corpora are joined over the emotions that all of them have.
"""

import html
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from sertools import datasets, display, features, fetching
from sertools.evaluation import _provenance
from sertools.evaluation._cross_validation import (
    baseline_scores,
    excluded,
    head_name,
    held_out,
    matching,
)
from sertools.evaluation._notes import Kind, Note, one_answer
from sertools.evaluation._predictions import table
from sertools.evaluation._result import Result
from sertools.metadata import ClipsMetadata, FeaturesMetadata
from sertools.models import heads


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
    facts, taken = ClipsMetadata.of(clips), apart(clips, corpora)
    own = ClipsMetadata.of(taken)
    away = sorted(set(clips["dataset"].dropna()) - set(corpora))
    gone = {_unshared(name, what) for name, what, _ in facts.unshared if name in away}
    told = {why: n for why, n in facts.filtered.items() if why not in gone}
    own.filtered = dict(Counter(told) + Counter(own.filtered))
    own.unshared += [each for each in facts.unshared if each[0] not in away]
    own.away = away
    own.excluded = concerning(away, facts.excluded)
    return own.attach(taken)


def apart(clips: pd.DataFrame, corpora: list[str]) -> pd.DataFrame:
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
