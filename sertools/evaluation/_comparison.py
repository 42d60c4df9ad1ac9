"""Paired comparison of models, on the same clips and emotions.

Which one is better, and only if it can be told.
"""

import html
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools import display
from sertools.display import chance, p_value, span
from sertools.evaluation._notes import made_up, presumes_speaker
from sertools.evaluation._permutation_tests import (
    LEVEL,
    MIN_SPEAKERS,
    min_p_value_paired,
    sign_flip_test,
    speaker_contributions,
)
from sertools.evaluation._result import Result
from sertools.evaluation.intervals import accuracy, jackknife, uar

_COSTS = {"seconds_per_clip": "not measured", "megabytes": "unknown"}
_TITLES = {"seconds_per_clip": "seconds a clip", "megabytes": "MB of weights"}
_PUBLISHED = "Published, by other protocols: reported, not run here, never ranked"


@dataclass(repr=False)
class Comparison(display.Display):
    """Models side by side, and what can be said of their differences.

    Parameters
    ----------
    models : DataFrame
        One row a model, the best first: ``uar``, ``low``, ``high`` (95 % over
        speakers), ``accuracy``, ``uar_outside`` (answers outside the shared
        emotions count as wrong), ``seconds_per_clip`` and ``megabytes`` of
        weights (missing where not measured), ``head``, ``folds``,
        ``standardize``, and ``apart``: why a model is not ranked with the
        first ones; empty for those.
    pairs : DataFrame
        One row a pair that may be ranked: ``a``, ``b``, ``difference`` of the
        UAR (a minus b), ``low``, ``high``, ``p``, ``p_joint`` (for all pairs
        together), ``detectable`` (a difference that four of five such studies
        would have found) and ``verdict``.
    emotions : list of str
        Those that all models and the clips share.
    n_clips, n_speakers : int
        What all were tested on; speakers ``None`` if unknown.
    notes : list of str
        What was left out, and what a reader must know.
    published : DataFrame, optional
        What others published, as `published_results` gives it.
    untested : tuple of str
        Why no pair could be tested; empty where pairs were.
    """

    models: pd.DataFrame
    pairs: pd.DataFrame
    emotions: list[str]
    n_clips: int
    n_speakers: int | None
    notes: list[str] = field(default_factory=list)
    published: pd.DataFrame | None = None
    untested: tuple[str, ...] = ()

    def groups(self) -> list[tuple[str, pd.DataFrame]]:
        """Give the models that may be ranked with each other, group by group.

        Returns
        -------
        list of (str, DataFrame)
            Why the group stands apart, empty for the first; its rows of
            ``models``.
        """
        if "apart" not in self.models:
            return [("", self.models)]
        return list(self.models.groupby("apart", sort=False))

    def _parts(self):
        yield display.heading(self._head())
        width = max(len(str(name)) for name in self.models.index)
        apart = "Not to be ranked with the rest"
        for why, models in self.groups():
            if why:
                told = f"<p><b>{apart}</b>: {html.escape(why)}</p>"
                yield display.Part([f"  {apart}: {why}"], told)
            lines = [
                f"  {name!s:{width}}  {row['uar']:.3f}  "
                f"{span(row['low'], row['high'])}{_cost(row)}"
                for name, row in models.iterrows()
            ]
            yield display.Part(lines, _table(models))
        yield display.notes([*self.pairs["verdict"], *self.notes])
        if (rows := self.published) is not None and len(rows):
            lines = [
                f"    {name}  {row.measure} {row.score:.3f}, {row.n_emotions} "
                f"emotions; {row.source}"
                for name, row in rows.iterrows()
            ]
            yield display.Part([f"  {_PUBLISHED}:"], f"<p><b>{_PUBLISHED}</b></p>")
            table = display.frame(rows.rename_axis(None), _PUBLISHED)
            yield display.Part(lines, table)

    def _head(self) -> str:
        who = display.speakers(self.n_speakers)
        shared = ", ".join(self.emotions)
        return f"{len(self.models)} models, {self.n_clips} clips, {who}; {shared}"


