"""Make the demo corpus: eight synthetic speakers, six acted emotions, four sentences.

Nobody spoke here. eSpeak NG reads four plain sentences, and a little signal
processing acts them: each emotion shifts the same twelve cues, in the directions
that reviews of acted speech report [1]_ [2]_, with disgust after [3]_. Speakers
differ in voice, and each has a way of their own with each emotion: some overact,
some hold back, and no two takes are alike. That keeps the task from being trivial;
it proves nothing about how people feel or sound.

    python data/make_demo.py [--out data/demo]

The same seed, eSpeak NG and libraries give the same bytes. Only remaking the corpus
needs eSpeak NG; its clips are committed.

References
----------
.. [1] Juslin & Laukka (2003), Communication of emotions in vocal expression and
   music performance. Psychological Bulletin 129(5). doi:10.1037/0033-2909.129.5.770
.. [2] Scherer (2003), Vocal communication of emotion: a review of research
   paradigms. Speech Communication 40. doi:10.1016/S0167-6393(02)00084-5
.. [3] Banse & Scherer (1996), Acoustic profiles in vocal emotion expression.
   J. Personality and Social Psychology 70(3). doi:10.1037/0022-3514.70.3.614
"""

import argparse
import io
import shutil
import subprocess
import sys
from collections import namedtuple
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from scipy.interpolate import CubicSpline
from scipy.ndimage import uniform_filter1d

RATE = 16000  # Hz, of the finished clips
WORK = 48000  # Hz, while bending time; high enough for a clean interpolation
SEED = 0
HERE = Path(__file__).resolve().parent

SENTENCES = {
    "s1": "The train leaves at seven.",
    "s2": "Your coat is in the hall.",
    "s3": "We are walking to the river.",
    "s4": "She put the milk on the table.",
}


EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad")

# What an emotion changes in a voice, and `step`, the unit in which chance tells one
# speaker and one take from another.
# fmt: off
CUES = {
    #         angry disgust fear happy neutral sad   step
    "pitch":  ( 3.0, -2.2,  2.2,  3.2,  0.0, -0.8,  1.50),  # level, semitones
    "range":  ( 0.6,  0.2, -0.6,  0.7,  0.0, -0.7,  0.30),  # melody, log2 of its swing
    "slope":  (-0.8, -0.8,  0.8,  1.0,  0.0, -1.0,  0.70),  # semitones, start to end
    "tempo":  (0.18, -0.2, 0.09, 0.08,  0.0, -0.2,  0.13),  # log2 of the speech rate
    "level":  ( 5.5, -1.0, -3.0,  3.5,  0.0, -4.0,  3.50),  # loudness, dB
    "punch":  (0.25, 0.15,  0.0, 0.15,  0.0, -.15,  0.10),  # loud against soft, dB/dB
    "tilt":   ( 2.0, -0.3, -1.2,  0.7,  0.0, -2.0,  1.00),  # brightness, dB per octave
    "mouth":  (-1.0, -6.0,  0.5,  6.0,  0.0, -1.5,  2.60),  # formants, %; up: a smile
    "jitter": ( 1.4,  1.4,  1.2, -0.3,  0.0,  0.8,  0.60),  # uneven pitch periods, %
    "tremor": ( 0.0,  0.0,  0.6,  0.0,  0.0,  0.4,  0.20),  # shaking pitch, semitones
    "breath": (-0.5,  0.5,  1.5, -0.5,  0.0,  1.5,  1.10),  # air in the voice, 6 dB
    "rough":  ( 0.3, 0.22,  0.0,  0.0,  0.0,  0.0,  0.09),  # harsh, uneven loudness
}
# fmt: on
Cues = namedtuple("Cues", CUES, defaults=[0] * len(CUES))
*MEANS, STEP = np.array(list(CUES.values())).T
STRENGTH = (0.75, 1.25)  # how much of an emotion a speaker shows, from shy to stagy
STYLE = 0.4  # steps: how a speaker's way with an emotion departs from the table
TAKE = 0.35  # steps: how one take departs from another


