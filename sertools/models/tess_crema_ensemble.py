"""One Keras network a corpus, voting by name: what a famous kernel promised."""

import contextlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sertools import fetching, files, labels, trust
from sertools.extras import require
from sertools.models import _keras, _keras_classifier
from sertools.models._keras_classifier import CARD, KerasClassifier, Training
from sertools.models.base import checked
from sertools.models.ensemble import Ballot, ballots_table, known_to, vote

_PITCHES = "C C# D D# E F F# G G# A A# B".split()
_MFCCS, _BANDS = 20, 128
_OFFSET, _LENGTH, _LEAST = 0.6, 2.5, 1.0  # seconds
_KERNEL = "shivamburnwal/speech-emotion-recognition"
_SIX = "angry disgust fear happy neutral sad".split()
NAMES = [
    "zcr",
    *(f"chroma_{pitch}" for pitch in _PITCHES),
    *(f"mfcc{number}" for number in range(_MFCCS)),
    "rms",
    *(f"mel{number}" for number in range(_BANDS)),
]
"""What the 162 numbers are, in their order."""

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


class TessCremaEnsemble(KerasClassifier):
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
    remain, the whole clip is.

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
    sampling_rate = 22_050

    feature_names = tuple(NAMES)
    shape = (len(NAMES), 1)
    counted, chunk = "Means", 32
    misshapen = "it was made for other features"
    miscounted = f"but {CARD} names {{}} ({{}})"
    _published = {
        "members": [_unlearnt("crema_d", _SIX), _unlearnt("tess", [*_SIX, "surprise"])],
        "training_corpora": ["crema_d", "tess"],
    }

    @property
    def classes_(self) -> np.ndarray:
        """Emotions that any member knows: sorted canonical names, shape (k,), str."""
        return known_to(member["classes"] for member in self._about()["members"])

    def remedy(self) -> str:
        """Say how weights can be had."""
        return f"nobody publishes any. {_TRAIN}"

    def _weights_card(self) -> str:
        return self.remedy()

    def fetch(self, progress: bool = True) -> Path:
        """Download what the kernel really left behind: two tables, and no model.

        It needs kagglehub, and gives a folder with ``features.csv`` and
        ``data_path.csv``; see `sertools.models.fetch`.
        """
        folder = fetching.cache_folder() / "kernels" / self.name
        try:
            fetch_outputs(_KERNEL, folder, progress)
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

    def _digested(self, card: dict) -> bytes:
        return json.dumps(card["members"]).encode()

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
        """Tell what each member says by itself; see `Ensemble.members`."""
        return ballots_table(self._ballots(checked(waveforms, self.sampling_rate)))

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        return vote(self._ballots(waveforms))

    def _ballots(self, waveforms: list[np.ndarray]) -> list[Ballot]:
        members, means = self._about()["members"], self._means(waveforms)
        with self._at_work() as networks:
            return [
                Ballot(member["corpus"], *_scored(member, network, means))
                for member, network in zip(members, networks, strict=True)
            ]

    def _read_about(self, path: Path) -> dict:
        try:
            return read_card(path, self.sampling_rate)
        except ValueError as error:
            raise ValueError(f"{error} {_TRAIN}") from error

    def _names(self, about: dict) -> list[str]:
        return [file_name(member["corpus"]) for member in about["members"]]

    def _parts(self, path: Path, about: dict) -> list[tuple[Path, list[str]]]:
        for name in self._names(about):
            if not (path / name).is_file():
                raise FileNotFoundError(f"{path}: no {name} in it.")
        words = [member["classes"] for member in about["members"]]
        paths = [path / name for name in self._names(about)]
        return list(zip(paths, words, strict=True))

    def _new_networks(self, about: dict) -> list:
        sizes = [len(member["classes"]) for member in about["members"]]
        return [_network(size, 0, number) for number, size in enumerate(sizes)]

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
            Who speaks. In each corpus, one in five is held out; clips, where nobody can
            say.
        corpora : str, or sequence of str of length n, optional
            Which corpus each clip is from; one name is that of all. If not given, what
            stands before the slash in `speakers` (``"crema_d/1001"``) says it; else all
            clips are one corpus, ``own``.
        epochs, patience : int, default 50 and 10
            At most so many passes over the training clips, and so many without a lower
            loss on what is held out; the parameters of the lowest are kept.
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
            If lengths differ, an emotion is unknown, a corpus has only one, or it
            cannot be told which clip is from which corpus.
        """
        if y is None:
            return self
        emotions = self._lesson(X, y, speakers)
        whose = _corpora(corpora, speakers, len(emotions))
        groups = {str(name): np.flatnonzero(whose == name) for name in np.unique(whose)}
        for corpus, rows in groups.items():
            _refuse_unfit(corpus, emotions[rows])
        means = self._means_of_many(X, progress)
        how = Training(
            optimizer=lambda keras: keras.optimizers.Adam(learning_rate),
            batch=self.chunk,
            epochs=epochs,
            patience=patience,
            seed=seed,
            progress=progress,
        )
        members, parameters = [], []
        for number, (corpus, rows) in enumerate(groups.items()):
            who = None if speakers is None else np.asarray(speakers, object)[rows]
            given = means[rows], emotions[rows], who, number, how._replace(title=corpus)
            member, arrays = _trained(*given)
            members.append(member)
            parameters.append(arrays)
        named = corpora is not None or list(groups) != ["own"]
        return self._learnt(
            parameters,
            sampling_rate=self.sampling_rate,
            features=list(NAMES),
            members=members,
            training_corpora=sorted(groups) if named else None,
        )


def heard(waveform: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Cut out what is looked at: 2.5 seconds, from 0.6 seconds on.

    The first 0.6 seconds are silence in most clips of acted corpora. Where less
    than one second would remain, the whole clip is taken instead.

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


def _network(outputs: int, *seed: int):
    """Make the kernel's network, its first parameters drawn from a seed."""
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
                layers.Input(TessCremaEnsemble.shape),
                *(convolution(256), pooling(), convolution(256), pooling()),
                *(convolution(128), pooling(), layers.Dropout(0.2, seed=next(draws))),
                *(convolution(64), pooling(), layers.Flatten()),
                *(dense(32, "relu"), layers.Dropout(0.3, seed=next(draws))),
                dense(outputs, "softmax"),
            ]
        )


