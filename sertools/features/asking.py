"""Ask a system about a few clips: in this process, or in a worker."""

from typing import NamedTuple

import numpy as np

from sertools import audio
from sertools.store import Entry

__all__ = ["Answers", "Question", "asked", "decoded"]


class Question(NamedTuple):
    """What is asked about every clip.

    Parameters
    ----------
    method : {"embed", "predict_proba"}
        What the system is to do.
    rate : int
        Of the waveforms it takes, in Hz.
    spec : str
        The system's name, for what there may be to say of it.
    """

    method: str
    rate: int
    spec: str


class Answers(NamedTuple):
    """What came back for some clips.

    Parameters
    ----------
    names : list of str
        Of the numbers of an answer.
    done : dict of bytes to Entry or str
        By the clip's digest; a reason stands in for a clip that failed.
    """

    names: list[str]
    done: dict[bytes, Entry | str]


def decoded(
    part: dict[bytes, str], rate: int
) -> tuple[dict[bytes, np.ndarray], dict[bytes, str]]:
    """Load some clips; say why others cannot be."""
    waveforms, reasons = {}, {}
    for key, path in part.items():
        try:
            waveforms[key] = audio.load(path, rate)
        except (ValueError, OSError) as error:
            reasons[key] = str(error).removeprefix(f"{path}: ").rstrip(".")
    return waveforms, reasons


def asked(
    engine,
    question: Question,
    waveforms: dict[bytes, np.ndarray],
    reasons: dict[bytes, str],
) -> Answers:
    """Ask for some waveforms; a reason stands in for one that fails."""
    done: dict[bytes, Entry | str] = dict(reasons)
    ask, spec = getattr(engine, question.method), question.spec
    try:
        vectors = dict(zip(waveforms, ask(list(waveforms.values())), strict=True))
    except (ModuleNotFoundError, FileNotFoundError):  # no clip is to blame
        raise
    except Exception:  # one clip spoils the batch: find which
        vectors = {}
        for key, waveform in waveforms.items():
            try:
                vectors[key] = ask([waveform])[0]
            except Exception as error:
                reason = " ".join(str(error).split()).rstrip(".")
                done[key] = f"{spec} failed on it ({reason})"
    for key, vector in vectors.items():
        vector = np.asarray(vector, np.float32)  # as the store will give it back
        if np.isfinite(vector).all():
            done[key] = Entry(vector, audio.is_silent(waveforms[key]))
        else:
            done[key] = f"{spec} failed on it (its features are not finite numbers)"
    scores = question.method != "embed"
    names = engine.classes_ if scores else engine.get_feature_names_out()
    return Answers([str(name) for name in names], done)
