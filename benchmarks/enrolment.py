"""Print what knowing a speaker is worth: few clips of theirs, or one-sided ones.

Training speakers are standardised by all of their clips, and a head is trained on them.
Of a speaker held out, enrolment clips are drawn, all of their clips are standardised by
these alone, and the others are scored. No batch takes the last clip of an emotion, so
that each can still be scored; where an emotion runs out, the batch is smaller. *all* is
every clip of the speaker but the one that is scored. With 0, a way that can do without
enrolment takes everybody's mean; the others do nothing. A dash: so few are refused.

    python benchmarks/enrolment.py --root EMODB [--csv curves.csv]
"""

import argparse
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from sertools import datasets, evaluation, features, models
from sertools.evaluation.intervals import jackknife, uar
from sertools.features._standardization import Population, divided
from sertools.models import heads

EMOTIONS = ["angry", "happy", "neutral", "sad"]
MIXES = ["balanced", "random", "angry:80", "sad:80", "neutral:100"]
COUNTS = [0, 1, 2, 3, 5, 10, 20]
NOTHING, ALL = ("", 0), ("", -1)  # cells in which no clip is enrolled, and every one
ROUNDS = 4  # of guessing the emotions and moving the middle
NORMAL = 1.349  # quartiles of a normal distribution lie so many deviations apart

