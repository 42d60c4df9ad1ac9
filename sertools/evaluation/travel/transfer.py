"""Train on some corpora and test on another one, to see what travels."""

import html
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from sertools import datasets, features, fetching
from sertools.evaluation import standing, wording
from sertools.evaluation.holding_out import baseline_scores, head_name, held_out
from sertools.evaluation.matching import excluded, matching
from sertools.evaluation.predictions import table
from sertools.evaluation.result import Result
from sertools.evaluation.travel.joining import concerning, only
from sertools.models import heads

__all__ = ["Transfer", "transfer"]

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

    def __repr__(self) -> str:
        head, *rest = super().__repr__().split("\n")
        return "\n".join([head, f"  {self._sides()}", *rest])

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self._sides())}</p>{super()._repr_html_()}"

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
        Their clips tables, as `joined` or `pandas.concat` joins them.
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
    X.attrs["excluded"] = concerning(given, X.attrs.get("excluded"))
    clips = matching(X, given)
    tested = clips["dataset"] == test
    fold = pd.Series(test, index=clips.index).where(tested)
    scaled = features.standardize(X, clips, standardize)
    probabilities, said = held_out(head, scaled, clips, fold, seed, tune)
    leaking, leaks = _on_both_sides(clips[~tested], clips[tested])
    path = f"train {'+'.join(train)} -> test {test}"
    return Transfer(
        predictions=table(clips[tested].assign(fold=test).reset_index(), probabilities),
        info={
            **standing.about(clips, X),
            "dataset": test,
            "head": head_name(head, seed),
            "folds": path,
            "standardize": standardize,
            "seed": int(seed),
            "leaking": leaking,
            "tuned": probabilities.attrs.get("tuned"),
            "chosen": probabilities.attrs.get("chosen"),
            "train": _about(clips[~tested], train),
            "test": _about(clips[tested], [test]),
        },
        excluded=excluded(X, given),
        left_out=given.attrs["left_out"],
        warnings=[
            *leaks,
            *said,
            *standing.one_answer(probabilities),
            *standing.warnings(clips[tested], X, standardize),
            *_further(clips[~tested], standardize),
        ],
        baseline=baseline_scores(clips, fold, seed, standardize) if baseline else None,
        provenance=standing.provenance(clips, X),
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


def _on_both_sides(train, test) -> tuple[bool | None, list[str]]:
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
        return True, said
    sides = {"trained on": train, "tested on": test}
    if unknown := [n for n, side in sides.items() if side["speaker"].isna().any()]:
        return None, [
            f"It is not known who speaks in the clips {' and '.join(unknown)}: the "
            "same people may be on both sides."
        ]
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


def _further(trained: pd.DataFrame, standardize: str) -> list[str]:
    """Say what a reader must know that lies in training, or in the test as a whole."""
    said = []
    corpora = sorted(set(trained["dataset"]) & set(datasets.names()))
    if made := [name for name in corpora if datasets.card(name)["synthetic"]]:
        said.append(f"Trained on synthetic speech ({', '.join(made)}).")
    if standardize == "corpus":
        said.append(
            "Standardised by corpus: presumes that many clips of the corpus tested on "
            "are at hand together, in a like mix of emotions. No single recording is."
        )
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
    who = wording.speakers(side["n_speakers"])
    return f"{' + '.join(side['datasets'])} ({side['n_clips']} clips, {who})"


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
