"""A system that hears every clip through a telephone, in noise, cut short."""

from typing import TYPE_CHECKING

from sertools import audio
from sertools.display import Card, Display

if TYPE_CHECKING:
    from sertools.models.base import Model


def with_degradation(
    model: "Model", degradation: "str | audio.Degradation", seed: int = 0
) -> "Model | Degraded":
    """Put a degradation in front of a system.

    What comes back is used as the system itself is: `extract` and `score` run
    it in workers and keep its answers in the store, under a name that includes
    the degradation and the seed.

    Parameters
    ----------
    model : Embedder or Classifier
        As `sertools.models.load` gives.
    degradation : str or Degradation
        Such as ``"noise:10"``; see `sertools.audio.degrade`.
    seed : int, default 0
        Of noise and rooms.

    Returns
    -------
    Degraded
        Or, for several embedders side by side, several of them.

    Raises
    ------
    ValueError
        If the degradation is unknown or makes no sense.

    Examples
    --------
    >>> from sertools import datasets, models
    >>> from sertools.features import extract
    >>> from sertools.metadata import FeaturesMetadata
    >>> clips = datasets.select(datasets.load("demo"), max_clips=2)
    >>> model = with_degradation(models.load("duration_loudness"), "truncation:50%")
    >>> X = extract(model, clips, store=False, jobs=1)
    >>> FeaturesMetadata.of(X).model
    'duration_loudness (truncation:50%)'
    """
    parts = getattr(model, "parts", None)
    if parts is None or not hasattr(model, "embed"):
        return Degraded(model, audio.Degradation.parse(degradation), seed)
    from sertools.models.fusion import Fusion

    fused = Fusion(list(parts))
    fused.parts = [with_degradation(part, degradation, seed) for part in parts]
    return fused


class Degraded(Display):
    """A system, or its engine, with a degradation in front.

    Whatever is not said here is asked of the system itself.
    """

    def __init__(self, model, degradation, seed: int, rate: int | None = None):
        self.model = model
        self.degradation = degradation
        self.seed = int(seed)
        self.rate = model.sampling_rate if rate is None else rate

    def __getattr__(self, name: str):
        if name.startswith("__") or name == "model":  # while it is being unpickled
            raise AttributeError(name)
        asked = getattr(self.model, name)
        if name not in ("embed", "predict_proba"):
            return asked
        return lambda waveforms: asked([self.hear(waveform) for waveform in waveforms])

    def __repr__(self) -> str:
        return f"Degraded({self.model!r}, {str(self.degradation)!r}, {self.seed})"

    _repr_mimebundle_ = None

    def _parts(self):
        heard = {"degradation": str(self.degradation), "seed": self.seed}
        yield from Card(system=self.model.spec, **heard)._parts()

    def hear(self, waveform):
        """Give a waveform as the system gets to hear it."""
        heard = audio.load(waveform, self.rate)
        return audio.degrade(heard, self.degradation, self.rate, self.seed)

    @property
    def label(self) -> str:
        """The system's name as results show it, and what it hears through."""
        return f"{self.model.label} ({self.degradation})"

    def signature(self) -> dict[str, str]:
        """Give all that the answers depend on, the degradation included."""
        told = {"degradation": str(self.degradation), "seed": str(self.seed)}
        return {**self.model.signature(), **told, **_codecs(self.degradation)}

    def worker_engine(self) -> "Degraded":
        """Give what is sent to worker processes."""
        return Degraded(
            self.model.worker_engine(), self.degradation, self.seed, self.rate
        )


def _codecs(degradation: "audio.Degradation") -> dict[str, str]:
    """Name the library whose version changes what a codec does."""
    if degradation.kind != "mp3":
        return {}
    import soundfile

    return {"libsndfile": soundfile.__libsndfile_version__}
