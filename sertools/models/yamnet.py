"""YAMNet: sound event detection, as embeddings and as a filter for emotions."""

import csv
import math
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sertools import audio, labels
from sertools.display import Card
from sertools.models import _saved_model
from sertools.models._weights import Source
from sertools.models.base import Classifier, Embedder

N_CLASSES = 521
"""How many of AudioSet's classes YAMNet was trained to score."""

# AudioSet names sounds, not feelings. A class stands here only where its sound, made
# by a person, points to one emotion more than to any other, going by AudioSet's own
# definitions; the table was fixed before any score was looked at. The rest is `other`.
EVIDENCE = {
    # The raised voice. The weakest row: AudioSet calls a shout a means of being heard,
    # and only its kinds, yell and bellow, involuntary. But a network that hears those
    # hears their parent, too. Left out: Whoop (exultation), Children shouting (play).
    "angry": ("Shout", "Bellow", "Yell"),
    # AudioSet names fear first, then pain, surprise, joy and anger; the roughness of
    # screams is what listeners take for danger (doi:10.1016/j.cub.2015.06.043).
    "fear": ("Screaming",),
    # Laughter and its kinds. Left out: Snicker (by definition disrespectful); Cheering
    # and Applause, which crowds do.
    "happy": (
        "Laughter",
        "Baby laughter",
        "Giggle",
        "Belly laugh",
        "Chuckle, chortle",
    ),
    # Tears and laments; a moan may also be pain or pleasure. Left out: Baby cry (hunger
    # as well as grief), Sigh (relief, too), Groan (pain, disapproval), Sniff (a cold).
    "sad": ("Crying, sobbing", "Whimper", "Wail, moan"),
    # A gasp often means shock or surprise. Left out: Breathing and Pant (exertion).
    "surprise": ("Gasp",),
    # No sound of AudioSet stands for boredom, calm, disgust or neutral. The moods of
    # music (Happy music, Sad music, Angry music ...) and the voices of animals
    # (Whimper (dog), Growling ...) say nothing about who speaks.
}
"""Display names of the AudioSet classes that count as evidence, by emotion."""

CLASSES = tuple(sorted([*EVIDENCE, "other"]))
"""The emotions that have evidence, and ``other``; sorted."""


def coverage() -> pd.DataFrame:
    """Show which AudioSet classes count for which emotion, and how few they are.

    Examples
    --------
    >>> coverage()["n_classes"].loc[["angry", "disgust", "happy", "other"]].tolist()
    [3, 0, 5, 508]
    """
    table = pd.DataFrame(index=pd.Index(labels.EMOTIONS, name="emotion"))
    table["classes"] = [EVIDENCE.get(emotion, ()) for emotion in table.index]
    table["n_classes"] = table["classes"].map(len)
    table.loc["other", "n_classes"] = N_CLASSES - table["n_classes"].sum()
    table["share"] = table["n_classes"] / N_CLASSES
    return table


def groups(names: Sequence[str]) -> list[np.ndarray]:
    """Find the columns of each of `CLASSES` among a network's scores, by name."""
    place = {name: number for number, name in enumerate(names)}
    wanted = [name for some in EVIDENCE.values() for name in some]
    if missing := [name for name in wanted if name not in place]:
        raise ValueError(f"its class map has no {', '.join(map(repr, missing))}")
    found = {e: np.array([place[name] for name in EVIDENCE[e]]) for e in EVIDENCE}
    found["other"] = np.setdiff1d(
        np.arange(len(place)), np.concatenate([*found.values()])
    )
    return [found[emotion] for emotion in CLASSES]


def probabilities(scores: np.ndarray, columns: Sequence[np.ndarray]) -> np.ndarray:
    """Turn the scores of one clip's frames into probabilities of emotions.

    The scores are independent: several can be near one, or none. In each frame
    an emotion weighs as much as its strongest class; ``other`` weighs as much
    as the strongest of the rest, and at least what the strongest emotion
    leaves of one, so that a frame in which nothing is heard goes to ``other``.
    The weights of a frame are made to sum to one, and frames are averaged.

    Examples
    --------
    >>> columns = [np.array([i]) for i in range(len(CLASSES))]
    >>> laughter = np.array([[0, 0, 0.9, 0.1, 0, 0]])  # happy 0.9, another class 0.1
    >>> dict(zip(CLASSES, probabilities(laughter, columns).round(2).tolist()))
    {'angry': 0.0, 'fear': 0.0, 'happy': 0.9, 'other': 0.1, 'sad': 0.0, 'surprise': 0.0}
    """
    scores = np.asarray(scores, np.float64)
    weights = np.stack([scores[:, some].max(axis=1) for some in columns], axis=1)
    other = CLASSES.index("other")
    strongest = np.delete(weights, other, axis=1).max(axis=1)
    weights[:, other] = np.maximum(weights[:, other], 1 - strongest)
    return (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)


