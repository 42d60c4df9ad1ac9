"""How much must be known of a speaker? Standardised by few clips, or one-sided ones."""

import html
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools import progress
from sertools.evaluation import standing, wording
from sertools.evaluation.enrolling.batches import known, words
from sertools.evaluation.enrolling.trial import ALL, NOTHING, Trial
from sertools.evaluation.enrolling.ways import WAYS
from sertools.evaluation.holding_out import head_name
from sertools.evaluation.matching import matching
from sertools.models import heads

__all__ = ["Enrolment", "enrolment"]

COUNTS = (0, 1, 2, 3, 5, 10, 20)


@dataclass(repr=False)
class Enrolment:
    """What is recognised of a speaker of whom so many clips are known.

    Parameters
    ----------
    table : DataFrame
        One row a way to standardise, mix and count of enrolment clips:
        ``standardize``, ``mix``, ``count`` (asked for, or ``all``), ``drawn``
        (there were, on average), ``uar`` (of the clips that were not enrolled;
        missing where so few clips are refused), ``low``, ``high`` (95 % over
        speakers), ``draw_low``, ``draw_high`` (nine draws of ten lie between),
        ``scored`` (so many clips, a draw), ``uar_all`` (enrolment clips scored
        as well), ``n_speakers`` (who had enough clips of that mix).
    nothing : dict
        ``value``, ``low``, ``high``: the UAR without standardising by speaker.
    chance : float
        The UAR of guessing.
    info : dict
        dataset, model, head, folds, seed, draws.
    n_clips, n_speakers : int
        What was tested.
    notes : list of str
        How to read it.
    """

    table: pd.DataFrame
    nothing: dict
    chance: float
    info: dict
    n_clips: int
    n_speakers: int
    notes: list[str] = field(default_factory=list)

    @property
    def ways(self) -> list[str]:
        """The ways to standardise, in order."""
        return list(dict.fromkeys(self.table["standardize"]))

    @property
    def mixes(self) -> list[str]:
        """The mixes of enrolment clips, in order."""
        return list(dict.fromkeys(self.table["mix"]))

    def curve(self, way: str, mix: str) -> pd.DataFrame:
        """Take the rows of one way and mix, by count."""
        rows = self.table["standardize"].eq(way) & self.table["mix"].eq(mix)
        return self.table[rows].set_index("count").drop(columns=["standardize", "mix"])

    def grid(self, column: str = "uar") -> pd.DataFrame:
        """Give the scores as a grid: a row a way and mix, a column a count."""
        index = pd.MultiIndex.from_product([self.ways, self.mixes])
        curves = [self.curve(*key)[column] for key in index]
        return pd.DataFrame(
            [curve.to_list() for curve in curves], index, curves[0].index
        )

    def __repr__(self) -> str:
        grid = self.grid()
        width = max(len(words(mix)) for mix in self.mixes)
        counts = "".join(f"{count:>7}" for count in grid.columns)
        width = max(width, 15)
        lines = [self._head(), f"  {'enrolment clips':{width}}{counts}"]
        for way in self.ways:
            lines.append(f" {way}: {WAYS[way].words}")
            for mix in self.mixes:
                cells = "".join(
                    "      -" if np.isnan(v) else f"{v:7.3f}"
                    for v in grid.loc[(way, mix)]
                )
                lines.append(f"  {words(mix):{width}}{cells}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        grid = self.grid().round(3)
        grid.index = [(way, words(mix)) for way, mix in grid.index]
        grid.index = pd.MultiIndex.from_tuples(grid.index)
        grid.columns.name = None
        shown = wording.frame(grid, "UAR by clips of the speaker that are known")
        shown += wording.dotted(self.notes)
        return f"<p><b>{html.escape(self._head())}</b></p>{shown}"

    def _head(self) -> str:
        info, nothing = self.info, self.nothing
        span = wording.span(nothing["low"], nothing["high"])
        return (
            f"{info['dataset']}, {info['model']}, {info['head']}: "
            f"{self.n_clips} clips, {wording.speakers(self.n_speakers)}; UAR not "
            f"standardised {nothing['value']:.3f} {span}, chance {self.chance:.3f}"
        )


def enrolment(
    X: pd.DataFrame,
    clips: pd.DataFrame,
    head="svm",
    standardize: Iterable[str] = ("speaker", "speaker_shrunk"),
    counts: Iterable[int] = COUNTS,
    mixes: Iterable[str] | None = None,
    draws: int = 20,
    seed: int = 0,
    shown: bool = True,
) -> Enrolment:
    """Say how a score by speaker depends on what is known of the speaker.

    Training speakers are standardised by all of their clips, and a head is
    trained on them. Of a speaker held out, enrolment clips are drawn, all of
    their clips are standardised by these alone, and the others are scored.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features, as `sertools.features.extract` gives: one row a clip.
    clips : DataFrame
        The clips table.
    head : str or scikit-learn classifier, default "svm"
        See `sertools.models.heads.make`.
    standardize : iterable of str
        Ways to compare: ``speaker`` (mean and deviation), ``speaker_shrunk``
        (see `sertools.features.scaling.Population`), ``speaker_centred`` (mean
        alone), ``speaker_robust`` (median and quartiles), ``speaker_neutral``
        (training speakers placed by their neutral clips) and
        ``speaker_explained`` (the emotions of the enrolment clips are guessed,
        and what they explain is taken out first).
    counts : iterable of int
        Enrolment clips a speaker; 0 is nothing known.
    mixes : iterable of str, optional
        ``balanced``, ``random``, ``EMOTION:SHARE`` in percent. If not given:
        both, angry:80, sad:80, neutral:100, as far as the clips have them.
    draws : int, default 20
        Of enrolment clips, for each speaker, mix and count.
    seed : int, default 0
        Of the draws; they are the same whatever else is asked for.
    shown : bool, default True
        Show a progress bar.

    Returns
    -------
    Enrolment
        Shows itself as a table; `sertools.plots.enrolment` draws it.

    Raises
    ------
    ValueError
        If a name is unknown, speakers are, or there are too few of them.

    Notes
    -----
    No batch takes the last clip of an emotion, so that each can still be
    scored; where an emotion runs out, the batch is smaller (``drawn``). *All* is
    every clip of the speaker but the one that is scored; in ``uar_all`` that one
    as well, as in `sertools.evaluation.cross_validate`. With 0, a way that can
    do without enrolment takes everybody's mean; the others do nothing.

    Examples
    --------
    >>> from sertools import datasets, features, models
    >>> clips = datasets.load("demo")
    >>> hum = models.load("duration_loudness")
    >>> X = features.extract(hum, clips, store=False, progress=False)
    >>> found = enrolment(X, clips, "logistic", ["speaker"], [0, 1, 5], draws=2)
    >>> found.mixes
    ['balanced', 'random', 'angry:80', 'sad:80', 'neutral:100']
    >>> bool(found.grid().loc[("speaker", "random")].isna()[1])  # one clip: refused
    True
    """
    from threadpoolctl import threadpool_limits

    ways, counts = _known(standardize), sorted({int(count) for count in counts})
    clips, X = _checked(X, clips, counts, draws)
    mixes = known(mixes, set(clips["emotion"]))
    cells = [NOTHING, *((mix, n) for mix in mixes for n in counts if n), ALL]
    trial = Trial(X, clips, heads.make(head, seed), draws, seed)
    rows = []
    with (
        threadpool_limits(1),
        progress.bar(1 + len(ways), "Enrolling", "ways", shown) as counter,
    ):
        nothing = trial.nothing()
        counter.update(1)
        for way in ways:
            scored = {NOTHING: nothing, **trial.scored(way, cells)}
            rows += _rows(way, mixes, counts, scored)
            counter.update(1)
    return Enrolment(
        table=pd.DataFrame(rows),
        nothing={name: nothing[name] for name in ("value", "low", "high")},
        chance=1 / clips["emotion"].nunique(),
        info={
            **standing.about(clips, X),
            "head": head_name(head, seed),
            "folds": "speaker",
            "seed": int(seed),
            "draws": int(draws),
        },
        n_clips=len(clips),
        n_speakers=clips["speaker"].nunique(),
        notes=_notes(clips, X, draws, rows),
    )


def _known(standardize: Iterable[str]) -> list[str]:
    ways = [standardize] if isinstance(standardize, str) else list(standardize)
    for way in ways or [""]:
        if way not in WAYS:
            raise ValueError(
                f"Unknown way to standardise a speaker {way!r}. Known: "
                f"{', '.join(WAYS)}."
            )
    return list(dict.fromkeys(ways))


def _checked(X, clips, counts, draws) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Refuse what cannot work; put both tables into the order of the names."""
    if draws < 1 or not counts or counts[0] < 0:
        raise ValueError("It takes one draw or more, and counts of 0 or more clips.")
    clips = matching(X, clips)
    sizes = clips["speaker"].value_counts()
    if len(sizes) and sizes.min() < 2:
        raise ValueError(
            f"{sizes.idxmin()} has 1 clip: nothing is left to be standardised by."
        )
    order = np.argsort(clips.index.to_numpy(str), kind="stable")
    return clips.iloc[order], X.iloc[order]


def _rows(way, mixes, counts, scored) -> list[dict]:
    """Make the rows of one way: an empty score where so few clips are refused."""
    rows = []
    for mix in mixes:
        for count in [*counts, "all"]:
            cell = {0: NOTHING, "all": ALL}.get(count, (mix, count))
            found = scored.get(cell, {})
            rows.append(
                {
                    "standardize": way,
                    "mix": mix,
                    "count": count,
                    "drawn": found.get("drawn", np.nan),
                    "uar": found.get("value", np.nan),
                    **{
                        name: np.nan if found.get(name) is None else found[name]
                        for name in ("low", "high", "draw_low", "draw_high")
                    },
                    "scored": found.get("scored", np.nan),
                    "uar_all": found.get("value_all", np.nan),
                    "n_speakers": found.get("n_speakers", 0),
                }
            )
    return rows


def _notes(clips: pd.DataFrame, X: pd.DataFrame, draws: int, rows: list) -> list[str]:
    """Say how to read the curves, after what is said of every score."""
    heard = min((row["n_speakers"] for row in rows if row["n_speakers"]), default=0)
    lacking = clips["speaker"].nunique() - heard
    return [
        *standing.warnings(clips, X, "none"),
        "All of these presume that one knows who speaks and has other clips of theirs: "
        "never ranked with scores that presume neither.",
        f"{draws} draws a speaker, pooled; clips enrolled are not scored, and no batch "
        "takes the last clip of an emotion. all: every clip but the scored one.",
        *[
            f"Up to {lacking} speakers have too few clips for some mixes, and are left "
            "out there: n_speakers."
        ]
        * bool(lacking),
    ]
