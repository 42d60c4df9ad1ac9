import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sertools import audio
from sertools.audio import _loading

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 12345\n"
)


def tone(hertz=440, seconds=1.0, rate=16_000):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def loudest(waveform, rate):
    """Give the frequency and the amplitude of the strongest partial."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    peak = spectrum.argmax()
    return peak * rate / len(waveform), 4 * spectrum[peak] / len(waveform)


def plain_wav(path, samples=8000):
    soundfile.write(path, tone()[:samples], 16_000, subtype="PCM_16")
    return path.read_bytes()


# Files that are used


@pytest.mark.parametrize(
    "rate", [8_000, 11_025, 22_050, 24_414, 44_100, 48_000, 96_000]
)
def test_a_tone_stays_where_it_is(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(440, rate=rate), rate)
    waveform = audio.load(tmp_path / "a.wav")
    assert waveform.dtype == np.float32
    assert len(waveform) == pytest.approx(16_000, abs=1)
    assert loudest(waveform, 16_000) == pytest.approx((440, 0.5), rel=0.01)


def test_a_file_at_the_wanted_rate_is_not_touched(tmp_path):
    samples = np.random.default_rng(0).integers(-32768, 32767, 4000, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    assert (audio.load(tmp_path / "a.wav") == samples / np.float32(32768)).all()


def test_resampling_starts_from_the_files_own_rate(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(9_500, rate=48_000), 48_000)
    waveform = audio.load(
        tmp_path / "a.wav", 22_050
    )  # by way of 16 kHz it would vanish
    assert len(waveform) == 22_050
    assert loudest(waveform, 22_050) == pytest.approx((9_500, 0.5), rel=0.01)


def test_what_the_new_rate_cannot_hold_vanishes_and_does_not_fold_back(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(15_000, rate=48_000), 48_000)
    assert np.abs(audio.load(tmp_path / "a.wav")[100:-100]).max() < 1e-3


@pytest.mark.parametrize(
    ("ending", "subtype", "close"),
    [
        ("wav", "PCM_U8", 0.01),
        ("wav", "PCM_24", 1e-5),
        ("wav", "FLOAT", 1e-6),
        ("wav", "DOUBLE", 1e-6),
        ("flac", "PCM_16", 1e-4),
        ("aiff", "PCM_16", 1e-4),
        ("ogg", "VORBIS", 0.05),
    ],
)
def test_whatever_libsndfile_reads(tmp_path, ending, subtype, close):
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, tone(), 16_000, subtype=subtype)
    assert audio.load(path) == pytest.approx(tone(), abs=close)
    assert audio.duration(path) == pytest.approx(1)


def test_the_ending_does_not_matter(tmp_path):
    soundfile.write(tmp_path / "a.aiff", tone(), 16_000)
    renamed = (tmp_path / "a.aiff").rename(tmp_path / "a.wav")
    assert audio.load(renamed) == pytest.approx(tone(), abs=1e-4)


def test_names_in_any_script(tmp_path):
    path = tmp_path / "기쁨 한 번 <img src=x onerror=alert(1)>.wav"
    plain_wav(path)
    assert len(audio.load(path)) == len(audio.load(str(path))) == 8000


def test_channels_are_mixed_by_their_mean(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.c_[tone(), 0 * tone()], 16_000)
    assert audio.load(tmp_path / "a.wav") == pytest.approx(tone() / 2, abs=1e-4)


def test_chunks_before_and_behind_the_samples_are_no_harm(tmp_path):
    path = tmp_path / "a.wav"
    whole = plain_wav(path)
    odd = struct.pack("<4sI", b"note", 3) + b"abc\0"
    path.write_bytes(whole[:12] + odd + whole[12:] + odd)
    assert len(audio.load(path)) == 8000


def test_a_streamed_file_that_does_not_know_its_length_is_used(tmp_path):
    path = tmp_path / "a.wav"
    whole = bytearray(plain_wav(path))
    whole[4:8] = whole[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(whole)
    assert len(audio.load(path)) == 8000


# Files that are refused


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"an empty file \(0 bytes\)"),
        (b"these are words, not sound\n" * 50, "not audio that libsndfile can read"),
        (b"RIFF", "not audio"),
        (b"RIFF\x24\0\0\0WAVE", "not audio"),
        (POINTER.encode(), "a Git LFS pointer, not audio.*git lfs pull"),
    ],
    ids=["empty", "text", "4 bytes", "12 bytes", "LFS pointer"],
)
def test_what_is_no_audio_is_refused_in_one_line(tmp_path, content, reason):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    for read in (audio.load, audio.duration):
        with pytest.raises(ValueError, match=f"^{path}: .*{reason}") as refusal:
            read(path)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kept", [15_000, 45, 44, 30])
def test_a_riff_file_that_was_cut_is_refused(tmp_path, kept):
    path = tmp_path / "a.wav"
    path.write_bytes(plain_wav(path)[:kept])
    for read in (audio.load, audio.duration):
        with pytest.raises(ValueError, match=rf"^{path}: cut short, \d+ bytes fewer"):
            read(path)


def test_the_missing_bytes_are_counted(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(plain_wav(path)[:-321])
    with pytest.raises(ValueError, match="cut short, 321 bytes fewer"):
        audio.load(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_not_numbers_are_refused(tmp_path, bad):
    samples = tone()
    samples[77] = bad
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    for source in (tmp_path / "a.wav", samples):
        with pytest.raises(ValueError, match="not numbers"):
            audio.load(source)


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_less_than_50_ms_is_refused(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(seconds=0.01, rate=rate), rate)
    with pytest.raises(ValueError, match=f"^{path}: 10.* ms of audio; at least 50 ms"):
        audio.load(path)
    soundfile.write(path, tone(seconds=0.05, rate=rate), rate)
    assert len(audio.load(path)) == pytest.approx(800, abs=1)


def test_a_refusal_never_says_50_ms_are_less_than_50_ms():
    with pytest.raises(ValueError, match=r"49\.94 ms of audio; at least 50 ms"):
        audio.load(np.zeros(799))


def test_a_file_without_any_sample_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((0, 2)), 16_000)
    with pytest.raises(ValueError, match="0 ms of audio"):
        audio.load(tmp_path / "a.wav")


def test_a_folder_is_refused(tmp_path):
    for read in (audio.load, audio.duration):
        with pytest.raises(ValueError, match=f"{tmp_path}: a folder"):
            read(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    for read in (audio.load, audio.duration):
        with pytest.raises(FileNotFoundError, match=r"gone\.wav: no such file"):
            read(tmp_path / "gone.wav")


# Arrays


@pytest.mark.parametrize(
    "kind", [np.int8, np.int16, np.int32, np.uint8, np.float16, np.float64]
)
def test_every_kind_of_number_means_the_same_sound(kind):
    floats = np.round(tone() * 100) / 128  # 8-bit values, exact in every kind
    if np.issubdtype(kind, np.floating):
        samples = floats.astype(kind)
    else:
        scale = 2.0 ** (8 * np.dtype(kind).itemsize - 1)
        centre = scale if np.issubdtype(kind, np.unsignedinteger) else 0
        samples = (floats * scale + centre).astype(kind)
    assert audio.load(samples) == pytest.approx(floats, abs=1e-6)


def test_a_list_of_floats_is_one_waveform():
    assert audio.load(tone().tolist()) == pytest.approx(tone(), abs=1e-6)


def test_integers_without_a_full_scale_are_refused_not_silenced():
    for samples in ([0, 12_000, -12_000] * 1000, np.arange(3000)):
        with pytest.raises(ValueError, match="int64 samples have no agreed full scale"):
            audio.load(samples)


def test_either_axis_may_be_the_channels():
    stereo = np.c_[tone(), 0 * tone()]
    assert audio.load(stereo) == pytest.approx(tone() / 2, abs=1e-6)
    assert audio.load(stereo.T) == pytest.approx(tone() / 2, abs=1e-6)
    assert audio.load(tone()[None]) == pytest.approx(tone(), abs=1e-6)
    assert audio.load(tone()[:, None]) == pytest.approx(tone(), abs=1e-6)


def test_an_array_is_resampled_from_its_rate():
    waveform = audio.load(tone(rate=48_000), sr=48_000)
    assert len(waveform) == 16_000
    assert loudest(waveform, 16_000) == pytest.approx((440, 0.5), rel=0.01)


def test_the_result_is_a_copy_that_may_be_written_to(tmp_path):
    plain_wav(tmp_path / "a.wav")
    audio.load(tmp_path / "a.wav")[:] = 0
    given = tone(rate=48_000)
    before = given.copy()
    audio.load(given, sr=48_000)[:] = 0
    assert (given == before).all()


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (0.5, "1 axis or 2, not 0"),
        (np.zeros((2, 2, 2000)), "1 axis or 2, not 3"),
        ([[0.0] * 2000, [0.0] * 3000], "rows of unequal length"),
        (["a", "b"], "must be numbers"),
        (None, "must be numbers"),
        (np.zeros(2000, bool), "must be numbers, not bool"),
        (np.zeros(2000, complex), "must be numbers, not complex"),
        ([], "0 ms of audio"),
        (np.zeros((2000, 0)), "0 ms of audio"),
        (np.zeros((0, 2)), "0 ms of audio"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("error")
def test_what_is_no_waveform_is_refused_in_one_line(samples, reason):
    with pytest.raises(ValueError, match=f"^array: .*{reason}") as refusal:
        audio.load(samples)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("rate", [0, -8000, float("nan")])
def test_a_rate_that_is_none_is_refused_by_its_number(rate):
    with pytest.raises(ValueError, match=f"must be positive, not {rate} Hz"):
        audio.load(tone(), sr=rate)
    with pytest.raises(ValueError, match=f"must be positive, not {rate} Hz"):
        audio.load(tone(), rate, sr=16_000)


# Silence and windows


def test_silence_is_no_deviation_from_the_mean():
    assert audio.is_silent(np.zeros(800, "f4"))
    assert audio.is_silent(np.full(800, -0.3, "f4"))
    assert audio.is_silent(1e-5 * tone())
    assert not audio.is_silent(1e-3 * tone())


def test_silent_clips_are_loaded():
    assert not audio.load(np.zeros(16_000)).any()


@pytest.mark.parametrize("samples", [1, 99, 100, 101, 149, 150, 1234])
@pytest.mark.parametrize(("length", "hop"), [(1, 1), (1, 0.5), (1, 0.3), (2.5, 0.01)])
def test_windows_cover_every_sample(samples, length, hop):
    waveform = np.arange(samples)
    starts, pieces = audio.windows(waveform, 100, length, hop)
    assert np.unique(np.concatenate(pieces)).tolist() == waveform.tolist()
    assert {len(piece) for piece in pieces} == {min(samples, round(100 * length))}
    assert [piece[0] for piece in pieces] == np.round(100 * starts).tolist()
    assert (np.diff(starts) > 0).all()
    assert pieces[-1][-1] == samples - 1


@pytest.mark.parametrize(("length", "hop"), [(1, 0), (0, 1), (-1, 1), (1, -1), (1, 2)])
def test_windows_that_would_leave_gaps_are_refused(length, hop):
    with pytest.raises(ValueError, match="Windows need"):
        audio.windows(np.zeros(1000), 100, length, hop)


# Real recordings


def test_the_stereo_files_of_ravdess_load_mono(real_data):
    stereo = (
        *("Actor_01/03-01-02-01-01-02-01", "Actor_01/03-01-08-01-02-02-01"),
        "Actor_05/03-01-02-01-02-02-05",
        *("Actor_20/03-01-03-01-02-01-20", "Actor_20/03-01-06-01-01-02-20"),
    )
    for name in stereo:
        path = Path(real_data, "ravdess", f"{name}.wav")
        assert soundfile.info(path).channels == 2
        waveform = audio.load(path)
        assert waveform.ndim == 1
        assert len(waveform) / 16_000 == pytest.approx(audio.duration(path), abs=1e-4)
        assert not audio.is_silent(waveform)


def test_an_open_file_is_read_as_the_file_itself(tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(4800) / 10), 48_000)
    file = io.BytesIO(path.read_bytes())
    file.seek(7)  # wherever it stands
    assert np.array_equal(audio.load(file, 16_000), audio.load(path, 16_000))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"no sound" * 9, "libsndfile"),
        (POINTER.encode(), "git lfs pull"),
        (b"RIFF....WAVEfmt \x10\0\0\0", "cut short, 16 bytes"),
    ],
)
def test_an_open_file_is_refused_as_the_file_itself(data, reason):
    file = io.BytesIO(data)
    file.name = "voice.wav"
    with pytest.raises(ValueError, match=rf"^voice.wav: .*{reason}"):
        audio.load(file)


# Sound that is not what it seems


@pytest.mark.parametrize("scale", [32_768, 2**31])
def test_floats_in_the_scale_of_integers_are_brought_to_full_scale(tmp_path, scale):
    soundfile.write(tmp_path / "a.wav", tone(), 16_000, subtype="DOUBLE")
    soundfile.write(tmp_path / "b.wav", tone() * scale, 16_000, subtype="DOUBLE")
    right = audio.load(tmp_path / "a.wav")
    assert audio.load(tmp_path / "b.wav") == pytest.approx(right, abs=1e-6)
    assert audio.load(tone() * scale) == pytest.approx(right, abs=1e-6)
    assert np.abs(audio.load(20 * tone())).max() == pytest.approx(10, rel=0.01)
    with pytest.raises(ValueError, match="in no scale that is known"):
        audio.load(1e15 * tone())


def test_channels_that_cancel_each_other_give_the_louder_one(tmp_path):
    both = np.column_stack([tone(), -0.9 * tone()])
    soundfile.write(tmp_path / "a.wav", np.column_stack([tone(), -tone()]), 16_000)
    assert np.abs(audio.load(tmp_path / "a.wav")).max() == pytest.approx(0.5, abs=1e-3)
    assert audio.load(both) == pytest.approx(tone().astype("f4"), abs=1e-6)


@pytest.mark.parametrize("rate", [1, 7, 999, 768_001])
def test_rates_that_nobody_records_at_are_refused(rate):
    with pytest.raises(ValueError, match="1000 to 768000 Hz are used"):
        audio.load(tone(), sr=rate)


def test_pipes_and_devices_are_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    for path in (tmp_path / "a.wav", "/dev/zero"):
        for read in (audio.load, audio.duration):
            with pytest.raises(ValueError, match="a pipe or a device, not an audio"):
                read(path)
    with pytest.raises(ValueError, match="cannot hold a NUL"):
        audio.load("a\0b.wav")


def test_a_long_recording_is_refused_by_its_header_before_it_is_read(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.zeros(16_000 * 700), 16_000)  # over ten minutes: in blocks
    with pytest.raises(ValueError, match=r"12 minutes, more than the limit of 1\b"):
        audio.load(path, max_minutes=1)
    assert len(audio.load(path, 8_000)) == pytest.approx(8_000 * 700, abs=2)


def test_a_header_that_claims_hours_takes_no_memory(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(), 16_000)
    content = bytearray(path.read_bytes())
    content[22:26] = (16_000 * 3600 * 4).to_bytes(5, "big")[1:]  # four hours, it says
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cut short|not audio"):
        audio.load(path)


def test_in_blocks_is_as_at_one_go(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", tone(seconds=3, rate=48_000), 48_000)
    whole = audio.load(tmp_path / "a.wav")
    monkeypatch.setattr(_loading, "_WHOLE", 1)
    monkeypatch.setattr(_loading, "_BLOCK", 10_000)
    assert audio.load(tmp_path / "a.wav") == pytest.approx(whole, abs=1e-5)
