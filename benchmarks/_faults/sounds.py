"""Sounds whose samples are known: speech of the demo corpus, and files made by hand."""

import functools
import io
import struct
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
CHECKOUT = Path(__file__).resolve().parents[2]

# What libsndfile writes, with a subtype and an ending each.
CONTAINERS = {
    "WAV": ("PCM_16", "wav"),
    "WAVEX": ("PCM_16", "wav"),
    "RF64": ("PCM_16", "rf64"),
    "W64": ("PCM_16", "w64"),
    "AIFF": ("PCM_16", "aiff"),
    "AU": ("PCM_16", "au"),
    "CAF": ("PCM_16", "caf"),
    "FLAC": ("PCM_16", "flac"),
    "OGG": ("VORBIS", "ogg"),
    "OGG OPUS": ("OPUS", "opus"),
    "MP3": ("MPEG_LAYER_III", "mp3"),
    "NIST": ("PCM_16", "sph"),
    "AVR": ("PCM_16", "avr"),
    "HTK": ("PCM_16", "htk"),
    "SVX": ("PCM_16", "svx"),
    "MAT4": ("PCM_16", "mat"),
    "MAT5": ("PCM_16", "mat"),
    "MPC2K": ("PCM_16", "snd"),
    "PAF": ("PCM_16", "paf"),
    "PVF": ("PCM_16", "pvf"),
    "SDS": ("PCM_16", "sds"),
    "IRCAM": ("PCM_16", "sf"),
    "VOC": ("PCM_16", "voc"),
    "XI": ("DPCM_16", "xi"),
}


@functools.cache
def speech() -> np.ndarray:
    """Give a clip of the demo corpus: 1.2 seconds, a happy voice."""
    path = CHECKOUT / "data" / "demo" / "f1" / "f1_happy_s2.flac"
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    return samples[: int(1.2 * RATE)]


def written(container: str = "WAV", samples=None, rate: int = RATE, **more) -> bytes:
    """Write samples into a container."""
    subtype, _ = CONTAINERS[container]
    file = io.BytesIO()
    more = {"format": container.split()[0], "subtype": subtype} | more
    samples = speech() if samples is None else samples
    soundfile.write(file, samples, rate, **more)
    return file.getvalue()


def wav(samples: np.ndarray, **lies) -> bytes:
    """Write a WAV by hand; its header may say anything."""
    data = samples.tobytes()
    bits, channels = samples.itemsize * 8, samples.shape[1] if samples.ndim > 1 else 1
    form = 3 if samples.dtype.kind == "f" else 1
    fields = {"form": form, "channels": channels, "rate": RATE, "bits": bits}
    fields |= {"riff": 36 + len(data), "data": len(data), "fmt": 16} | lies
    block = fields["channels"] * fields["bits"] // 8
    block, speed = fields.get("block", block), fields["rate"] * block
    head = struct.pack("<4sI4s4sI", b"RIFF", fields["riff"], b"WAVE", b"fmt ", 16)
    head = head[:-4] + struct.pack("<I", fields["fmt"])
    head += struct.pack(
        *("<HHIIHH", fields["form"], fields["channels"], fields["rate"] % 2**32),
        *(speed % 2**32, block % 2**16, fields["bits"]),
    )
    return head + struct.pack("<4sI", b"data", fields["data"]) + data


def silent_flac(
    frames: int, rate: int, channels: int = 1, promised: int | None = None
) -> bytes:
    """Write a FLAC of silence: 14 bytes for every 65535 samples."""
    promised = frames if promised is None else promised
    packed = (rate << 44) | ((channels - 1) << 41) | (15 << 36) | promised
    info = struct.pack(">HH", 65535, 65535) + bytes(6) + packed.to_bytes(8, "big")
    parts = [b"fLaC", bytes([0x80, 0, 0, 34]), info + bytes(16)]
    for number in range(-(-frames // 65535)):
        size = min(65535, frames - number * 65535)
        head = bytes([0xFF, 0xF8, 0x70, (channels - 1) << 4 | 8])
        head += _coded(number) + struct.pack(">H", size - 1)
        body = head + bytes([_crc(head, 8, 0x07)]) + bytes(3) * channels
        parts.append(body + struct.pack(">H", _crc(body, 16, 0x8005)))
    return b"".join(parts)


def _coded(number: int) -> bytes:
    """Write a number as UTF-8 does, and beyond."""
    if number < 0x80:
        return bytes([number])
    tail = []
    while True:
        tail.append(0x80 | number & 0x3F)
        number >>= 6
        room = 0x3F >> len(tail)
        if number <= room:
            first = (0xFE << (6 - len(tail))) & 0xFF | number
            return bytes([first, *reversed(tail)])


@functools.cache
def _crcs(bits: int, polynomial: int) -> list[int]:
    table = []
    for total in range(256):
        total <<= bits - 8
        for _ in range(8):
            total = (total << 1) ^ (polynomial if total >> (bits - 1) & 1 else 0)
            total &= (1 << bits) - 1
        table.append(total)
    return table


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    total, table, mask = 0, _crcs(bits, polynomial), (1 << bits) - 1
    for byte in data:
        total = (total << 8 & mask) ^ table[total >> (bits - 8) ^ byte]
    return total


def ogg_pages(content: bytes) -> list[bytes]:
    """Cut an Ogg file into its pages."""
    pages, at = [], 0
    while at < len(content):
        segments = content[at + 27 : at + 27 + content[at + 26]]
        size = 27 + len(segments) + sum(segments)
        pages.append(content[at : at + size])
        at += size
    return pages


def ogg_page(page: bytes, granule: int) -> bytes:
    """Give a page another position, and the checksum that belongs to it."""
    page = page[:6] + struct.pack("<q", granule) + page[14:22] + bytes(4) + page[26:]
    total = _crc(page, 32, 0x04C11DB7)
    return page[:22] + struct.pack("<I", total) + page[26:]
