"""What sounds may say of an emotion: a few AudioSet classes, chosen beforehand."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sertools import labels

__all__ = ["CLASSES", "EVIDENCE", "N_CLASSES", "coverage", "groups", "probabilities"]

N_CLASSES = 521
"""How many of AudioSet's classes YAMNet was trained to score."""

# AudioSet names sounds, not feelings. A class stands here only where its sound, made
# by a person, points to one emotion more than to any other, going by AudioSet's own
# definitions; the table was fixed before any score was looked at. The rest is `other`.
EVIDENCE = {
    # The raised voice. The weakest row: AudioSet calls a shout a means of being heard,
    # and only its kinds, yell and bellow, involuntary. But a network that hears those
    # hears their parent, too. Left out: Whoop (exultation), Children shouting (play).
    "angry": ("Shout", "Bellow", "Yell"),
    # AudioSet names fear first, then pain, surprise, joy and anger; the roughness of
    # screams is what listeners take for danger (doi:10.1016/j.cub.2015.06.043).
    "fear": ("Screaming",),
    # Laughter and its kinds. Left out: Snicker (by definition disrespectful); Cheering
    # and Applause, which crowds do.
    "happy": (
        "Laughter",
        "Baby laughter",
        "Giggle",
        "Belly laugh",
        "Chuckle, chortle",
    ),
    # Tears and laments; a moan may also be pain or pleasure. Left out: Baby cry (hunger
    # as well as grief), Sigh (relief, too), Groan (pain, disapproval), Sniff (a cold).
    "sad": ("Crying, sobbing", "Whimper", "Wail, moan"),
    # A gasp often means shock or surprise. Left out: Breathing and Pant (exertion).
    "surprise": ("Gasp",),
    # No sound of AudioSet stands for boredom, calm, disgust or neutral. The moods of
    # music (Happy music, Sad music, Angry music ...) and the voices of animals
    # (Whimper (dog), Growling ...) say nothing about who speaks.
}
"""Display names of the AudioSet classes that count as evidence, by emotion."""

CLASSES = tuple(sorted([*EVIDENCE, "other"]))
"""The emotions that have evidence, and ``other``; sorted."""


def coverage() -> pd.DataFrame:
    """Show which AudioSet classes count for which emotion, and how few they are.

    Returns
    -------
    DataFrame
        Indexed by the canonical emotions, all of them: ``classes`` (tuple of
        display names), ``n_classes`` and ``share`` of all 521. The classes of
        ``other``, all the rest, are counted and not listed.

    Examples
    --------
    >>> coverage()["n_classes"].loc[["angry", "disgust", "happy", "other"]].tolist()
    [3, 0, 5, 508]
    """
    table = pd.DataFrame(index=pd.Index(labels.EMOTIONS, name="emotion"))
    table["classes"] = [EVIDENCE.get(emotion, ()) for emotion in table.index]
    table["n_classes"] = table["classes"].map(len)
    table.loc["other", "n_classes"] = N_CLASSES - table["n_classes"].sum()
    table["share"] = table["n_classes"] / N_CLASSES
    return table


def groups(names: Sequence[str]) -> list[np.ndarray]:
    """Find the columns of each of `CLASSES` among a network's scores, by name.

    Parameters
    ----------
    names : sequence of str
        Display names, in the order of the scores.

    Returns
    -------
    list of ndarray of int
        For each of `CLASSES`, the positions of its AudioSet classes; for
        ``other``, of all that count for no emotion.

    Raises
    ------
    ValueError
        If a class of `EVIDENCE` is missing.
    """
    place = {name: number for number, name in enumerate(names)}
    wanted = [name for some in EVIDENCE.values() for name in some]
    if missing := [name for name in wanted if name not in place]:
        raise ValueError(f"its class map has no {', '.join(map(repr, missing))}")
    found = {e: np.array([place[name] for name in EVIDENCE[e]]) for e in EVIDENCE}
    found["other"] = np.setdiff1d(
        np.arange(len(place)), np.concatenate([*found.values()])
    )
    return [found[emotion] for emotion in CLASSES]


def probabilities(scores: np.ndarray, columns: Sequence[np.ndarray]) -> np.ndarray:
    """Turn the scores of one clip's frames into probabilities of emotions.

    The scores are independent: several can be near one, or none. In each frame
    an emotion weighs as much as its strongest class; ``other`` weighs as much
    as the strongest of the rest, and at least what the strongest emotion
    leaves of one, so that a frame in which nothing is heard goes to ``other``.
    The weights of a frame are made to sum to one, and frames are averaged.

    Parameters
    ----------
    scores : ndarray of shape (frames, 521)
        From 0 to 1.
    columns : sequence of ndarray
        As `groups` gives.

    Returns
    -------
    ndarray of shape (len(CLASSES),), float64
        Sums to one.

    Examples
    --------
    >>> columns = [np.array([i]) for i in range(len(CLASSES))]
    >>> laughter = np.array([[0, 0, 0.9, 0.1, 0, 0]])  # happy 0.9, another class 0.1
    >>> dict(zip(CLASSES, probabilities(laughter, columns).round(2).tolist()))
    {'angry': 0.0, 'fear': 0.0, 'happy': 0.9, 'other': 0.1, 'sad': 0.0, 'surprise': 0.0}
    """
    scores = np.asarray(scores, np.float64)
    weights = np.stack([scores[:, some].max(axis=1) for some in columns], axis=1)
    other = CLASSES.index("other")
    strongest = np.delete(weights, other, axis=1).max(axis=1)
    weights[:, other] = np.maximum(weights[:, other], 1 - strongest)
    return (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)
