"""Adapter to every system: a piece of audio in, emotions and scores out."""

import difflib
import os

import numpy.typing as npt

from sertools import audio, models
from sertools.display import Card, Display
from sertools.models import _torch as devices

__all__ = ["ExternalModelAdapter"]

_BY_LIBRARY = {"tensorflow": "ravdess_cnn"}
"""Types that are called by their library: what such a file holds."""


class ExternalModelAdapter(Display):
    """Ask any system what it hears, in the same way.

    Parameters
    ----------
    model_type : str
        ``"tensorflow"`` (a Keras network on 40 MFCCs, see `ravdess_cnn`),
        ``"yamnet"``, ``"opensmile"`` (a head trained on its features),
        ``"trained"``, or any other system; `types` lists them.
    model_path : path-like, optional
        The weights, the name of a variant, or a model's id on a hub. Systems that
        give features, such as ``"opensmile"`` and ``"whisper"``, take the folder of
        a head that ``sertools train`` wrote. Without it: ``$SERTOOLS_WEIGHTS``,
        then the user cache, as everywhere; for ``"opensmile"`` and ``"trained"``,
        the head that comes with the package.
    device : str, default "cuda"
        ``cuda``, ``cpu``, ``mps`` or ``auto``. Where there is no GPU, it computes
        on the CPU and says so once.
    trust : bool, default False
        Allow weights that can run code while loading.

    Raises
    ------
    ValueError
        If the type is unknown, or the weights are of another kind or could run
        code; the message says which.
    FileNotFoundError
        If the weights are not there; the message says what fetches them.

    Examples
    --------
    >>> adapter = ExternalModelAdapter("trained", "emodb_egemaps", device="cpu")
    >>> scores = adapter.predict([0.0] * 16_000)
    >>> round(sum(scores.values()), 6)
    1.0
    """

    def __init__(
        self,
        model_type: str,
        model_path: str | os.PathLike | None = None,
        device: str = "cuda",
        trust: bool = False,
    ):
        self.model_type = model_type
        self.model_path = model_path
        self.trust = trust
        name = _system(model_type)
        self.device = devices.resolve(device, model_type)
        self.model = _model(name, model_path, device=self.device, trust=trust)
        _ = self.model.backend  # what is wrong with the weights is said here

    @staticmethod
    def types() -> list[str]:
        """List what can be named as ``model_type``.

        Returns
        -------
        list of str
            Sorted.

        Examples
        --------
        >>> "opensmile" in ExternalModelAdapter.types()
        True
        """
        return sorted({*_BY_LIBRARY, *models.names()})

    def predict(
        self, audio_segment: str | os.PathLike | npt.ArrayLike, sr: int = 16_000
    ) -> dict[str, float]:
        """Score the emotions of one piece of audio.

        Parameters
        ----------
        audio_segment : path, or array or list of float of shape (t,)
            A file, or the samples of one waveform in [-1, 1]. Several channels,
            shape (t, channels), are mixed.
        sr : int, default 16000
            Rate of the samples in Hz; a file knows its own.

        Returns
        -------
        dict of str to float
            Canonical emotions, the best first; the scores sum to one.

        Raises
        ------
        ValueError
            If it is no audio, or too short.
        FileNotFoundError
            If there is no such file.
        """
        waveform = audio.load(audio_segment, self.model.sampling_rate, sr=sr)
        (scores,) = self.model.predict_proba([waveform])
        pairs = zip(map(str, self.model.classes_), map(float, scores), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def __repr__(self) -> str:
        return f"ExternalModelAdapter({self.model_type!r}, {str(self.model.label)!r})"

    def _parts(self):
        facts = Card(
            type=self.model_type,
            model=self.model.label,
            emotions=[str(name) for name in self.model.classes_],
            sampling_rate=self.model.sampling_rate,
            device=self.device,
        )
        yield from facts._parts()


def _system(model_type: str) -> str:
    """Find the system that a type means."""
    known = ExternalModelAdapter.types()
    if model_type not in known:
        near = difflib.get_close_matches(str(model_type).lower(), known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"Unknown model_type {model_type!r}.{hint} Known: {', '.join(known)}."
        )
    return _BY_LIBRARY.get(model_type, model_type)


def _model(name: str, path, **how):
    system = models.load(name)
    if name != "trained" and _is_head(path, system):
        return _on_features_of(system, path, how)
    if isinstance(path, str) and _is_variant(path, system):
        return models.load(f"{name}:{path}", **how)
    return models.load(name, weights=path, **how)


def _is_head(path, system) -> bool:
    """Say whether it takes a trained head: the path is one, or nothing else will do."""
    if path is not None and os.path.isfile(os.path.join(path, "head.skops")):
        return True
    return not hasattr(system, "predict_proba")


def _is_variant(path: str, system) -> bool:
    """Say whether a path is none, but a variant's name, or a model's on a hub."""
    by_id = system.name == "huggingface" and not os.path.exists(path)
    return path in system.variants or (by_id and path != "tiny")


def _on_features_of(system, path, how: dict):
    """Load a trained head; make sure that it was trained on this system's features."""
    if path is None:
        path = models.card("trained")["variants"][0]
        model = models.load(f"trained:{path}", **how)
    else:
        model = models.load("trained", weights=path, **how)
    heard = model.embedder.spec.partition(":")[0]
    if heard != system.name:
        raise ValueError(
            f"{path}: a head on features of {heard}, not of {system.name}. Train one: "
            f"sertools train --model {system.name} --head logistic --out my_model"
        )
    return model
