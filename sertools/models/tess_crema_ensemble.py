"""One small network a corpus, and a vote by name: what a famous kernel promised."""

import contextlib
import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sertools import atomic, fetching, labels
from sertools import progress as bars
from sertools.models.backends import keras_files, saved_model, time_means_folder
from sertools.models.backends.kaggle_kernel import outputs
from sertools.models.backends.time_means import NAMES, heard, time_means
from sertools.models.backends.time_means_folder import CARD, file_name
from sertools.models.backends.time_means_network import made, scored, trained
from sertools.models.base import Classifier, checked
from sertools.models.ensemble import Ballot, ballots_table, known_to, vote

_KERNEL = "shivamburnwal/speech-emotion-recognition"
_CHUNK = 32
_SIX = "angry disgust fear happy neutral sad".split()
_TRAIN = (
    "Train one, and give it with --weights DIR: "
    "sertools train --model tess_crema_ensemble --dataset crema_d --out DIR"
)


def _unlearnt(corpus: str, classes: list[str]) -> dict:
    """Describe a member that nobody has trained; the scaler is a rough guess."""
    runs = [1, 12, 20, 1, 128]
    mean = np.repeat([0.1, 0.5, 0.0, 0.05, 1.0], runs).tolist()
    scale = np.repeat([0.1, 0.3, 100.0, 0.05, 5.0], runs).tolist()
    scaler = {"mean": mean, "scale": scale}
    return {"corpus": corpus, "classes": classes, "scaler": scaler}


_PROMISED = {
    "members": [_unlearnt("crema_d", _SIX), _unlearnt("tess", [*_SIX, "surprise"])],
    "training_corpora": ["crema_d", "tess"],
}


class Placed(NamedTuple):
    """One network a corpus, in the order of the card, and where they compute."""

    networks: list
    device: str


