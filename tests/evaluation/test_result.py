import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from sertools import evaluation
from sertools.evaluation.intervals import FIELDS
from sertools.metadata import ClipsMetadata, FeaturesMetadata

KEYS = {
    *("schema_version", "dataset", "model", "head", "folds", "standardize", "seed"),
    *("n_clips", "n_speakers", "classes", "emotions", "uar", "accuracy", "macro_f1"),
    *("chance", "baseline", "per_class", "confusion", "excluded", "warnings"),
    *("corpus_sha256", "weights_sha256"),
}


def guessed(true, classes, speakers=5, seed=0, **info):
    """Make a result of guesses that lean towards the truth."""
    rng = np.random.default_rng(seed)
    scores = rng.random((len(true), len(classes)))
    for column, name in enumerate(classes):
        scores[np.array(true) == name, column] += 0.5
    scores /= scores.sum(axis=1, keepdims=True)
    table = pd.DataFrame(scores, columns=classes)
    table["emotion"] = true
    if speakers:
        table["speaker"] = [f"x/{number % speakers}" for number in range(len(table))]
    table["sex"] = ["female", "male", None] * (len(table) // 3)
    return evaluation.from_predictions(table, **info)


@pytest.fixture
def result():
    return guessed(["angry", "happy", "sad", "sad"] * 15, ["angry", "happy", "sad"])


def test_scores_are_pooled_over_all_clips(result):
    true, predicted = result.predictions["emotion"], result.predictions["predicted"]
    scores = result.scores()
    assert scores["uar"]["value"] == pytest.approx(
        balanced_accuracy_score(true, predicted)
    )
    assert scores["accuracy"]["value"] == pytest.approx(accuracy_score(true, predicted))
    assert scores["macro_f1"]["value"] == pytest.approx(
        f1_score(true, predicted, average="macro")
    )
    assert all(s["low"] < s["value"] < s["high"] for s in scores.values())


def test_the_prediction_is_the_most_probable_class(result):
    table = result.predictions
    assert list(table.columns) == [*FIELDS, *result.classes]
    assert (table[result.classes].idxmax(axis=1) == table["predicted"]).all()
    assert result.classes == ["angry", "happy", "sad"]


def test_each_class_is_scored_as_scikit_learn_does(result):
    true, predicted = result.predictions["emotion"], result.predictions["predicted"]
    table = result.per_class()
    precision, recall, f1, n = precision_recall_fscore_support(true, predicted)
    assert list(table.index) == result.emotions
    assert table["n_clips"].tolist() == n.tolist()
    assert table["recall"].to_numpy() == pytest.approx(recall)
    assert table["precision"].to_numpy() == pytest.approx(precision)
    assert table["f1"].to_numpy() == pytest.approx(f1)


def test_confusions_are_counted_as_scikit_learn_does(result):
    true, predicted = result.predictions["emotion"], result.predictions["predicted"]
    expected = confusion_matrix(true, predicted, labels=result.classes)
    assert result.confusion().to_numpy().tolist() == expected.tolist()
    assert result.confusion().index.name == "emotion"
    assert result.confusion().columns.name == "predicted"


def test_classes_beyond_the_true_emotions_are_columns_and_no_rows():
    result = guessed(["angry", "sad"] * 30, ["angry", "fear", "other", "sad"])
    assert result.emotions == ["angry", "sad"]
    assert result.confusion().shape == (2, 4)
    assert result.confusion().to_numpy().sum() == 60
    assert result.chance == 0.5
    recalls = result.per_class()["recall"]
    assert result.scores()["uar"]["value"] == pytest.approx(recalls.mean())


def test_true_emotions_that_are_no_class_count_as_missed():
    result = guessed(["angry", "fear", "sad"] * 20, ["angry", "sad"])
    assert result.per_class().at["fear", "recall"] == 0
    assert np.isnan(result.per_class().at["fear", "precision"])
    assert result.metrics()["per_class"]["fear"]["precision"] is None
    assert result.chance == pytest.approx(1 / 3)
    assert result.scores()["uar"]["value"] < 2 / 3


def test_groups_are_scored_alone(result):
    table = result.by("speaker")
    assert table.index.name == "speaker"
    assert table["n_clips"].sum() == 60
    for speaker, row in table.iterrows():
        part = result.predictions[result.predictions["speaker"] == speaker]
        expected = balanced_accuracy_score(part["emotion"], part["predicted"])
        assert row["uar"] == pytest.approx(expected)
        assert row["n_speakers"] == 1
        assert pd.isna(row["low"]) and pd.isna(row["high"])


def test_a_group_of_three_speakers_has_an_interval(result):
    by_sex = result.by("sex")
    assert list(by_sex.index) == ["female", "male", "unknown"]
    assert (by_sex["n_speakers"] == 5).all()
    assert (by_sex["low"] < by_sex["uar"]).all()
    assert (by_sex["uar"] < by_sex["high"]).all()


def test_a_group_is_scored_on_the_emotions_it_has(result):
    kept = result.predictions.query("speaker != 'x/0' or emotion == 'sad'")
    row = evaluation.from_predictions(kept).by("speaker").loc["x/0"]
    assert row["n_emotions"] == 1
    assert row["uar"] == row["accuracy"]


def test_an_unknown_group_is_refused(result):
    with pytest.raises(
        ValueError, match=r"No column 'age' to group by\. Known: clip, "
    ):
        result.by("age")


def test_unknown_speakers_leave_no_interval():
    result = guessed(["angry", "happy", "sad"] * 10, ["angry", "happy", "sad"], 0)
    assert result.n_speakers is None
    assert all(s["low"] is s["high"] is None for s in result.scores().values())
    assert result.metrics()["n_speakers"] is None
    assert result.metrics()["per_speaker"] is None


@pytest.mark.parametrize("speakers", [1, 2])
def test_two_speakers_leave_no_interval_but_their_own_scores(speakers):
    result = guessed(
        ["angry", "happy", "sad"] * 10, ["angry", "happy", "sad"], speakers
    )
    assert all(s["low"] is s["high"] is None for s in result.scores().values())
    assert len(result.metrics()["per_speaker"]) == speakers


def test_mistakes_come_the_most_confident_first(result):
    wrong = result.mistakes(top=5)
    assert len(wrong) == 5
    assert (wrong["emotion"] != wrong["predicted"]).all()
    assert wrong["confidence"].is_monotonic_decreasing
    assert len(result.mistakes(top=60)) == 60 * (
        1 - result.scores()["accuracy"]["value"]
    )


def test_metrics_hold_the_keys_of_the_design_in_plain_json(result):
    metrics = result.metrics()
    assert set(metrics) >= KEYS
    again = json.loads(json.dumps(metrics, allow_nan=False))
    assert again == metrics
    assert metrics["n_clips"] == 60
    assert metrics["n_speakers"] == 5
    assert set(metrics["uar"]) == {"value", "low", "high"}
    assert np.array(metrics["confusion"]["counts"]).sum() == 60


def test_counts_are_whole_numbers_and_shares_are_not():
    result = guessed(["angry", "sad", "sad"], ["angry", "sad"], seed=1)
    for row in result.metrics()["per_class"].values():
        assert type(row["n_clips"]) is int
        assert all(type(row[key]) is float for key in ("recall", "f1"))


def test_metrics_carry_what_is_known(result):
    known = evaluation.Result(
        result.predictions,
        info={"dataset": "mine", "seed": 3, "leaking": True},
        excluded=[{"clip": "mine/9", "reason": "no such file"}],
        filtered={"emotion not asked for": 7},
        warnings=["Beware."],
        baseline={"uar": {"value": 0.4, "low": None, "high": None}},
        provenance={"corpus_sha256": "ab", "licenses": ["mine: CC0"]},
    )
    metrics = known.metrics()
    assert (metrics["dataset"], metrics["seed"], metrics["model"]) == ("mine", 3, None)
    assert metrics["leaking"] is True
    assert metrics["excluded"] == [{"clip": "mine/9", "reason": "no such file"}]
    assert metrics["left_out"] == {"emotion not asked for": 7}
    assert metrics["warnings"] == ["Beware."]
    assert metrics["baseline"]["uar"]["value"] == 0.4
    assert metrics["corpus_sha256"] == "ab"
    assert metrics["weights_sha256"] is None


@pytest.fixture
def result_saving(corpus):
    clips, X = corpus
    ClipsMetadata.update(clips, filtered={"emotion not asked for": 3})
    FeaturesMetadata.update(
        X, excluded=[{"clip": "mine/broken", "reason": "an empty file (0 bytes)"}]
    )
    return evaluation.cross_validate("logistic", X, clips, folds="random", seed=2)


def test_what_is_saved_comes_back(result_saving, tmp_path):
    folder = result_saving.save(tmp_path / "new" / "folder")
    again = evaluation.load(folder)
    assert folder == tmp_path / "new" / "folder"
    pd.testing.assert_frame_equal(again.predictions, result_saving.predictions)
    assert again.metrics() == result_saving.metrics()
    assert again.info == result_saving.info
    assert again.excluded == result_saving.excluded
    assert again.filtered == result_saving.filtered
    assert again.warnings == result_saving.warnings
    assert again.provenance == result_saving.provenance
    assert repr(again) == repr(result_saving)
    assert again._repr_html_() == result_saving._repr_html_()


def test_a_bare_result_comes_back(tmp_path):
    table = pd.DataFrame({"emotion": ["sad", "fear"], "predicted": ["sad", "sad"]})
    bare = evaluation.from_predictions(table)
    again = evaluation.load(bare.save(tmp_path))
    pd.testing.assert_frame_equal(again.predictions, bare.predictions)
    assert again.metrics() == bare.metrics()


def test_the_folder_holds_the_two_files_and_nothing_else(result_saving, tmp_path):
    result_saving.save(str(tmp_path))
    result_saving.save(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["metrics.json", "predictions.parquet"]
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics == result_saving.metrics()
    stored = pd.read_parquet(tmp_path / "predictions.parquet")
    assert list(stored.columns) == list(result_saving.predictions.columns)


def test_a_result_that_cannot_be_written_leaves_the_former_one(result_saving, tmp_path):
    result_saving.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    broken = evaluation.Result(
        result_saving.predictions.iloc[:-1],
        info={**result_saving.info, "seed": float("nan")},
    )
    with pytest.raises(ValueError, match="JSON"):
        broken.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("absent", ["metrics.json", "predictions.parquet"])
def test_a_folder_without_a_result_is_refused(absent, result_saving, tmp_path):
    (result_saving.save(tmp_path) / absent).unlink()
    with pytest.raises(FileNotFoundError, match=f"no {absent}, so no saved result"):
        evaluation.load(tmp_path)


def test_whatever_else_is_known_comes_back_too(result_saving, tmp_path):
    result_saving.info["chosen"] = {"C": 0.1, "by": ["mine/s01"]}
    assert result_saving.metrics()["more"]["chosen"] == {"C": 0.1, "by": ["mine/s01"]}
    assert evaluation.load(result_saving.save(tmp_path)).info == result_saving.info


ATTACK = "<img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """Collect the names and attributes of the tags of a page."""

    def __init__(self, page):
        super().__init__()
        self.seen, self.text = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, *(name for name, _ in attrs)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def result_showing(recorded):
    clips, X = recorded
    return evaluation.cross_validate("logistic", X, clips)


def hostile(result_showing):
    """Put a name that bites wherever a name can stand."""
    return evaluation.Result(
        result_showing.predictions.assign(clip=ATTACK, speaker=ATTACK),
        info=dict.fromkeys(("dataset", "model", "head", "folds"), ATTACK),
        excluded=[{"clip": ATTACK, "reason": ATTACK}],
        filtered={ATTACK: 2},
        warnings=[ATTACK],
        baseline=result_showing.baseline,
    )


def test_in_a_terminal_it_is_a_few_plain_lines(result_showing):
    lines = repr(result_showing).splitlines()
    score = result_showing.scores()["uar"]
    assert lines[0] == "mine / logistic / speaker: 48 clips, 4 speakers, 3 emotions"
    interval = f"[{score['low']:.3f}, {score['high']:.3f}]"
    assert lines[1] == f"  UAR       {score['value']:.3f}  {interval}"
    assert lines[2].startswith("  accuracy  ")
    assert lines[3].startswith("  macro F1  ")
    assert lines[4] == "  chance    0.333"
    assert lines[5].startswith(
        f"  baseline  {result_showing.baseline['uar']['value']:.3f}  ["
    )
    assert lines[6].startswith("  recall    angry ")
    assert len(lines) == 7


def test_in_a_notebook_it_is_a_table_with_the_same_numbers(result_showing):
    page = Tags(result_showing._repr_html_())
    words = " ".join(page.text)
    for score in result_showing.scores().values():
        assert f"{score['value']:.3f}" in words
        assert f"[{score['low']:.3f}, {score['high']:.3f}]" in words
    assert f"{result_showing.baseline['uar']['value']:.3f}" in words
    assert "95 % over speakers" in words
    allowed = {"p", "table", "thead", "tbody", "tr", "th", "td", "b"}
    assert {tag for tag, *_ in page.seen} <= allowed


def test_names_that_bite_are_shown_and_do_nothing(result_showing):
    page = Tags(hostile(result_showing)._repr_html_())
    assert not any(tag == "img" or "onerror" in rest for tag, *rest in page.seen)
    assert "".join(page.text).count(ATTACK) == 8


def test_warnings_and_clips_left_out_stand_under_the_scores(result_showing):
    noted = evaluation.Result(
        result_showing.predictions,
        excluded=[
            {"clip": "mine/a", "reason": "no such file"},
            {"clip": "mine/b", "reason": "an empty file (0 bytes)"},
        ],
        filtered={"emotion not asked for": 23},
        warnings=["Beware."],
    )
    for text in (repr(noted), "\n".join(Tags(noted._repr_html_()).text)):
        assert "Beware." in text
        assert "2 excluded, the first: mine/a (no such file)." in text
        assert "23 clips left out: emotion not asked for." in text


def test_where_there_is_no_interval_it_says_so():
    table = pd.DataFrame({"emotion": ["sad", "fear"], "predicted": ["sad", "sad"]})
    result = evaluation.from_predictions(table)
    for text in (repr(result), result._repr_html_()):
        assert "(no interval)" in text
        assert "speakers unknown" in text
        assert "baseline" not in text
        assert "None" not in text
