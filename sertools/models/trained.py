"""A head trained here and saved: temperature scaling, out-of-distribution check."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sertools import labels, trust
from sertools.display import Card
from sertools.models import _weights as weights_of
from sertools.models import heads
from sertools.models.base import Classifier, Embedder
from sertools.models.heads._out_of_distribution import OODDetector
from sertools.models.heads._temperature import temper

CARD, HEAD, KIND = "card.json", "head.skops", "a head trained by sertools"
_FOREIGN = {88: "opensmile", 6373: "opensmile:ComParE_2016", 80: "mfcc"}
_SUFFIXES = (".skops", ".pkl", ".pickle", ".joblib")


def read_card(path: Path) -> dict:
    """Read a card that ``sertools train`` wrote."""
    return _read_card(path, path.stat().st_mtime_ns if path.exists() else 0)


@functools.lru_cache(maxsize=16)
def _read_card(path: Path, changed: int) -> dict:
    """Read a card that ``sertools train`` wrote."""
    try:
        facts = json.loads(trust.read(path))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path.parent}: no {CARD}, so nothing that sertools train wrote."
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not a card ({error}).") from None
    needed = {"embedder", "classes", "features", "temperature", "reach"}
    kind = facts.get("kind") if isinstance(facts, dict) else None
    if kind != KIND or not needed <= set(facts):
        raise ValueError(f"{path}: not the card of {KIND}.")
    trust.check_card(path, facts)
    return facts


def read_foreign(path: Path, trusted: bool):
    """Read a scikit-learn classifier that was made elsewhere."""
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f"{path}: not a head. Give a folder that sertools train wrote, or a "
            f"scikit-learn classifier ({', '.join(_SUFFIXES)})."
        )
    head = trust.load_head(path, trust=trusted)
    if not hasattr(head, "predict_proba") or not hasattr(head, "classes_"):
        raise ValueError(f"{path}: {type(head).__name__} gives no probabilities.")
    return head


def foreign_embedder(path: Path, head) -> str:
    """Tell from their number which features a foreign head was fitted on."""
    n = getattr(head, "n_features_in_", None)
    if n not in _FOREIGN:
        known = ", ".join(f"{k} ({v})" for k, v in _FOREIGN.items())
        raise ValueError(f"{path}: fitted on {n} features; known are {known}.")
    return _FOREIGN[n]


def score_in_words(told: dict) -> str:
    """Sum up one of the scores on a card in a line."""
    uar, loss = told["uar"], told["log_loss"]
    within = f" [{uar['low']:.3f}, {uar['high']:.3f}]" if uar["low"] is not None else ""
    careful = told.get("uar_with_abstention")
    return (
        f"{told['n_clips']} clips: UAR {uar['value']:.3f}{within}, log loss "
        f"{loss['after']:.3f} ({loss['before']:.3f} before calibration)"
        + (
            f"; answers 'other' for {told['abstains']:.1%}, and with these as "
            f"mistakes UAR {careful['value']:.3f}"
            if careful
            else ""
        )
    )


_SHIPPED = Path(__file__).with_name("shipped")
_OTHER = "other"
_SHOWN = ("title", "head", "note", "credit", "licenses", "warnings", "command")


@dataclass
class _Backend:
    """What answers: an embedder, a fitted head, and what keeps it honest."""

    embedder: Embedder
    head: object
    places: np.ndarray  # of the head's columns, in the order of `own`
    own: np.ndarray  # the classes it was trained on, sorted
    classes: np.ndarray  # and `other`, where it abstains
    features: list[str] | None
    temperature: float = 1.0
    reach: OODDetector | None = None
    checked: list[str] | None = None  # the embedder's features, once compared

    def with_other(self, scores: np.ndarray, far: np.ndarray) -> np.ndarray:
        """Give each row's share that is far to ``other``; columns as ``classes``."""
        given = np.zeros((len(scores), len(self.classes)))
        given[:, np.searchsorted(self.classes, self.own)] = scores * (1 - far[:, None])
        given[:, np.searchsorted(self.classes, _OTHER)] += far
        return given


