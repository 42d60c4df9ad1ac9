"""Pictures: Axes in, Axes out; nothing is shown or saved here.

Every function draws on the Axes it is given, or makes a figure of fitting size.
Headings stand on the left: ``ax.set_title("Mine", loc="left")`` replaces one.
"""

import importlib

_NAMES = {
    "class_scores": "bars",
    "comparison": "ranking",
    "confusion_matrix": "confusion",
    "descriptors": "tracks",
    "embeddings": "scatter",
    "frame_scores": "frames",
    "importances": "bars",
    "scores": "intervals",
    "speaker_recall": "speakers",
    "spectrogram": "sound",
    "waveform": "sound",
}

__all__ = list(_NAMES)


def __getattr__(name: str):
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