class Speaker(NamedTuple):
    """A voice at rest, and where it was recorded."""

    voice: str  # eSpeak NG language + variant
    own: Cues  # this speaker's neutral, against the plain eSpeak NG voice
    gain: float  # dB, the distance to the microphone
    hiss: float  # dBFS, the noise of the room


SPEAKERS = {
    "f1": Speaker("en-us+f1", Cues(pitch=1.0, tilt=0.3), 0, -77),
    "f2": Speaker("en+f2", Cues(tempo=-0.10, mouth=2), -2, -79),
    "f3": Speaker("en-us+f3", Cues(pitch=-0.5, tempo=0.10, mouth=-5), 2, -79),
    "f4": Speaker("en+f5", Cues(pitch=1.5, mouth=4, breath=0.5), -1, -77),
    "m1": Speaker("en-us+m1", Cues(pitch=3.0, tempo=-0.05), 1, -77),
    "m2": Speaker("en+m2", Cues(pitch=4.0, tempo=0.08, mouth=4, tilt=0.4), -2, -80),
    "m3": Speaker("en-us+m4", Cues(pitch=2.5, mouth=-3, tempo=-0.05), 2, -76),
    "m4": Speaker("en+m6", Cues(pitch=3.0, tempo=0.05, mouth=5), -1, -78),
}


def act(speaker: str, emotion: str, sentence: str, seed: int = SEED) -> np.ndarray:
    """Let one speaker say one sentence with one emotion.

    Parameters
    ----------
    speaker, emotion, sentence : str
        Names in `SPEAKERS`, `EMOTIONS` and `SENTENCES`.
    seed : int
        Everything left to chance hangs on this.

    Returns
    -------
    ndarray of float64, shape (t,)
        The clip at 16 kHz, within [-1, 1].
    """
    who, what = list(SPEAKERS).index(speaker), EMOTIONS.index(emotion)
    take = 1 + list(SENTENCES).index(sentence)
    habit = np.random.default_rng([seed, who, what])  # the same in every sentence
    chance = np.random.default_rng([seed, who, what, take])
    voice = SPEAKERS[speaker]
    cues = habit.uniform(*STRENGTH) * MEANS[what]
    cues += STYLE * STEP * habit.standard_normal(len(STEP))
    cues += TAKE * STEP * chance.standard_normal(len(STEP))
    cues = Cues(*(cues + voice.own))

    wave, rate = speak(SENTENCES[sentence], voice.voice, cues)
    wave = bend(soxr.resample(wave, rate, WORK), cues, chance)
    wave = soxr.resample(wave, WORK, RATE, quality="VHQ")
    wave = phonate(wave, cues, chance)
    return record(wave, cues.level + voice.gain, voice.hiss, chance)


def speak(text: str, voice: str, cues: Cues) -> tuple[np.ndarray, int]:
    """Read a sentence with eSpeak NG: level and swing of the melody, and tempo.

    Pitch and tempo leave room for `bend`, which moves both with the formants.
    """
    swing = 2 ** np.clip(cues.range, -1.5, 1.2)
    semitones = cues.pitch - 12 * np.log2(1 + cues.mouth / 100) - 2.5 * (swing - 1)
    speed = 190 * 2**cues.tempo / (1 + cues.mouth / 100)
    command = ["espeak-ng", "-z", "-m", "--stdout", "-v", voice]
    command += ["-p", str(int(np.clip(round(50 + 5.8 * semitones), 0, 99)))]
    command += ["-s", str(round(speed))]
    command += [f'<prosody range="{round(100 * swing)}%">{text}</prosody>']
    sound = subprocess.run(command, check=True, capture_output=True).stdout
    return trim(*soundfile.read(io.BytesIO(sound)))


