import numpy as np
import pandas as pd
import pytest

from sertools import features
from sertools.features._standardization import FORMS, SKEW, Population
from sertools.metadata import FeaturesMetadata


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    index = pd.Index([f"x/{i}" for i in range(30)], name="clip")
    speakers = [f"s{i % 3}" for i in range(30)]
    X = pd.DataFrame(rng.normal(5, 3, (30, 4)), index, list("abcd"), np.float32)
    X["a"] += np.arange(30) % 3 * np.float32(100)
    X["d"] = np.float32(0.1)
    FeaturesMetadata(model="shape", excluded=[]).attach(X)
    corpora = ["x"] * 15 + ["y"] * 15
    clips = pd.DataFrame({"speaker": speakers, "dataset": corpora}, index=index)
    return X, clips


def test_no_standardising_is_the_same_table(table):
    X, clips = table
    assert features.standardize(X, clips, "none") is X


@pytest.mark.parametrize(
    ("how", "group"), [("corpus", "dataset"), ("speaker", "speaker")]
)
def test_each_group_has_mean_0_and_deviation_1(how, group, table):
    X, clips = table
    before = X.copy()
    S = features.standardize(X, clips.sample(frac=1, random_state=0), how)
    assert X.equals(before)
    assert (S.dtypes == np.float32).all()
    assert S.index.equals(X.index)
    assert S.columns.equals(X.columns)
    assert S.attrs == X.attrs
    for _, rows in S.groupby(clips[group]):
        assert rows[["a", "b", "c"]].mean().to_numpy() == pytest.approx(0, abs=1e-5)
        deviation = rows[["a", "b", "c"]].std(ddof=0).to_numpy()
        assert deviation == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("how", ["corpus", "speaker"])
def test_a_feature_that_does_not_vary_becomes_0(how, table):
    X, clips = table
    X["c"] = np.float32(1e6)
    S = features.standardize(X, clips, how)
    assert (S[["c", "d"]] == 0).all(axis=None)


def test_a_speaker_of_one_clip_is_refused_with_the_reason(table):
    X, clips = table
    clips.iloc[0, 0] = "alone"
    with pytest.raises(ValueError, match="alone cannot .* one clip alone becomes all"):
        features.standardize(X, clips, "speaker")
    with pytest.raises(ValueError, match="alone cannot"):
        features.standardize(X, clips, "speaker_centred")
    clips["speaker"] = list(clips.index)
    with pytest.raises(ValueError, match="x/0 .and 29 more speakers. cannot") as no:
        features.standardize(X, clips, "speaker")
    assert len(str(no.value).splitlines()) == 1


def test_standardising_by_speaker_needs_to_know_them_all(table):
    X, clips = table
    with pytest.raises(ValueError, match="speaker of 15 of 30 clips is unknown"):
        features.standardize(X, clips.iloc[:15], "speaker")
    clips.loc[clips.index[3:5], "speaker"] = None
    with pytest.raises(ValueError, match="speaker of 2 of 30 clips is unknown"):
        features.standardize(X, clips, "speaker")


@pytest.mark.parametrize("how", ["", "fold", None, "Speaker"])
def test_another_way_of_standardising_is_refused_with_the_known_ones(how, table):
    with pytest.raises(ValueError, match="Known: none, corpus, speaker, speaker_c"):
        features.standardize(*table, how)


# Shrunk towards the population


def voices(sizes, between=4.0, within=1.0, seed=0):
    """Draw one feature of speakers whose middles vary, and who they are."""
    rng = np.random.default_rng(seed)
    who = np.repeat([f"v{i:03}" for i in range(len(sizes))], sizes)
    middles = rng.normal(10, between**0.5, len(sizes)).repeat(sizes)
    values = middles + rng.normal(0, within**0.5, len(who))
    index = pd.Index([f"c{i}" for i in range(len(who))])
    table = pd.DataFrame({"f": values}, index)
    return table, pd.Series(who, index), middles


def test_the_population_is_found_again():
    X, who, _ = voices([6] * 2000)
    found = Population.of(X.to_numpy(), who.to_numpy(str))
    assert found.mean[0] == pytest.approx(10, abs=0.15)
    assert found.within[0] == pytest.approx(1, rel=0.05)
    assert found.between[0] == pytest.approx(4, rel=0.1)


def test_the_weight_grows_with_the_clips_and_stops_where_a_mix_may_be_one_sided():
    same = Population(np.zeros(2), np.ones(2), np.array([1.0, 0.0]))
    weights = [same.weight(n)[0] for n in (0, 1, 2, 5, 1000)]
    assert weights == sorted(weights)
    assert weights[0] == 0
    assert weights[1] == pytest.approx(1 / (1 + 1))
    assert weights[4] == pytest.approx(1 / (1 + SKEW), abs=0.001)
    assert same.weight(50)[1] == 0  # voices that don't differ: nothing to learn