HOP = 7_680
"""Samples from one patch to the next: 0.48 s."""

PATCH = 15_600
"""Samples that a patch takes: 96 frames, one every 10 ms and 25 ms long."""

GAP = 2
"""Patches that lie between two clips in one call, and are thrown away."""

CALL = 256
"""Patches in a call, about two minutes: more take memory and save no time."""

WIDTH = 1024
"""Numbers in the embedding of a patch."""


class Heard(NamedTuple):
    """What YAMNet makes of one clip: a row a patch."""

    scores: np.ndarray
    embeddings: np.ndarray


class Piece(NamedTuple):
    """A clip, or a part of a long one, and how many patches are made of it."""

    clip: int
    samples: np.ndarray
    count: int


class Network:
    """YAMNet at work: many clips in one call, each on the grid of patches.

    Alone, a clip is filled up with zeros to a whole number of patches. Here each
    is filled up in the same way and then laid behind the one before, so far that
    no patch of one reaches into the next; the patches that lie across are thrown
    away. Patches don't know of each other, so nothing else changes.
    """

    def __init__(self, call: Callable, names: Sequence[str], device: str):
        self.names = list(names)
        self.columns = groups(self.names)
        self.call, self._device = call, device
        edge = PATCH + 3 * HOP  # four patches, and five where it is rounded
        count = len(self._scored(np.zeros(edge, np.float32), 4).scores)
        self._rounded = count == patches(edge, rounded=True)

    def hear(self, waveforms: Sequence[np.ndarray]) -> list[Heard]:
        """Give the scores and embeddings of the patches of each waveform."""
        pieces = [p for n, wave in enumerate(waveforms) for p in self._pieces(n, wave)]
        parts = [[] for _ in waveforms]
        for call in _calls(pieces):
            for piece, heard in zip(call, self._packed(call), strict=True):
                parts[piece.clip].append(heard)
        return [Heard(*map(np.concatenate, zip(*some, strict=True))) for some in parts]

    def _pieces(self, clip: int, waveform: np.ndarray) -> Iterator[Piece]:
        """Cut a long waveform, so that the pieces have its patches between them."""
        count = patches(len(waveform), self._rounded)
        steps = np.linspace(0, count, math.ceil(count / CALL) + 1).astype(int)
        for first, last in pairwise(steps.tolist()):
            start, end = first * HOP, (last - 1) * HOP + PATCH
            yield Piece(clip, waveform[start:end], last - first)

    def _packed(self, pieces: list[Piece]) -> Iterator[Heard]:
        starts = np.cumsum([0, *(piece.count + GAP for piece in pieces)])
        total = int(starts[-1]) - GAP
        packed = np.zeros((total - 1) * HOP + PATCH, np.float32)
        for start, piece in zip(starts, pieces, strict=False):
            packed[start * HOP : start * HOP + len(piece.samples)] = piece.samples
        heard = self._scored(packed, total)
        for start, piece in zip(starts, pieces, strict=False):
            yield Heard(*(rows[start : start + piece.count] for rows in heard))

    def _scored(self, waveform: np.ndarray, count: int) -> Heard:
        tf = _saved_model.tensorflow()
        with tf.device(self._device):
            scores, embeddings, *_ = self.call(tf.constant(waveform))
        heard = Heard(scores.numpy(), embeddings.numpy())
        for rows, width in zip(heard, (N_CLASSES, WIDTH), strict=True):
            if rows.shape not in ((count, width), (count + 1, width)):
                due = f"{count} x {width}"
                raise ValueError(f"an answer has shape {rows.shape}; {due} is due")
        return heard


def patches(samples: int, rounded: bool = False) -> int:
    """Count the patches that YAMNet makes of a clip.

    Examples
    --------
    >>> [patches(n) for n in (800, PATCH, PATCH + 1, PATCH + 3 * HOP)]
    [1, 1, 2, 4]
    >>> patches(PATCH + 3 * HOP, rounded=True)
    5
    """
    past, hop = np.float32(max(0, samples - PATCH)), np.float32(HOP)
    return 1 + math.ceil(past * (1 / hop) if rounded else past / hop)


