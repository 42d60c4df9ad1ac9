"""Nested model selection: features, classifier and penalty, by held-out speakers."""

import numpy as np
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from sertools.models.heads._average import fused_sets
from sertools.models.heads._base import Head
from sertools.models.heads._held_out import enough, held_out, sweep
from sertools.models.heads._preprocessing import OrthogonalProjection, RankGauss
from sertools.models.heads._svm import SpeakerSVC
from sertools.models.heads._temperature import fit_temperature, log_loss, temper

SCALINGS, PENALTIES = ("standard", "ranks"), (0.1, 1.0, 10.0, 100.0)
_SETTINGS = [{"scaling": how, "C": C} for how in SCALINGS for C in PENALTIES]
_USUAL = {"logistic": _SETTINGS[2], "svm": _SETTINGS[1]}  # sure as on new voices
_FALLBACK = "average of logistic and svm"
_SMALL = 200_000  # numbers in X: below, starting processes takes longer than it saves


def listed(sets) -> dict[str, list[str]]:
    """List the candidates, each with its members ("svm on mfcc"), simplest first."""
    names = [*sorted(sets, key=lambda name: len(sets[name])), "all"]  # narrow first
    titles = {(f, n): f"{f} on {n}".removesuffix(" on ") for n in names for f in _USUAL}
    own = {family: [titles[family, name] for name in sets] for family in _USUAL}
    everything = {_FALLBACK: own["logistic"] + own["svm"]}
    if len(sets) == 1:
        return own | everything
    averages = {f"average of {family}": members for family, members in own.items()}
    return {title: [title] for title in titles.values()} | averages | everything


def made(title: str, scaling: str, C: float = 1.0) -> Pipeline:
    """Make an unfitted member: its scaling, and its classifier named after it."""
    steps = [("rank", RankGauss(quantiles=None))] if scaling == "ranks" else []
    steps += [("scale", StandardScaler())]
    if title.startswith("svm"):
        return Pipeline([*steps, ("svm", SpeakerSVC(C=C, folds=1))])
    last = LogisticRegression(C=C, class_weight="balanced", max_iter=2000)
    return Pipeline([*steps, ("rotate", OrthogonalProjection()), ("logistic", last)])


def _answers(X, codes, groups, columns, train, test) -> np.ndarray:
    """Ask each member under each setting about `test`: (members, settings, n, k)."""
    known, groups = np.unique(codes[train]), np.asarray(groups, str)
    told = np.zeros((len(columns), 2, len(PENALTIES), len(test), codes.max() + 1))
    with threadpool_limits(1):  # the same numbers whatever the number of cores
        for half, scaling in enumerate(SCALINGS):
            scale = made("svm", scaling)[:-1]  # feature by feature: once for all
            taught, asked = scale.fit_transform(X[train]), scale.transform(X[test])
            for number, (title, own) in enumerate(columns.items()):
                head = made(title, "standard").set_params(scale="passthrough")
                grid = [{f"{head.steps[-1][0]}__C": C} for C in PENALTIES]
                given = taught[:, own], codes[train], groups[train], asked[:, own]
                told[number, half][..., known] = sweep(head, grid, *given)
    return told.reshape(len(columns), -1, *told.shape[3:])


def _judged(answers, codes, weights) -> tuple[float, float, np.ndarray]:
    """Make answers as sure as they should be: log loss, temperature, answers."""
    temperature = fit_temperature(answers, codes, weights)
    answers = temper(answers, temperature)
    return round(log_loss(answers, codes, weights), 9), temperature, answers


class Best(Head):
    """Choose among a short list of heads on training speakers, then fit the chosen.

    The list was drawn up beforehand: logistic and SVM on each set of features and on
    all, and averages of them, each with its scaling and penalty. Training speakers
    are held out in turn, and the candidate with the least log loss (every class
    weighing the same, after temperature scaling) is taken; of equals, the simplest.
    With fewer than three speakers it is the average of all. The losses flatter (Cawley
    and Talbot 2010, JMLR 11, 2079-2107): only in `sertools.evaluation.cross_validate`
    do clips that nobody chose by make the score.

    Parameters
    ----------
    folds, jobs : int, default 5 and -1
        In at most how many turns speakers are held out; processes, -1: all cores.

    Attributes
    ----------
    chosen_ : dict
        ``candidate``: its name; ``settings``: those of each of its members.
    losses_ : dict of str to float
        Each candidate's, in nats; ``None`` where nothing could be chosen.
    """

    def __init__(self, folds=5, jobs=-1):
        self.folds, self.jobs = folds, jobs

    def fit(self, X, y, groups=None):
        """Choose and fit on features (n, d), emotions (n,); `groups`: who speaks."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        sets = fused_sets(getattr(self, "feature_names_in_", [""] * X.shape[1]))
        found, sets = listed(sets), {**sets, "all": [*range(X.shape[1])]}
        titles = [title for some in found.values() for title in some]
        columns = {title: sets[title.partition(" on ")[2]] for title in titles}
        self.parts_, chosen = [], {}  # columns, head and temperature of each member
        with threadpool_limits(1):  # the same numbers whatever the number of cores
            name, tuned = self._choose(X, codes, groups, columns, found)
            for title in found[name]:
                (setting, temperature), own = tuned[title], columns[title]
                head = made(title, **setting).fit(X[:, own], codes)
                self.parts_.append([own, head, temperature])
                chosen[title] = dict(setting)
        self.chosen_ = {"candidate": name, "settings": chosen}
        return self

    def _choose(self, X, codes, groups, columns, candidates) -> tuple[str, dict]:
        """Take the least surprised; give members' settings and temperatures."""
        self.losses_, self.temperature_ = None, 1.0
        splits = held_out(codes, groups, self.folds) if enough(groups) else []
        splits = [(a, b) for a, b in splits if len(np.unique(codes[a])) > 1]
        seen = np.zeros(len(codes), bool)  # none may name a class of these alone
        for train, test in splits:
            seen[test] = np.isin(codes[test], codes[train])
        if not seen.any():
            return _FALLBACK, {m: (_USUAL[m.partition(" ")[0]], 1.0) for m in columns}
        told = Parallel(n_jobs=self.jobs if X.size > _SMALL else 1)(
            delayed(_answers)(X, codes, groups, columns, *split) for split in splits
        )
        every = np.zeros((*told[0].shape[:2], len(codes), codes.max() + 1))
        for (_, test), one in zip(splits, told, strict=True):
            every[:, :, test] = one
        truth = codes[seen], compute_sample_weight("balanced", codes[seen])
        tuned, answers = {}, {}
        for title, own in zip(columns, every, strict=True):
            judged = [_judged(one[seen], *truth) for one in own]
            least = int(np.argmin([loss for loss, *_ in judged]))
            tuned[title] = _SETTINGS[least], judged[least][1]
            answers[title] = judged[least][2]
        found = {}
        for name, own in candidates.items():
            found[name] = _judged(np.mean([answers[m] for m in own], axis=0), *truth)
        self.losses_ = {name: loss for name, (loss, *_) in found.items()}
        name = min(self.losses_, key=self.losses_.get)
        self.temperature_ = found[name][1]
        return name, tuned

    def predict_proba(self, X) -> np.ndarray:
        """Give probabilities, shape (n, k), columns as in ``classes_``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        told = [temper(h.predict_proba(X[:, own]), t) for own, h, t in self.parts_]
        return temper(np.mean(told, axis=0), self.temperature_)
