import itertools
import subprocess
import sys

import numpy as np
import pytest

from sertools import audio
from sertools.audio import _degradation

RATE = 16_000


TIME = np.arange(2 * RATE) / RATE


TONE = (0.2 * np.sin(2 * np.pi * 200 * TIME)).astype(np.float32)


SPECS = [
    *("noise:10", "noise:5:pink", "noise:5:speech", "gain:-20", "clipping:12"),
    *("reverberation:0.5", "telephone", "telephone:mu-law", "telephone:a-law"),
    *("mp3:64", "truncation:1", "truncation:50%"),
]


def speech(seed=0, seconds=2.0):
    """Make noise in syllables, with a pause before and after."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    syllables = np.clip(np.sin(2 * np.pi * 3 * time), 0, None)
    syllables[(time < 0.3) | (time > seconds - 0.3)] = 0
    return (0.1 * rng.standard_normal(len(time)) * syllables).astype(np.float32)


def decibels(power):
    return 10 * np.log10(power + 1e-30)


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_is_read_and_written_the_same(spec):
    assert str(audio.Degradation.parse(spec)) == spec


def test_what_goes_without_saying_is_left_out():
    assert str(audio.Degradation.parse(" noise : 10.0 : white ")) == "noise:10"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nois:10", "Unknown degradation 'nois'. Did you mean noise?"),
        ("noise:10:pnk", "Unknown noise 'pnk'. Did you mean pink?"),
        ("telephone:ulaw", "Did you mean mu-law?"),
        ("noise", "'noise': noise takes a level from -50 to 100 dB SNR, such as"),
        ("noise:loud", "noise takes a level"),
        ("noise:nan", "noise takes a level"),
        ("mp3:1000", "from 8 to 320 kbit/s, such as mp3:32"),
        ("truncation:0%", "from 1 to 100 %"),
        ("gain:3:white", "Unknown gain 'white'"),
        ("noise:3:pink:4", "says more than a degradation has: '4'"),
        ("", "Known: noise, gain,"),
    ],
)
def test_what_makes_no_sense_is_refused(spec, said):
    with pytest.raises(ValueError) as error:
        audio.degrade(TONE, spec)
    assert said in str(error.value)


@pytest.mark.parametrize("spec", SPECS)
def test_the_same_clip_gets_the_same_whatever_came_before(spec):
    one = audio.degrade(speech(), spec, seed=3)
    audio.degrade(speech(1), spec, seed=3)
    assert np.array_equal(audio.degrade(speech(), spec, seed=3), one)
    assert one.dtype == np.float32
    assert not np.array_equal(one, speech()[: len(one)]) or "truncation" in spec
    n = len(speech())
    assert len(one) == (n // 2 if "truncation" in spec else n)


def test_another_process_draws_the_same():
    code = (
        "import numpy as np; from sertools import audio;"
        "print(float(audio.degrade(np.sin(np.arange(9000) / 9), 'noise:3').sum()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    here = audio.degrade(np.sin(np.arange(9000) / 9), "noise:3").sum()
    assert float(run.stdout) == float(here)


def test_another_clip_or_seed_gets_another_noise_and_all_levels_the_same():
    noise = {
        (clip, level, seed): audio.degrade(speech(clip), f"noise:{level}", seed=seed)
        - speech(clip)
        for clip, level, seed in [(0, 0, 0), (1, 0, 0), (0, 0, 1), (0, 20, 0)]
    }
    first = noise[0, 0, 0]
    assert abs(np.corrcoef(first, noise[1, 0, 0])[0, 1]) < 0.05
    assert abs(np.corrcoef(first, noise[0, 0, 1])[0, 1]) < 0.05
    assert noise[0, 20, 0] * 10 == pytest.approx(first, abs=1e-5)


@pytest.mark.parametrize("colour", _degradation.COLOURS)
@pytest.mark.parametrize("snr", [-5, 0, 20])
def test_the_ratio_is_exact_while_somebody_speaks(colour, snr):
    clip = speech().astype(np.float64)
    rng = np.random.default_rng(0)
    noise = _degradation.add_noise(clip, snr, RATE, rng, colour) - clip
    found = _degradation.speech_power(clip, RATE) / np.square(noise).mean()
    assert decibels(found) == pytest.approx(snr, abs=1e-9)


def test_pauses_do_not_count_as_speech():
    quiet = np.zeros(4 * RATE, np.float32)
    long = np.r_[quiet, TONE, quiet]
    alone = _degradation.speech_power(TONE, RATE)
    assert _degradation.speech_power(long, RATE) == pytest.approx(alone, rel=0.02)


def test_noises_have_their_spectra():
    def bands(colour):
        noise = audio.degrade(speech(), f"noise:0:{colour}") - speech()
        power = np.abs(np.fft.rfft(noise)) ** 2
        return power[500:1000].sum(), power[4000:8000].sum(), power

    low, high, _ = bands("white")
    assert decibels(high / low) == pytest.approx(9, abs=0.7)  # eight times as wide
    low, high, _ = bands("pink")
    assert decibels(high / low) == pytest.approx(0, abs=0.7)
    *_, power = bands("speech")
    own = np.abs(np.fft.rfft(speech())) ** 2
    assert np.corrcoef(power, own)[0, 1] > 0.999


def test_a_silent_clip_stays_silent():
    for spec in SPECS:
        assert audio.is_silent(audio.degrade(np.zeros(RATE), spec)), spec


def test_gain_is_in_decibels_and_cuts_what_is_too_loud():
    quiet = audio.degrade(TONE, "gain:-20")
    assert quiet == pytest.approx(TONE / 10, abs=1 / 65_536)
    loud = audio.degrade(TONE, "gain:20")
    assert loud.max() == 32_767 / 32_768
    assert loud.min() == -1
    assert (loud > 0.999).mean() == pytest.approx(1 / 3, abs=0.02)  # 2 sin x > 1


def test_clipping_cuts_peaks_and_nothing_else():
    cut = audio.degrade(TONE, "clipping:6")
    assert cut.max() == pytest.approx(TONE.max() / 10**0.3, rel=1e-5)
    kept = np.abs(TONE) < cut.max()
    assert np.array_equal(cut[kept], TONE[kept])


def test_a_room_keeps_the_level_and_its_echo_falls_as_said():
    click = np.zeros(RATE, np.float32)
    click[100] = 1
    heard = audio.degrade(click, "reverberation:0.5").astype(np.float64)
    assert np.square(heard).sum() == pytest.approx(1, rel=1e-5)
    start, later = heard[101:901], heard[101 + 4000 : 901 + 4000]
    fall = decibels(np.square(start).mean() / np.square(later).mean())
    assert fall == pytest.approx(30, abs=1)  # a quarter of a second: half of 60 dB
    assert np.abs(heard[:100]).max() < 1e-8


@pytest.mark.parametrize("law", ["", ":mu-law", ":a-law"])
def test_a_telephone_lets_its_band_through(law):
    def passed(hertz):
        tone = 0.3 * np.sin(2 * np.pi * hertz * TIME)
        middle = slice(RATE // 2, -RATE // 2)
        heard = audio.degrade(tone, f"telephone{law}")[middle]
        return decibels(np.square(heard).mean() / np.square(tone[middle]).mean())

    assert passed(1000) == pytest.approx(0, abs=0.3)
    assert passed(100) < -25
    assert passed(6000) < -40


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
def test_a_telephone_moves_nothing_in_time(rate):
    clip = np.random.default_rng(0).standard_normal(rate).astype(np.float32) / 10
    heard = audio.degrade(clip, "telephone", rate)
    lags = np.correlate(heard, clip[500:-500], "valid")
    assert lags.argmax() == 500


@pytest.mark.parametrize("kilobits", [16, 24, 64, 128])
def test_mp3_is_in_line_with_what_went_in(kilobits):
    clip = np.convolve(speech(seconds=3), np.ones(8) / 8, "same")
    heard = audio.degrade(clip, f"mp3:{kilobits}")
    lags = np.correlate(heard, clip[1200:-1200], "valid")
    assert abs(lags.argmax() - 1200) <= 1
    error = np.square(heard - clip).mean() / np.square(clip).mean()
    assert decibels(error) < (-3 if kilobits < 32 else -6)


def test_fewer_bits_lose_more():
    clip = speech()
    errors = [
        np.square(audio.degrade(clip, f"mp3:{bits}") - clip).mean()
        for bits in (128, 64, 32, 16)
    ]
    assert errors == sorted(errors)


def test_mp3_at_a_rate_it_does_not_have():
    with pytest.raises(ValueError, match="MP3 has no rate of 24414 Hz"):
        audio.degrade(TONE, "mp3:32", 24_414)


def test_truncation_keeps_the_beginning():
    assert np.array_equal(audio.degrade(TONE, "truncation:0.5"), TONE[: RATE // 2])
    assert np.array_equal(audio.degrade(TONE, "truncation:25%"), TONE[: RATE // 2])
    assert np.array_equal(audio.degrade(TONE, "truncation:60"), TONE)


def test_one_waveform_at_a_time():
    with pytest.raises(ValueError, match=r"not shape \(2, 5\)"):
        audio.degrade(np.zeros((2, 5)), "noise:3")


def test_levels_can_be_lined_up():
    parse = audio.Degradation.parse
    assert parse("noise:3").family == parse("noise:20:white").family == "noise"
    assert parse("noise:3:pink").family == "pink noise"
    assert parse("truncation:50%").family != parse("truncation:1").family
    assert parse("telephone").amount == "band"
    assert parse("truncation:50%").amount == "50%"


NOISE = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)


def test_a_stretch_is_silenced_and_the_rest_is_left():
    heard = audio.silence(NOISE, 0.4, 0.6, RATE)
    assert not heard[round(0.405 * RATE) : round(0.595 * RATE)].any()
    assert np.array_equal(heard[: round(0.395 * RATE)], NOISE[: round(0.395 * RATE)])
    assert np.array_equal(heard[round(0.605 * RATE) :], NOISE[round(0.605 * RATE) :])


@pytest.mark.parametrize(("low", "high"), [(0, 500), (1000, 2000), (6000, 8000)])
def test_a_band_is_taken_out_and_the_rest_is_left(low, high):
    heard = audio.stop_band(NOISE, low, high, RATE)
    assert len(heard) == len(NOISE)
    ratio = np.abs(np.fft.rfft(heard)) / np.abs(np.fft.rfft(NOISE))
    hertz = np.fft.rfftfreq(RATE, 1 / RATE)
    edge = max(20, (high - low) / 10)
    inside = (hertz > low + edge) & (hertz < high - edge)
    outside = (hertz < low - edge) | (hertz > high + edge)
    assert ratio[inside].max() < 1e-3
    assert ratio[outside] == pytest.approx(1, abs=1e-3)


def test_bands_side_by_side_take_everything_once():
    edges = [0, 300, 1500, 4000, 8000]
    taken = sum(
        NOISE - audio.stop_band(NOISE, low, high, RATE)
        for low, high in itertools.pairwise(edges)
    )
    assert np.square(taken - NOISE).mean() < 0.02 * np.square(NOISE).mean()


def test_a_late_start_is_heard():
    late = np.r_[np.zeros(1105, np.float32), NOISE, np.zeros(300, np.float32)]
    assert _degradation.delay(NOISE, late) == 1105
    assert _degradation.delay(NOISE, NOISE) == 0