class TessCremaEnsemble(Classifier):
    """Score emotions with one small network a corpus, voting by name.

    A Kaggle kernel is passed around under this name. In truth it trains one
    network on four corpora, over 162 means over time; it copies clips with noise
    and another pitch *before* it splits them, so that copies of one clip stand on
    both sides and its 61 % flatters; and it saves no model. This is what its name
    promises: `fit` trains one such network for each corpus, stopped early on
    speakers held out, without copies, and saves with each the scaler it needs.
    Members vote as in `sertools.models.Ensemble`: by the names of emotions, each
    on those it knows.

    Parameters
    ----------
    variant, weights, device, trust
        As for `sertools.models.base.Model`. Weights are a folder that `save`
        wrote; nobody publishes any.

    Notes
    -----
    A clip is looked at from 0.6 s on, for 2.5 s; where less than one second would
    remain, the whole clip is. See `sertools.models.backends.time_means`.

    References
    ----------
    The kernel: https://www.kaggle.com/code/shivamburnwal/speech-emotion-recognition
    Cao et al. (2014), CREMA-D, doi:10.1109/TAFFC.2014.2336244
    Pichora-Fuller and Dupuis (2020), TESS, doi:10.5683/SP2/E8H2MF

    Examples
    --------
    >>> TessCremaEnsemble().classes_.tolist()
    ['angry', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise']
    """

    name = "tess_crema_ensemble"
    title = "One network a corpus on 162 time-means, voting by name"
    license = "what you train is yours, within the licences of its corpora"
    reference = "https://www.kaggle.com/code/" + _KERNEL
    packages = ("librosa", "tensorflow", "keras")
    has_weights = True
    sampling_rate = 22_050

    feature_names = tuple(NAMES)

    @property
    def classes_(self) -> np.ndarray:
        """Emotions that any member knows: sorted canonical names, shape (k,), str."""
        return known_to(member["classes"] for member in self._about()["members"])

    @property
    def training_corpora(self) -> tuple[str, ...] | None:
        """Corpora in its training data; ``None`` where nobody can say."""
        corpora = self._about()["training_corpora"]
        return None if corpora is None else tuple(corpora)

    @property
    def tiny(self) -> bool:
        """Whether its weights are random, and its answers mean nothing."""
        return super().tiny and not self._is_trained

    @property
    def _is_trained(self) -> bool:
        return hasattr(self, "trained_")

    def mend(self) -> str:
        """Say how weights can be had."""
        return f"nobody publishes any. {_TRAIN}"

    def _weights_card(self) -> str:
        return self.mend()

    def fetch(self, progress: bool = True) -> Path:
        """Download what the kernel really left behind: two tables, and no model.

        Parameters
        ----------
        progress : bool, default True
            Show it on standard error.

        Returns
        -------
        Path
            A folder with ``features.csv`` and ``data_path.csv``. One that is
            already there is left as it is.

        Raises
        ------
        ModuleNotFoundError
            If kagglehub is not installed.
        ConnectionError
            If Kaggle does not hand it out.
        """
        folder = fetching.cache_folder() / "kernels" / self.name
        try:
            outputs(_KERNEL, folder, progress)
        except ConnectionError as error:
            raise ConnectionError(
                f"{error} They hold no model anyway. {_TRAIN}"
            ) from error
        warnings.warn(
            f"{folder} holds the kernel's features and a list of its files: no model, "
            f"no scaler, no encoder. {_TRAIN}",
            stacklevel=2,
        )
        return folder

    def weights_sha256(self) -> str | None:
        """Give the SHA-256 of its weights, or of what was trained here."""
        if not self._is_trained:
            return super().weights_sha256()
        total = hashlib.sha256(json.dumps(self.trained_["card"]["members"]).encode())
        for arrays in self.trained_["parameters"]:
            for array in arrays:
                total.update(array.tobytes())
        return total.hexdigest()

    def features(self, waveforms) -> np.ndarray:
        """Compute what the networks see: 162 means over time, not yet scaled.

        Parameters
        ----------
        waveforms : sequence of ndarray of shape (t,), or of paths
            Mono, at ``sampling_rate``.

        Returns
        -------
        ndarray of shape (n, 162), float32
            One row a waveform; columns are named by ``feature_names``.

        Examples
        --------
        >>> model = TessCremaEnsemble()
        >>> model.features([np.sin(np.arange(22050) / 20)]).shape
        (1, 162)
        >>> model.feature_names[:3]
        ('zcr', 'chroma_C', 'chroma_C#')
        """
        return self._means(checked(waveforms, self.sampling_rate))

    def _means(self, waveforms: list[np.ndarray]) -> np.ndarray:
        means = np.empty((len(waveforms), len(NAMES)), np.float32)
        for row, waveform in zip(means, waveforms, strict=True):
            row[:] = time_means(heard(waveform, self.sampling_rate), self.sampling_rate)
        return means

    def members(self, waveforms):
        """Tell what each member says by itself.

        Parameters
        ----------
        waveforms : sequence of ndarray of shape (t,), or of paths
            Mono, at ``sampling_rate``.

        Returns
        -------
        DataFrame
            One row a waveform and member: ``waveform`` (its position),
            ``member`` (its corpus), ``predicted``, and a column an emotion, NaN
            where the member does not know it.
        """
        return ballots_table(self._ballots(checked(waveforms, self.sampling_rate)))

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        return vote(self._ballots(waveforms))

    def _ballots(self, waveforms: list[np.ndarray]) -> list[Ballot]:
        members, means = self._about()["members"], self._means(waveforms)
        with self._at_work() as networks:
            return [
                Ballot(member["corpus"], *scored(member, network, means))
                for member, network in zip(members, networks, strict=True)
            ]

    @contextlib.contextmanager
    def _at_work(self):
        """Give the networks, where they compute, quietly."""
        networks, device = self.backend
        tensorflow = saved_model.tensorflow()
        with keras_files.quiet(), tensorflow.device(device):
            yield networks

    def _load(self) -> Placed:
        if self._is_trained:
            placed = self._tiny()
            parameters = self.trained_["parameters"]
            for network, arrays in zip(placed.networks, parameters, strict=True):
                network.set_weights(arrays)
            return placed
        folder, members = self.weights_path(), self._about()["members"]
        time_means_folder.check(folder, members)
        device = saved_model.placed(self.device, self.spec)
        with saved_model.tensorflow().device(device):
            return Placed(time_means_folder.load(folder, members, self.trust), device)

    def _tiny(self) -> Placed:
        device = saved_model.placed(self.device, self.spec)
        members = self._about()["members"]
        with saved_model.tensorflow().device(device):
            networks = [made(len(m["classes"]), 0, i) for i, m in enumerate(members)]
        return Placed(networks, device)

    def _about(self) -> dict:
        """Tell what is known of the weights: by their card, or by the name."""
        if self._is_trained:
            return self.trained_["card"]
        if self.tiny:
            return {**_PROMISED, "training_corpora": []}
        try:
            folder = self.weights_path()
        except FileNotFoundError:  # said where they are needed
            return _PROMISED
        try:
            return time_means_folder.read_card(folder, self.sampling_rate)
        except ValueError as error:
            raise ValueError(f"{error} {_TRAIN}") from error

    def fit(
        self,
        X,
        y=None,
        speakers=None,
        corpora=None,
        epochs=50,
        patience=10,
        learning_rate=1e-3,
        seed=0,
        progress=True,
    ):
        """Train one network a corpus, each stopped early on speakers held out.

        Nothing is augmented: no copy of a clip can stand on both sides. Means and
        scales are those of the clips that a network is trained on.

        Parameters
        ----------
        X : sequence of ndarray of shape (t,), or of paths
            Waveforms at ``sampling_rate``.
        y : sequence of str of length n, optional
            Their emotions; if not given, nothing happens.
        speakers : sequence of length n, optional
            Who speaks. In each corpus, one in five speakers is held out; clips,
            where nobody can say who speaks.
        corpora : str, or sequence of str of length n, optional
            Which corpus each clip is from; one name is that of all. If not
            given, what stands before the slash in `speakers`
            (``"crema_d/1001"``) says it; else all clips are one corpus, ``own``.
        epochs : int, default 50
            At most so many passes over the training clips.
        patience : int, default 10
            Stop after so many without a lower loss on what is held out; the
            parameters of the lowest are kept.
        learning_rate : float, default 0.001
            Of Adam.
        seed : int, default 0
            Of the first parameters, the order of clips, and the dropout.
        progress : bool, default True
            Show bars.

        Returns
        -------
        TessCremaEnsemble
            Itself; ``trained_`` holds parameters and card.

        Raises
        ------
        ValueError
            If lengths differ, an emotion is unknown, a corpus has only one, or
            it cannot be told which clip is from which corpus.
        """
        if y is None:
            return self
        emotions = np.array([labels.canonical(word) for word in y])
        if len(X) != len(emotions) or (
            speakers is not None and len(speakers) != len(X)
        ):
            raise ValueError("Waveforms, emotions and speakers differ in number.")
        whose = _corpora(corpora, speakers, len(emotions))
        groups = {str(name): np.flatnonzero(whose == name) for name in np.unique(whose)}
        for corpus, rows in groups.items():
            _refuse_unfit(corpus, emotions[rows])
        means = self._means_of_many(X, progress)
        run = {"seed": seed, "learning_rate": learning_rate, "epochs": epochs}
        run |= {"patience": patience, "progress": progress}
        members, parameters = [], []
        for number, (corpus, rows) in enumerate(groups.items()):
            who = None if speakers is None else np.asarray(speakers, object)[rows]
            member, arrays = trained(
                corpus, means[rows], emotions[rows], who, number=number, **run
            )
            members.append(member)
            parameters.append(arrays)
        named = corpora is not None or list(groups) != ["own"]
        card = {
            "schema_version": 1,
            "system": self.name,
            "sampling_rate": self.sampling_rate,
            "features": list(NAMES),
            "members": members,
            "training_corpora": sorted(groups) if named else None,
        }
        self.trained_ = {"card": card, "parameters": parameters}
        self.__dict__.pop("_backend", None)
        return self

    def _means_of_many(self, waveforms, progress: bool) -> np.ndarray:
        means = []
        with bars.bar(len(waveforms), "Means", shown=progress) as counter:
            for start in range(0, len(waveforms), _CHUNK):
                means.append(self.features(waveforms[start : start + _CHUNK]))
                counter.update(len(means[-1]))
        return np.concatenate(means)

    def save(self, folder: str | os.PathLike) -> Path:
        """Write ``card.json`` and one network a corpus, for ``weights=folder``.

        Parameters
        ----------
        folder : path-like
            A new folder.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        ValueError
            If its weights are random.
        FileExistsError
            If there is something at `folder`.
        """
        folder = Path(folder)
        if self.tiny:
            raise ValueError(f"{self.spec}: random weights are not worth saving.")
        if folder.exists():
            raise FileExistsError(f"{folder} is there already. Give a new folder.")
        card = self._about()
        with atomic.replacing(folder) as draft, self._at_work() as networks:
            draft.mkdir()
            for member, network in zip(card["members"], networks, strict=True):
                network.save(draft / file_name(member["corpus"]))
            atomic.write_json(draft / CARD, card)
        return folder


def _corpora(corpora, speakers, n: int) -> np.ndarray:
    """Say for each clip which corpus it is from."""
    if isinstance(corpora, str):
        corpora = [corpora]
    given = None if corpora is None else [str(name) for name in corpora]
    if given is not None and len(given) == n:
        return np.array(given)
    if given is not None and len({*given}) == 1:
        return np.repeat(given[:1], n)
    before = [str(who).partition("/") for who in (() if speakers is None else speakers)]
    if before and all(slash for _, slash, _ in before):
        told = np.array([name for name, _, _ in before])
        if given is None or {*given} == {*told}:
            return told
    if given is None:
        return np.repeat(["own"], n)
    raise ValueError(
        f"corpora: {len(given)} names for {n} clips, and the speakers' names do not "
        "say which clip is from which corpus. Give one name a clip."
    )


def _refuse_unfit(corpus: str, emotions: np.ndarray) -> None:
    """Refuse a corpus that teaches nothing, or that cannot name a file."""
    file_name(corpus)
    if len(np.unique(emotions)) < 2:
        raise ValueError(f"{corpus}: only one emotion ({emotions[0]}). Two are needed.")
