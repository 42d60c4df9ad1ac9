import pytest

from sertools import datasets


def test_a_name_is_read(plant):
    root = plant("YAF_pleasant_surprised/YAF_mouse_ps.wav")
    clip = datasets.load("tess", root).loc["tess/YAF_mouse_ps"]
    expected = {"emotion": "surprise", "label": "ps", "speaker": "tess/YAF"}
    expected |= {"sex": "female", "text": "mouse"}
    assert clip[list(expected)].to_dict() == expected


def test_pleasant_surprise_is_called_approximate():
    assert datasets.card("tess")["approximate_labels"] == ("ps",)


@pytest.mark.parametrize("name", ["OA_bite_neutral", "OAF_bite_neutral"])
def test_the_odd_name_is_of_the_older_actress_in_either_spelling(name, plant):
    root = plant(f"OAF_neutral/{name}.wav")
    clips = datasets.load("tess", root)
    assert clips.index.tolist() == ["tess/OA_bite_neutral"]
    assert clips["speaker"].tolist() == ["tess/OAF"]
    told = datasets.get("tess").name_anomaly(str(root / f"{name}.wav"))
    assert told == {
        "OA_bite_neutral": "named OA, taken as OAF",
        "OAF_bite_neutral": "named OAF_bite_neutral, published as OA_bite_neutral",
    }.get(name)


def test_folders_do_not_matter(plant):
    clips = datasets.load(
        "tess", plant("OAF_Fear/OAF_back_sad.wav", "OAF_Sad/OAF_bar_fear.wav")
    )
    assert clips["emotion"].tolist() == ["sad", "fear"]


def test_two_speakers_leave_one_honest_split(plant):
    from sertools import evaluation

    names = [f"{who}_back_{how}.wav" for who in ("OAF", "YAF") for how in ("sad", "ps")]
    folds = evaluation.folds.assign(datasets.load("tess", plant(*names)), "speaker")
    assert sorted(folds.fold.unique()) == ["tess/OAF", "tess/YAF"]
    assert folds.leaking is False