def _trained(means, emotions, speakers, number: int, how: Training) -> tuple:
    """Train the network of one corpus; its scaler knows the training clips only."""
    classes, codes = np.unique(emotions, return_inverse=True)
    parts = _keras_classifier.parted(codes, speakers, how.seed)
    _keras_classifier.warn_of_clips(parts, f"{how.title}: early")
    scaler = _scaler(means[parts.train].astype(np.float64))
    network = _network(len(classes), how.seed, number)
    scaled = _scaled(means, scaler)
    told = _keras_classifier.early_stopped(network, scaled, codes, parts, how)
    member = {"corpus": how.title, "classes": classes.tolist(), "scaler": scaler}
    return {**member, "training": told}, network.get_weights()


def _scaler(means: np.ndarray) -> dict:
    mean, scale = means.mean(axis=0), means.std(axis=0)
    scale[scale < 1e-9] = 1.0  # the same in every clip
    return {"mean": mean.tolist(), "scale": scale.tolist()}


def _scaled(means: np.ndarray, scaler: dict) -> np.ndarray:
    """Bring the features to a member's scale, in the shape that it takes."""
    scaled = (means - np.array(scaler["mean"])) / np.array(scaler["scale"])
    return scaled.astype(np.float32)[..., None]


def _scored(member: dict, network, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ask one network: the emotions that it knows, sorted, and their probabilities."""
    said = f"The network of {member['corpus']} gives no probabilities: its outputs"
    scaled = _scaled(means, member["scaler"])
    scores = _keras_classifier.probabilities(network, scaled, said)
    classes = np.array(member["classes"])
    order = np.argsort(classes)
    return classes[order], scores[:, order]


def file_name(corpus: str) -> str:
    """Name the file of a corpus's network.

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
    """Read what a folder says of its members; refuse what is damaged, in one line."""
    path = folder / CARD
    if not path.is_file():
        raise ValueError(no_model(folder))
    try:
        card = json.loads(trust.read(path))
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


def fetch_outputs(handle: str, folder: Path, progress: bool = True) -> Path:
    """Fetch the output files of ``owner/kernel`` into a folder, unless it is there."""
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
