import numpy as np
import pandas as pd
import pytest

from sertools import audio, datasets, extras
from sertools.metadata import TimelineMetadata

RATE = 16_000


def voice(seconds, seed=0):
    """Make noise with the rhythm of syllables, which fades in and out."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
    edge = np.clip(np.minimum(time, seconds - time) / 0.02, 0, 1)
    return 0.2 * rng.standard_normal(len(time)) * syllables * edge


def recording(*parts, noise=1e-3):
    """Glue pauses (seconds) and voices (arrays); also give where the voices are."""
    pieces, where, now = [], [], 0
    for part in parts:
        piece = part if isinstance(part, np.ndarray) else np.zeros(round(part * RATE))
        if piece is part:
            where.append((now / RATE, (now + len(piece)) / RATE))
        pieces.append(piece)
        now += len(piece)
    glued = np.concatenate(pieces)
    glued = glued + noise * np.random.default_rng(1).standard_normal(now)
    return glued.astype(np.float32), np.array(where)


def by_energy(waveform, **more):
    return audio.segments(waveform, RATE, method="energy", **more)


@pytest.mark.parametrize("noise", [0, 1e-3, 1e-2])
@pytest.mark.parametrize("offset", [0, 0.2])
def test_speech_in_a_glued_recording_is_found_within_a_tenth(noise, offset):
    parts = 1.0, voice(1.5), 0.8, voice(0.7, 1), 2.0, voice(2.5, 2), 0.5
    waveform, where = recording(*parts, noise=noise)
    found = by_energy(waveform + np.float32(offset))
    assert found[["start", "end"]].to_numpy() == pytest.approx(where, abs=0.1)
    assert TimelineMetadata.of(found).method == "energy"


def test_speech_from_the_first_to_the_last_sample():
    waveform, _ = recording(voice(3))
    assert by_energy(waveform).to_numpy() == pytest.approx(np.array([[0, 3]]), abs=0.2)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_times_are_seconds_at_any_rate(rate):
    waveform, where = recording(1.0, voice(1.0), 1.0)
    found = audio.segments(audio.load(waveform, rate, sr=RATE), rate, method="energy")
    assert found.to_numpy() == pytest.approx(where, abs=0.1)


def test_short_pauses_do_not_end_a_stretch():
    waveform, _ = recording(1.0, voice(1.0), 0.2, voice(1.0, 1), 1.0)
    assert len(by_energy(waveform)) == 1
    assert len(by_energy(waveform, pause=0.1)) == 2


def test_short_stretches_are_dropped():
    waveform, _ = recording(1.0, voice(0.15), 1.0, voice(1.0), 1.0)
    assert len(by_energy(waveform)) == 1
    assert len(by_energy(waveform, shortest=0.05)) == 2


@pytest.mark.parametrize(
    "waveform",
    [np.zeros(0), np.zeros(100), np.zeros(RATE), np.full(RATE, 0.3)],
    ids=["nothing", "6 ms", "silence", "a constant"],
)
def test_where_nothing_is_said_the_table_is_empty(waveform):
    found = by_energy(waveform)
    assert found.empty
    assert found.columns.tolist() == ["start", "end"]
    assert found.to_numpy().dtype == float


def test_an_hour_does_not_fill_the_memory():
    import tracemalloc

    waveform = np.resize(recording(1.0, voice(1.0))[0], 600 * RATE)
    tracemalloc.start()
    found = by_energy(waveform)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 300
    assert peak < 3 * waveform.nbytes


@pytest.mark.parametrize("method", ["", "webrtc", None])
def test_an_unknown_method_is_refused_with_the_known_ones(method):
    with pytest.raises(ValueError, match="Known: auto, silero, energy"):
        audio.segments(np.zeros(RATE), method=method)


def test_more_than_one_channel_is_refused():
    with pytest.raises(ValueError, match="1 axis, not 2"):
        audio.segments(np.zeros((2, RATE)), method="energy")


def test_auto_names_the_method_it_took():
    waveform, _ = recording(1.0, voice(1.0), 1.0)
    silero = extras.available("silero_vad")
    expected = "silero" if silero else "energy"
    assert TimelineMetadata.of(audio.segments(waveform)).method == expected
    assert TimelineMetadata.of(audio.segments(waveform, 22_050)).method == "energy"


def test_silero_at_another_rate_is_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"not 44100.*method='energy'"):
        audio.segments(np.zeros(44_100), 44_100, method="silero")


@pytest.mark.skipif(extras.available("silero_vad"), reason="silero-vad is installed")
def test_silero_where_it_is_missing_names_the_command():
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'sertools\[torch\]'"):
        audio.segments(np.zeros(RATE), method="silero")


def clips_of_two_sentences() -> tuple[np.ndarray, np.ndarray]:
    clips = datasets.select(datasets.load("demo"), "neutral", max_clips=2)
    voices = [audio.load(path).astype(float) for path in clips["path"]]
    return recording(1.0, voices[0], 1.5, voices[1], 1.0, noise=1e-4)


@pytest.mark.parametrize("method", ["energy", "silero"])
def test_two_sentences_are_two_stretches(method):
    if method == "silero":
        pytest.importorskip("torch")
        pytest.importorskip("silero_vad")
    waveform, where = clips_of_two_sentences()
    found = audio.segments(waveform, method=method, pause=0.6)
    assert isinstance(found, pd.DataFrame)
    assert TimelineMetadata.of(found).method == method
    assert found.to_numpy() == pytest.approx(where, abs=0.4)


def test_real_sentences_are_found(real_data):
    clips = datasets.load("emodb", real_data / "emodb")
    voices = [audio.load(path).astype(float) for path in clips["path"].iloc[[0, 99]]]
    waveform, where = recording(1.0, voices[0], 1.5, voices[1], 1.0, noise=1e-4)
    found = by_energy(waveform, pause=0.6)
    assert found.to_numpy() == pytest.approx(where, abs=0.25)
