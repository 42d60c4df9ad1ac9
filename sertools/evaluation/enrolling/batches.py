"""Draw the clips by which a speaker is enrolled: how many, and how mixed."""

import zlib
from collections import Counter

import numpy as np

from sertools import labels

__all__ = ["batch", "known", "words"]

PLAIN = ("balanced", "random")
USUAL = (*PLAIN, "angry:80", "sad:80", "neutral:100")


def known(mixes, emotions: set[str]) -> list[str]:
    """Check the names of mixes; give the usual ones, if none are given.

    Raises
    ------
    ValueError
        If a mix is unknown, or of an emotion that the clips don't have.

    Examples
    --------
    >>> known(None, {"sad", "happy"})
    ['balanced', 'random', 'sad:80']
    >>> known(["Anger:60"], {"angry", "sad"})
    ['angry:60']
    """
    if mixes is None:
        return [m for m in USUAL if m in PLAIN or m.partition(":")[0] in emotions]
    found = []
    for mix in mixes:
        word, colon, share = mix.partition(":")
        if mix in PLAIN:
            found.append(mix)
            continue
        if not colon or not share.isdecimal() or not 1 <= int(share) <= 100:
            raise ValueError(
                f"Unknown mix {mix!r}. Known: {', '.join(PLAIN)}, or an emotion and "
                "its share in percent, such as angry:80."
            )
        emotion = labels.canonical(word)
        if emotion not in emotions:
            raise ValueError(
                f"No clip is {emotion}, as mix {mix!r} asks; there are "
                f"{', '.join(sorted(emotions))}."
            )
        found.append(f"{emotion}:{int(share)}")
    return list(dict.fromkeys(found))


def words(mix: str) -> str:
    """Say a mix in words.

    Examples
    --------
    >>> words("angry:80"), words("neutral:100"), words("random")
    ('80 % angry', 'neutral only', 'random')
    """
    emotion, _, share = mix.partition(":")
    if not share:
        return mix
    return f"{emotion} only" if share == "100" else f"{share} % {emotion}"


def batch(emotions: np.ndarray, mix: str, count: int, key: str) -> np.ndarray:
    """Draw enrolment clips of one speaker.

    No emotion gives its last clip, so that each can still be scored. Where an
    emotion runs out, a batch of a stated share gets smaller and keeps the share
    as well as it can; a balanced one is filled up evenly from the others.

    Parameters
    ----------
    emotions : ndarray of shape (n,)
        Of the speaker's clips.
    mix : str
        ``balanced``, ``random``, or ``EMOTION:SHARE``.
    count : int
        How many to draw.
    key : str
        What the draw is for: it seeds it, with the mix and count.

    Returns
    -------
    ndarray of shape (m,), int
        Places of the clips drawn; m is `count` or less.

    Examples
    --------
    >>> emotions = np.array(["angry"] * 9 + ["sad"] * 3)
    >>> [int(x) for x in np.bincount(batch(emotions, "angry:80", 5, "") // 9)]
    [4, 1]
    """
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
    if mix in PLAIN:
        return np.array([place for _, place in free[:count]], dtype=int)
    emotion, _, share = mix.partition(":")
    share = int(share) / 100
    inside = [place for _, place in free if emotions[place] == emotion]
    outside = [place for _, place in free if emotions[place] != emotion]
    wanted = round(share * count)
    taken = min(wanted, len(inside))
    rest = count - wanted
    if taken < wanted:
        rest = round(taken * (1 - share) / share)
    return np.array(inside[:taken] + outside[:rest], dtype=int)
