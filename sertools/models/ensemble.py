"""Soft voting: several classifiers, each on the emotions that it knows."""

import os
from typing import NamedTuple

import numpy as np
import pandas as pd

from sertools import audio
from sertools.display import Card
from sertools.models.base import Classifier, Composite, checked


class Ballot(NamedTuple):
    """What one member says of some waveforms."""

    member: str
    classes: np.ndarray
    scores: np.ndarray
    weight: float = 1.0


def known_to(classes) -> np.ndarray:
    """Give all emotions that any member knows, sorted.

    Examples
    --------
    >>> known_to([["sad", "happy"], ["angry", "sad"]]).tolist()
    ['angry', 'happy', 'sad']
    """
    return np.array(sorted({str(name) for some in classes for name in some}))


def vote(ballots: list[Ballot]) -> np.ndarray:
    """Average what members say, emotion by emotion, and bring rows to one.

    Examples
    --------
    The second member has no word for surprise, and takes nothing from it:

    >>> a = Ballot("a", ["happy", "sad", "surprise"], np.array([[0.2, 0.2, 0.6]]))
    >>> b = Ballot("b", ["happy", "sad"], np.array([[0.6, 0.4]]))
    >>> vote([a, b]).round(2).tolist()
    [[0.31, 0.23, 0.46]]
    """
    classes = known_to(ballot.classes for ballot in ballots)
    total = np.zeros((len(ballots[0].scores), len(classes)))
    heard = np.zeros(len(classes))
    for ballot in ballots:
        columns = np.searchsorted(classes, ballot.classes)
        total[:, columns] += ballot.weight * ballot.scores
        heard[columns] += ballot.weight
    means = total / heard
    return means / means.sum(axis=1, keepdims=True)


def ballots_table(ballots: list[Ballot]) -> pd.DataFrame:
    """Put what members say side by side."""
    classes = known_to(ballot.classes for ballot in ballots)
    parts = []
    for ballot in ballots:
        own = np.asarray(ballot.classes)
        part = pd.DataFrame(ballot.scores, columns=own).reindex(columns=classes)
        part.insert(0, "waveform", np.arange(len(part)))
        part.insert(1, "member", ballot.member)
        part.insert(2, "predicted", own[ballot.scores.argmax(axis=1)])
        parts.append(part)
    return pd.concat(parts).sort_values("waveform", kind="stable", ignore_index=True)