Place = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Features (n, d) and those of the enrolment clips (m, d) -> standardised (n, d)."""


def main() -> None:
    """Score every way, mix and count, and print a line a way and mix."""
    options = read_options()
    clips = datasets.select(datasets.load("emodb", options.root), EMOTIONS)
    X = features.extract(models.load(options.model), clips)
    with threadpool_limits(1):
        trial = Trial(X, clips, options.head, options.draws, options.seed)
        nothing = trial.scored(*PLAIN, [NOTHING])[NOTHING]
        print(f"not standardised {nothing['uar']:.3f}", flush=True)
        print(f"{'':24}{''.join(f'{count:>7}' for count in [*COUNTS, 'all'])}")
        rows = [row for name in options.ways for row in curves(trial, name, nothing)]
    if options.csv:
        pd.DataFrame(rows).to_csv(options.csv, index=False)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", required=True, help="folder with EmoDB's recordings")
    parser.add_argument("--model", default="opensmile", help="embedder (opensmile)")
    parser.add_argument("--head", default="svm", help="classifier (svm)")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--draws", type=int, default=20, help="of enrolment clips (20)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (0)")
    parser.add_argument("--csv", help="save the curves there, with intervals")
    return parser.parse_args()


def curves(trial: "Trial", name: str, nothing: dict) -> Iterator[dict]:
    """Score one way for each mix and count, and print a line a mix."""
    cells = [NOTHING, *((mix, n) for mix in MIXES for n in COUNTS if n), ALL]
    found = {NOTHING: nothing, **trial.scored(*WAYS[name], cells)}
    print(f"{name}: {WAYS[name].words}")
    for mix in MIXES:
        shown = ""
        for count in [*COUNTS, "all"]:
            scores = found.get({0: NOTHING, "all": ALL}.get(count, (mix, count)))
            shown += f"{scores['uar']:7.3f}" if scores else f"{'-':>7}"
            yield {"standardize": name, "mix": mix, "count": count, **(scores or {})}
        print(f"  {mix:22}{shown}", flush=True)


class Trial:
    """Speakers held out in turn, and the confusions of every cell counted."""

    def __init__(self, X, clips, head, draws, seed):
        order = np.argsort(clips.index.to_numpy(str), kind="stable")
        clips, X = clips.iloc[order], X.iloc[order]
        self.values = X.to_numpy(np.float64)
        self.emotions = clips["emotion"].to_numpy(str)
        self.speakers = clips["speaker"].to_numpy(str)
        self.fold = evaluation.folds.assign(clips).fold.to_numpy(str)
        self.classes, self.codes = np.unique(self.emotions, return_inverse=True)
        self.people = np.unique(self.speakers)
        self.head, self.draws, self.seed = head, draws, seed

    def scored(self, learn, least: int, words: str, cells) -> dict[tuple, dict]:
        """Score a way to standardise in each cell, a mix and count of clips."""
        cells = [cell for cell in cells if cell[1] < 0 or cell[1] >= least]
        k = len(self.classes)
        shape = (self.draws, len(self.people), k, k)
        counts = {cell: np.zeros(shape, dtype=np.int64) for cell in cells}
        drawn = {cell: [] for cell in cells}
        for name in np.unique(self.fold):
            train = self.fold != name
            known = self.speakers[train], self.emotions[train]
            place, placed = learn(self.values[train], *known)
            fresh = heads.make(self.head, self.seed)
            fitted = heads.fit(fresh, placed, known[1], known[0])
            for who in np.unique(self.speakers[~train]):
                person = int(np.searchsorted(self.people, who))
                for cell in cells:
                    table = counts[cell][:, person]
                    drawn[cell] += self._enrol(least, place, fitted, who, cell, table)
        return {cell: scores(counts[cell], drawn[cell]) for cell in cells}

    def _enrol(self, least, place, fitted, who, cell, table) -> list[int]:
        """Count one speaker's confusions in one cell; give the batches' sizes."""
        mine = np.flatnonzero(self.speakers == who)
        values, codes = self.values[mine], self.codes[mine]
        every = np.arange(len(mine))
        if cell == ALL:
            apart = [place(values[[i]], values[every != i]) for i in every]
            said = self._said(fitted, np.vstack(apart))
            np.add.at(table, (slice(None), codes, said), 1)
            return [len(mine) - 1]
        keys = [f"{self.seed}|{who}|{draw}" for draw in range(self.draws)]
        batches = [batch(self.emotions[mine], *cell, key) for key in keys]
        if min(map(len, batches)) < max(least, cell[1] > 0):
            return []
        stacked = np.vstack([place(values, values[own]) for own in batches])
        said = self._said(fitted, stacked).reshape(len(batches), -1)
        for draw, own in enumerate(batches):
            rest = ~np.isin(every, own)
            np.add.at(table[draw], (codes[rest], said[draw][rest]), 1)
        return [len(own) for own in batches]

    def _said(self, fitted, values: np.ndarray) -> np.ndarray:
        best = fitted.predict_proba(values).argmax(axis=1)
        return np.searchsorted(self.classes, np.asarray(fitted.classes_)[best])


def scores(counts: np.ndarray, drawn: list[int]) -> dict:
    """Score confusions (draws, speakers, k, k): pooled, and how the draws scatter."""
    heard = counts.sum(axis=(0, 2, 3)) > 0
    value, low, high = jackknife(counts.sum(axis=0)[heard])
    spread = np.quantile(uar(counts.sum(axis=1)), (0.05, 0.95))
    own = {"draw_low": spread[0], "draw_high": spread[1], "drawn": np.mean(drawn)}
    return {"uar": value, "low": low, "high": high, **own, "n_speakers": heard.sum()}


def batch(emotions: np.ndarray, mix: str, count: int, key: str) -> np.ndarray:
    """Draw enrolment clips of one speaker, as places; no emotion gives its last."""
    if not count:
        return np.array([], dtype=int)
    seed = zlib.crc32(f"{key}|{mix}|{count}".encode())
    shuffled = np.random.default_rng(seed).permutation(len(emotions))
    room = {name: n - 1 for name, n in Counter(emotions.tolist()).items()}
    turn = Counter()
    free = []  # places, with how many of their emotion come before
    for place in shuffled:
        name = emotions[place]
        if turn[name] < room[name]:
            free.append((turn[name], place))
            turn[name] += 1
    if mix == "balanced":
        free.sort(key=lambda pair: pair[0])
    if mix in ("balanced", "random"):
        return np.array([place for _, place in free[:count]], dtype=int)
    emotion, _, percent = mix.partition(":")
    share = int(percent) / 100
    inside = [place for _, place in free if emotions[place] == emotion]
    outside = [place for _, place in free if emotions[place] != emotion]
    wanted = round(share * count)
    taken = min(wanted, len(inside))
    rest = count - wanted if taken == wanted else round(taken * (1 - share) / share)
    return np.array(inside[:taken] + outside[:rest], dtype=int)


# Ways to standardise a speaker of whom only some clips are known. Each learns from the
# training clips how to place others, and gives the training clips as it places them.


def each(place: Place, values, speakers, enrolled=None) -> np.ndarray:
    """Place every training speaker by all, or the enrolled ones, of their clips."""
    placed = np.empty(values.shape)
    enrolled = np.ones(len(values), bool) if enrolled is None else enrolled
    for name in np.unique(speakers):
        rows = speakers == name
        own = rows & enrolled
        placed[rows] = place(values[rows], values[own if own.sum() > 1 else rows])
    return placed


def untouched(values, speakers, emotions):
    """Leave the features as they are."""
    return lambda new, enrolled: new, values


def plain(values, speakers, emotions):
    """Take a speaker's own mean and deviation."""

    def place(new, enrolled):
        return divided(new - enrolled.mean(axis=0), enrolled.std(axis=0))

    return place, each(place, values, speakers)