def _cost(row: pd.Series) -> str:
    """Say in a line what a model costs, where anything is known of it."""
    if row.get("seconds_per_clip") is None or pd.isna(row["seconds_per_clip"]):
        return ""
    return f"  {row['seconds_per_clip']:.3f} s a clip"


def _table(models: pd.DataFrame) -> str:
    shown = pd.DataFrame({"UAR": models["uar"].round(3)})
    spans = zip(models["low"], models["high"], strict=True)
    shown["95 % over speakers"] = [span(low, high) for low, high in spans]
    if (models["uar_outside"] < models["uar"] - 1e-9).any():
        shown["UAR, outside = wrong"] = models["uar_outside"].round(3)
    for name in ("accuracy", "head", "folds", "standardize"):
        if name in models and not models[name].isna().all():
            shown[name] = models[name] if name != "accuracy" else models[name].round(3)
    for name, absent in _COSTS.items():
        if name in models:
            shown[_TITLES[name]] = [_number(value, absent) for value in models[name]]
    return display.frame(shown, "Models")


def _number(value, absent: str) -> str:
    if value is None or pd.isna(value):
        return absent
    return "none" if value == 0 else f"{value:.3g}"


_TOLD = ("seconds_per_clip", "megabytes", "head", "folds", "standardize")
_NUMBERS = ("difference", "low", "high", "p", "p_joint", "detectable")


def compare(
    results: Mapping[str, Result],
    seed: int = 0,
    published: pd.DataFrame | None = None,
) -> Comparison:
    """Compare models by a paired permutation test on the clips and emotions all share.

    The score is the UAR, of the most probable of the shared emotions; one that
    is as probable as others counts as its share of a hit. Pairs are tested by
    exchanging the two models' answers for whole speakers, all pairs together.
    With five speakers or fewer nothing can be told. Scores that presume who
    speaks, or come of leaking folds, stand apart and are not ranked with the
    others.

    Parameters
    ----------
    results : mapping of str to Result
        Two or more, by the name to show.
    seed : int, default 0
        Of the exchanges, where there are too many to go through.
    published : DataFrame, optional
        Scores of others to show apart; see `published_results`.

    Returns
    -------
    Comparison
        Shows itself as a table with verdicts.

    Raises
    ------
    ValueError
        If there are fewer than two results, they share no clip or fewer than
        two emotions, or disagree on what is true or who speaks.

    Examples
    --------
    >>> from sertools.evaluation import from_predictions
    >>> truth = pd.DataFrame({"clip": list("abcd"), "emotion": ["sad", "angry"] * 2})
    >>> right = from_predictions(truth.assign(predicted=truth["emotion"]))
    >>> wrong = from_predictions(truth.assign(predicted="sad"))
    >>> compare({"right": right, "wrong": wrong}).models["uar"].tolist()
    [1.0, 0.5]
    """
    if len(results) < 2:
        raise ValueError("Comparing takes two results or more.")
    tables = {name: r.predictions.set_index("clip") for name, r in results.items()}
    clips, notes = _shared_clips(tables)
    emotions, more = _shared_emotions(results, tables, clips)
    truth = next(iter(tables.values())).loc[clips, "emotion"].astype(str)
    truth = truth[truth.isin(emotions)]
    tables = {name: table.loc[truth.index] for name, table in tables.items()}
    speakers = _speakers(tables)
    answers = {n: _answers(table[emotions]) for n, table in tables.items()}
    models = _models(results, tables, answers, truth, speakers)
    pairs, told = _pairs(models, answers, truth, speakers, seed)
    return Comparison(
        models,
        pairs,
        emotions,
        len(truth),
        None if speakers is None else len(set(speakers)),
        [
            *made_up({name: r.info for name, r in results.items()}),
            *_heard_before(results),
            *notes,
            *more,
            *told,
            *_undecided(answers),
            *_protocols(models),
        ],
        published,
        tuple(told) if pairs["p"].isna().any() or pairs.empty else (),
    )


