"""The one table of emotions: names, aliases, Korean names, colours and markers.

Labels are mapped by name, never by position. A word that is not in the table
raises; nothing is folded silently.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = [
    "EMOTIONS",
    "FURTHER",
    "Emotion",
    "canonical",
    "colour",
    "emotion",
    "korean",
    "marker",
    "merged",
]


@dataclass(frozen=True)
class Emotion:
    """One row of the table.

    Parameters
    ----------
    name : str
        Canonical name.
    korean : str
        Korean name.
    colour : str
        Hex colour; neighbours stay apart for colour-blind readers.
    marker : str
        Matplotlib marker, so that no plot depends on colour alone.
    aliases : tuple of str
        Other words that mean exactly this emotion, in lower case.
    """

    name: str
    korean: str
    colour: str
    marker: str
    aliases: tuple[str, ...] = ()


# Colours: Okabe and Ito's palette, with Tol's muted olive, wine and indigo where
# more than eight are needed.  https://jfly.uni-koeln.de/color/
_TABLE = (
    Emotion("angry", "분노", "#D55E00", "^", ("anger", "ang", "mad")),
    Emotion("boredom", "지루함", "#999933", "s", ("bored", "bor")),
    Emotion("calm", "평온", "#56B4E9", "h", ("calmness", "relaxed")),
    Emotion("disgust", "혐오", "#009E73", "X", ("disgusted", "dis")),
    Emotion("fear", "두려움", "#CC79A7", "v", ("fearful", "fea", "afraid", "공포")),
    Emotion("happy", "기쁨", "#E69F00", "o", ("happiness", "hap", "joy", "행복")),
    Emotion("neutral", "중립", "#8A8A8A", "P", ("neu", "neutrality")),
    Emotion("other", "기타", "#4D4D4D", ".", ("others", "unknown")),
    Emotion("sad", "슬픔", "#0072B2", "D", ("sadness",)),
    Emotion("surprise", "놀람", "#B8A900", "*", ("surprised", "sur")),
)

_FURTHER = (
    Emotion("contempt", "경멸", "#882255", "p", ("contemptuous",)),
    Emotion("excited", "흥분", "#AA4499", "8", ("excitement", "exc")),
    Emotion("frustrated", "좌절", "#332288", "d", ("frustration", "fru")),
)

EMOTIONS = tuple(row.name for row in _TABLE)
"""The canonical emotions, sorted."""

FURTHER = tuple(row.name for row in _FURTHER)
"""Names that some corpora use and that nobody should fold silently."""

_BY_NAME = {row.name: row for row in _TABLE + _FURTHER}

_BY_WORD = {
    word: row
    for row in _TABLE + _FURTHER
    for word in (row.name, row.korean, *row.aliases)
}


def emotion(word: str) -> Emotion:
    """Look up one emotion by any of its names.

    Parameters
    ----------
    word : str
        Canonical name, alias or Korean name, in any case.

    Returns
    -------
    Emotion
        The row of the table.

    Raises
    ------
    ValueError
        If the table has no such word; the message names the nearest ones.

    Examples
    --------
    >>> emotion("Fearful").korean
    '두려움'
    """
    row = _BY_WORD.get(str(word).strip().lower())
    if row is None:
        raise ValueError(_unknown(word))
    return row


def canonical(word: str) -> str:
    """Give the canonical name of an emotion.

    Parameters
    ----------
    word : str
        Canonical name, alias or Korean name, in any case.

    Returns
    -------
    str
        One of `EMOTIONS` or `FURTHER`.

    Raises
    ------
    ValueError
        If the table has no such word.

    Examples
    --------
    >>> canonical("Fearful")
    'fear'
    >>> canonical("기쁨")
    'happy'
    """
    return emotion(word).name


def korean(word: str) -> str:
    """Give the Korean name of an emotion.

    Examples
    --------
    >>> korean("sad")
    '슬픔'
    """
    return emotion(word).korean


def colour(word: str) -> str:
    """Give the hex colour of an emotion; grey for a name outside the table.

    Examples
    --------
    >>> colour("angry")
    '#D55E00'
    """
    row = _BY_WORD.get(str(word).strip().lower())
    return row.colour if row else "#BBBBBB"


def marker(word: str) -> str:
    """Give the matplotlib marker of an emotion; a dot for an unknown name."""
    row = _BY_WORD.get(str(word).strip().lower())
    return row.marker if row else "."


def merged(names: Iterable[str], merge: Mapping[str, str]) -> list[str]:
    """Fold some emotions into others, as the caller states.

    Parameters
    ----------
    names : iterable of str
        Canonical names.
    merge : mapping of str to str
        What becomes what, for example ``{"calm": "neutral"}``. Words are made
        canonical first.

    Returns
    -------
    list of str
        The names after folding, in the same order.

    Raises
    ------
    ValueError
        If a word of `merge` is unknown.

    Examples
    --------
    >>> merged(["calm", "sad"], {"calm": "neutral"})
    ['neutral', 'sad']
    """
    table = {canonical(old): canonical(new) for old, new in merge.items()}
    return [table.get(name, name) for name in names]


def _unknown(word: str) -> str:
    near = difflib.get_close_matches(str(word).lower(), list(_BY_WORD), n=2)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return (
        f"Unknown emotion {word!r}.{hint} "
        f"Known: {', '.join(EMOTIONS)}; also {', '.join(FURTHER)}."
    )
