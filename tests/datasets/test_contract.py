"""What holds for every corpus. A new one adds a line to NAMES."""

import html
import re
from pathlib import Path

import pytest

from sertools import datasets, features, labels, models
from sertools.datasets.base import COLUMNS
from sertools.metadata import ClipsMetadata

NAMES = {
    "crema_d": "{speaker}_DFA_{label}_XX.wav",
    "demo": "{speaker}_{label}_s1.flac",
    "emodb": "{speaker}a01{label}a.wav",
    "folder": "{label}/{speaker}.wav",
    "ravdess": "03-01-{label}-01-01-01-{speaker}.wav",
    "savee": "{speaker}_{label}01.wav",
    "tess": "{speaker}_back_{label}.wav",
}
SEXES = {"female", "male"}

each_corpus = pytest.mark.parametrize("name", datasets.names())
each_parsed = pytest.mark.parametrize("name", sorted({*datasets.names()} - {"folder"}))


def named(name, n_speakers=2) -> dict[str, tuple[str, str]]:
    """Give a file name for each label of a corpus, said by some of its speakers."""
    dataset = datasets.get(name)
    speakers = sorted(dataset.sexes)[:n_speakers] or ["1", "2"]
    return {
        NAMES[name].format(speaker=speaker, label=label): (speaker, label)
        for speaker in speakers
        for label in dataset.labels
    }


@each_corpus
def test_it_is_found_by_its_name(name):
    assert name in NAMES, f"Add a file name of {name} to NAMES."
    assert datasets.get(name).name == name
    assert re.fullmatch(r"[a-z0-9_]+", name)


@each_corpus
def test_its_facts_are_complete(name):
    dataset = datasets.get(name)
    for fact in ("title", "language", "license", "reference"):
        assert isinstance(getattr(dataset, fact), str), fact
        assert getattr(dataset, fact), fact
    assert "References\n" in type(dataset).__doc__
    if name == "folder":
        return
    assert dataset.n_clips > 0
    assert dataset.n_speakers == len(dataset.sexes)
    assert set(dataset.sexes.values()) <= SEXES
    assert {"speaker", "label"} <= set(re.compile(dataset.pattern).groupindex)


@each_corpus
def test_its_labels_are_canonical_and_its_codes_have_words(name):
    dataset = datasets.get(name)
    known = {*labels.EMOTIONS, *labels.FURTHER}
    assert len(dataset.labels) > 1
    assert set(dataset.labels.values()) <= known
    assert set(dataset.approximate) <= set(dataset.labels)
    assert len({code.lower() for code in dataset.labels}) == len(dataset.labels)
    for word in (*dataset.texts.values(), *dataset.intensities.values()):
        assert word.strip() == word != ""


@each_corpus
def test_it_can_be_had_or_says_how(name):
    dataset = datasets.get(name)
    assert dataset.remedy()
    for archive in dataset.sources:
        assert archive.url.startswith("https://")
        assert re.fullmatch("[0-9a-f]{32}", archive.md5 or "0" * 32)
        assert re.fullmatch("[0-9a-f]{64}", archive.sha256 or "0" * 64)
        assert archive.md5 or archive.sha256
        assert name in dataset.remedy()


@each_corpus
def test_its_published_folds_share_no_speaker(name):
    dataset = datasets.get(name)
    for folds in dataset.published.values():
        tested = [speaker for fold in folds.values() for speaker in fold]
        assert len(tested) == len(set(tested))
        assert set(tested) <= set(dataset.sexes)


@each_corpus
def test_its_card_tells_it_all(name):
    dataset, card = datasets.get(name), datasets.card(name)
    assert card["name"] == name
    assert card["license"] == dataset.license
    assert card["n_clips"] == dataset.n_clips
    assert card["n_speakers"] == dataset.n_speakers
    assert card["emotions"] == sorted(set(dataset.labels.values()))
    assert card["synthetic"] == (name == "demo")
    for shown in (repr(card), html.unescape(card._repr_html_())):
        assert dataset.title in shown
        assert dataset.license in shown


@each_corpus
def test_a_tree_of_its_files_becomes_a_table(name, plant):
    files = named(name)
    root = plant(*files)
    clips = datasets.load(name, root)
    assert list(clips.columns) == list(COLUMNS)
    assert clips.index.name == "clip"
    assert clips.index.is_unique
    assert clips.index.is_monotonic_increasing
    assert clips.index.str.startswith(f"{name}/").all()
    assert ClipsMetadata.of(clips).excluded == []
    assert (clips["dataset"] == name).all()
    found = {str(Path(path).relative_to(root)) for path in clips["path"]}
    assert found == set(files)
    dataset = datasets.get(name)
    for row in clips.itertuples():
        speaker, label = files[str(Path(row.path).relative_to(root))]
        assert row.label == label
        assert row.emotion == dataset.labels[label]
        if name != "folder":
            assert row.speaker == f"{name}/{speaker}"
            assert row.sex == dataset.sexes[speaker]