def _shared_clips(tables: dict) -> tuple[pd.Index, list[str]]:
    clips = next(iter(tables.values())).index
    for table in tables.values():
        clips = clips.intersection(table.index, sort=False)
    if clips.empty:
        raise ValueError(f"No clip is common to {', '.join(tables)}.")
    truths = pd.DataFrame({n: t.loc[clips, "emotion"] for n, t in tables.items()})
    if (differ := truths.nunique(axis=1) > 1).any():
        clip = differ.idxmax()
        said = ", ".join(f"{name}: {truths.at[clip, name]}" for name in truths)
        raise ValueError(f"The results disagree on what {clip} is ({said}).")
    lost = {name: len(table) - len(clips) for name, table in tables.items()}
    return clips, [
        f"{n} clips of {name} are left out: not every model was tested on them."
        for name, n in lost.items()
        if n
    ]


def _shared_emotions(results, tables, clips) -> tuple[list[str], list[str]]:
    truth = next(iter(tables.values())).loc[clips, "emotion"]
    known = set(truth).intersection(*(r.classes for r in results.values()))
    if len(known) < 2:
        said = "; ".join(f"{n}: {', '.join(r.classes)}" for n, r in results.items())
        raise ValueError(f"The models share fewer than two emotions ({said}).")
    unshared = sorted(set(truth) - known)
    n = int(truth.isin(unshared).sum())
    notes = [f"{n} clips of {', '.join(unshared)} are left out: not shared."] * bool(n)
    return sorted(known), notes


def _answers(probabilities: pd.DataFrame) -> pd.DataFrame:
    """Give each clip's most probable emotions one vote, in equal shares."""
    best = probabilities.max(axis=1)
    top = probabilities.ge(best - 1e-9, axis=0).astype(float)
    return top.div(top.sum(axis=1), axis=0)


def _hits(answers: pd.DataFrame, truth: pd.Series) -> np.ndarray:
    """Say how far each clip's answer is right: 1, 0, or the share of a tie."""
    places = answers.columns.get_indexer(truth)
    return answers.to_numpy()[np.arange(len(truth)), places]


def _speakers(tables: dict) -> np.ndarray | None:
    """Take the speakers from the first result that knows them all."""
    known = {name: table["speaker"] for name, table in tables.items()}
    known = {name: who for name, who in known.items() if not who.isna().any()}
    if not known:
        return None
    first, *others = known
    for other in others:
        named = pd.DataFrame({"a": known[first], "b": known[other]}).drop_duplicates()
        if (twice := named["a"].duplicated() | named["b"].duplicated()).any():
            raise ValueError(
                f"The results disagree on who speaks: {twice.idxmax()} ({first}: "
                f"{known[first][twice.idxmax()]}, {other}: "
                f"{known[other][twice.idxmax()]}) is not told apart alike."
            )
    return known[first].to_numpy(dtype=str)


def _models(results, tables, answers, truth, speakers) -> pd.DataFrame:
    rows = {}
    who = np.zeros(len(truth), int) if speakers is None else speakers
    for name, result in results.items():
        counts = _counts(answers[name], truth, who)
        value, low, high = jackknife(counts, uar)
        outside = _hits(_answers(tables[name][result.classes]), truth)
        rows[name] = {
            "uar": value,
            "low": low,
            "high": high,
            "accuracy": jackknife(counts, accuracy)[0],
            "uar_outside": speaker_contributions(outside, truth.to_numpy(), who).sum(),
            **{key: result.info.get(key) for key in _TOLD},
            "apart": _apart(result),
        }
    found = pd.DataFrame.from_dict(rows, orient="index")
    numbers = ["low", "high", "seconds_per_clip", "megabytes"]
    found[numbers] = found[numbers].astype(float)
    found = found.sort_values("uar", ascending=False, kind="stable")
    return found.sort_values("apart", kind="stable")


def _counts(answers: pd.DataFrame, truth: pd.Series, who: np.ndarray) -> np.ndarray:
    """Count answers, shape (speakers, true, predicted); ties in their shares."""
    _, speaker = np.unique(who, return_inverse=True)
    counts = np.zeros((speaker.max() + 1, *[len(answers.columns)] * 2))
    rows = answers.columns.get_indexer(truth)
    np.add.at(counts, (speaker, rows), answers.to_numpy())
    return counts


