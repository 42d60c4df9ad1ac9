"""Train, score on people not heard, and save: all in one."""

import os
from collections.abc import Mapping

import pandas as pd

from sertools import atomic, datasets, evaluation, features, models, trust
from sertools.models import heads
from sertools.models.heads.saved import CARD, HEAD, KIND
from sertools.training.judging import fit, tested
from sertools.training.places import check_out, replacing, temporary
from sertools.training.whole import train_whole, trained_on

__all__ = ["train"]


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
            "weights": getattr(model, "weights", None) and str(model.weights),
            "weights_sha256": X.attrs["weights_sha256"],
        },
        **learnt,
    }
    with replacing(folder) as draft:
        trust.save_head(fitted, draft / HEAD)
        atomic.write_json(draft / CARD, about)
        made = models.load("trained", weights=draft)
        about["scores"] |= {
            f"test: {name}": tested(made, model, others, options)
            for name, others in (tests or {}).items()
        }
        atomic.write_json(draft / CARD, about)
    return models.load("trained", weights=folder)


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
            "corpus_sha256": X.attrs["corpus_sha256"],
            "excluded": X.attrs["excluded"],
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
