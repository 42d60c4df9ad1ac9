"""Audio in: waveforms from files and arrays, windows, and stretches of speech."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Degradation": "degradation",
        "degradations": "degradation",
        "degrade": "degradation",
        "duration": "loading",
        "is_silent": "loading",
        "load": "loading",
        "segments": "speech",
        "silence": "effects",
        "stop_band": "effects",
        "windows": "loading",
    },
)
