"""Choose a candidate by what it says of training speakers whom it has not heard."""

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight

from sertools.models.heads.candidates import (
    ALL,
    FALLBACK,
    PENALTIES,
    SCALINGS,
    USUAL,
    Member,
    classifier,
    listed,
    scaled,
)
from sertools.models.heads.caution import fit_temperature, log_loss, temper
from sertools.models.heads.holdout import held_out
from sertools.models.heads.stack import evidence
from sertools.models.heads.tuned import sweep

__all__ = ["Choice", "choose", "columns_of", "usual"]

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
