"""Recordings that are cut, lie, bear other names, unfold, wait, or are too loud."""

import functools
import json
import os
import random
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from _faults import sounds
from _faults.sounds import CONTAINERS, RATE, speech, wav, written
from _faults.trying import Try, Verdict, asked, command, ended, right

_CUTS = (0.02, 0.2, 0.5, 0.8, 0.97)
_RATES = (1000, 8000, 11_025, 22_050, 44_100, 96_000, 192_000, 768_000)
_NO_RATES = (0, 1, 3, 7, 100, 999, 768_001, 2**31 - 1, 2**31, 2**32 - 1)


def tries(seed: int) -> list[Try]:
    """List what is tried."""
    draw = random.Random(seed)
    made = [*_truncated(draw), *_lying(), *_flipped(draw), *_named()]
    made += [*_scales(draw), *_phases()]
    made = [replace(one, batch=f"{n // 15}") for n, one in enumerate(made)]
    made += [*_not_files(), *_folders(draw), *_bombs()]
    return made


def loads(content: bytes, expected, name: str = "clip.wav", slack: int = 0, **more):
    """Try to load a file; what comes must be what is expected, or a refusal."""

    def body(folder: Path) -> Verdict:
        path = folder / name
        path.write_bytes(content)
        wanted = expected() if callable(expected) else expected
        return loaded(path, wanted, slack, **more)

    return body


def loaded(path: Path, wanted, slack: int = 0, loud: float = 1e-3) -> Verdict:
    """Load a file, and hold it against the waveform that is wanted."""
    from sertools import audio

    return asked(
        lambda: audio.load(path),
        [path.name],
        lambda got: same(got, wanted, slack, loud),
    )


def same(got: np.ndarray, wanted, slack: int = 0, tolerance: float = 1e-3) -> Verdict:
    """Judge a waveform: the one that is known, but for so many samples at its end."""
    if wanted is None:
        return Verdict("wrong", f"{len(got)} samples, where none can be right")
    missing = len(wanted) - len(got)
    if not -slack <= missing <= slack:
        return Verdict("wrong", f"{len(got)} samples, not {len(wanted)}")
    n = min(len(got), len(wanted))
    off = float(np.abs(got[:n] - wanted[:n]).max()) if n else 1.0
    return right(off <= tolerance, f"samples are off by {off:.3g}")


def whole(content: bytes) -> np.ndarray:
    """Decode what is undamaged, with nothing between."""
    import io

    import soxr

    samples, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    return samples if rate == RATE else soxr.resample(samples, rate, RATE)


def _truncated(draw: random.Random):
    """Every container, cut at several points: named, or all of it is there."""
    for container, (_, ending) in CONTAINERS.items():
        content = written(container)
        name, expected = f"clip.{ending}", functools.partial(whole, content)
        yield Try(f"{container}: whole", loads(content, expected, name))
        points = [int(part * len(content)) for part in _CUTS]
        points += [len(content) - 1, draw.randrange(60, len(content))]
        for point in points:
            # 64 bytes fewer than promised are taken for a slip of the header
            # (of MP3, a frame: 1152)
            slack = 1152 if len(content) - point <= 64 else 0
            body = loads(content[:point], expected, name, slack)
            yield Try(f"{container}: {point} of {len(content)} bytes", body)