def _calls(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Put pieces together, up to the patches of one call.

    A clip of one patch stays alone: that is no slower, and TensorFlow rounds a
    single row of a product otherwise than one of several.
    """
    call, total = [], 0
    for piece in pieces:
        if piece.count == 1:
            yield [piece]
            continue
        if call and total + piece.count > CALL:
            yield call
            call, total = [], 0
        call.append(piece)
        total += piece.count + GAP
    if call:
        yield call


def random_names() -> list[str]:
    """Name as many classes as YAMNet has; those that count are among them."""
    known = ["Speech", *(name for some in EVIDENCE.values() for name in some)]
    rest = range(len(known), N_CLASSES)
    return [*known, *(f"Class {number}" for number in rest)]


def random_network(tf):
    """Make a network with YAMNet's ear and grid, and random weights behind them."""
    drawn = np.random.default_rng(0)
    mel = tf.signal.linear_to_mel_weight_matrix(64, 257, 16_000, 125.0, 7_500.0)
    hidden = tf.constant(drawn.normal(0, 0.02, (8 * 64, WIDTH)), tf.float32)
    shape = WIDTH, N_CLASSES
    outer = tf.constant(drawn.normal(0, 0.2, shape), tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)], autograph=False)
    def call(waveform):
        samples = tf.size(waveform)
        past = tf.cast(tf.maximum(samples - PATCH, 0), tf.float32)
        hops = tf.cast(tf.math.ceil(past / HOP), tf.int32)
        whole = tf.pad(waveform, [[0, PATCH + hops * HOP - samples]])
        spectrum = tf.abs(tf.signal.stft(whole, 400, 160, 512))
        log_mel = tf.math.log(spectrum @ mel + 0.001)
        patches = tf.signal.frame(log_mel, 96, 48, axis=0)
        blocks = tf.reduce_mean(tf.reshape(patches, (-1, 8, 12, 64)), axis=2)
        embeddings = tf.nn.relu(tf.reshape(blocks, (-1, 8 * 64)) @ hidden)
        return tf.sigmoid(embeddings @ outer), embeddings, log_mel

    network = tf.Module()
    network.__call__ = call
    return network


_TFHUB = "https://tfhub.dev/google/yamnet/1?tf-hub-format=compressed"
_POOLINGS = {"mean": (np.mean,), "max": (np.max,), "mean_std": (np.mean, np.std)}


