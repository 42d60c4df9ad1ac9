"""Objects of one's own that answer as a system does, taken as they are."""

import numpy as np

from sertools import labels
from sertools.models.base import Classifier, Embedder, Model

_METHODS = {"embed": ("embed", "transform"), "predict_proba": ("predict_proba",)}


def as_system(made: object, method: str) -> Model:
    """Take an object for the system that it is like; say what it lacks if it isn't.

    What it answers is in no store: nobody can tell whether it is still the same.
    """
    if hasattr(made, "signature"):  # a system behind a degradation
        return made
    if isinstance(made, str):
        raise ValueError(f"{made!r} is a name: give sertools.models.load({made!r}).")
    kind = type(made).__name__
    found = next((n for n in _METHODS[method] if callable(getattr(made, n, 0))), None)
    if found is None:
        raise ValueError(f"{kind} has no {' and no '.join(_METHODS[method])}.")
    if method == "embed":
        return _Embedder(made, found)
    if getattr(made, "classes_", None) is None:
        raise ValueError(f"{kind} has no classes_: which column is which emotion?")
    return _Classifier(made)


class _Object:
    """What is the same for all: a name, and a rate of 16 kHz if none is told."""

    license = reference = "unknown"
    title = "an object of one's own"
    training_corpora = None
    stored = False

    @property
    def spec(self) -> str:
        """Its class."""
        return type(self.made).__name__

    name = label = spec

    @property
    def sampling_rate(self) -> int:
        """As it says, in Hz."""
        return int(getattr(self.made, "sampling_rate", Model.sampling_rate))


class _Embedder(_Object, Embedder):
    def __init__(self, made, method):
        super().__init__()
        self.made, self.method = made, method

    def _feature_names(self) -> list[str]:
        """Take its own names, if it has any that fit."""
        width = len(super()._feature_names())
        try:
            names = [str(name) for name in self.made.get_feature_names_out()]
        except Exception:  # of any library; numbers do
            names = []
        return names if len(names) == width else self._numbered(width)

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        answers = getattr(self.made, self.method)(waveforms)
        if hasattr(answers, "toarray"):  # sparse
            answers = answers.toarray()
        rows = np.asarray(answers, np.float32)
        if rows.ndim != 2 or len(rows) != len(waveforms):
            raise ValueError(
                f"{self.spec}: its {self.method} gives an array of shape {rows.shape} "
                f"for {len(waveforms)} waveforms; a row for each is due."
            )
        return rows


class _Classifier(_Object, Classifier):
    def __init__(self, made):
        super().__init__()
        self.made = made
        self.own = [labels.canonical(str(word)) for word in made.classes_]
        self.classes_ = np.array(sorted({*self.own}))

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        columns = np.array(self.own)[:, None] == self.classes_
        return np.asarray(self.made.predict_proba(waveforms), float) @ columns
