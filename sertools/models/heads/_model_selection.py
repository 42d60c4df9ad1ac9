"""Choose a candidate by what it says of training speakers whom it has not heard."""

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sertools.models.heads._average import fused_sets
from sertools.models.heads._out_of_distribution import fit_temperature, log_loss, temper
from sertools.models.heads._preprocessing import OrthogonalProjection, RankGauss
from sertools.models.heads._registry import fit as fit_head
from sertools.models.heads._registry import held_out, sweep
from sertools.models.heads._stack import evidence
from sertools.models.heads._svm import SpeakerSVC

ALL = "all"


SCALINGS = ("standard", "ranks")


PENALTIES = (0.1, 1.0, 10.0, 100.0)


# Without speakers to ask: scikit-learn's own for the one; for the other, scores of
# about +-3 before the softmax, which is as sure as a fair head gets on new voices.
USUAL = {
    "logistic": {"scaling": "standard", "C": 10.0},
    "svm": {"scaling": "standard", "C": 1.0},
}


FALLBACK = "average of logistic and svm"


class Member(NamedTuple):
    """A classifier of a family, on one set of features or on `ALL` of them."""

    family: str
    features: str


class Candidate(NamedTuple):
    """Something to choose: one member, or several averaged or stacked."""

    members: tuple[Member, ...]
    stacked: bool = False


def listed(sets) -> dict[str, Candidate]:
    """List the candidates for some sets of features, the simplest first.

    Parameters
    ----------
    sets : mapping of str to list of int
        The columns of each set; see `sertools.models.heads._average.fused_sets`.

    Returns
    -------
    dict of str to Candidate
        By the name under which a reader meets them.

    Examples
    --------
    >>> list(listed({"": [0, 1]}))
    ['logistic', 'svm', 'average of logistic and svm', 'stack of logistic and svm']
    >>> list(listed({"mfcc": [2, 3, 4], "yamnet": [0, 1]}))[:3]
    ['logistic on yamnet', 'svm on yamnet', 'logistic on mfcc']
    """
    several = len(sets) > 1
    narrow_first = sorted(sets, key=lambda name: len(sets[name]))
    found = {}
    for name in [*narrow_first, ALL] if several else narrow_first:
        for family in USUAL:
            title = f"{family} on {name}" if several else family
            found[title] = Candidate((Member(family, name),))
    one = {family: [Member(family, name) for name in sets] for family in USUAL}
    if several:
        for family, members in one.items():
            found[f"average of {family}"] = Candidate(tuple(members))
    both = tuple(member for members in one.values() for member in members)
    found[FALLBACK] = Candidate(both)
    found["stack of logistic and svm"] = Candidate(both, stacked=True)
    return found


def made(family: str, scaling: str, C: float) -> Pipeline:
    """Make an unfitted classifier of a family, with what is done to its features.

    Parameters
    ----------
    family : {"logistic", "svm"}
        Which.
    scaling : {"standard", "ranks"}
        What it is given: standard scores, or normal scores of the ranks.
    C : float
        Inverse penalty.

    Returns
    -------
    Pipeline
        Its last step bears the family's name.
    """
    return Pipeline([*scaled(scaling).steps, *classifier(family, C).steps])


def scaled(scaling: str) -> Pipeline:
    """Make what is done to each feature by itself."""
    steps = [("scale", StandardScaler())]
    if scaling == "ranks":
        steps.insert(0, ("rank", RankGauss(quantiles=None)))
    return Pipeline(steps)


def classifier(family: str, C: float = 1.0) -> Pipeline:
    """Make what comes after the scaling."""
    if family == "svm":
        return Pipeline([(family, SpeakerSVC(C=C, folds=1))])
    last = LogisticRegression(C=C, class_weight="balanced", max_iter=2000)
    return Pipeline([("rotate", OrthogonalProjection()), (family, last)])