class Ensemble(Composite, Classifier):
    """Let classifiers vote softly, by the names of emotions.

    Members need not know the same emotions. For each emotion, the probabilities
    of those members that know it are averaged; then each row is divided by its
    sum. A member that has no word for an emotion is silent about it, not against
    it: it was never asked about surprise, so its nought for surprise would be an
    artefact of its training data, and would drown whoever did learn it.

    Two things follow. An emotion that one member alone knows hangs on that
    member's word. And a member with few emotions speaks up for each of them, for
    its probability is shared among fewer: `weights` can hold it back.

    Waveforms are taken at ``sampling_rate``, the highest of the members', and are
    resampled for those that listen at a lower one. Paths are decoded for each
    member straight to its own rate.

    Parameters
    ----------
    parts : list of Classifier or of str
        The members, or their names, as `sertools.models.load` takes them.
    weights : sequence of float, optional
        How much each member's word counts; equal if not given.

    Raises
    ------
    ValueError
        If there are no members, one is no classifier or is there twice, or
        weights are not one positive number a member.

    References
    ----------
    Kittler et al. (1998), On combining classifiers, doi:10.1109/34.667881

    Examples
    --------
    >>> both = Ensemble(["trained", "ravdess_cnn"], weights=[2, 1])
    >>> both.spec, both.sampling_rate
    ('trained:emodb_egemaps+ravdess_cnn', 22050)
    """

    name = "ensemble"
    title = "Several classifiers that vote"
    license = "that of its members"
    reference = "doi:10.1109/34.667881"
    variant = None

    def __init__(self, parts, weights=None):
        self.parts = parts
        self.weights = weights
        self._check()

    def _check(self) -> None:
        """Refuse what cannot vote."""
        if isinstance(self.parts, (str, Classifier)) or not len(self.parts):
            raise ValueError("An ensemble needs a list of at least one classifier.")
        seen = []
        for member in self._members:
            if not isinstance(member, Classifier):
                named = getattr(member, "spec", repr(member))
                raise ValueError(f"{named} is no classifier: it cannot vote.")
            if (who := _identity(member)) in seen:
                raise ValueError(f"{member.spec} is there twice.")
            seen.append(who)
        shares = np.asarray(self._shares, dtype=object)
        if shares.shape != (len(seen),) or not all(map(_positive, shares)):
            raise ValueError(
                f"weights: one positive number for each of the {len(seen)} members, "
                f"not {self.weights}."
            )

    @property
    def _members(self) -> list[Classifier]:
        """The members; those given by name are made once."""
        from sertools.models import load

        wanted = list(self.parts)
        if self.__dict__.get("_made", (None,))[0] != wanted:
            made = [load(part) if isinstance(part, str) else part for part in wanted]
            self._made = wanted, made
        return self._made[1]

    @property
    def _shares(self):
        return [1.0] * len(self.parts) if self.weights is None else self.weights

    @property
    def _names(self) -> list[str]:
        """The members' labels; numbered where two are the same."""
        labels = [member.label for member in self._members]
        return [
            f"{label} #{labels[: place + 1].count(label)}"
            if labels.count(label) > 1
            else label
            for place, label in enumerate(labels)
        ]

    def __getstate__(self) -> dict:
        state = dict(super().__getstate__())
        state.pop("_made", None)
        return state

    @property
    def sampling_rate(self) -> int:
        """The highest of the members' rates, in Hz."""
        return max(member.sampling_rate for member in self._members)

    @property
    def run_in_workers(self) -> bool:
        """Whether all members want to run in worker processes."""
        return all(member.run_in_workers for member in self._members)

    @property
    def backend(self) -> list:
        """What the members answer with."""
        return [member.backend for member in self._members]

    @property
    def classes_(self) -> np.ndarray:
        """All emotions that any member knows, sorted, shape (k,), str."""
        return known_to(member.classes_ for member in self._members)

    def weights_sha256(self) -> dict[str, str] | None:
        """Give the members' SHA-256 by name, for those that have weights."""
        members = zip(self._names, self._members, strict=True)
        digests = {name: member.weights_sha256() for name, member in members}
        return {name: value for name, value in digests.items() if value} or None

    def signature(self) -> dict[str, str]:
        """Give the members' signatures by name, and how much each counts."""
        members = zip(self._names, self._members, self._shares, strict=True)
        told = {name: f"{share} {m.signature()}" for name, m, share in members}
        return {"system": self.name, "sampling_rate": str(self.sampling_rate), **told}

    def card(self) -> Card:
        """Give the facts, the members' names among them."""
        return Card({**super().card(), "members": self._names})

    def _weights_card(self) -> str:
        return "those of its members"

    def predict_proba(self, waveforms) -> np.ndarray:
        """Score waveforms by the members' vote; see `Classifier.predict_proba`."""
        return vote(self._ballots(waveforms))

    def members(self, waveforms) -> pd.DataFrame:
        """Tell what each member says by itself.

        Parameters
        ----------
        waveforms : sequence of ndarray of shape (t,), or of paths
            As for `predict_proba`.

        Returns
        -------
        DataFrame
            One row a waveform and member: ``waveform`` (its position),
            ``member``, ``predicted``, and a column an emotion, NaN where the
            member does not know it.
        """
        return ballots_table(self._ballots(waveforms))

    def _ballots(self, waveforms) -> list[Ballot]:
        if not isinstance(waveforms, (str, bytes, os.PathLike)):
            waveforms = list(waveforms)
        first = waveforms[:1] if isinstance(waveforms, list) else waveforms
        checked(first, self.sampling_rate)
        members = zip(self._names, self._members, self._shares, strict=True)
        return [
            Ballot(name, m.classes_, m.predict_proba(self._for(m, waveforms)), share)
            for name, m, share in members
        ]

    def _for(self, member: Classifier, waveforms: list) -> list:
        """Bring waveforms to a member's rate; it decodes paths itself."""
        here, there = self.sampling_rate, member.sampling_rate
        return [
            source
            if isinstance(source, (str, os.PathLike))
            else audio.load(source, there, sr=here)
            for source in waveforms
        ]


def _identity(member: Classifier):
    """Tell members apart: by their settings, or by what was trained in them."""
    if hasattr(member, "trained_"):
        return id(member)
    told = {**member.get_params(), "variant": member.variant_}
    return type(member), sorted((name, repr(value)) for name, value in told.items())


def _positive(share: object) -> bool:
    try:
        return 0 < float(share) < np.inf
    except (TypeError, ValueError):
        return False
