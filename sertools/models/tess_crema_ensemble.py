"""One small network a corpus, and a vote by name: what a famous kernel promised."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sertools import fetching, files, labels
from sertools import progress as bars
from sertools.extras import require
from sertools.models import _keras, _saved_model
from sertools.models.base import Classifier, checked
from sertools.models.ensemble import Ballot, ballots_table, known_to, vote

_PITCHES = "C C# D D# E F F# G G# A A# B".split()


_MFCCS, _BANDS = 20, 128


NAMES = [
    "zcr",
    *(f"chroma_{pitch}" for pitch in _PITCHES),
    *(f"mfcc{number}" for number in range(_MFCCS)),
    "rms",
    *(f"mel{number}" for number in range(_BANDS)),
]
"""What the 162 numbers are, in their order."""


_OFFSET, _LENGTH, _LEAST = 0.6, 2.5, 1.0  # seconds


def heard(waveform: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Cut out what is looked at: 2.5 seconds, from 0.6 seconds on.

    The first 0.6 seconds are silence in most clips of acted corpora. Where less
    than one second would remain, the whole clip is taken instead.

    Parameters
    ----------
    waveform : ndarray of shape (t,)
        Samples.
    sampling_rate : int
        Hz.

    Returns
    -------
    ndarray
        A view of it.

    Examples
    --------
    >>> [len(heard(np.zeros(seconds * 10), 10)) for seconds in (1, 2, 3, 9)]
    [10, 14, 24, 25]
    """
    start, size = round(_OFFSET * sampling_rate), round(_LENGTH * sampling_rate)
    if len(waveform) - start < _LEAST * sampling_rate:
        return waveform
    return waveform[start : start + size]


