"""How a clip looks: its waveform and its spectrogram."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sertools import audio
from sertools.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["levels", "spectrogram", "waveform"]

Source = str | os.PathLike | npt.ArrayLike

RATE = 16_000
STEP, WINDOW = 0.010, 0.025
"""Hop and window of the spectrogram, in seconds."""

MAX_COLUMNS = 3000
"""Longer recordings are drawn with coarser columns: no screen shows more."""

FLOOR = -80.0
"""Quietest level shown, in dB below the loudest."""


def waveform(source: Source, sr: int | None = None, ax: "Axes | None" = None) -> "Axes":
    """Draw a waveform over seconds.

    Parameters
    ----------
    source : path or array-like
        What `sertools.audio.load` takes; brought to 16 kHz mono.
    sr : int, optional
        Rate of an array, in Hz; 16 kHz if not given.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.

    Returns
    -------
    matplotlib Axes
        Seconds across, amplitude in [-1, 1] up. A long clip is drawn as the
        range from its lowest to its highest sample in each column. A figure of
        its own is headed with the file's name.

    Raises
    ------
    FileNotFoundError, ValueError
        If the clip cannot be used, as `sertools.audio.load` says.

    Examples
    --------
    >>> ax = waveform(np.sin(np.arange(8000) / 9), sr=16000)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds', 'amplitude')
    """
    samples = audio.load(source, sampling_rate=RATE, sr=sr)
    name = _name(source) if ax is None else ""
    ax = canvas.axes(ax, 8, 2.4)
    seconds, low, high = _envelope(samples)
    ax.axhline(0, color=canvas.PALE, linewidth=0.7, zorder=0)
    ax.fill_between(seconds, low, high, color="#0072B2", linewidth=0.6)
    peak = np.abs(samples).max()
    limit = 1.08 * peak if peak > 0 else 1.0
    ax.set(xlabel="seconds", ylabel="amplitude")
    ax.set(xlim=(0, len(samples) / RATE), ylim=(-limit, limit))
    canvas.tidy(ax)
    _head(ax, name, samples)
    return ax


def spectrogram(
    source: Source,
    sr: int | None = None,
    ax: "Axes | None" = None,
    kind: str = "mel",
) -> "Axes":
    """Draw a spectrogram: which frequencies sound when, and how loud.

    Parameters
    ----------
    source : path or array-like
        What `sertools.audio.load` takes; brought to 16 kHz mono.
    sr : int, optional
        Rate of an array, in Hz; 16 kHz if not given.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.
    kind : {"mel", "linear"}, default "mel"
        ``"mel"``: 80 bands, spaced as the ear hears pitch; ``"linear"``: equal
        steps in Hz.

    Returns
    -------
    matplotlib Axes
        Seconds across, Hz up; colour is dB below the loudest, down to -80.
        Windows are 25 ms long, every 10 ms; longer in recordings over 30 s.

    Raises
    ------
    FileNotFoundError, ValueError
        If the clip cannot be used, as `sertools.audio.load` says, or `kind` is
        unknown.

    Examples
    --------
    >>> ax = spectrogram(np.sin(np.arange(8000) / 9), sr=16000)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds', 'Hz')
    """
    if kind not in ("mel", "linear"):
        raise ValueError(f"Unknown kind of spectrogram {kind!r}. Known: mel, linear.")
    samples = audio.load(source, sampling_rate=RATE, sr=sr)
    name = _name(source) if ax is None else ""
    ax = canvas.axes(ax, 8, 3.2)
    level, seconds, hertz = levels(samples, kind)
    mesh = ax.pcolormesh(
        seconds, hertz, level, cmap="magma", vmin=FLOOR, vmax=0, rasterized=True
    )
    if kind == "mel":
        _mel_scale(ax)
    ax.set(xlabel="seconds", ylabel="Hz")
    ax.set(xlim=(0, len(samples) / RATE), ylim=(0, RATE / 2))
    canvas.tidy(ax)
    _head(ax, name, samples)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02, aspect=15)
    bar.set_label("dB (0: the loudest)", fontsize=canvas.SMALL, color=canvas.INK)
    bar.ax.tick_params(labelsize=canvas.SMALL, color=canvas.MUTED)
    bar.outline.set_visible(False)
    return ax


def _name(source: Source) -> str:
    return Path(source).name if isinstance(source, (str, os.PathLike)) else ""


def _head(ax: "Axes", name: str, samples: np.ndarray) -> None:
    silent = audio.is_silent(samples)
    if name:
        canvas.heading(ax, name, "a silent clip" if silent else "")
    elif silent:
        canvas.heading(ax, "a silent clip")


def _envelope(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the lowest and the highest sample of each column, columns in seconds."""
    size = -(-len(samples) // MAX_COLUMNS)
    starts = np.arange(0, len(samples), size)
    low = np.minimum.reduceat(samples, starts)
    high = np.maximum.reduceat(samples, starts)
    return (starts + size / 2) / RATE, low, high


def levels(
    samples: np.ndarray, kind: str = "mel"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure how loud each frequency is, window by window.

    Parameters
    ----------
    samples : ndarray of shape (t,), float
        Mono, at 16 kHz.
    kind : {"mel", "linear"}, default "mel"
        How frequencies are spaced.

    Returns
    -------
    levels : ndarray of shape (bands, columns)
        dB below the loudest, down to -80.
    seconds : ndarray of shape (columns + 1,)
        Edges of the columns.
    hertz : ndarray of shape (bands + 1,)
        Edges of the bands.
    """
    import librosa

    hop = max(round(STEP * RATE), -(-len(samples) // MAX_COLUMNS))
    window = round(hop * WINDOW / STEP)
    n_fft = 2 ** int(np.ceil(np.log2(window)))
    power = (
        np.abs(
            librosa.stft(
                samples,
                n_fft=n_fft,
                hop_length=hop,
                win_length=window,
                pad_mode="constant",
            )
        )
        ** 2
    )
    if kind == "mel":
        power = librosa.filters.mel(sr=RATE, n_fft=n_fft, n_mels=80) @ power
        hertz = librosa.mel_frequencies(len(power) + 1, fmin=0, fmax=RATE / 2)
    else:
        half = RATE / n_fft / 2
        hertz = np.linspace(-half, RATE / 2 + half, len(power) + 1)
    peak = power.max()
    level = np.full(power.shape, FLOOR)
    heard = power > peak * 10 ** (FLOOR / 10)
    level[heard] = 10 * np.log10(power[heard] / peak)
    seconds = (np.arange(power.shape[1] + 1) - 0.5) * hop / RATE
    return level, seconds, hertz


def _mel_scale(ax: "Axes") -> None:
    import librosa

    ax.set_yscale("function", functions=(librosa.hz_to_mel, librosa.mel_to_hz))
    ax.set_yticks([0, 500, 1000, 2000, 4000, 8000])
    ax.minorticks_off()
