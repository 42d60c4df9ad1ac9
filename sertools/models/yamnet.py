"""YAMNet: a network that names sounds, what it says and what it knows."""

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd

from sertools import audio
from sertools.card import Card
from sertools.models.backends import audioset, saved_model
from sertools.models.backends.patches import (
    HOP,
    WIDTH,
    Network,
    random_names,
    random_network,
)
from sertools.models.base import Classifier, Embedder
from sertools.models.weights import Source

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
    classes_ = np.array(audioset.CLASSES)

    def weights_at(self) -> str:
        """Give the place of its weights: one for all its variants."""
        return self.name

    def weights_path(self) -> Path:
        """Find its weights; a handle is fetched by the library it belongs to."""
        given = str(self.weights or "")
        if saved_model.is_handle(given):
            return saved_model.fetched(given)
        return super().weights_path()

    def card(self) -> Card:
        """Give the facts about the system."""
        heard = "AudioSet: two million clips of YouTube videos; no corpus of emotions"
        return Card(super().card(), trained_on=heard)

    def _load(self) -> "Network":
        folder, tf = self.weights_path(), saved_model.tensorflow()
        device = saved_model.placed(self.device, self.spec)
        with saved_model.looked_through(folder, self.trust) as own:
            try:
                with tf.device(device):
                    loaded = tf.saved_model.load(str(own))
                return Network(loaded.__call__, _display_names(loaded), device)
            except Exception as error:  # TensorFlow has many kinds, and long messages
                reason = str(error).strip().partition("\n")[0].rstrip(".")
                raise ValueError(f"{folder} holds no YAMNet: {reason}.") from error

    def _tiny(self) -> "Network":
        tf = saved_model.tensorflow()
        device = saved_model.placed(self.device, self.spec)
        with tf.device(device):
            return Network(random_network(tf).__call__, random_names(), device)

    def _feature_names(self) -> list[str]:
        pooled = [pool.__name__ for pool in _POOLINGS[self.chosen]]
        return [f"embedding{i}_{name}" for name in pooled for i in range(WIDTH)]

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        pools = _POOLINGS[self.chosen]
        heard = self.backend.hear(waveforms)
        rows = [[pool(clip.embeddings, axis=0) for pool in pools] for clip in heard]
        return np.array(rows).reshape(len(rows), -1)

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        heard = self.backend.hear(waveforms)
        columns = self.backend.columns
        return np.stack([audioset.probabilities(c.scores, columns) for c in heard])

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
        return audioset.coverage()

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
        known = {name: e for e, some in audioset.EVIDENCE.items() for name in some}
        emotions = [known.get(name, "other") for name in scores.index]
        table = scores.to_frame().assign(emotion=emotions)
        return table.sort_values("score", ascending=False, kind="stable").head(n)


def _display_names(loaded) -> list[str]:
    """Read the names of the scores from the class map that comes with a YAMNet."""
    path = loaded.class_map_path().numpy().decode()
    with open(path, encoding="utf-8", newline="") as file:
        rows = {int(row["index"]): row["display_name"] for row in csv.DictReader(file)}
    return [rows[number] for number in range(len(rows))]