@each_parsed
def test_the_table_is_sorted_wherever_the_files_lie(name, plant):
    first, *others = sorted(named(name))
    clips = datasets.load(name, plant(*others, f"deep/er/{first}"))
    assert clips.index.is_monotonic_increasing
    assert "er/" in clips["path"].iloc[0]


@each_corpus
def test_its_clips_can_be_used(name, plant):
    clips = datasets.load(name, plant(*named(name, n_speakers=1)))
    model = models.load("duration_loudness")
    X = features.extract(model, clips, store=False, jobs=1, strict=True)
    assert X.index.tolist() == clips.index.tolist()


@each_corpus
def test_upper_case_endings_count(name, plant):
    *lower, last = named(name)
    upper = last.removesuffix(Path(last).suffix) + Path(last).suffix.upper()
    clips = datasets.load(name, plant(*lower, upper))
    assert len(clips) == len(lower) + 1
    assert ClipsMetadata.of(clips).excluded == []


@each_parsed
def test_a_name_in_upper_case_is_of_the_same_speaker(name, plant):
    file, (speaker, label) = next(iter(named(name).items()))
    clip = datasets.load(name, plant(file.upper())).iloc[0]
    assert clip["label"] == label
    assert clip["speaker"] == f"{name}/{speaker}"
    assert clip["sex"] in SEXES


@each_parsed
def test_a_file_name_counts_once_and_the_shallow_copy_is_taken(name, plant):
    files = list(named(name))
    plant(*(f"a/{name}_inner/{file}" for file in files))
    root = plant(*(f"z/{file}" for file in files))
    clips = datasets.load(name, root)
    assert len(clips) == len(files)
    assert {Path(path).parent for path in clips["path"]} == {root / "z"}
    assert ClipsMetadata.of(clips).excluded == []


@each_parsed
def test_strangers_are_left_out_with_their_reason(name, plant):
    files = list(named(name))
    strangers = ["한국어 이름.wav", "sub/<img src=x onerror=alert(1)>.wav", "x.mp3"]
    root = plant(*files, *strangers)
    (root / "notes.txt").write_text("no audio, not worth a word")
    clips = datasets.load(name, root)
    assert len(clips) == len(files)
    excluded = {row["clip"]: row["reason"] for row in ClipsMetadata.of(clips).excluded}
    assert set(excluded) == set(strangers)
    assert datasets.get(name).title in excluded["한국어 이름.wav"]


@each_corpus
def test_what_operating_systems_leave_behind_is_passed_over(name, plant):
    files = list(named(name))
    inner = files[0]
    left = [f"__MACOSX/{inner}", f".Trash/{inner}", f"{Path(inner).parent}/._a.wav"]
    clips = datasets.load(name, plant(*files, *left))
    assert len(clips) == len(files)
    assert ClipsMetadata.of(clips).excluded == []


@each_corpus
def test_any_folder_will_do_and_the_order_is_fixed(name, plant, tmp_path):
    files = list(named(name))
    here = plant(*files, root=tmp_path / "음성 자료 <b>")
    there = plant(*reversed(files), root=tmp_path / "other")
    first, second = datasets.load(name, str(here)), datasets.load(name, there)
    assert first.drop(columns="path").equals(second.drop(columns="path"))


@each_corpus
def test_a_name_that_is_no_text_is_left_out(name, plant):
    files = list(named(name))
    root = plant(*files)
    bad = Path(f"{root}/{files[0]}").parent / "\udcb1\udce2.wav"
    try:
        bad.write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes no such name")
    clips = datasets.load(name, root)
    assert len(clips) == len(files)
    [row] = ClipsMetadata.of(clips).excluded
    assert row["clip"].endswith(r"\xb1\xe2.wav")
    assert "UTF-8" in row["reason"]


@each_corpus
def test_links_in_a_circle_end(name, plant):
    files = list(named(name))
    root = plant(*files)
    (root / "again").symlink_to(root, target_is_directory=True)
    assert len(datasets.load(name, root)) == len(files)


@each_corpus
def test_a_folder_that_is_not_there_is_named(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere"):
        datasets.load(name, tmp_path / "nowhere")


@each_corpus
def test_an_empty_folder_is_refused_by_name(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"^{name}: no .*{tmp_path}"):
        datasets.load(name, tmp_path)


@each_corpus
def test_merging_is_a_stated_choice(name, plant):
    root = plant(*named(name))
    plain = datasets.load(name, root)
    merged = datasets.load(name, root, merge={"Sadness": "neutral"})
    assert "sad" in set(plain["emotion"])
    assert "sad" not in set(merged["emotion"])
    assert (merged["label"] == plain["label"]).all()
    with pytest.raises(ValueError, match="Unknown emotion"):
        datasets.load(name, root, merge={"saad": "neutral"})
