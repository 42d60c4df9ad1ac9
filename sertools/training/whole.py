"""Train a system that brings its own training."""

import inspect

import numpy as np
import pandas as pd

from sertools import atomic, audio, evaluation, models
from sertools import progress as bars
from sertools.evaluation.predictions import table
from sertools.models.heads.holdout import held_out
from sertools.models.heads.saved import CARD
from sertools.training.judging import judged
from sertools.training.places import facts, replacing

__all__ = ["train_whole", "trained_on"]

_FOLDS = 5  # the system is trained anew for each


def train_whole(model, clips, folder, seed, command, **options):
    """Train a system that brings its own training, and save it.

    Parameters and errors are those of `sertools.training.train`; the system has
    ``fit(waveforms, y, speakers=None)`` and ``save(folder)``.

    Returns
    -------
    Classifier
        The saved system. Its ``card.json`` also holds ``scores``, ``training``
        and ``command``.
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
        atomic.write_json(draft / CARD, about)
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
    waveforms, excluded = {}, list(clips.attrs.get("excluded", []))
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