def robust(values, speakers, emotions):
    """Take a speaker's own median and quartiles."""

    def place(new, enrolled):
        low, middle, high = np.quantile(enrolled, [0.25, 0.5, 0.75], axis=0)
        return divided(new - middle, (high - low) / NORMAL)

    return place, each(place, values, speakers)


def centred(values, speakers, emotions, enrolled=None):
    """Take a speaker's own mean, and the deviation that speakers have in common."""
    deviation = np.sqrt(Population.of(values, speakers).within)

    def place(new, enrolled):
        return divided(new - enrolled.mean(axis=0), deviation)

    return place, each(place, values, speakers, enrolled)


def neutral(values, speakers, emotions):
    """Do the same, with training speakers placed by their neutral clips."""
    return centred(values, speakers, emotions, emotions == "neutral")


def shrunk(values, speakers, emotions):
    """Shrink a speaker's mean towards that of the training speakers."""
    population = Population.of(values, speakers)
    return population.place, each(population.place, values, speakers)


def explained(values, speakers, emotions):
    """Take out of the enrolment clips what their guessed emotions explain.

    The training speakers tell where the emotions lie around a speaker's middle, and how
    far middles lie apart. Of a new speaker, emotions are guessed, what they explain is
    subtracted, the middle moves to what is left, shrunk by the number of clips; and
    again.
    """
    population = Population.of(values, speakers)
    deviation = np.sqrt(population.within)

    def scale(new):
        return divided(new - population.mean, deviation)

    scaled = scale(values)
    middles = np.array([middle(scaled, speakers == p, emotions) for p in speakers])
    around = scaled - middles
    names = np.unique(emotions)
    means = np.array([around[emotions == name].mean(axis=0) for name in names])
    rest = (around - means[np.searchsorted(names, emotions)]).var(axis=0) + 1e-9
    _, first, sizes = np.unique(speakers, return_index=True, return_counts=True)
    chance = rest * (1 / sizes).mean()
    between = np.maximum(middles[first].var(axis=0, ddof=1) - chance, 0)
    guess = LogisticRegression(C=1 / values.shape[1], class_weight="balanced")
    guess.fit(around, emotions)

    def place(new, enrolled):
        moved, known = np.zeros(values.shape[1]), scale(enrolled)
        for _ in range(ROUNDS if len(known) else 0):
            evidence = (known - moved) @ guess.coef_.T + guess.intercept_
            left = known - softmax(evidence, axis=1) @ means
            moved = left.mean(axis=0) * between / (between + rest / len(known))
        return scale(new) - moved

    return place, each(place, values, speakers)


def middle(scaled, rows, emotions) -> np.ndarray:
    """Give the mean of a speaker's emotions' means."""
    own = np.unique(emotions[rows])
    means = [scaled[rows & (emotions == name)].mean(axis=0) for name in own]
    return np.mean(means, axis=0)


class Way(NamedTuple):
    """How a way learns, how few enrolment clips are enough, and what is done."""

    learn: Callable
    least: int
    words: str


PLAIN = Way(untouched, 0, "not standardised")
WAYS = {
    "speaker": Way(plain, 2, "mean and deviation of the enrolment clips"),
    "speaker_shrunk": Way(shrunk, 0, "their mean, shrunk to that of other speakers"),
    "speaker_centred": Way(centred, 1, "mean of the enrolment clips alone"),
    "speaker_robust": Way(robust, 2, "their median and quartiles"),
    "speaker_neutral": Way(neutral, 1, "their mean; others placed by neutral clips"),
    "speaker_explained": Way(explained, 0, "shrunk, without what emotions explain"),
}


if __name__ == "__main__":
    main()
