"""A head that chooses what it is, judged on training speakers held out."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sertools.models.heads.average import fused_sets
from sertools.models.heads.candidates import made
from sertools.models.heads.caution import temper
from sertools.models.heads.choosing import Choice, choose, columns_of, usual
from sertools.models.heads.making import fit as fit_head
from sertools.models.heads.stack import evidence

__all__ = ["Best"]

_FEWEST = 3  # training speakers: with two, a choice would hang on one voice


class Best(ClassifierMixin, BaseEstimator):
    """Choose among a short list of heads on training speakers, then fit the chosen.

    The list was drawn up beforehand and is the same for every corpus; it stands,
    with its reasons, in `sertools.models.heads.candidates`. The training speakers
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