_SETTINGS = [{"scaling": how, "C": C} for how in SCALINGS for C in PENALTIES]


_SMALL = 200_000  # numbers in X: below, starting processes takes longer than it saves


@dataclass
class Choice:
    """A candidate with its settings, and what the answers of all had cost.

    Parameters
    ----------
    name : str
        Of the candidate.
    members : tuple of Member
        The classifiers it is made of.
    settings : list of dict
        ``scaling`` and ``C`` of each.
    temperatures : list of float
        Of each one's answers.
    final : LogisticRegression, optional
        The head above, of a stack.
    temperature : float, default 1.0
        Of the answer that they give together.
    losses : dict of str to float, optional
        Every candidate's log loss, in nats.
    """

    name: str
    members: tuple[Member, ...]
    settings: list[dict]
    temperatures: list[float]
    final: LogisticRegression | None = None
    temperature: float = 1.0
    losses: dict[str, float] | None = None


class _Judged(NamedTuple):
    """A set of answers, as sure as they should be, and how surprising the truth is."""

    answers: np.ndarray
    temperature: float
    loss: float
    made_with: object = None


def columns_of(name: str, sets: dict[str, list[int]]) -> list[int]:
    """Give the columns of a set of features, or of all.

    Examples
    --------
    >>> columns_of("all", {"mfcc": [0, 2], "yamnet": [1]})
    [0, 1, 2]
    """
    return sets[name] if name != ALL else sorted(itertools.chain(*sets.values()))


def usual(sets: dict[str, list[int]]) -> Choice:
    """Give what stands where nothing can be chosen: the average of everything."""
    members = listed(sets)[FALLBACK].members
    settings = [dict(USUAL[member.family]) for member in members]
    return Choice(FALLBACK, members, settings, [1.0] * len(settings))


def choose(X, codes, groups, sets, folds=5, jobs=-1) -> Choice | None:
    """Hold training speakers out in turn, and take what was surprised the least.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Features of the training clips.
    codes : ndarray of shape (n,), int
        Their classes, counted from 0.
    groups : ndarray of shape (n,), str
        Who speaks.
    sets : dict of str to list of int
        The columns of each set of features.
    folds : int, default 5
        In at most how many turns the training speakers are held out.
    jobs : int, default -1
        Processes; -1: all cores.

    Returns
    -------
    Choice or None
        ``None`` where no speaker can be held out such that two classes are left.
    """
    splits = [
        (train, test)
        for train, test in held_out(codes, groups, folds)
        if len(np.unique(codes[train])) > 1
    ]
    fold = np.full(len(codes), -1)
    for number, (train, test) in enumerate(splits):
        fold[test] = np.where(np.isin(codes[test], codes[train]), number, -1)
    seen = fold >= 0  # nobody could name a class that only these speakers have
    if not seen.any():
        return None
    candidates = listed(sets)
    members = dict.fromkeys(m for one in candidates.values() for m in one.members)
    answers = _answers(X, codes, groups, sets, splits, list(members), jobs)
    truth = codes[seen], compute_sample_weight("balanced", codes[seen])
    tuned = {m: _tuned(every[:, seen], *truth) for m, every in answers.items()}
    found = {}
    for name, (members, stacked) in candidates.items():
        told = np.stack([tuned[member].answers for member in members])
        one = _stacked(told, fold[seen], *truth) if stacked else None
        if one or not stacked:
            found[name] = one or _judge(told.mean(axis=0), *truth)
    return _least(candidates, tuned, found)


def _tuned(every, codes, weights) -> _Judged:
    """Take the setting whose answers, shape (settings, n, k), cost the least."""
    judged = (
        _judge(answers, codes, weights, setting)
        for answers, setting in zip(every, _SETTINGS, strict=True)
    )
    return min(judged, key=lambda one: one.loss)