def _apart(result: Result) -> str:
    """Say why a score is not to be ranked with those that presume nothing."""
    if result.info.get("leaking") or result.info.get("folds") == "random":
        return "leaking folds, the same speakers in training and test"
    form = result.info.get("standardize")
    if presumes_speaker(form):
        named = "" if form == "speaker" else f" ({form})"
        return f"standardised by speaker{named}, which presumes to know who speaks"
    return ""


def _pairs(models, answers, truth, speakers, seed) -> tuple[pd.DataFrame, list[str]]:
    pairs = [
        pair
        for _, group in models.groupby("apart", sort=False)
        for pair in itertools.combinations(group.index, 2)
    ]
    table = pd.DataFrame(pairs, columns=["a", "b"]).reindex(
        columns=["a", "b", *_NUMBERS, "verdict"]
    )
    if not pairs:
        return table, ["Nothing here may be ranked with anything else."]
    who = truth.index.to_numpy(dtype=str) if speakers is None else speakers
    emotion = truth.to_numpy()
    added = {
        n: speaker_contributions(_hits(told, truth), emotion, who)
        for n, told in answers.items()
    }
    moved = np.array([added[a] - added[b] for a, b in pairs])
    table["difference"] = moved.sum(axis=1)
    if why := _untestable(speakers):
        table["verdict"] = [
            f"{a} and {b} differ by {abs(d):.3f}: cannot be tested."
            for a, b, d in zip(table["a"], table["b"], table["difference"], strict=True)
        ]
        return table, [why]
    table[list(_NUMBERS)] = pd.DataFrame(sign_flip_test(moved, seed)._asdict())
    table["verdict"] = [_verdict(row) for row in table.itertuples()]
    return table, display.joint(len(pairs), "pairs")


def _untestable(speakers: np.ndarray | None) -> str | None:
    if speakers is None:
        return "Who speaks is unknown, so that no difference can be tested."
    if (n := len(set(speakers))) < MIN_SPEAKERS:
        return (
            f"{n} speakers are too few to test a difference: even the most extreme "
            f"outcome has a chance of {min_p_value_paired(n):.0%}."
        )
    return None


def _verdict(row) -> str:
    better, worse = (row.a, row.b) if row.difference >= 0 else (row.b, row.a)
    low, high = (row.low, row.high) if row.difference >= 0 else (-row.high, -row.low)
    size = f"by {abs(row.difference):.3f} {span(low, high)}"
    if row.p_joint <= LEVEL:
        return f"{better} is better than {worse} {size}, p = {p_value(row.p_joint)}."
    if row.detectable == 0:
        return f"{better} and {worse} have the same score with every speaker."
    return f"{better} and {worse} differ {size}: {chance(row.p_joint, row.detectable)}"


def _heard_before(results: Mapping[str, Result]) -> list[str]:
    """Say which models may have heard the very clips before."""
    said = {name: r.info.get("heard_before") for name, r in results.items()}
    yes = [name for name, answer in said.items() if answer == "yes"]
    unknown = [name for name, answer in said.items() if answer == "unknown"]
    notes = []
    if yes:
        notes.append(
            f"May have heard these very clips in training: {', '.join(yes)}. That "
            "flatters."
        )
    if unknown:
        notes.append(
            f"Nobody can say whether {', '.join(unknown)} had heard these clips before."
        )
    return notes


def _undecided(answers: dict[str, pd.DataFrame]) -> list[str]:
    """Count the clips that a model has no single answer to."""
    tied = {name: int((told.max(axis=1) < 1).sum()) for name, told in answers.items()}
    return [
        f"{n} answers of {name} are ties: each counts as its share of a hit."
        for name, n in tied.items()
        if n
    ]


def _protocols(models: pd.DataFrame) -> list[str]:
    """Warn where the training sets of models that are ranked differ."""
    ranked = models[models["apart"] == models["apart"].iloc[0]]
    if ranked["folds"].nunique() < 2:
        return []
    said = ", ".join(f"{n}: {f}" for n, f in ranked["folds"].items())
    return [f"Not the same folds ({said}): the training sets differ."]
