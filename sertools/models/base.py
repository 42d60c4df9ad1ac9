"""Base classes of systems: pretrained embedders and classifiers of waveforms."""

import difflib
import os
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin

from sertools import extras
from sertools.display import Card
from sertools.models import _weights as weights_of
from sertools.models._weights import Source

_SUMS = 1e-3  # by how much probabilities in 16 bits may miss one


class Model(BaseEstimator):
    """A system by name and variant; its weights are read at first use.

    A system declares the class attributes below, and says in ``_load`` how its
    backend is made and in ``_embed`` or ``_predict_proba`` what it answers.

    Parameters
    ----------
    variant : str, optional
        One of the class's ``variants``; the first if not given.
    weights : path-like, optional
        File or folder of parameters, for systems that have any. ``"tiny"`` is a
        small random checkpoint: everything runs, and no answer means anything.
    device : str, default "auto"
        Where it computes: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    trust : bool, default False
        Allow weights that can run code while loading.

    Attributes
    ----------
    name : str
        The system's name, the stem of its file.
    variants : tuple of str
        What can follow the colon in ``"system:variant"``.
    sampling_rate : int
        Rate of the waveforms it takes, in Hz.
    run_in_workers : bool
        Whether feature extraction runs it in worker processes.
    dimensions : dict of str to int
        Length of an embedding, by variant; the key is ``None`` where there are
        none.
    stored : bool
        Whether a feature store may keep its answers.
    has_weights : bool
        Whether it has parameters of its own, in a file or a folder.
    sources : dict of str to tuple of Source
        What to fetch, by variant; the key is ``None`` where there are none.
    training_corpora : tuple of str, or None
        Corpora in its training data; ``None`` where nobody can say.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    license: ClassVar[str]
    reference: ClassVar[str]
    variants: ClassVar[tuple[str, ...]] = ()
    packages: ClassVar[tuple[str, ...]] = ()
    training_corpora: ClassVar[tuple[str, ...] | None] = ()
    sampling_rate = 16_000
    run_in_workers: ClassVar[bool] = False
    stored: ClassVar[bool] = True
    has_weights: ClassVar[bool] = False
    sources: ClassVar[dict[str | None, tuple[Source, ...]]] = {}
    dimensions: ClassVar[dict[str | None, int]] = {}

    def __init__(self, variant=None, weights=None, device="auto", trust=False):
        self.variant = variant
        self.weights = weights
        self.device = device
        self.trust = trust

    @classmethod
    def read_variant(cls, variant: str) -> dict:
        """Turn what follows the colon of a name into parameters.

        Parameters
        ----------
        variant : str
            ``"base:layer4"`` of ``"whisper:base:layer4"``; may be empty.

        Returns
        -------
        dict
            Those that it names.
        """
        return {"variant": variant or None}

    @property
    def variant_(self) -> str | None:
        """The variant in use; ``None`` where the system has only one."""
        if self.variant is None:
            return self.variants[0] if self.variants else None
        if self.variant not in self.variants:
            spelt = {name.lower(): name for name in self.variants}
            near = difflib.get_close_matches(str(self.variant).lower(), spelt, n=1)
            hint = f" Did you mean {spelt[near[0]]}?" if near else ""
            known = ", ".join(self.variants) or "none"
            raise ValueError(
                f"{self.name} has no variant {self.variant!r}.{hint} Variants: {known}."
            )
        return self.variant

    @property
    def spec(self) -> str:
        """The short name: ``"opensmile"`` or ``"opensmile:ComParE_2016"``."""
        first = self.variants[0] if self.variants else None
        return self.name if self.variant_ == first else f"{self.name}:{self.variant_}"

    @property
    def backend(self):
        """What ``_load`` made; made at first use and never pickled."""
        wanted = self.get_params(deep=False)
        if "_backend" not in self.__dict__ or self._backend[0] != wanted:
            made = self._load_random() if self.random_weights else self._load()
            self._backend = wanted, made
        return self._backend[1]

    def _load(self):
        return None

    def _load_random(self):
        """Make a small backend of the right architecture, always the same one."""
        raise ValueError(f"{self.spec} has no random weights: leave weights= out.")

    @property
    def random_weights(self) -> bool:
        """Whether its weights are random, and its answers mean nothing."""
        return isinstance(self.weights, str) and self.weights == weights_of.TINY

    @property
    def label(self) -> str:
        """Its name as results show it: random weights are named as such."""
        return f"{self.spec} (random weights)" if self.random_weights else self.spec

    def weights_subpath(self) -> str:
        """Give the place of its weights within a folder of weights."""
        return f"{self.name}/{self.variant_}" if self.variants else self.name

    def weights_path(self) -> Path:
        """Find its weights: those given, or in $SERTOOLS_WEIGHTS, or in the cache.

        Returns
        -------
        Path
            A file or folder that exists.

        Raises
        ------
        FileNotFoundError
            If there are none; the message is the command that fetches them.
        """
        return weights_of.find(self)

    def fetch(self, progress: bool = True) -> Path:
        """Download its weights into the user cache; see `sertools.models.fetch`."""
        return weights_of.fetch(self, progress)

    def remedy(self) -> str:
        """Say in a sentence how weights can be had, where none can be fetched."""
        return "give them with --weights PATH."

    def weights_sha256(self) -> str | None:
        """Give the SHA-256 of its weights; ``None`` where it has none."""
        if not self.has_weights:
            return None
        if self.random_weights:
            return weights_of.TINY
        return weights_of.digest(self.weights_path())

    def __getstate__(self) -> dict:
        state = dict(super().__getstate__())
        state.pop("_backend", None)
        return state

    def signature(self) -> dict[str, str]:
        """Give all that the answers depend on, beside the audio.

        Returns
        -------
        dict of str to str
            System, variant, rate and the versions of this package and of the
            packages at work, and the SHA-256 of its weights; the feature store
            keeps answers under it.
        """
        from sertools import __version__

        return {
            "sertools": __version__,
            "system": self.name,
            "variant": self.variant_ or "",
            "sampling_rate": str(self.sampling_rate),
            **({"weights": self.weights_sha256()} if self.has_weights else {}),
            **{package: extras.version(package) for package in self.packages},
        }

    def card(self) -> Card:
        """Give the facts about the system."""
        return Card(
            name=self.name,
            title=self.title,
            variants=self.variants,
            sampling_rate=self.sampling_rate,
            answers=self._abilities(),
            **self._answers_card(),
            weights=self._weights_card(),
            license=self.license,
            reference=self.reference,
            training_corpora=self.training_corpora,
        )

    def _abilities(self) -> list[str]:
        """Say what can be asked of it."""
        known = {"embed": "features", "predict_proba": "emotions"}
        return [word for method, word in known.items() if hasattr(self, method)]

    def _answers_card(self) -> dict:
        """Give the length of an embedding, and the emotions it knows."""
        told = {}
        if self.dimensions:
            told["dimensions"] = self.dimensions[self.variant_]
        if hasattr(self, "predict_proba"):
            told["emotions"] = [str(name) for name in self.classes_]
        return told

    def _weights_card(self) -> str:
        if not self.has_weights:
            return "none needed"
        sources = self.sources.get(self.variant_, ())
        if not sources:
            return self.remedy()
        size = sum(source.megabytes for source in sources)
        return f"sertools fetch {self.spec} ({size:.0f} MB)"

    def worker_engine(self):
        """Give what is sent to worker processes in place of this estimator.

        It answers to ``embed`` and ``get_feature_names_out`` (or to
        ``predict_proba`` and ``classes_``) as the estimator does, and can be
        pickled. A system whose library is light overrides this, so that its
        workers need not load scikit-learn.
        """
        return self

    def fit(self, X, y=None):
        """Do nothing: the system is as its authors made it."""
        return self

    def __dir__(self) -> list[str]:
        # scikit-learn tries every name, and would load the weights to list them.
        return list(object.__dir__(self))

    def _get_fitted_attr_html(self, doc_link: str = "") -> dict:
        # The same, where a pipeline shows its steps.
        return {}

    def _html_repr(self) -> str:
        """Show what it is, without loading anything."""
        facts = {"system": self.name, "title": self.title, **self.get_params(False)}
        facts |= {"license": self.license, "reference": self.reference}
        known = {key: v for key, v in facts.items() if v is not None and v != ""}
        return Card(known)._repr_html_()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        return tags


class Embedder(TransformerMixin, Model):
    """A system that turns each waveform into one vector."""

    def embed(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed waveforms.

        Parameters
        ----------
        waveforms : sequence of ndarray of shape (t,), float32
            Mono, in [-1, 1], at ``sampling_rate``; lengths may differ. They
            may also be paths, which are loaded.

        Returns
        -------
        ndarray of shape (n, d), float32
            One row a waveform. A row never depends on the others.

        Raises
        ------
        ValueError
            If one is not a waveform, or its features are not finite numbers.
        """
        waveforms = checked(waveforms, self.sampling_rate)
        if not waveforms:
            return np.empty((0, len(self.get_feature_names_out())), np.float32)
        embedding = np.asarray(self._embed(waveforms), dtype=np.float32)
        wrong = np.flatnonzero(~np.isfinite(embedding).all(axis=1))
        if len(wrong):
            raise ValueError(
                f"{self.spec}: features of waveform {wrong[0]} are not finite numbers."
            )
        return embedding

    def transform(self, X) -> np.ndarray:
        """Embed waveforms, under scikit-learn's name; see `embed`."""
        return self.embed(X)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Name the columns of `embed`.

        Returns
        -------
        ndarray of shape (d,), object
            Names.
        """
        return np.asarray(self._feature_names(), dtype=object)

    def _feature_names(self) -> list[str]:
        """Give numbered names, as many as a second of noise has features."""
        noise = np.random.default_rng(0).normal(0, 0.1, self.sampling_rate)
        return self._numbered(np.shape(self._embed([noise.astype(np.float32)]))[1])

    @staticmethod
    def _numbered(width: int) -> list[str]:
        return [f"embedding{i}" for i in range(width)]

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        raise NotImplementedError


class Classifier(ClassifierMixin, Model):
    """A system that scores emotions by itself."""

    def predict_proba(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Score waveforms.

        Parameters
        ----------
        waveforms : sequence of ndarray of shape (t,), float32
            As for `Embedder.embed`.

        Returns
        -------
        ndarray of shape (n, k), float64
            Rows sum to one; columns follow ``classes_``, sorted canonical
            emotions.

        Raises
        ------
        ValueError
            If one is not a waveform, or its scores are no probabilities.
        """
        waveforms = checked(waveforms, self.sampling_rate)
        if not waveforms:
            return np.empty((0, len(self.classes_)))
        scores = np.asarray(self._predict_proba(waveforms), dtype=np.float64)
        if scores.shape != (len(waveforms), len(self.classes_)):
            raise ValueError(f"{self.label}: its scores have shape {scores.shape}.")
        sound = (scores >= 0).all(axis=1)  # NaN is not
        sound &= abs(scores.sum(axis=1) - 1) < _SUMS
        if not sound.all():
            raise ValueError(
                f"{self.label}: its scores of waveform {sound.argmin()} are no "
                "probabilities: they should be finite and sum to one."
            )
        return scores

    def predict(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Give the best-scored emotion of each waveform, shape (n,), str."""
        return self.classes_[self.predict_proba(waveforms).argmax(axis=1)]

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        raise NotImplementedError


class Composite(Model):
    """A system made of several, `_members`, whose facts are those of all."""

    _members: Sequence[Model]

    @property
    def variant_(self) -> None:
        """No variant: its members have theirs."""

    @property
    def spec(self) -> str:
        """The members' names, joined by ``+``."""
        return "+".join(member.spec for member in self._members)

    @property
    def label(self) -> str:
        """The members' labels, joined by ``+``."""
        return "+".join(member.label for member in self._members)

    @property
    def random_weights(self) -> bool:
        """Whether any member has random weights."""
        return any(member.random_weights for member in self._members)

    @property
    def training_corpora(self) -> tuple[str, ...] | None:
        """All corpora in the members' training data; ``None`` if one is unknown."""
        corpora = [member.training_corpora for member in self._members]
        return None if None in corpora else tuple(sorted({*sum(corpora, ())}))


def checked(waveforms, sampling_rate: int) -> list[np.ndarray]:
    """Load what are paths, and refuse what is no list of waveforms."""
    from sertools import audio

    single = isinstance(waveforms, (str, bytes, os.PathLike))
    waveforms = [] if single else list(waveforms)
    if single or (waveforms and isinstance(waveforms[0], Real)):
        raise ValueError("Give a list of waveforms; a single one as [waveform].")
    return [audio.load(waveform, sampling_rate) for waveform in waveforms]