class Trained(Classifier):
    """Name emotions with a head that ``sertools train`` made.

    `weights` is a folder that it wrote (``card.json`` and ``head.skops``), or a
    scikit-learn classifier of one's own in a ``.skops``, ``.pkl`` or ``.joblib``
    file, fitted on openSMILE's or `mfcc`'s features. Without `weights`, it is the
    one that ships with the package: eGeMAPS features of 339 clips of EmoDB.

    Two things keep the answers honest. A temperature, fitted on the predictions
    for speakers that were held out, makes the probabilities as sure as they are
    right. And a head has to name one of its emotions even for noise, and is
    often the surest where it knows least: so the farther a clip lies from the
    training clips, the less sure the answer, and what is no speech like theirs
    at all goes to ``other``. How far is far is what held-out speakers of the
    training corpus say: 97 % of their clips lie within. See
    `sertools.models.heads._out_of_distribution`.

    References
    ----------
    Burkhardt et al. (2005), A database of German emotional speech,
    doi:10.21437/Interspeech.2005-446
    Guo et al. (2017), On calibration of modern neural networks, arXiv:1706.04599

    Examples
    --------
    >>> Trained().classes_.tolist()
    ['angry', 'happy', 'neutral', 'other', 'sad']
    >>> hiss = np.random.default_rng(0).normal(0, 0.1, 16_000)
    >>> Trained().predict([hiss]).tolist()
    ['other']
    """

    name = "trained"
    title = "A head trained here and saved"
    license = "that of its embedder and of its training corpus"
    reference = "doi:10.21437/Interspeech.2005-446"
    variants = ("emodb_egemaps",)
    packages = ("scikit-learn",)
    has_weights = True

    @property
    def spec(self) -> str:
        """``trained:emodb_egemaps``; ``trained`` where weights are one's own."""
        own = self.weights and not super().random_weights
        return self.name if own else f"{self.name}:{self.variant_}"

    @property
    def label(self) -> str:
        """Its name as results show it: one's own is named by its folder."""
        if super().random_weights or not self.weights:
            return super().label
        name = Path(self.weights).expanduser().resolve().name
        return (
            f"{self.name} ({name}{', random weights' if self.random_weights else ''})"
        )

    def weights_path(self) -> Path:
        """Find its folder: the one given, or the one inside the package."""
        return super().weights_path() if self.weights else _SHIPPED / self.variant_

    @property
    def facts(self) -> dict:
        """What its ``card.json`` says; of random and foreign heads, what is known."""
        if super().random_weights:
            return {"embedder": {"model": "opensmile"}, "training_corpora": []}
        path = self.weights_path()
        if path.is_dir():
            return read_card(path / CARD)
        return {"embedder": {"model": foreign_embedder(path, self._foreign)}}

    @property
    def _foreign(self):
        """A classifier made elsewhere, read once."""
        path = self.weights_path()
        wanted = str(path), self.trust
        if self.__dict__.get("_read", (None,))[0] != wanted:
            self._read = wanted, read_foreign(path, self.trust)
        return self._read[1]

    def __getstate__(self) -> dict:
        state = dict(super().__getstate__())
        state.pop("_read", None)
        return state

    @property
    def embedder(self) -> Embedder:
        """The system whose features the head was trained on."""
        about = self.facts["embedder"]
        spec, weights = about["model"], about.get("weights")
        model = self._named(spec, weights)
        expected = about.get("weights_sha256")
        if expected and model.weights_sha256() != expected:
            raise ValueError(
                f"{self.spec}: trained on features of {spec} with other weights than "
                "those found now. Train it again: sertools train --help"
            )
        return model

    def _named(self, spec: str, weights: str | None) -> Embedder:
        """Make the embedder that a card names; its weights are looked for only."""
        from sertools.models import load

        if weights not in (None, weights_of.TINY):
            weights = weights_of.here(weights, self.spec)
        model = load(spec, weights, self.device, self.trust)
        if not hasattr(model, "embed"):
            raise ValueError(f"{self.spec}: its {CARD} names {spec}: no embedder.")
        return model

    @property
    def sampling_rate(self) -> int:
        """That of its embedder, in Hz."""
        return self.embedder.sampling_rate

    @property
    def run_in_workers(self) -> bool:
        """Whether its embedder wants to run in worker processes."""
        return self.embedder.run_in_workers

    @property
    def training_corpora(self) -> tuple[str, ...] | None:
        """Corpora that the head or its embedder was trained on."""
        own, below = self.facts.get("training_corpora"), self.embedder.training_corpora
        return None if own is None or below is None else tuple(sorted({*own, *below}))

    @property
    def classes_(self) -> np.ndarray:
        """The emotions it can answer with, sorted; ``other`` where it abstains."""
        return self.backend.classes

    def signature(self) -> dict[str, str]:
        """Give all that the answers depend on: its own and its embedder's."""
        return {**super().signature(), "embedder": str(self.embedder.signature())}

    def worker_engine(self) -> "Trained":
        """Give itself, once it is known that its head can be read."""
        _ = self.backend
        return self

    def card(self) -> Card:
        """Give the facts: those of the system, then those of this head."""
        facts = self.facts
        known = {name: facts[name] for name in _SHOWN if facts.get(name)}
        scores = {
            f"score, {where}": score_in_words(told)
            for where, told in facts.get("scores", {}).items()
        }
        spec = facts["embedder"]["model"]
        return Card({**super().card(), "embedder": spec, **known, **scores})

    def _weights_card(self) -> str:
        return "its own folder" if self.weights else "in the package"

    def _load(self) -> _Backend:
        path = self.weights_path()
        if not path.is_dir():
            return _foreign(self._foreign, self.embedder, path)
        facts = self.facts
        head = trust.load_head(path / HEAD, trust=self.trust)
        known = [labels.canonical(word) for word in head.classes_]
        if sorted({*known, _OTHER}) != sorted({*facts["classes"], _OTHER}):
            raise ValueError(f"{path}: {CARD} and {HEAD} name different classes.")
        table = np.array(list(facts["features"].values()), dtype=np.float64)
        far = facts["reach"]
        reach = OODDetector(table[:, 0], table[:, 1], far["edge"]) if far else None
        names = list(facts["features"])
        return _made(self.embedder, head, names, facts["temperature"], reach)

    @property
    def random_weights(self) -> bool:
        """Whether its weights are random, or those of its embedder are."""
        return (
            super().random_weights
            or self.facts["embedder"].get("weights") == weights_of.TINY
        )

    def _load_random(self) -> _Backend:
        if not super().random_weights:
            return self._load()
        rng = np.random.default_rng(0)
        y = np.repeat(["angry", "happy", "neutral", "sad"], 10)
        head = heads.make("logistic").fit(rng.normal(size=(40, 88)), y)
        reach = OODDetector(np.zeros(88), np.ones(88))
        return _made(self.embedder, head, None, 1.0, reach)

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        X = pd.DataFrame(self.backend.embedder.embed(waveforms), columns=self._names())
        _, scores, far = self.judge(X)
        return scores if far is None else self.backend.with_other(scores, far)

    def judge(self, X: pd.DataFrame):
        """Judge features: before the temperature, after it, and how far they are.

        Parameters
        ----------
        X : DataFrame of shape (n, d)
            As `sertools.features.extract` gives them for its embedder.

        Returns
        -------
        before, after : ndarray of shape (n, k), float64
            Probabilities of the trained classes, sorted; the farther a row is
            from the training clips, the flatter are those after.
        far : ndarray of shape (n,), or None
            The share that goes to ``other``.
        """
        made = self.backend
        X = X.astype(np.float64)
        if made.features is not None:
            X = X[made.features]
        named = hasattr(made.head, "feature_names_in_")
        before = made.head.predict_proba(X if named else X.to_numpy())[:, made.places]
        if made.reach is None:
            return before, temper(before, made.temperature), None
        values = X.to_numpy()
        temperature = made.temperature * made.reach.flattening(values)
        return before, temper(before, temperature), made.reach.outside(values)

    def _names(self) -> list[str]:
        """Name the embedder's features; refuse others than the head was trained on."""
        made = self.backend
        if made.checked is None:
            now = [str(name) for name in made.embedder.get_feature_names_out()]
            if strange := sorted({*now} ^ {*(made.features or now)}):
                raise ValueError(
                    f"{self.spec}: {made.embedder.spec} has other features now than "
                    f"when the head was trained: {strange[0]!r}. Train it again."
                )
            made.checked = now
        return made.checked


def _made(embedder, head, names, temperature=1.0, reach=None) -> _Backend:
    """Put a head's classes in order, `other` among them where it abstains."""
    known = np.array([labels.canonical(str(word)) for word in head.classes_])
    places = np.argsort(known)
    own = known[places]
    classes = np.array(sorted({*own, *([_OTHER] if reach else [])}))
    return _Backend(embedder, head, places, own, classes, names, temperature, reach)


def _foreign(head, embedder: Embedder, path: Path) -> _Backend:
    """Take a foreign head, its classes by name."""
    names = getattr(head, "feature_names_in_", None)
    names = None if names is None else [str(name) for name in names]
    try:
        made = _made(embedder, head, names)
    except ValueError as error:
        raise ValueError(f"{path}: its classes are no emotions. {error}") from None
    if len(made.classes) < len(made.places):
        raise ValueError(f"{path}: two of its classes mean the same emotion.")
    return made
