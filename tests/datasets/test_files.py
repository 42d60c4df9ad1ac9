from collections import Counter
from pathlib import Path

import pytest

from sertools import datasets
from sertools.datasets import _files as lists
from sertools.datasets._files import official
from sertools.metadata import ClipsMetadata

LISTED = ("crema_d", "emodb", "ravdess", "savee", "tess")


each_listed = pytest.mark.parametrize("name", LISTED)


@each_listed
def test_every_published_clip_is_listed_and_parsed(name, tmp_path):
    dataset, listed = datasets.get(name), official(name)
    assert len(listed) == dataset.n_clips
    for clip in listed:
        (tmp_path / f"{clip}.wav").touch()
    clips = datasets.load(name, tmp_path)
    assert ClipsMetadata.of(clips).excluded == []
    assert set(clips.index) == {f"{name}/{clip}" for clip in listed}
    assert clips["speaker"].nunique() == dataset.n_speakers
    assert clips["sex"].notna().all()
    emotions = clips["emotion"].to_dict()
    assert {clip: dataset.emotion_of(clip) for clip in emotions} == emotions


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        (
            "emodb",
            {
                **{"angry": 127, "boredom": 81, "disgust": 46, "fear": 69},
                **{"happy": 71, "sad": 62, "neutral": 79},
            },
        ),
        (
            "ravdess",
            {
                **dict.fromkeys(("calm", "happy", "sad", "angry", "fear"), 192),
                **{"disgust": 192, "surprise": 192, "neutral": 96},
            },
        ),
        (
            "crema_d",
            {
                **dict.fromkeys(("angry", "disgust", "fear", "happy", "sad"), 1271),
                "neutral": 1087,
            },
        ),
    ],
)
def test_the_emotions_are_as_often_as_their_owner_says(name, counts):
    dataset = datasets.get(name)
    assert Counter(map(dataset.emotion_of, official(name))) == counts


@each_listed
def test_sizes_and_checksums_look_like_it(name):
    for known in official(name).values():
        assert 1_000 < known.bytes < 10_000_000
        assert len(known.sha256) == 64
        assert int(known.sha256, 16)


def test_the_same_recordings_twice_are_the_known_ones():
    twice = set()
    for name in LISTED:
        groups = {}
        for clip, known in official(name).items():
            groups.setdefault(known.sha256, []).append(clip)
        twice |= {tuple(sorted(group)) for group in groups.values() if len(group) > 1}
    assert twice == {
        ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07"),
        ("1006_TIE_HAP_XX", "1006_TIE_NEU_XX"),
        ("1013_WSI_DIS_XX", "1013_WSI_SAD_XX"),
        ("1017_IWW_ANG_XX", "1017_IWW_FEA_XX"),
    }


def test_the_lists_are_small():
    files = list(Path(lists.FOLDER).iterdir())
    assert {file.name for file in files} == {f"{name}.tsv.gz" for name in LISTED}
    assert sum(file.stat().st_size for file in files) < 1_500_000


def test_a_corpus_without_a_list_has_an_empty_one():
    assert official("demo") == {}


@pytest.mark.parametrize("name", ["emodb", "ravdess"])
def test_the_real_recordings_are_the_published_ones(name, real_data):
    from sertools import fetching

    clips = datasets.load(name, real_data / name)
    for clip, path in list(clips["path"].items())[::20]:
        known = official(name)[clip.removeprefix(f"{name}/")]
        fetching.verify(path, sha256=known.sha256, size=known.bytes)