def _least(candidates, tuned, found) -> Choice:
    """Take the candidate that costs the least; of equals, the first."""
    name = min(found, key=lambda name: found[name].loss)
    members = candidates[name].members
    return Choice(
        name=name,
        members=members,
        settings=[dict(tuned[member].made_with) for member in members],
        temperatures=[tuned[member].temperature for member in members],
        final=found[name].made_with,
        temperature=found[name].temperature,
        losses={name: one.loss for name, one in found.items()},
    )


def _judge(answers, codes, weights, made_with=None) -> _Judged:
    """Make answers as sure as they should be; then see how surprising the truth is."""
    temperature = fit_temperature(answers, codes, weights)
    answers = temper(answers, temperature)
    loss = round(log_loss(answers, codes, weights), 9)
    return _Judged(answers, temperature, loss, made_with)


def _answers(X, codes, groups, sets, splits, members, jobs) -> dict[Member, np.ndarray]:
    """Ask each member, under each setting, about speakers it has not heard.

    Arrays of shape (settings, n, k); nought where a class was not heard of.
    """
    from joblib import Parallel, delayed

    own = {member: columns_of(member.features, sets) for member in members}
    told = {
        member: np.zeros((len(SCALINGS), len(PENALTIES), len(codes), codes.max() + 1))
        for member in members
    }
    tasks = [(number, *split) for split in splits for number in range(len(SCALINGS))]
    done = Parallel(n_jobs=jobs if X.size > _SMALL else 1)(
        delayed(_asked)(X, codes, groups, own, SCALINGS[number], train, test)
        for number, train, test in tasks
    )
    for (number, train, test), answers in zip(tasks, done, strict=True):
        known = np.unique(codes[train])
        for member, one in zip(members, answers, strict=True):
            told[member][number][:, test[:, None], known] = one
    return {
        member: every.reshape(-1, *every.shape[2:]) for member, every in told.items()
    }