def _lying():
    """Headers that say too much, nothing, or nonsense."""
    samples = (speech() * 32767).astype("<i2")
    size = samples.nbytes
    for said in (
        0,
        0x7FFFF000,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFF,
        size + 8,
        size + 44,
    ):
        body = loads(wav(samples, data=said, riff=min(said + 36, 2**32 - 1)), speech())
        yield Try(f"WAV says {said:#x} bytes of {size:#x}", body)
    for said in (size + 100, size + 5000, 2 * size, 0x7FFFE000):
        body = loads(wav(samples, data=said), speech())
        yield Try(f"WAV says {said:#x} bytes of {size:#x}", body)
    for said in (0, 4, 0xFFFFFFFF):
        body = loads(wav(samples, riff=said), speech())
        yield Try(f"RIFF says {said:#x} bytes", body)
    odd = [{"channels": n} for n in (0, 1025, 65535)]
    odd += [{"bits": n} for n in (0, 1, 7, 65535)]
    odd += [{"form": n} for n in (0, 2, 3, 0x55, 0xFFFE, 0xFFFF)]
    odd += [{"fmt": n} for n in (0, 2, 2**31, 2**32 - 1)]
    yield Try("WAV with blocks of 0 bytes", loads(wav(samples, block=0), speech()))
    for lie in odd:
        yield Try(f"WAV with {lie}", loads(wav(samples, **lie), None))
    for rate in _NO_RATES:
        yield Try(f"WAV of {rate} Hz", loads(wav(samples, rate=rate), None), 10)
    for rate in _RATES:
        yield Try(f"WAV of {rate} Hz", functools.partial(_resampled, rate))
    yield from _lying_compressed()


def _resampled(rate: int, folder: Path) -> Verdict:
    """See that a tone is the same tone, at whatever rate it was taken."""
    seconds, pitch = 0.5, 200
    time = np.arange(int(rate * seconds)) / rate
    tone = (0.5 * np.sin(2 * np.pi * pitch * time)).astype("<f4")
    path = folder / "tone.wav"
    path.write_bytes(wav(tone, rate=rate))
    wanted = 0.5 * np.sin(2 * np.pi * pitch * np.arange(int(RATE * seconds)) / RATE)
    from sertools import audio

    def judge(got: np.ndarray) -> Verdict:
        inner = slice(1000, -1000)
        if abs(len(got) - len(wanted)) > 2:
            return Verdict("wrong", f"{len(got)} samples, not {len(wanted)}")
        off = np.abs(got[: len(wanted)][inner] - wanted[: len(got)][inner]).max()
        return right(off < 0.02, f"off by {off:.3g}")

    return asked(lambda: audio.load(path), [path.name], judge)


def _lying_compressed():
    flac = written("FLAC")
    expected = functools.partial(whole, flac)
    fields = int.from_bytes(flac[18:26], "big")
    there = fields & (1 << 36) - 1
    for promised in (0, there + 1, 2 * there, (1 << 36) - 1):
        content = flac[:18] + (fields - there + promised).to_bytes(8, "big") + flac[26:]
        yield Try(f"FLAC says {promised} samples", loads(content, expected, "c.flac"))
    for rate in (0, 5, 655_350):
        packed = fields & (1 << 44) - 1 | rate << 44
        content = flac[:18] + packed.to_bytes(8, "big") + flac[26:]
        yield Try(f"FLAC says {rate} Hz", loads(content, None, "c.flac"))
    au = written("AU")
    for said in (0xFFFFFFFF, 0x7FFFFFFF, 0):
        content = au[:8] + said.to_bytes(4, "big") + au[12:]
        yield Try(f"AU says {said:#x} bytes", loads(content, speech(), "c.au"))
    for said in (0, 1, 10**6, 0xFFFFFFFF):
        content = au[:4] + said.to_bytes(4, "big") + au[8:]
        yield Try(f"AU begins at {said:#x}", loads(content, speech(), "c.au"))
    caf = written("CAF")
    at = caf.index(b"data") + 4
    for said in (-1, 2**62, -(2**62)):
        content = caf[:at] + said.to_bytes(8, "big", signed=True) + caf[at + 8 :]
        yield Try(f"CAF says {said} bytes", loads(content, speech(), "c.caf"))
    aiff = written("AIFF")
    at = aiff.index(b"COMM") + 10
    for said in (0, 10**6, 2**32 - 1):
        content = aiff[:at] + said.to_bytes(4, "big") + aiff[at + 4 :]
        yield Try(f"AIFF says {said} samples", loads(content, speech(), "c.aiff"))
    at += 6
    for said in (bytes(10), b"\x7f\xff" + b"\xff" * 8, b"\x3f\xff\x80" + bytes(7)):
        content = aiff[:at] + said + aiff[at + 10 :]
        yield Try(f"AIFF of the rate {said.hex()}", loads(content, None, "c.aiff"), 10)
    yield from _lying_ogg()
    for said in (0, 10, 10**6, 2**27 - 1):
        tag = b"ID3\x04\0\0" + bytes(said >> 7 * n & 127 for n in (3, 2, 1, 0))
        mp3 = written("MP3")
        body = loads(tag + mp3, functools.partial(whole, mp3), "c.mp3")
        yield Try(f"MP3 with a tag of {said} bytes that has none", body)