def test_a_shrunk_mean_is_nearer_to_the_truth_than_the_mean_itself():
    X, who, middles = voices([2] * 400, between=0.5, within=1)
    values, names = X.to_numpy(), who.to_numpy(str)
    population = Population.of(values, names)
    plain = X["f"].groupby(who).transform("mean").to_numpy()
    shrunk = [population.centre(values[names == name])[0] for name in names]
    assert np.square(shrunk - middles).mean() < 0.75 * np.square(plain - middles).mean()


def test_shrinking_takes_a_single_clip_and_keeps_its_loudness():
    X, who, _ = voices([8] * 12)
    who.iloc[0] = "alone"
    S = features.standardize_by_speaker(X, who, how="speaker_shrunk")
    assert np.isfinite(S).all(axis=None)
    assert S.iloc[0, 0] != 0
    raised = X.copy()
    raised.iloc[0, 0] += 10
    moved = features.standardize_by_speaker(raised, who, how="speaker_shrunk") - S
    assert 0 < moved.iloc[0, 0] < 10


def test_shrinking_needs_people_to_learn_from():
    X, who, _ = voices([1] * 5)
    with pytest.raises(ValueError, match="two speakers or more, with two clips each"):
        features.standardize_by_speaker(X, who, how="speaker_shrunk")


def test_where_batches_are_one_sided_a_shrunk_mean_errs_less():
    """Of each speaker only the high clips are known, or only the low ones."""
    X, who, middles = voices([20] * 200, between=0.5, within=4)
    high = X["f"] > X["f"].groupby(who).transform("median")
    known = (high == (who.str[-1].astype(int) % 2 == 1)).to_numpy()
    values, names = X.to_numpy(), who.to_numpy(str)
    population = Population.of(values, names)  # of speakers known entirely
    truth = pd.Series(middles, who).groupby(level=0).first()
    errors = {"plain": [], "shrunk": []}
    for name, middle in truth.items():
        enrolled = values[known & (names == name)]
        errors["plain"].append(abs(enrolled.mean() - middle))
        errors["shrunk"].append(abs(population.centre(enrolled)[0] - middle))
    assert np.mean(errors["plain"]) > 1.4
    assert np.mean(errors["shrunk"]) < 0.6 * np.mean(errors["plain"])


def test_enrolment_clips_alone_give_the_middle_and_the_deviation():
    X, who, _ = voices([6] * 3)
    enrolled = pd.Series([True, True, True, False, False, False] * 3, X.index)
    S = features.standardize_by_speaker(X, who, enrolment=enrolled)
    known = S[enrolled.to_numpy()].groupby(who)["f"]
    assert known.mean().to_numpy() == pytest.approx(0, abs=1e-6)
    assert known.std(ddof=0).to_numpy() == pytest.approx(1, abs=1e-6)
    changed = X.where(enrolled.to_numpy()[:, None], 99.0)
    again = features.standardize_by_speaker(changed, who, enrolment=enrolled)
    pd.testing.assert_frame_equal(S[enrolled], again[enrolled])
    with pytest.raises(ValueError, match="v000 cannot be standardised"):
        features.standardize_by_speaker(X, who, enrolment=enrolled & (who != "v000"))


@pytest.mark.parametrize("how", FORMS)
def test_no_form_reads_labels_or_depends_on_the_order(how, table):
    X, clips = table
    S = features.standardize(X, clips.assign(emotion="sad"), how)
    mixed = X.sample(frac=1, random_state=1)
    again = features.standardize(mixed, clips.assign(emotion=range(30)), how)
    pd.testing.assert_frame_equal(S, again.loc[S.index], atol=1e-5)
    assert (S["d"] == 0).all() or how == "none"


def test_centred_speakers_keep_their_own_deviation():
    X, who, _ = voices([200] * 6)
    wide = who == "v000"
    X.loc[wide, "f"] *= 10
    spread = features.standardize_by_speaker(X, who, "speaker_centred")["f"]
    assert spread.groupby(who).mean().to_numpy() == pytest.approx(0, abs=1e-5)
    deviations = spread.groupby(who).std()
    assert deviations["v000"] > 8 * deviations["v001"]
    assert np.square(deviations).mean() == pytest.approx(1, rel=1e-4)
    with pytest.raises(ValueError, match="by speaker 'corpus': speaker, speaker_c"):
        features.standardize_by_speaker(X, who, "corpus")
