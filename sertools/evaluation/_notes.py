"""Notes: what a reader must know beside a score, each a sentence and its kind."""

import enum
from collections.abc import Iterable, Mapping

import pandas as pd

from sertools.evaluation.intervals import Evaluated

_SPEAKER_UNSEEN = ("none", "corpus")  # forms that need nothing else of a speaker


class Kind(enum.Enum):
    """What a note is about: programs ask for this, and never for its words."""

    RANDOM_WEIGHTS = enum.auto()
    SYNTHETIC = enum.auto()
    TRAINED_ON_SYNTHETIC = enum.auto()
    LEAKING = enum.auto()
    UNKNOWN_SPEAKERS = enum.auto()
    FEW_SPEAKERS = enum.auto()
    PRESUMES_SPEAKER = enum.auto()
    PRESUMES_CORPUS = enum.auto()
    CONTAMINATION = enum.auto()
    SILENT_CLIPS = enum.auto()
    ONE_ANSWER = enum.auto()
    UNSEEN_EMOTION = enum.auto()
    TUNED = enum.auto()
    PROJECTED = enum.auto()
    OVERRULED = enum.auto()
    CALIBRATED = enum.auto()
    READING = enum.auto()
    OTHER = enum.auto()


MADE_UP = (Kind.RANDOM_WEIGHTS, Kind.SYNTHETIC)
"""What goes before everything else: no number here is about people."""


class Note(str):
    """A sentence for a reader, with its kind; a plain string to JSON and to print."""

    __slots__ = ("kind",)

    def __new__(cls, kind: Kind, text: str):
        """Make a sentence of a kind."""
        made = super().__new__(cls, text)
        made.kind = kind
        return made

    def __getnewargs__(self):
        return self.kind, str(self)


def of_kind(notes: Iterable[str], *kinds: Kind) -> list[str]:
    """Take the notes of some kinds."""
    return [note for note in notes if getattr(note, "kind", Kind.OTHER) in kinds]


def recognised(warnings: Iterable[str], info: Mapping) -> list[str]:
    """Give warnings that were saved as sentences the kinds that their result tells."""
    known = [
        *made_up_by(info),
        *presuming(info.get("standardize")),
        leaking_folds(info.get("folds")),
    ]
    kinds = {str(note): note for note in known}
    return [kinds.get(warning, warning) for warning in warnings]


def presumes_speaker(standardize: str | None) -> bool:
    """Say whether a form of standardising presumes that one knows who speaks."""
    return (standardize or "none") not in _SPEAKER_UNSEEN


def presuming(standardize: str | None) -> list[Note]:
    """Say so where standardising presumes that one knows who speaks."""
    if not presumes_speaker(standardize):
        return []
    form = "" if standardize == "speaker" else f" ({standardize})"
    text = (
        f"Standardised by speaker{form}: presumes that one knows who speaks and has "
        "other clips of theirs. Not to be ranked with scores that presume neither."
    )
    return [Note(Kind.PRESUMES_SPEAKER, text)]


def leaking_folds(name: str | None) -> Note:
    """Say that folds have the same speakers in training and test."""
    return Note(
        Kind.LEAKING,
        f"LEAKING FOLDS ({name}): the same speakers are in training and test. "
        "These scores flatter; hold speakers out with folds='speaker'.",
    )


def one_answer(probabilities: pd.DataFrame) -> list[Note]:
    """Say so where every clip gets the same answer, which no score shows."""
    called = set(probabilities.to_numpy().argmax(axis=1))
    if len(called) > 1:
        return []
    name = probabilities.columns[called.pop()]
    text = f"Every clip is called {name}: nothing is told apart."
    return [Note(Kind.ONE_ANSWER, text)]


def made_up_by(info: Mapping) -> list[Note]:
    """Say whether a result comes of random weights, or of synthetic speech."""
    random = "Random weights: everything ran, and no number here means anything."
    synthetic = (
        "Synthetic speech: these scores show that everything works, not how well "
        "anything recognises people."
    )
    said = [Note(Kind.RANDOM_WEIGHTS, random)] * bool(info.get("random_weights"))
    return said + [Note(Kind.SYNTHETIC, synthetic)] * bool(info.get("synthetic"))


def made_up(infos: Mapping[str, Mapping]) -> list[Note]:
    """Say which of several results come of random weights, or of synthetic speech."""
    random = ", ".join(name for name, i in infos.items() if i.get("random_weights"))
    notes = [Note(Kind.RANDOM_WEIGHTS, f"Random weights: {random}. They mean nothing.")]
    notes *= bool(random)
    if any(info.get("synthetic") for info in infos.values()):
        text = "Synthetic speech: nothing here says how people are recognised."
        notes.append(Note(Kind.SYNTHETIC, text))
    return notes


def carried(result: Evaluated) -> list[str]:
    """Give what a reader of anything drawn from a result must know, each once."""
    return list(dict.fromkeys([*made_up_by(result.info), *result.warnings]))