def _lying_ogg():
    for container in ("OGG", "OGG OPUS"):
        content = written(container)
        *before, last = sounds.ogg_pages(content)
        there = int.from_bytes(last[6:14], "little", signed=True)
        expected = functools.partial(whole, content)
        for granule in (there + RATE, 16_000 * 3600 * 200, 2**62, -1, -(2**62), 0):
            lied = b"".join([*before, sounds.ogg_page(last, granule)])
            name = f"{container} ends at {granule}"
            # the last block is padded: what lies behind the voice is no harm
            yield Try(name, loads(lied, expected, "c.ogg", 500))


def _flipped(draw: random.Random):
    """Bytes damaged inside containers that have checksums."""
    for container in ("FLAC", "OGG", "OGG OPUS"):
        content = written(container)
        expected = functools.partial(whole, content)
        for number in range(6):
            damaged = bytearray(content)
            at = draw.randrange(len(content) // 4, len(content) - 200)
            for offset in range(1 if number < 3 else 40):
                damaged[at + offset] ^= 0x5A
            name = f"{container}: {'a byte' if number < 3 else '40 bytes'} at {at}"
            yield Try(name, loads(bytes(damaged), expected, "clip.flac"))


def _named():
    """Give formats other names, and what is no audio names of audio."""
    for container, ending in (("OGG", "wav"), ("FLAC", "mp3"), ("WAV", "flac")):
        content = written(container)
        body = loads(content, functools.partial(whole, content), f"clip.{ending}")
        yield Try(f"{container} under the name .{ending}", body)
    for container, name in (("MP3", "clip.wav"), ("WAV", "clip"), ("AU", "CLIP.WAV")):
        content = written(container)
        body = loads(content, functools.partial(whole, content), name)
        yield Try(f"{container} under the name {name}", body)
    foreign = {
        "MPEG-4": b"\0\0\0\x20ftypM4A " + bytes(500),
        "WebM": b"\x1aE\xdf\xa3" + bytes(500),
        "AMR": b"#!AMR\n" + bytes(500),
        "WMA": b"0&\xb2u\x8ef\xcf\x11" + bytes(500),
        "zip": b"PK\3\4" + bytes(500),
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "PDF": b"%PDF-1.7\n" + bytes(500),
        "a web page": b"<!DOCTYPE html><html><body>Sign in</body></html>" * 9,
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\n"
        b"oid sha256:" + b"0" * 64 + b"\nsize 60788\n",
        "text": b"Speech" * 200,
        "nothing": b"",
        "a byte": b"R",
        "half a header": written()[:20],
        "a header alone": wav(np.zeros(0, "<i2")),
        "zeros": bytes(5000),
        "a RIFF of pictures": b"RIFF\x10\0\0\0WEBPVP8 " + bytes(100),
        "49 ms": written(samples=speech()[: int(0.049 * RATE)]),
    }
    for what, content in foreign.items():
        for ending in ("wav", "flac", "mp3"):
            yield Try(f"{what} as .{ending}", loads(content, None, f"clip.{ending}"))
    for name in ("a\x1b[31mred.wav", "a\nb.wav", "-- --help.wav", "$x^2$ \\frac.wav"):
        yield Try(f"a recording called {name!r}", functools.partial(_said_name, name))
    for name in (b"\xff\xfe.wav", "슬픔 <b>&amp;.wav".encode(), b"'\"`$(id).wav"):
        body = functools.partial(_said_name, os.fsdecode(name))
        yield Try(f"a recording called {name!r}", body)
    for name in ("x" * 300 + ".wav", "/".join(["y" * 200] * 30) + ".wav"):
        yield Try(f"no recording {name[:9]!r}", functools.partial(_absent, name))
    yield Try("a recording with a NUL in its name", _nul)


def _nul(folder: Path) -> Verdict:
    from sertools import audio

    return asked(lambda: audio.load("a\0b.wav"), ["b.wav"], _never)


def _said_name(name: str, folder: Path) -> Verdict:
    """Answer for a name that is odd, and print nothing that steers a terminal."""
    (folder / name).write_bytes(written())
    said = command("predict", f"./{name}", "--jobs", 1)
    return ended(said, [name, ascii(name)[1:8]], lambda said: _happy(said.out))


def _happy(out: str) -> Verdict:
    return right("happy" in out or "angry" in out, out[:200])


def _absent(name: str, folder: Path) -> Verdict:
    said = command("predict", name, "--jobs", 1)
    if said.code == 0:
        return Verdict("wrong", said.out)
    return ended(said, [name[:20], ascii(name[:20])[1:4]])


def _bombs():
    """Silence that unfolds: refused by the length, before the memory is gone."""
    hour = 3600
    for hours, rate, channels, promised in (
        (0.05, 16_000, 1, None),
        (10, 16_000, 1, None),
        (0.05, 96_000, 8, 100 * hour * 96_000),
        (8, 48_000, 1, 0),
        (6, 192_000, 8, 0),
        (3, 8_000, 1, (1 << 36) - 1),
    ):
        frames = int(hours * hour * rate)
        body = functools.partial(_unfolds, hours, rate, channels, frames, promised)
        said = "" if promised is None else f", said to be {promised} samples"
        name = f"FLAC of {hours} h of silence, {rate} Hz, {channels} channels{said}"
        yield Try(name, body, 40, 700)
    for hours, data in ((10, None), (30, 0), (30, 0xFFFFFFFF)):
        body = functools.partial(_sparse, hours, data)
        yield Try(f"WAV of {hours} h of zeros that says {data}", body, 40, 700)
    yield Try("OGG of 12 minutes of silence at 192 kHz", _silent_ogg, 60, 1200)


def _unfolds(hours, rate, channels, frames, promised, folder: Path) -> Verdict:
    path = folder / "bomb.flac"
    path.write_bytes(sounds.silent_flac(frames, rate, channels, promised))
    wanted = None if promised or hours > 5 else np.zeros(round(hours * 3600 * RATE))
    return loaded(path, wanted)


def _sparse(hours: int, data: int | None, folder: Path) -> Verdict:
    path, size = folder / "bomb.wav", hours * 3600 * RATE * 2
    path.write_bytes(wav(np.zeros(0, "<i2"), data=size if data is None else data))
    with path.open("r+b") as file:
        file.truncate(44 + size)
    return loaded(path, None)


def _silent_ogg(folder: Path) -> Verdict:
    path, rate = folder / "silence.ogg", 192_000
    with soundfile.SoundFile(path, "w", rate, 1, "VORBIS", format="OGG") as file:
        for _ in range(12 * 60):
            file.write(np.zeros(rate, "f4"))
    return loaded(path, np.zeros(12 * 60 * RATE), 2)


def _not_files():
    """Pipes, devices, sockets, folders and links where a recording should be."""
    makers = {
        "a pipe": lambda path: os.mkfifo(path),
        "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(path.name),
        "a folder": lambda path: path.mkdir(),
        "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
        "a link to /dev/tty": lambda path: path.symlink_to("/dev/tty"),
        "a link to itself": lambda path: path.symlink_to(path.name),
        "a link to nothing": lambda path: path.symlink_to("gone.wav"),
        "nothing": lambda path: None,
    }
    for what, make in makers.items():
        for ask in ("load", "predict", "folder", "duration"):
            body = functools.partial(_not_a_file, make, ask)
            yield Try(f"{what} as a recording, {ask}", body, 15)


def _not_a_file(make, ask: str, folder: Path) -> Verdict:
    path = folder / "clip.wav"
    make(path)
    if ask == "predict":
        said = command("predict", path.name, "--jobs", 1)
        return _never(said) if said.code == 0 else ended(said, [path.name])
    if ask == "folder":
        (folder / "good.wav").write_bytes(written())
        there = path.is_symlink() or path.exists()
        said = command("predict", ".", "--json", "--jobs", 1)
        judge = functools.partial(_told_in_json, [path.name] if there else [])
        if path.is_dir() and not path.is_symlink():
            judge = functools.partial(_told_in_json, [])
        return ended(said, [path.name], judge)
    from sertools import audio

    call = audio.load if ask == "load" else audio.duration
    return asked(lambda: call(path), [path.name], lambda _: _never(None))


def _never(said) -> Verdict:
    return Verdict("wrong", f"it was taken for a recording: {said}"[:300])


def _told_in_json(names: list[str], said) -> Verdict:
    """See that the good recording is answered, and every other one named."""
    told = json.loads(said.out)
    answered = [Path(row["file"]).name for row in told["files"]]
    unused = {Path(row["file"]).name: row["reason"] for row in told["not_used"]}
    if "good.wav" not in answered:
        return Verdict("wrong", f"the good recording has no answer: {told}"[:300])
    lost = [name for name in names if name not in unused]
    if lost:
        as_if = [name for name in lost if name in answered]
        how = f"{as_if} used as if whole" if as_if else f"{lost} left out, unnamed"
        return Verdict("wrong", how)
    return Verdict("refused" if names else "right", str(unused))


def _folders(draw: random.Random):
    """One bad file never ends the others."""
    flac = written("FLAC")
    bad = {
        "lies.flac": flac[:21] + b"\xff" * 5 + flac[26:],
        "cut.flac": flac[: len(flac) // 2],
        "cut.mp3": written("MP3")[:-900],
        "noise.mp3": draw.randbytes(5000),
        "noise.wav": b"RIFF" + draw.randbytes(5000),
        "empty.ogg": b"",
        "phone.m4a": b"\0\0\0\x20ftypM4A " + bytes(500),
        "pointer.wav": b"version https://git-lfs.github.com/spec/v1\n",
        "short.wav": written(samples=speech()[:300]),
        "silent.wav": written(samples=np.zeros(RATE)),
        "nan.wav": wav(np.full(RATE, np.nan, "<f4")),
        "bomb.flac": sounds.silent_flac(20 * 3600 * 8000, 8000),
    }
    for jobs in (1, 2):
        body = functools.partial(_beside, bad, jobs)
        yield Try(f"{len(bad)} bad recordings beside a good one, {jobs}", body, 60, 900)
    cut = {}
    for container, (_, ending) in CONTAINERS.items():
        content = written(container)
        cut[f"{container.lower()}.{ending}"] = content[: len(content) * 2 // 3]
    body = functools.partial(_beside, cut, 1)
    yield Try("every container cut, beside a good recording", body, 60)
    yield Try("a corpus of bad recordings, evaluated", functools.partial(_corpus, bad))
    for command_ in ("audit", "leakage"):
        body = functools.partial(_looked_at, bad, command_)
        yield Try(f"a corpus of bad recordings, {command_}", body, 60)


def _beside(bad: dict[str, bytes], jobs: int, folder: Path) -> Verdict:
    for name, content in ({"good.wav": written()} | bad).items():
        (folder / name).write_bytes(content)
    said = command("predict", ".", "--json", "--jobs", jobs)
    judge = functools.partial(_told_in_json, list(bad))
    return ended(said, ["good.wav"], judge)


def _filed(bad: dict[str, bytes], folder: Path) -> None:
    """Make a corpus in which every third clip is bad."""
    for number, (name, content) in enumerate(bad.items()):
        for emotion, tone in (("happy", 1.0), ("sad", 0.3), ("angry", 0.9)):
            place = folder / "corpus" / f"speaker{number % 4}" / emotion
            place.mkdir(parents=True, exist_ok=True)
            samples = tone * speech()[number * 50 :]
            (place / f"{number}.wav").write_bytes(written(samples=samples))
        (place / name).write_bytes(content)


def _corpus(bad: dict[str, bytes], folder: Path) -> Verdict:
    _filed(bad, folder)
    words = "evaluate --dataset folder --root corpus --model duration_loudness"
    words += " --head logistic --folds random --json --jobs 1"
    said = command(*words.split())

    def judge(said) -> Verdict:
        told = json.loads(said.out)
        unused = json.dumps(told.get("excluded", told))
        lost = [name for name in bad if name not in unused and name != "silent.wav"]
        return right(not lost, f"used or lost without a word: {lost}")

    return ended(said, list(bad), judge)


def _looked_at(bad: dict[str, bytes], word: str, folder: Path) -> Verdict:
    _filed(bad, folder)
    named = ["folder", "--root", "corpus"]
    folds = ["--folds", "random"] if word == "leakage" else []
    said = command(word, *named, *folds)

    def judge(said) -> Verdict:
        lost = [name for name in ("nan.wav", "bomb.flac") if name not in said.out]
        lost = lost if word == "audit" else []
        return right(not lost, f"not a word on {lost}: {said.out[:300]}")

    return ended(said, list(bad), judge)


def _scales(draw: random.Random):
    """Floats in the scale of integers, and samples that are no numbers."""
    scales = {"8-bit": 2.0**7, "16-bit": 2.0**15, "24-bit": 2.0**23, "32-bit": 2.0**31}
    for name, scale in scales.items():
        for kind in ("<f4", "<f8"):
            content = wav((speech() * scale).astype(kind))
            yield Try(
                f"floats in the scale of {name}, {kind}", loads(content, speech())
            )
    loud = speech() / np.abs(speech()).max() * 1.5
    yield Try("floats that reach 1.5", loads(wav(loud.astype("<f4")), loud))
    quiet = speech() * 0.05
    content = wav((quiet * 2.0**15).astype("<f4"))
    yield Try("quiet speech in the scale of 16-bit", loads(content, quiet))
    for value in (np.nan, np.inf, -np.inf, 1e30, -1e38):
        samples = speech().astype("<f4").copy()
        samples[draw.randrange(len(samples))] = value
        yield Try(f"a sample that is {value}", loads(wav(samples), None))
    tiny = (speech() * 1e-40).astype("<f4")
    yield Try("denormal samples", loads(wav(tiny), tiny))
    for subtype in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"):
        content = written(subtype=subtype)
        body = loads(content, functools.partial(whole, content))
        yield Try(f"WAV of {subtype}", body)
    for subtype in ("IMA_ADPCM", "MS_ADPCM", "GSM610", "NMS_ADPCM_16", "G721_32"):
        content = written(subtype=subtype)
        body = loads(content, functools.partial(whole, content))
        yield Try(f"WAV of {subtype}", body)


def _phases():
    """Channels that cancel each other."""
    voice = speech()
    later = np.concatenate([np.zeros(1, "f4"), voice[:-1]])
    for name, others in {
        "opposite": [-voice],
        "nearly opposite": [-0.95 * voice],
        "opposite, a sample later": [-later],
        "two opposite pairs": [-voice, voice, -voice],
        "the same": [voice],
        "a silent one": [0 * voice],
    }.items():
        content = wav((np.stack([voice, *others], 1) * 32000).astype("<i2"))
        yield Try(f"channels: {name}", functools.partial(_heard, content))


def _heard(content: bytes, folder: Path) -> Verdict:
    """See that the voice is there, no more than 12 dB quieter."""
    from sertools import audio

    path = folder / "stereo.wav"
    path.write_bytes(content)

    def judge(got: np.ndarray) -> Verdict:
        alike = float(np.corrcoef(got, speech())[0, 1])
        part = float(np.std(got) / np.std(speech()))
        said = f"alike {alike:.2f}, {part:.2f} times as loud"
        return right(alike > 0.9 and 0.25 < part < 1.1, said)

    return asked(lambda: audio.load(path), [path.name], judge)