class YAMNet(Embedder, Classifier):
    """Embed speech with YAMNet, or filter what it hears for emotions.

    YAMNet scores 521 kinds of sound in patches of 0.96 s, one every 0.48 s. Its
    variants pool the embeddings of a clip's patches: ``mean``, ``max`` or
    ``mean_std``. As a classifier it is asked for laughter, crying, shouts and
    the like (see `coverage`); all other sounds, speech above all, are `other`.
    A lesson more than a recogniser: acted speech is speech to YAMNet, whatever
    the emotion, while a head on its embeddings does hear a difference.

    Weights are a SavedModel folder, or a handle to one: of TensorFlow Hub
    (``"https://tfhub.dev/google/yamnet/1"``) or of Kaggle
    (``"google/yamnet/tensorFlow2/yamnet/1"``).

    References
    ----------
    Gemmeke et al. (2017), Audio Set: an ontology and human-labeled dataset for
    audio events, doi:10.1109/ICASSP.2017.7952261
    Plakal and Ellis (2020), YAMNet, https://tfhub.dev/google/yamnet/1

    Examples
    --------
    >>> YAMNet().classes_.tolist()
    ['angry', 'fear', 'happy', 'other', 'sad', 'surprise']
    """

    name = "yamnet"
    title = "YAMNet, a classifier of the sounds of AudioSet"
    license = "Apache-2.0"
    reference = "doi:10.1109/ICASSP.2017.7952261, https://tfhub.dev/google/yamnet/1"
    variants = tuple(_POOLINGS)
    packages = ("tensorflow",)
    training_corpora = ()
    dimensions = {name: WIDTH * len(pools) for name, pools in _POOLINGS.items()}
    has_weights = True
    sources = dict.fromkeys(_POOLINGS, (Source(_TFHUB, 17, unpack=True),))
    classes_ = np.array(CLASSES)

    def weights_subpath(self) -> str:
        """Give the place of its weights: one for all its variants."""
        return self.name

    def weights_path(self) -> Path:
        """Find its weights; a handle is fetched by the library it belongs to."""
        given = str(self.weights or "")
        if _saved_model.is_handle(given):
            return _saved_model.fetched(given)
        return super().weights_path()

    def card(self) -> Card:
        """Give the facts about the system."""
        heard = "AudioSet: two million clips of YouTube videos; no corpus of emotions"
        return Card(super().card(), trained_on=heard)

    def _load(self) -> "Network":
        folder, tf = self.weights_path(), _saved_model.tensorflow()
        device = _saved_model.placed(self.device, self.spec)
        with _saved_model.looked_through(folder, self.trust) as own:
            try:
                with tf.device(device):
                    loaded = tf.saved_model.load(str(own))
                return Network(loaded.__call__, _display_names(loaded), device)
            except Exception as error:  # TensorFlow has many kinds, and long messages
                reason = str(error).strip().partition("\n")[0].rstrip(".")
                raise ValueError(f"{folder} holds no YAMNet: {reason}.") from error

    def _load_random(self) -> "Network":
        tf = _saved_model.tensorflow()
        device = _saved_model.placed(self.device, self.spec)
        with tf.device(device):
            return Network(random_network(tf).__call__, random_names(), device)

    def _feature_names(self) -> list[str]:
        pooled = [pool.__name__ for pool in _POOLINGS[self.variant_]]
        return [f"embedding{i}_{name}" for name in pooled for i in range(WIDTH)]

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        pools = _POOLINGS[self.variant_]
        heard = self.backend.hear(waveforms)
        rows = [[pool(clip.embeddings, axis=0) for pool in pools] for clip in heard]
        return np.array(rows).reshape(len(rows), -1)

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        heard = self.backend.hear(waveforms)
        columns = self.backend.columns
        return np.stack([probabilities(c.scores, columns) for c in heard])

    def coverage(self) -> pd.DataFrame:
        """Show which AudioSet classes count for which emotion, and how few they are.

        Returns
        -------
        DataFrame
            Indexed by emotion: ``classes`` (display names), ``n_classes`` and
            their ``share`` of all 521. An emotion that no class stands for has
            none, and is not in ``classes_``.

        Examples
        --------
        >>> YAMNet().coverage().loc["sad", "classes"]
        ('Crying, sobbing', 'Whimper', 'Wail, moan')
        """
        return coverage()

    def frames(self, source: str | os.PathLike | np.ndarray) -> pd.DataFrame:
        """Follow the scores of all AudioSet classes over one clip.

        Parameters
        ----------
        source : path or ndarray of shape (t,)
            A file, or mono samples at ``sampling_rate``.

        Returns
        -------
        DataFrame of shape (frames, 521), float32
            Independent scores from 0 to 1, by display name; indexed by the
            frame's start in seconds. A frame spans 0.96 s and starts 0.48 s
            after the one before; the last is filled up with silence.
        """
        [clip] = self.backend.hear([audio.load(source, self.sampling_rate)])
        table = pd.DataFrame(clip.scores, columns=self.backend.names)
        table.index = pd.Index(table.index * HOP / self.sampling_rate, name="seconds")
        return table

    def top_classes(
        self, source: str | os.PathLike | np.ndarray, n: int = 10
    ) -> pd.DataFrame:
        """List the AudioSet classes heard most in one clip.

        Parameters
        ----------
        source : path or ndarray of shape (t,)
            A file, or mono samples at ``sampling_rate``.
        n : int, default 10
            How many.

        Returns
        -------
        DataFrame of shape (n, 2)
            Indexed by display name: ``score``, the mean over all frames, and
            the ``emotion`` that the class counts for; the highest score first.
        """
        scores = self.frames(source).mean().rename("score").rename_axis("class")
        known = {name: e for e, some in EVIDENCE.items() for name in some}
        emotions = [known.get(name, "other") for name in scores.index]
        table = scores.to_frame().assign(emotion=emotions)
        return table.sort_values("score", ascending=False, kind="stable").head(n)


def _display_names(loaded) -> list[str]:
    """Read the names of the scores from the class map that comes with a YAMNet."""
    path = loaded.class_map_path().numpy().decode()
    with open(path, encoding="utf-8", newline="") as file:
        rows = {int(row["index"]): row["display_name"] for row in csv.DictReader(file)}
    return [rows[number] for number in range(len(rows))]