def time_means(waveform: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Describe a waveform by 162 means over time.

    Zero crossings, chroma (of magnitudes), MFCCs, loudness and mel spectrogram
    (of powers), with librosa's usual frames of 2048 samples every 512.

    Parameters
    ----------
    waveform : ndarray of shape (t,)
        Samples.
    sampling_rate : int
        Hz.

    Returns
    -------
    ndarray of shape (162,), float32
        In the order of `NAMES`.

    Examples
    --------
    >>> hum = np.sin(np.arange(22050) / 20).astype("float32")
    >>> time_means(hum, 22050).shape, len(NAMES)
    ((162,), 162)
    """
    librosa = require("librosa")
    feature = librosa.feature
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=")  # shorter than a frame
        warnings.filterwarnings("ignore", message="Trying to estimate tuning")  # silent
        magnitudes = np.abs(librosa.stft(waveform))
        mel = feature.melspectrogram(S=magnitudes**2, sr=sampling_rate, n_mels=_BANDS)
        tracks = (
            feature.zero_crossing_rate(y=waveform),
            feature.chroma_stft(S=magnitudes, sr=sampling_rate),
            feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=_MFCCS),
            feature.rms(y=waveform),
            mel,
        )
    return np.concatenate([track.mean(axis=1) for track in tracks]).astype(np.float32)


SHAPE = (len(NAMES), 1)
"""What it takes, without the batch."""


_BATCH = 32


def made(outputs: int, *seed: int):
    """Make the kernel's network, its first parameters drawn from a seed.

    Parameters
    ----------
    outputs : int
        Emotions.
    *seed : int
        One or more numbers.

    Returns
    -------
    keras.Sequential
        Not trained.
    """
    with _keras.quiet():
        keras = require("keras")
        layers = keras.layers
        draws = np.random.SeedSequence(seed).generate_state(8) // 2
        draws = iter(draws.tolist())

        def convolution(filters: int):
            drawn = keras.initializers.GlorotUniform(seed=next(draws))
            return layers.Conv1D(
                filters, 5, padding="same", activation="relu", kernel_initializer=drawn
            )

        def dense(units: int, activation: str):
            drawn = keras.initializers.GlorotUniform(seed=next(draws))
            return layers.Dense(units, activation, kernel_initializer=drawn)

        def pooling():
            return layers.MaxPooling1D(5, 2, padding="same")

        return keras.Sequential(
            [
                layers.Input(SHAPE),
                *(convolution(256), pooling(), convolution(256), pooling()),
                *(convolution(128), pooling(), layers.Dropout(0.2, seed=next(draws))),
                *(convolution(64), pooling(), layers.Flatten()),
                *(dense(32, "relu"), layers.Dropout(0.3, seed=next(draws))),
                dense(outputs, "softmax"),
            ]
        )


def trained(
    corpus: str,
    means: np.ndarray,
    emotions: np.ndarray,
    speakers,
    *,
    seed: int,
    number: int,
    learning_rate: float,
    **run,
) -> tuple[dict, list[np.ndarray]]:
    """Train the network of one corpus; its scaler knows the training clips only.

    Parameters
    ----------
    corpus : str
        Its name.
    means : ndarray of shape (n, 162)
        Time-means.
    emotions : ndarray of shape (n,), str
        Canonical names.
    speakers : ndarray of shape (n,), or None
        Who speaks.
    seed, number : int
        Of everything drawn; which member this is, for each draws anew.
    learning_rate : float
        Of Adam.
    **run
        epochs, patience, progress: see `keras_training.early_stopped`.

    Returns
    -------
    member : dict
        Its part of the card: corpus, classes, scaler, training.
    parameters : list of ndarray
        Of the network.
    """
    classes, codes = np.unique(emotions, return_inverse=True)
    parts = _keras.parted(codes, speakers, seed)
    if not parts.by_speaker:
        said = f"{corpus}: early stopping holds out {parts.said}."
        warnings.warn(said, stacklevel=3)
    scaler = _scaler(means[parts.train].astype(np.float64))
    network = made(len(classes), seed, number)
    facts = _keras.early_stopped(
        network,
        _scaled(means, scaler),
        codes,
        parts,
        optimizer=lambda keras: keras.optimizers.Adam(learning_rate),
        batch=_BATCH,
        seed=seed,
        title=corpus,
        **run,
    )
    told = {"clips": len(codes), "held_out": parts.said, "seed": seed, **facts}
    member = {"corpus": corpus, "classes": classes.tolist(), "scaler": scaler}
    return {**member, "training": told}, network.get_weights()


def _scaler(means: np.ndarray) -> dict:
    mean, scale = means.mean(axis=0), means.std(axis=0)
    scale[scale < 1e-9] = 1.0  # the same in every clip
    return {"mean": mean.tolist(), "scale": scale.tolist()}


def _scaled(means: np.ndarray, scaler: dict) -> np.ndarray:
    """Bring the features to a member's scale, in the shape that it takes."""
    scaled = (means - np.array(scaler["mean"])) / np.array(scaler["scale"])
    return scaled.astype(np.float32)[..., None]


def scored(member: dict, network, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ask one network.

    Parameters
    ----------
    member : dict
        Its part of the card.
    network : keras.Model
        It.
    means : ndarray of shape (n, 162)
        Time-means, not yet scaled.

    Returns
    -------
    classes : ndarray of shape (k,), str
        The emotions that it knows, sorted.
    scores : ndarray of shape (n, k), float64
        Their probabilities.

    Raises
    ------
    ValueError
        If its outputs are no probabilities.
    """
    scores = network.predict_on_batch(_scaled(means, member["scaler"]))
    scores = np.asarray(scores, dtype=np.float64)
    total = scores.sum(axis=1, keepdims=True)
    if (scores < 0).any() or not np.allclose(total, 1, atol=1e-3):
        raise ValueError(
            f"The network of {member['corpus']} gives no probabilities: its outputs do "
            "not sum to one. Its last layer should be a softmax."
        )
    classes = np.array(member["classes"])
    order = np.argsort(classes)
    return classes[order], (scores / total)[:, order]


CARD = "card.json"


def file_name(corpus: str) -> str:
    """Name the file of a corpus's network.

    Raises
    ------
    ValueError
        If the corpus cannot name a file.

    Examples
    --------
    >>> file_name("crema_d")
    'model_crema_d.keras'
    """
    if not re.fullmatch(r"\w[\w.-]*", corpus):
        raise ValueError(
            f"Corpus {corpus!r} cannot name a file: letters, digits, _ . - only."
        )
    return f"model_{corpus}.keras"


def read_card(folder: Path, sampling_rate: int) -> dict:
    """Read what a folder says of its members.

    Parameters
    ----------
    folder : Path
        As its ``save`` wrote it.
    sampling_rate : int
        The rate it should have been trained at, in Hz.

    Returns
    -------
    dict
        ``members`` (corpus, classes, scaler, each), ``training_corpora``, and more.

    Raises
    ------
    ValueError
        If there is no card, or it is damaged, in one line.
    """
    path = folder / CARD
    if not path.is_file():
        raise ValueError(no_model(folder))
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        if wrong := _wrong(card, sampling_rate):
            raise ValueError(wrong)
    except KeyError as error:
        raise ValueError(f"{path}: damaged: no {error}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: damaged: {error}") from error
    for member in card["members"]:
        member["classes"] = [labels.canonical(word) for word in member["classes"]]
    return card


def _wrong(card: dict, sampling_rate: int) -> str:
    """Say what a card cannot mean; ``""`` if it is sound."""
    _ = card["training_corpora"]
    if (card["features"], card["sampling_rate"]) != (list(NAMES), sampling_rate):
        return f"made for other features than these {len(NAMES)} at {sampling_rate} Hz."
    corpora = [member["corpus"] for member in card["members"]]
    if not corpora or len({*corpora}) < len(corpora):
        return "no members, or one twice."
    for member in card["members"]:
        file_name(member["corpus"])
        emotions = [labels.canonical(word) for word in member["classes"]]
        if len({*emotions}) < max(len(emotions), 2):
            return f"{member['corpus']}: a class is there twice, or alone."
        scaler = np.array([member["scaler"]["mean"], member["scaler"]["scale"]], float)
        usable = scaler.shape == (2, len(NAMES)) and np.isfinite(scaler).all()
        if not usable or (scaler[1] <= 0).any():
            return f"{member['corpus']}: its scaler is none."
    return ""


def check(folder: Path, members: list[dict]) -> None:
    """Refuse networks for other features or emotions, without TensorFlow.

    Raises
    ------
    ValueError
        If one does not fit its part of the card, in one line.
    FileNotFoundError
        If one is not there.
    """
    for member in members:
        path = folder / file_name(member["corpus"])
        if not path.is_file():
            raise FileNotFoundError(f"{folder}: no {path.name} in it.")
        _fits(path, member, *_keras.shapes(path))


def load(folder: Path, members: list[dict], trust: bool) -> list:
    """Load the networks, in the order of the card; see `check`."""
    networks = []
    for member in members:
        path = folder / file_name(member["corpus"])
        network = _keras.load(path, trust)
        _fits(path, member, network.input_shape[1:], network.output_shape[-1])
        networks.append(network)
    return networks


def _fits(path: Path, member: dict, shape, outputs) -> None:
    if shape is not None and tuple(shape) != SHAPE:
        raise ValueError(
            f"{path}: its input is {tuple(shape)}, not {SHAPE}: it was made for other "
            "features."
        )
    named = member["classes"]
    if outputs is not None and outputs != len(named):
        raise ValueError(
            f"{path}: it has {outputs} outputs, but {CARD} names {len(named)} "
            f"({' '.join(named)})."
        )


def no_model(path: Path) -> str:
    """Say in a line what was given in place of a folder of networks."""
    tables = [path] if path.suffix == ".csv" else sorted(path.glob("*.csv"))
    if not tables:
        return f"{path} is no folder with {CARD} and networks in it."
    with tables[-1].open(encoding="utf-8", errors="replace") as file:
        columns = file.readline().count(",") + 1
    if columns < len(NAMES):
        return f"{tables[-1]} is a table ({columns} columns), not a model."
    return (
        f"{tables[-1]} holds features ({len(NAMES)} numbers a clip, and labels), not a "
        "model: the kernel saved none."
    )


def outputs(handle: str, folder: Path, progress: bool = True) -> Path:
    """Fetch the output files of a kernel into a folder.

    Parameters
    ----------
    handle : str
        ``owner/kernel``.
    folder : Path
        Where they should be. If it is there, it is left as it is.
    progress : bool, default True
        Show it on standard error.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ModuleNotFoundError
        If kagglehub is not installed.
    ConnectionError
        If Kaggle does not hand them out; in one line.
    """
    if folder.is_dir():
        return folder
    downloads = folder.with_name(f"{folder.name}-downloads")
    with _settings(downloads, progress):
        hub = require("kagglehub")
        try:
            given = Path(hub.notebook_output_download(handle))
        except Exception as error:  # of many kinds, and none of ours
            reason = " ".join(str(error).split()).partition(". ")[0]
            reason = reason.partition(" (Caused by")[0].rstrip(".")  # by pages of it
            raise ConnectionError(
                f"Kaggle does not hand out the outputs of {handle} ({reason})."
            ) from error
    with files.replacing(folder) as draft:
        shutil.copytree(given, draft)
    shutil.rmtree(downloads, ignore_errors=True)
    return folder


@contextlib.contextmanager
def _settings(downloads: Path, progress: bool) -> Iterator[None]:
    """Make kagglehub use our folder, and keep its messages to itself."""
    mine = {"KAGGLEHUB_CACHE": str(downloads), "KAGGLEHUB_VERBOSITY": "error"}
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    try:
        with contextlib.ExitStack() as stack:
            if not progress:
                nowhere = stack.enter_context(open(os.devnull, "w"))
                stack.enter_context(contextlib.redirect_stderr(nowhere))
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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
    remain, the whole clip is. See `sertools.models.tess_crema_ensemble`.

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
    def random_weights(self) -> bool:
        """Whether its weights are random, and its answers mean nothing."""
        return super().random_weights and not self._is_trained

    @property
    def _is_trained(self) -> bool:
        return hasattr(self, "trained_")

    def remedy(self) -> str:
        """Say how weights can be had."""
        return f"nobody publishes any. {_TRAIN}"

    def _weights_card(self) -> str:
        return self.remedy()

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
        tensorflow = _saved_model.tensorflow()
        with _keras.quiet(), tensorflow.device(device):
            yield networks

    def _load(self) -> Placed:
        if self._is_trained:
            placed = self._load_random()
            parameters = self.trained_["parameters"]
            for network, arrays in zip(placed.networks, parameters, strict=True):
                network.set_weights(arrays)
            return placed
        folder, members = self.weights_path(), self._about()["members"]
        check(folder, members)
        device = _saved_model.placed(self.device, self.spec)
        with _saved_model.tensorflow().device(device):
            return Placed(load(folder, members, self.trust), device)

    def _load_random(self) -> Placed:
        device = _saved_model.placed(self.device, self.spec)
        members = self._about()["members"]
        with _saved_model.tensorflow().device(device):
            networks = [made(len(m["classes"]), 0, i) for i, m in enumerate(members)]
        return Placed(networks, device)

    def _about(self) -> dict:
        """Tell what is known of the weights: by their card, or by the name."""
        if self._is_trained:
            return self.trained_["card"]
        if self.random_weights:
            return {**_PROMISED, "training_corpora": []}
        try:
            folder = self.weights_path()
        except FileNotFoundError:  # said where they are needed
            return _PROMISED
        try:
            return read_card(folder, self.sampling_rate)
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
        if self.random_weights:
            raise ValueError(f"{self.spec}: random weights are not worth saving.")
        if folder.exists():
            raise FileExistsError(f"{folder} is there already. Give a new folder.")
        card = self._about()
        with files.replacing(folder) as draft, self._at_work() as networks:
            draft.mkdir()
            for member, network in zip(card["members"], networks, strict=True):
                network.save(draft / file_name(member["corpus"]))
            files.write_json(draft / CARD, card)
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
