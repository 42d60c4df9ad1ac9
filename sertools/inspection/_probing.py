"""Linear probes, variance explained and silhouette: what a space of features knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.metrics import pairwise_distances, silhouette_score
from sklearn.model_selection import GroupKFold

from sertools import display
from sertools.evaluation import folds as folding
from sertools.evaluation._notes import made_up
from sertools.evaluation._provenance import about
from sertools.evaluation.intervals import counts_by_speaker, jackknife
from sertools.metadata import FeaturesMetadata
from sertools.models import heads


def scaled(X: np.ndarray) -> np.ndarray:
    """Bring columns to mean 0 and variance 1; leave out those that never change."""
    X = np.asarray(X, dtype=np.float64)
    spread = X.std(axis=0)
    changing = spread > 1e-12 * np.maximum(np.abs(X).max(axis=0), 1e-300)
    return (X[:, changing] - X[:, changing].mean(axis=0)) / spread[changing]


def share(X: np.ndarray, groups: np.ndarray) -> float:
    """Give the variance explained by groups, adjusted for chance (epsilon squared).

    Kelley (1935), doi:10.1073/pnas.21.9.554; groups of whole speakers get more.
    """
    codes, k = _codes(groups)
    n = len(X)
    if n <= k:
        return float("nan")
    counts = np.bincount(codes)
    sums = np.zeros((k, X.shape[1]))
    np.add.at(sums, codes, X)
    whole = np.square(X - X.mean(axis=0)).sum()
    within = np.square(X - (sums / counts[:, None])[codes]).sum()
    return float(1 - (within / (n - k)) / (whole / (n - 1)))


def silhouette(distances: np.ndarray, groups: np.ndarray) -> float:
    """Say how much nearer points are to their own group than to the next."""
    if len(np.unique(groups)) == len(groups):
        return 0.0
    return float(silhouette_score(distances, groups, metric="precomputed"))


def shuffled(groups: np.ndarray, strata: np.ndarray, drawn: np.random.Generator):
    """Shuffle the names of groups within strata, or stratum by stratum."""
    codes, _ = _codes(groups)
    cells, k = _codes(strata)
    places = [np.flatnonzero(cells == cell) for cell in range(k)]
    if k > 1 and all(len(set(codes[place])) == 1 for place in places):
        whole = np.array([codes[place[0]] for place in places])
        return drawn.permutation(whole)[cells]
    moved = codes.copy()
    for place in places:
        moved[place] = drawn.permutation(codes[place])
    return moved


def silhouette_by_luck(
    distances: np.ndarray,
    groups: np.ndarray,
    strata: np.ndarray,
    seed: int = 0,
    draws: int = 199,
) -> np.ndarray:
    """Give silhouettes of groups whose names were shuffled."""
    drawn = np.random.default_rng(seed)
    found = [shuffled(groups, strata, drawn) for _ in range(draws)]
    return np.array([silhouette(distances, moved) for moved in found])


def _codes(groups: np.ndarray) -> tuple[np.ndarray, int]:
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return codes, len(names)


_HELD_OUT = {"emotion": "speaker", "speaker": "text", "sex": "speaker"}
_HELD_OUT |= {"text": "speaker", "intensity": "speaker"}
_ASKED = ("emotion", "speaker", "sex", "text")
_FOLDS = 10
_MOST = 100
"""Values that a probe may have to tell apart."""

_POINTS = 1000
"""Clips that a silhouette looks at."""


@dataclass(repr=False)
class Probes(display.Display):
    """What can be read out of one or more spaces of features.

    Parameters
    ----------
    table : DataFrame
        One row a model and property: ``model``, ``property``, ``n_clips``,
        ``n_values``, ``held_out`` (what training and test do not share),
        ``uar``, ``low``, ``high`` (of a linear probe; 95 % over the speakers or
        texts held out; missing where single clips are), ``chance``, ``known``
        (how far the probe gets from chance, 0, to certainty, 1), ``share`` (of
        the variance that lies between the property's values, adjusted for
        chance as if every clip were drawn alone: groups of whole speakers, such
        as the sexes, raise it), ``silhouette``, ``silhouette_luck`` (its mean
        where the values are shuffled), ``p`` (how often luck gives as high a
        silhouette; each row by itself).
    notes : list of str
        What was left out, and what a reader must know.
    """

    table: pd.DataFrame
    notes: list[str] = field(default_factory=list)

    def _parts(self):
        lines = ["What the features know, read by linear probes:"]
        for model, rows in self.table.groupby("model", sort=False):
            lines.append(f"  {model}")
            lines += [f"    {_line(row)}" for row in rows.itertuples()]
        yield display.Part(lines, self._table_html())
        yield display.notes(self.notes)

    def _table_html(self) -> str:
        rows = self.table
        table = pd.DataFrame(
            {
                "model": rows["model"].where(~rows["model"].duplicated(), ""),
                "property": rows["property"],
                "held out": rows["held_out"],
                "UAR": rows["uar"].round(3),
                "95 %": [
                    "" if np.isnan(row.low) else f"{row.low:.3f} to {row.high:.3f}"
                    for row in rows.itertuples()
                ],
                "chance": rows["chance"].round(3),
                "share": rows["share"].map("{:.1%}".format),
                "silhouette": rows["silhouette"].round(3),
                "by luck": rows["silhouette_luck"].round(3),
                "p": rows["p"].round(3),
            }
        )
        return display.frame(table, "What the features know", index=False)


def probes(
    X: pd.DataFrame | Mapping[str, pd.DataFrame],
    clips: pd.DataFrame,
    by: tuple[str, ...] | list[str] = _ASKED,
    seed: int = 0,
) -> Probes:
    """Probe features linearly: how much of them is emotion, how much is speaker.

    Three answers each. A **linear probe** (logistic regression) reads the
    property from some clips and is tested on others: emotion, sex and text on
    speakers it has not heard, the speaker on texts it has not heard, so that
    nothing is known by heart. The **share of the variance** between the
    property's values needs no training. The **silhouette** says whether clips
    lie nearer to their own kind than to the next; its reference shuffles
    emotions and texts within each speaker, speakers within each emotion, and
    the sexes among whole speakers.

    Parameters
    ----------
    X : DataFrame of shape (n, d), or mapping of str to DataFrame
        Features, as `sertools.features.extract` gives; several by name, to
        have them side by side. All are scaled column by column first.
    clips : DataFrame
        The clips table.
    by : sequence of str, default ("emotion", "speaker", "sex", "text")
        Columns of `clips` to ask for; what is unknown is left out and said.
    seed : int, default 0
        Of shuffles, and of the clips drawn for a silhouette where there are
        more than 1000.

    Returns
    -------
    Probes
        Shows itself as a table.

    Raises
    ------
    ValueError
        If rows of `X` belong to no clip, or nothing of `by` is known.

    References
    ----------
    Alain and Bengio (2016), Understanding intermediate layers using linear
    classifier probes, arXiv:1610.01644

    Examples
    --------
    >>> from sertools import datasets, features, models
    >>> clips = datasets.select(datasets.load("demo"), max_clips=96)
    >>> model = models.load("duration_loudness")
    >>> X = features.extract(model, clips, store=False, jobs=1)
    >>> probes(X, clips, by=["emotion", "sex"]).table["property"].tolist()
    ['emotion', 'sex']
    """
    spaces = X
    if not isinstance(X, Mapping):
        spaces = {FeaturesMetadata.of(X).model or "features": X}
    common = _common(spaces, clips)
    clips = clips.loc[common]
    asked, notes = _asked(clips, by)
    rows = [
        {
            "model": name,
            "property": what,
            **_answer(space.loc[common], clips, what, seed),
        }
        for name, space in spaces.items()
        for what in asked
    ]
    known = clips.assign(dataset=clips.get("dataset"))
    facts = {name: about(known, space) for name, space in spaces.items()}
    return Probes(pd.DataFrame(rows), [*made_up(facts), *notes])


def _common(spaces: Mapping[str, pd.DataFrame], clips: pd.DataFrame) -> pd.Index:
    """Find the clips that all spaces have."""
    for name, space in spaces.items():
        if len(strangers := space.index.difference(clips.index)):
            raise ValueError(
                f"{len(strangers)} rows of {name} belong to no clip, the first: "
                f"{strangers[0]}."
            )
    indexes = [space.index for space in spaces.values()]
    return clips.index[np.all([clips.index.isin(i) for i in indexes], axis=0)]


def _asked(clips: pd.DataFrame, by) -> tuple[list[str], list[str]]:
    """Say which properties can be asked for, and why others cannot."""
    asked, notes = [], []
    for name in by:
        values = clips[name].dropna() if name in clips else pd.Series(dtype=object)
        if values.empty:
            notes.append(f"{name}: it is not known of these clips.")
        elif values.nunique() == 1:
            notes.append(f"{name}: all clips are {values.iloc[0]}.")
        elif values.nunique() > _MOST:
            notes.append(f"{name}: {values.nunique()} values are too many to ask for.")
        else:
            asked.append(name)
    if not asked:
        raise ValueError(f"Nothing to ask for. {' '.join(notes)}")
    return asked, notes


def _answer(X: pd.DataFrame, clips: pd.DataFrame, what: str, seed: int) -> dict:
    kept = clips[what].notna().to_numpy()
    X, clips = X.to_numpy()[kept], clips[kept]
    units, held_out, alone = _units(clips, what)
    y = clips[what].to_numpy(dtype=str)
    uar, low, high = _probe(X, y, units, seed)
    if alone:
        low = high = np.nan  # clips of one speaker are not independent
    chance = 1 / len(set(y))
    return {
        "n_clips": len(y),
        "n_values": len(set(y)),
        "held_out": held_out,
        **{"uar": uar, "low": low, "high": high, "chance": chance},
        "known": (uar - chance) / (1 - chance),
        **_arrangement(scaled(X), y, _strata(clips, what), seed),
    }


def _units(clips: pd.DataFrame, what: str) -> tuple[np.ndarray, str, bool]:
    """Give what is held out as one, in words, too, and whether it is a clip alone."""
    column = _HELD_OUT.get(what, "speaker")
    known = column in clips and not clips[column].isna().any()
    if known and clips[column].nunique() > 1:
        return clips[column].to_numpy(dtype=str), f"{column}s", False
    words = f"clips ({column}s unknown: flatters)"
    return clips.index.to_numpy(dtype=str), words, True


def _probe(X, y, units, seed) -> tuple[float, float, float]:
    """Test a linear probe on units that it was not trained on."""
    predicted = np.empty(len(y), dtype=object)
    for _, train, test in folding.splits(pd.Series(_folds(units))):
        if len(set(y[train])) < 2:
            predicted[test] = y[train][0]
            continue
        head = heads.make("logistic", seed).fit(X[train], y[train])
        predicted[test] = head.predict(X[test])
    names = sorted(set(y))
    counts = counts_by_speaker(y, predicted, units, names, names)
    value, low, high = jackknife(counts)
    return value, np.nan if low is None else low, np.nan if high is None else high


def _folds(units: np.ndarray) -> np.ndarray:
    """Deal units out to at most ten folds of like size."""
    _, codes = np.unique(units, return_inverse=True)
    n = codes.max() + 1
    if n <= _FOLDS:
        return codes
    folds = np.zeros(len(units), dtype=int)
    for number, (_, test) in enumerate(GroupKFold(_FOLDS).split(units, None, codes)):
        folds[test] = number
    return folds


def _strata(clips: pd.DataFrame, what: str) -> np.ndarray:
    """Give what stays in place when names are shuffled."""
    column = "emotion" if what == "speaker" else "speaker"
    if column not in clips or clips[column].isna().any():
        return np.full(len(clips), "")
    return clips[column].to_numpy(dtype=str)


def _arrangement(X, y, strata, seed) -> dict:
    """Give share of variance and silhouette, with what luck would give."""
    drawn = np.random.default_rng(seed).permutation(len(y))[:_POINTS]
    distances = pairwise_distances(X[drawn])
    value = silhouette(distances, y[drawn])
    luck = silhouette_by_luck(distances, y[drawn], strata[drawn], seed)
    return {
        "share": share(X, y),
        "silhouette": value,
        "silhouette_luck": float(luck.mean()),
        "p": float((1 + (luck >= value - 1e-12).sum()) / (1 + len(luck))),
    }


def _line(row) -> str:
    span = display.span(row.low, row.high)
    return (
        f"{row.property:9} {row.uar:.3f} {span}, chance {row.chance:.3f}; "
        f"{row.share:.0%} of the variance; silhouette {row.silhouette:.3f} (luck "
        f"{row.silhouette_luck:.3f}, p = {row.p:.3f}); held out: {row.held_out}"
    )
