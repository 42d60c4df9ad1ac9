import pytest

from sertools import labels


def test_the_guides_ten_emotions_in_order():
    names = "angry boredom calm disgust fear happy neutral other sad surprise"
    assert names.split() == list(labels.EMOTIONS) == sorted(labels.EMOTIONS)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Fearful", "fear"),
        (" ANGRY ", "angry"),
        ("happiness", "happy"),
        ("bored", "boredom"),
        ("disgusted", "disgust"),
        ("surprised", "surprise"),
        ("슬픔", "sad"),
        ("excited", "excited"),
    ],
)
def test_every_spelling_has_one_name(word, name):
    assert labels.canonical(word) == name


@pytest.mark.parametrize("name", labels.EMOTIONS + labels.FURTHER)
def test_a_row_is_complete_and_its_names_lead_back_to_it(name):
    row = labels.emotion(name)
    assert all(labels.canonical(w) == name for w in (name, row.korean, *row.aliases))
    assert labels.korean(name) == row.korean
    assert labels.colour(name) == row.colour
    assert labels.marker(name) == row.marker


def test_no_word_colour_or_marker_stands_for_two_emotions():
    rows = [labels.emotion(name) for name in labels.EMOTIONS + labels.FURTHER]
    words = [w for row in rows for w in (row.name, row.korean, *row.aliases)]
    assert len(words) == len(set(words))
    assert len({row.colour for row in rows}) == len(rows)
    assert len({row.marker for row in rows}) == len(rows)


@pytest.mark.parametrize("word", ["angyr", "", None, 3])
def test_an_unknown_word_is_refused_with_the_known_ones(word):
    with pytest.raises(ValueError, match=r"Unknown emotion .* Known: angry"):
        labels.canonical(word)


def test_a_mistyped_word_is_refused_with_near_ones():
    with pytest.raises(ValueError, match="Did you mean"):
        labels.canonical("angyr")


def test_unknown_names_are_drawn_in_grey_with_a_dot():
    assert labels.colour("nonsense") == "#BBBBBB"
    assert labels.marker("nonsense") == "."


def test_nothing_is_folded_unless_stated():
    names = ["calm", "excited", "sad"]
    assert labels.merged(names, {}) == names
    merge = {"Calm": "neutral", "excitement": "happy"}
    assert labels.merged(names, merge) == ["neutral", "happy", "sad"]


@pytest.mark.parametrize("merge", [{"clam": "neutral"}, {"calm": "neutrall"}])
def test_a_mistyped_merge_is_refused(merge):
    with pytest.raises(ValueError, match="Did you mean"):
        labels.merged(["calm"], merge)
