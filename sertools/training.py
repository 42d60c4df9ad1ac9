"""Training of a head: cross-validated over speakers, calibrated, and saved."""

import atexit
import contextlib
import inspect
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from sertools import audio, datasets, evaluation, features, files, models, trust
from sertools import progress as bars
from sertools.evaluation import _cross_validation
from sertools.evaluation._predictions import table
from sertools.metadata import ClipsMetadata, FeaturesMetadata
from sertools.models import heads
from sertools.models.heads import _out_of_distribution as ood
from sertools.models.heads import _temperature as scaling
from sertools.models.heads._held_out import held_out
from sertools.models.trained import CARD, HEAD, KIND

__all__ = ["check_out", "facts", "train"]

_WITHIN = 0.97  # of the training clips, when their speaker is held out


def fit(head, X, clips, result, seed, abstain) -> tuple[object, dict]:
    """Fit on all clips; take from held-out speakers what keeps the head honest."""
    clips, values = clips.loc[X.index], X.to_numpy(np.float64)
    y = clips["emotion"].to_numpy(dtype=object).astype(str)
    rows = X.index.get_indexer(result.predictions["clip"])
    fold = np.full(len(X), None, dtype=object)
    fold[rows] = result.predictions["fold"].to_numpy(dtype=object)
    scores = result.predictions[result.classes].to_numpy()
    codes = np.searchsorted(result.classes, y[rows])
    distance = _distances(values, fold)[rows]
    after, far = _nested(scores, codes, distance, fold[rows])
    edge = _short(np.quantile(distance, _WITHIN))
    reach = ood.OODDetector.of(values)
    pairs = zip(X.columns, reach.mean, reach.scale, strict=True)
    name = result.info["head"]
    fitted = _on_all(head, X, y, clips["speaker"], name, seed)
    took = _cross_validation.taken(fitted).get("chosen")
    facts = {
        "head": f"{name}: {took['candidate']}" if took else name,
        "classes": result.classes,
        "scores": {"held out": judged(result, codes, after, far if abstain else None)},
        "temperature": _short(scaling.fit_temperature(scores, codes)),
        "reach": {"edge": edge} if abstain else None,
        "features": {str(name): [_short(m), _short(s)] for name, m, s in pairs},
    }
    return fitted, facts


def _on_all(head, X: pd.DataFrame, y, speakers: pd.Series, name: str, seed: int):
    """Fit the head on every clip, as cross-validation fits it on most."""
    from threadpoolctl import threadpool_limits

    plain = name in set(heads.names()) - set(heads.reading_names())
    who = None if speakers.isna().any() else speakers.to_numpy()
    with threadpool_limits(1):  # the same numbers whatever the number of cores
        return heads.fit(heads.make(head, seed), X.to_numpy() if plain else X, y, who)