def _asked(X, codes, groups, own, scaling, train, test) -> list[np.ndarray]:
    """Fit every member on some clips under each penalty, and ask it about others."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # the same numbers whatever the number of cores
        before = scaled(scaling)  # feature by feature, so once for all members
        X, asked = before.fit_transform(X[train]), before.transform(X[test])
        answers = []
        for member, columns in own.items():
            steps = classifier(member.family).steps
            head = Pipeline([("scaled", "passthrough"), *steps])
            grid = [{f"{member.family}__C": C} for C in PENALTIES]
            given = X[:, columns], codes[train], groups[train], asked[:, columns]
            answers.append(np.array(sweep(head, grid, *given)))
    return answers


def _stacked(told, fold, codes, weights) -> _Judged | None:
    """Learn from all but one turn how far to believe each; judge that on the turn.

    ``None`` where a class would be missing.
    """
    X, classes = evidence(told), np.arange(told.shape[2])
    turns = [fold == number for number in np.unique(fold)]
    if any(len(np.unique(codes[~own])) < len(classes) for own in turns):
        return None
    found = []
    for C in PENALTIES:
        head = LogisticRegression(C=C, class_weight="balanced", max_iter=2000)
        answers = np.empty((len(codes), len(classes)))
        for own in turns:
            answers[own] = head.fit(X[~own], codes[~own]).predict_proba(X[own])
        found.append(_judge(answers, codes, weights, head))
    best = min(found, key=lambda one: one.loss)
    return best._replace(made_with=best.made_with.fit(X, codes))


_FEWEST = 3  # training speakers: with two, a choice would hang on one voice


class Best(ClassifierMixin, BaseEstimator):
    """Choose among a short list of heads on training speakers, then fit the chosen.

    The list was drawn up beforehand and is the same for every corpus; it stands,
    with its reasons, in `sertools.models.heads._model_selection`. The training speakers
    are held out in turn, and each candidate's answers about all of them together
    are judged by their log loss, every class weighing the same; of equals, the
    simplest is taken. The log loss moves with every clip, where the UAR moves only
    when an answer tips over, so a few speakers say more. Before they are compared,
    answers are made as sure as they should be (one temperature): what counts is what
    a candidate knows, not how loudly it says so. Each member's scaling and penalty
    are chosen in the same way. The chosen one is fitted on all training clips, and
    keeps its temperature.

    The losses that led to the choice flatter, as do all that are chosen by: they
    are no score. Clips that nobody chose by are needed for that, as in
    `sertools.evaluation.cross_validate`, where each fold chooses anew.

    With fewer than three training speakers, or none known, nothing can be chosen
    honestly: it is the average of all, with usual penalties, and ``losses_`` is
    ``None``.

    Parameters
    ----------
    folds : int, default 5
        In at most how many turns the training speakers are held out.
    jobs : int, default -1
        Processes that compare; -1: all cores. The numbers are the same.

    Attributes
    ----------
    chosen_ : dict
        ``candidate``: its name; ``settings``: those of each of its members.
    losses_ : dict of str to float, or None
        Each candidate's log loss, in nats.

    References
    ----------
    Cawley and Talbot (2010), On over-fitting in model selection and subsequent
    selection bias in performance evaluation, JMLR 11, 2079-2107,
    https://jmlr.org/papers/v11/cawley10a.html
    Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and
    estimation, doi:10.1198/016214506000001437

    Examples
    --------
    >>> from sertools.models import heads
    >>> rng, y = np.random.default_rng(0), np.tile(["angry", "sad"], 12)
    >>> X = rng.normal(size=(24, 3)) + (y == "sad")[:, None]
    >>> head = heads.fit(Best(), X, y, np.repeat(list("abcd"), 6))
    >>> head.chosen_["candidate"] in head.losses_
    True
    """

    def __init__(self, folds=5, jobs=-1):
        self.folds = folds
        self.jobs = jobs

    def fit(self, X, y, groups=None):
        """Choose and fit on features (n, d), emotions (n,); `groups`: who speaks."""
        from threadpoolctl import threadpool_limits

        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Only one class: {self.classes_[0]}. Two are needed.")
        sets = fused_sets(getattr(self, "feature_names_in_", [""] * X.shape[1]))
        with threadpool_limits(1):  # the same numbers whatever the number of cores
            choice = self._choice(X, codes, groups, sets) or usual(sets)
            return self._become(choice, X, codes, sets)

    def _choice(self, X, codes, groups, sets) -> Choice | None:
        if groups is None or len(np.unique(np.asarray(groups, str))) < _FEWEST:
            return None
        groups = np.asarray(groups, str)
        return choose(X, codes, groups, sets, self.folds, self.jobs)

    def _become(self, choice: Choice, X, codes, sets) -> "Best":
        """Fit what was chosen on all training clips."""
        self.losses_ = choice.losses
        self.chosen_ = {"candidate": choice.name, "settings": {}}
        self.columns_, self.heads_ = [], []
        for member, setting in zip(choice.members, choice.settings, strict=True):
            own = columns_of(member.features, sets)
            head = made(member.family, **setting)
            self.columns_.append(own)
            self.heads_.append(fit_head(head, X[:, own], codes))
            where = f"{member.family} on {member.features}".removesuffix(" on ")
            self.chosen_["settings"][where] = setting
        self.temperatures_, self.temperature_ = choice.temperatures, choice.temperature
        self.final_ = choice.final
        return self

    def predict_proba(self, X) -> np.ndarray:
        """Give probabilities, shape (n, k), columns as in ``classes_``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        parts = zip(self.heads_, self.columns_, self.temperatures_, strict=True)
        told = np.stack([temper(h.predict_proba(X[:, own]), t) for h, own, t in parts])
        if self.final_ is None:
            return temper(told.mean(axis=0), self.temperature_)
        return temper(self.final_.predict_proba(evidence(told)), self.temperature_)

    def predict(self, X) -> np.ndarray:
        """Give the most probable class of each row, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]
