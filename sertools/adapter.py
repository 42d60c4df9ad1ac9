"""One face for every system: a piece of audio in, emotions and scores out."""

import difflib
import os

import numpy.typing as npt

from sertools import audio, models
from sertools.models import device as devices

__all__ = ["ExternalModelAdapter"]

_BY_LIBRARY = {"tensorflow": "ravdess_cnn"}
"""Types that are called by their library: what such a file holds."""


class ExternalModelAdapter:
    """Ask any system what it hears, in the same way.

    Parameters
    ----------
    model_type : str
        ``"tensorflow"`` (a Keras network on 40 MFCCs, see `ravdess_cnn`),
        ``"yamnet"``, ``"opensmile"`` (a head trained on its features),
        ``"trained"``, or any other system that classifies; `types` lists them.
    model_path : path-like, optional
        The weights. A folder that ``sertools train`` wrote goes with every type
        whose features it was trained on. Without it: ``$SERTOOLS_WEIGHTS``, then
        the user cache, as everywhere; for ``"opensmile"`` and ``"trained"``, the
        head that comes with the package.
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
        self.device = devices.resolve(device, model_type)
        self.trust = trust
        self.model = _model(model_type, model_path, self.device, trust)
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
        systems = [name for name in models.names() if _classifies(name)]
        return sorted({*_BY_LIBRARY, *systems, "opensmile"})

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


def _model(model_type: str, path, device: str, trust: bool):
    known = ExternalModelAdapter.types()
    if model_type not in known:
        near = difflib.get_close_matches(str(model_type).lower(), known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"Unknown model_type {model_type!r}.{hint} Known: {', '.join(known)}."
        )
    name = _BY_LIBRARY.get(model_type, model_type)
    if not _classifies(name) or _is_trained(path):
        return _trained(model_type, path, device, trust)
    if name == "trained":
        return _trained(None, path, device, trust)
    return models.load(name, weights=path, device=device, trust=trust)


def _classifies(name: str) -> bool:
    return isinstance(models.load(name), models.Classifier)


def _is_trained(path) -> bool:
    """Say whether a folder is what `sertools train` wrote on some features."""
    return path is not None and os.path.isfile(os.path.join(path, "head.skops"))


def _trained(features: str | None, path, device: str, trust: bool):
    """Load a trained head; make sure that it was trained on the features named."""
    if path is None or str(path) in models.card("trained")["variants"]:
        variant = str(path or models.card("trained")["variants"][0])
        model = models.load(f"trained:{variant}", device=device, trust=trust)
    else:
        model = models.load("trained", weights=path, device=device, trust=trust)
    heard = model.embedder.spec
    if features and heard.partition(":")[0] != features:
        raise ValueError(f"{path}: this head was trained on {heard}, not {features}.")
    return model