def _distances(values: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Measure how far each clip is from the clips of the other folds."""
    distance = np.full(len(values), np.nan)
    for name in set(fold) - {None}:
        own = fold == name
        distance[own] = ood.OODDetector.of(values[~own]).distance(values[own])
    return distance


def _nested(scores, codes, distance, fold) -> tuple[np.ndarray, np.ndarray]:
    """Calibrate each fold, and find its far clips, by what the others say."""
    after, far = scores.copy(), np.zeros(len(scores))
    for name in set(fold):
        own = fold == name
        temperature = scaling.fit_temperature(scores[~own], codes[~own])
        edge = np.quantile(distance[~own], _WITHIN)
        flattening = ood.flattening(distance[own], edge)
        after[own] = scaling.temper(scores[own], temperature * flattening)
        far[own] = ood.share(distance[own], edge)
    return after, far


def judged(result, codes, after, far) -> dict:
    """Sum up a result: plain, calibrated, and with clips given to ``other``."""
    before = result.predictions[result.classes].to_numpy()
    told = {
        "n_clips": len(before),
        "n_speakers": result.n_speakers,
        "folds": result.info.get("folds"),
        **_rounded(result.scores()),
        "chance": result.chance,
        "log_loss": _both(scaling.log_loss, before, after, codes),
        "calibration_error": _both(scaling.calibration_error, before, after, codes),
    }
    if far is None:
        return told
    columns = {name: after[:, i] * (1 - far) for i, name in enumerate(result.classes)}
    columns["other"] = columns.get("other", 0) + far
    careful = evaluation.Result(table(result.predictions, pd.DataFrame(columns)))
    silent = careful.predictions["predicted"] == "other"
    return {
        **told,
        "abstains": round(float(silent.mean()), 4),
        "uar_with_abstention": _rounded(careful.scores())["uar"],
    }


def _rounded(scores: dict) -> dict:
    return {
        name: {key: value and round(value, 4) for key, value in score.items()}
        for name, score in scores.items()
    }


def _short(number: float) -> float:
    """Round to six digits."""
    return float(f"{number:.6g}")


def _both(measure, before, after, codes) -> dict:
    values = {"before": measure(before, codes), "after": measure(after, codes)}
    return {when: round(value, 4) for when, value in values.items()}


def tested(made, model, clips, options) -> dict:
    """Test the fitted head on other clips, on the emotions that both know."""
    emotions = list(made.backend.own)
    clips = clips[clips["emotion"].isin(emotions)]
    X = features.extract(model, clips, **options)
    plain, after, far = made.judge(X)
    clips = clips.loc[X.index].assign(fold="").reset_index()
    result = evaluation.Result(table(clips, pd.DataFrame(plain, columns=emotions)))
    codes = np.searchsorted(emotions, clips["emotion"].to_numpy(dtype=str))
    return judged(result, codes, after, far)


def check_out(out: str | os.PathLike) -> Path:
    """Refuse a place that holds something else than what `train` saves."""
    folder = Path(out).expanduser()
    if folder.is_dir():
        there = {path.name for path in folder.iterdir()}
        strange = {name for name in there - {CARD, HEAD} if ".keras" not in name}
        if not there or (CARD in there and not strange):
            return folder
        raise FileExistsError(
            f"{folder}: holds other things ({sorted(strange or there)[0]}). "
            "Give a new folder."
        )
    if folder.exists():
        raise FileExistsError(f"{folder}: a file. Give a new folder.")
    return folder


def facts(folder: str | os.PathLike) -> dict:
    """Read what `train` wrote on the card of a folder."""
    return json.loads(trust.read(Path(folder).expanduser() / CARD))


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give a draft folder that takes the place of `folder` once it is whole."""
    with files.replacing(folder) as draft:
        draft.mkdir()
        yield draft
        if folder.is_dir():
            shutil.rmtree(folder)


def temporary() -> Path:
    """Give a folder that goes when Python ends."""
    place = Path(tempfile.mkdtemp(prefix="sertools-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place / "trained"


_FOLDS = 5  # the system is trained anew for each


def train_whole(model, clips, folder, seed, command, **options):
    """Train a system that brings its own training, and save it.

    Parameters and errors are those of `sertools.training.train`; the system has
    ``fit(waveforms, y, speakers=None)`` and ``save(folder)``.
    """
    clips, waveforms, excluded = _heard(model, clips, options)
    more = _taken(model, seed=seed, progress=options.get("progress", True))
    told = _held_out(model, clips, waveforms, seed, more)
    y, speakers = _known(clips)
    about = _taken(model, corpora=_corpora(clips))
    model.fit(waveforms, y, speakers=speakers, **about, **more)
    with replacing(folder) as draft:
        draft.rmdir()
        model.save(draft)
        about = facts(draft) | {
            "command": command,
            "scores": {"held out": told} if told else {},
            "training": {**trained_on(clips, seed), "excluded": excluded},
        }
        files.write_json(draft / CARD, about)
    return models.load(model.spec, weights=folder)


def _known(clips: pd.DataFrame) -> tuple[np.ndarray, np.ndarray | None]:
    """Give emotions, and who speaks where that is known."""
    speakers = clips["speaker"]
    who = None if speakers.isna().any() else speakers.to_numpy()
    return clips["emotion"].to_numpy(dtype=object).astype(str), who


def _corpora(clips: pd.DataFrame) -> np.ndarray | None:
    """Give the corpus of each clip, where all are known."""
    corpora = clips["dataset"]
    return None if corpora.isna().any() else corpora.to_numpy(dtype=object).astype(str)


def _held_out(model, clips, waveforms, seed, more) -> dict | None:
    """Train the system anew without some speakers, and score it on them, in turn."""
    from sklearn.base import clone

    y, speakers = _known(clips)
    splits = held_out(y, speakers, _FOLDS, seed)
    if not splits:
        return None
    scored = pd.DataFrame(0.0, index=clips.index, columns=sorted({*y}))
    fold = pd.Series("", index=clips.index)
    for number, (inner, test) in enumerate(splits, start=1):
        fresh = clone(model)
        who = None if speakers is None else speakers[inner]
        about = _taken(model, corpora=_corpora(clips.iloc[inner]))
        heard = [waveforms[i] for i in inner]
        fresh.fit(heard, y[inner], speakers=who, **about, **more)
        probabilities = fresh.predict_proba([waveforms[i] for i in test])
        scored.loc[clips.index[test], list(fresh.classes_)] = probabilities
        fold.iloc[test] = str(number)
    tested = (fold != "").to_numpy()
    rows = clips.assign(fold=fold)[tested].reset_index()
    result = evaluation.Result(table(rows, scored[tested]))
    codes = np.searchsorted(result.classes, y[tested])
    told = judged(result, codes, scored[tested].to_numpy(), None)
    kind = "clips" if speakers is None else "speakers"
    return {**told, "folds": f"{len(splits)} of {kind}"}


def _taken(model, **offered) -> dict:
    """Keep what the system's own training asks for."""
    asked = inspect.signature(model.fit).parameters
    return {name: value for name, value in offered.items() if name in asked}


def _heard(model, clips, options) -> tuple[pd.DataFrame, list[np.ndarray], list[dict]]:
    """Load waveforms at the model's rate; name the clips that cannot be."""
    waveforms, excluded = {}, ClipsMetadata.of(clips).excluded
    shown = options.get("progress", True)
    with bars.bar(len(clips), "Loading", shown=shown) as counter:
        for clip, path in clips["path"].items():
            try:
                waveforms[clip] = audio.load(path, model.sampling_rate)
            except (ValueError, OSError) as error:
                reason = str(error).removeprefix(f"{path}: ").rstrip(".")
                excluded.append({"clip": clip, "reason": reason})
            counter.update(1)
    if excluded and options.get("strict"):
        first = excluded[0]
        raise ValueError(
            f"{len(excluded)} clips cannot be used (strict): {first['clip']}: "
            f"{first['reason']}."
        )
    if not waveforms:
        raise ValueError("No clip can be used.")
    return clips.loc[list(waveforms)], list(waveforms.values()), excluded


def trained_on(clips: pd.DataFrame, seed: int) -> dict:
    """Say on what: corpora, clips, speakers, emotions."""
    unknown = clips["speaker"].isna().any()
    return {
        "dataset": "+".join(sorted(clips["dataset"].dropna().unique())),
        "n_clips": len(clips),
        "n_speakers": None if unknown else int(clips["speaker"].nunique()),
        "emotions": clips["emotion"].value_counts().sort_index().to_dict(),
        "seed": seed,
    }


def train(
    model,
    head=None,
    clips: pd.DataFrame | None = None,
    out: str | os.PathLike | None = None,
    seed: int = 0,
    folds="speaker",
    abstain: bool = True,
    tests: Mapping[str, pd.DataFrame] | None = None,
    command: str | None = None,
    **options,
):
    """Train on clips, say how well it does on people it has not heard, and save it.

    Speakers are held out first: that gives the score on the card, the
    temperature of the probabilities, and how far from its training clips the
    head may be asked. Then everything is fitted on all clips. See
    `sertools.models.trained.Trained`.

    Parameters
    ----------
    model : Embedder, or a system with ``fit`` and ``save`` of its own
        As `sertools.models.load` gives.
    head : str or scikit-learn classifier, optional
        See `sertools.models.heads.make`; none for a system that trains whole.
    clips : DataFrame
        A clips table.
    out : path-like, optional
        Folder to save in; what `train` saved there before is replaced. A
        temporary one, gone when Python ends, if not given.
    seed : int, default 0
        Of everything drawn.
    folds : str or scikit-learn splitter, default "speaker"
        What is held out; see `sertools.evaluation.folds.assign`.
    abstain : bool, default True
        Give clips far from the training clips to ``other``.
    tests : mapping of str to DataFrame, optional
        Other clips tables to test the head on; the scores go on the card.
    command : str, optional
        The command line that asks for this, for the card.
    **options
        store, jobs, progress, strict; see `sertools.features.extract`.

    Returns
    -------
    Classifier
        The saved system; ``facts["scores"]`` of a `Trained` holds the scores.

    Raises
    ------
    ValueError
        If a name is unknown, the model cannot be trained, or no clip used.
    FileExistsError
        If `out` is a folder of other things, or a file.

    Examples
    --------
    >>> clips = datasets.load("demo")
    >>> hum = models.load("duration_loudness")
    >>> mine = train(hum, "logistic", clips, store=False, progress=False)
    >>> mine.facts["training"]["n_clips"], "other" in mine.classes_
    (192, True)
    """
    if clips is None or clips.empty:
        raise ValueError("No clips to train on.")
    if "standardize" in options:
        raise ValueError(
            "A saved head answers for single clips, of which nothing can be "
            "standardised: leave standardize out."
        )
    folder = temporary() if out is None else check_out(out)
    if hasattr(model, "save"):
        if head is not None or tests:
            raise ValueError(f"{model.spec} trains whole: leave head and tests out.")
        return train_whole(model, clips, folder, seed, command, **options)
    if head is None:
        known = ", ".join(heads.names())
        raise ValueError(f"{model.spec} gives features: name a head ({known}).")
    _ = model.sampling_rate  # parts of several rates are refused here
    X = features.extract(model, clips, **options)
    result = evaluation.cross_validate(head, X, clips, folds=folds, seed=seed)
    fitted, learnt = fit(head, X, clips, result, seed, abstain)
    about = {
        "schema_version": 1,
        "kind": KIND,
        **_story(model, result, clips, X, command),
        "embedder": {
            "model": model.spec,
            "weights": _weights(model),
            "weights_sha256": FeaturesMetadata.of(X).weights_sha256,
        },
        **learnt,
    }
    with replacing(folder) as draft:
        trust.save_head(fitted, draft / HEAD)
        files.write_json(draft / CARD, about)
        made = models.load("trained", weights=draft)
        about["scores"] |= {
            f"test: {name}": tested(made, model, others, options)
            for name, others in (tests or {}).items()
        }
        files.write_json(draft / CARD, about)
    return models.load("trained", weights=folder)


def _weights(model) -> str | None:
    """Say where weights that were given are: a handle, where its library keeps them.

    Whoever loads the head looks there, and fetches nothing.
    """
    given = getattr(model, "weights", None)
    if not given or model.random_weights or os.path.exists(os.path.expanduser(given)):
        return given and str(given)
    return str(model.weights_path())


def _story(model, result, clips, X, command) -> dict:
    """Say where a head comes from: corpora, versions, licences."""
    import sertools

    corpora = sorted(clips["dataset"].dropna().unique())
    cards = [datasets.card(name) for name in corpora if name in datasets.names()]
    heard = (
        " and ".join(f"{c['title']} ({c['language']})" for c in cards) or "own clips"
    )
    real = cards and not any(card["synthetic"] for card in cards)
    languages = " and ".join(sorted({card["language"] for card in cards}))
    note = f"{languages} acted speech: it names the closest acted style."
    return {
        "title": f"{result.info['head']} on {model.label}, trained on {heard}",
        "note": note if real else None,
        "command": command,
        "versions": {"sertools": sertools.__version__, **_versions(model)},
        "training": {
            **trained_on(clips.loc[X.index], result.info["seed"]),
            "corpus_sha256": FeaturesMetadata.of(X).corpus_sha256,
            "excluded": FeaturesMetadata.of(X).excluded,
        },
        "training_corpora": corpora,
        "credit": [card["citation"] for card in cards if card.get("citation")],
        "licenses": result.provenance["licenses"],
        "warnings": result.warnings,
    }


def _versions(model) -> dict[str, str]:
    from importlib.metadata import version

    parts = getattr(model, "parts", [model])
    names = {"numpy", "scikit-learn", "skops", *(p for m in parts for p in m.packages)}
    return {name: version(name) for name in sorted(names)}