def trim(wave: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    """Cut the silence before and after the words."""
    loud = np.flatnonzero(envelope(wave, rate, 0.01) > 0.003)
    return wave[loud[0] : loud[-1] + 1], rate


def bend(wave: np.ndarray, cues: Cues, chance: np.random.Generator) -> np.ndarray:
    """Play the wave at a wavering speed: formants, slope, tremor and jitter in one."""
    seconds = np.arange(len(wave)) / WORK
    slope = cues.slope * (seconds / seconds[-1] - 0.5)
    shake = 2 * np.pi * (chance.uniform(5, 7) * seconds + chance.uniform())
    tremor = max(0, cues.tremor) * np.sin(shake)
    jitter = max(0, 0.3 + cues.jitter) / 100 * wander(len(wave), WORK, 300, chance)
    speed = (1 + cues.mouth / 100) * 2 ** ((slope + tremor) / 12) * (1 + jitter)
    reached = np.cumsum(speed) - speed[0]  # where in the wave each moment falls
    return CubicSpline(np.arange(len(wave)), wave)(reached[reached < len(wave) - 1])


def phonate(wave: np.ndarray, cues: Cues, chance: np.random.Generator) -> np.ndarray:
    """Colour the voice: contrast, harshness, air and spectral slope."""
    body = envelope(wave, RATE, 0.03)
    wave = wave * (body / body.max() + 0.02) ** np.clip(cues.punch, -0.3, 0.5)
    shimmer = wander(len(wave), RATE, 80, chance)
    wave = wave * (1 + np.clip(cues.rough, 0, 0.4) * shimmer)
    air = brighten(chance.standard_normal(len(wave)), 2.0)
    wave = wave + 0.02 * 2**cues.breath * envelope(wave, RATE, 0.01) * air
    return brighten(wave, np.clip(cues.tilt, -4, 4))


def record(
    wave: np.ndarray, level: float, hiss: float, chance: np.random.Generator
) -> np.ndarray:
    """Put the voice in front of a microphone: loudness, a little room, no clipping."""
    pause = np.zeros(RATE // 20)
    wave = np.concatenate([pause, wave / wave.std(), pause])
    wave = wave * 10 ** ((level - 27) / 20)
    wave = wave + 10 ** (hiss / 20) * chance.standard_normal(len(wave))
    return wave / max(1, abs(wave).max() / 0.95)


def brighten(wave: np.ndarray, tilt: float) -> np.ndarray:
    """Tilt the spectrum by so many dB per octave above 300 Hz."""
    spectrum = np.fft.rfft(wave)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(wave), 1 / RATE), 300) / 300)
    return np.fft.irfft(spectrum * 10 ** (tilt * octaves / 20), len(wave))


def envelope(wave: np.ndarray, rate: int, seconds: float) -> np.ndarray:
    """Give the RMS of the wave over a short window around each sample."""
    return np.sqrt(uniform_filter1d(wave**2, int(rate * seconds)).clip(0) + 1e-12)


def wander(
    n: int, rate: int, bandwidth: float, chance: np.random.Generator
) -> np.ndarray:
    """Give `n` samples of smooth random motion, about `bandwidth` Hz wide."""
    steps = np.arange(n) * 2 * bandwidth / rate
    points = chance.standard_normal(int(steps[-1]) + 2)
    return np.interp(steps, np.arange(len(points)), points)


def main() -> None:
    """Write the corpus, one folder a speaker, one FLAC file a clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "demo", help="folder")
    out = parser.parse_args().out
    if shutil.which("espeak-ng") is None:
        sys.exit(
            "espeak-ng was not found; it reads the sentences. Install it with "
            "`sudo apt install espeak-ng` or `brew install espeak-ng`."
        )
    clips = list(product(SPEAKERS, EMOTIONS, SENTENCES))
    for speaker, emotion, sentence in clips:
        path = out / speaker / f"{speaker}_{emotion}_{sentence}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, act(speaker, emotion, sentence), RATE, "PCM_16")
    size = sum(path.stat().st_size for path in out.rglob("*.flac")) / 1e6
    print(f"{len(clips)} clips, {size:.1f} MB in {out}")


if __name__ == "__main__":
    main()
