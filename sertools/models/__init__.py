"""Systems that hear a waveform: one file each; the folder is the registry."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Classifier": "base",
        "Embedder": "base",
        "Ensemble": "ensemble",
        "Fusion": "fusion",
        "card": "registry",
        "fetch": "registry",
        "heads": "heads",
        "load": "registry",
        "names": "registry",
    },
)
