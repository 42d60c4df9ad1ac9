"""The demo corpus that travels with sertools: synthetic speech."""

from pathlib import Path

from sertools import extras, files
from sertools.datasets.base import Dataset


class Demo(Dataset):
    """Synthetic expressive speech: 8 voices, 6 emotions, 4 sentences.

    It shows how everything works with nothing downloaded. It says nothing
    about how well a model recognises people.

    References
    ----------
    Made by ``data/make_demo.py``.
    """

    name = "demo"
    title = "the synthetic demo corpus"
    license = "CC0-1.0"
    reference = "data/README.md"
    synthetic = True
    pattern = r"(?P<speaker>[fm]\d)_(?P<label>[a-z]+)_(?P<text>s\d)\.flac"
    labels = {
        name: name for name in ("angry", "disgust", "fear", "happy", "neutral", "sad")
    }
    sexes = {
        **{f"f{n}": "female" for n in range(1, 5)},
        **{f"m{n}": "male" for n in range(1, 5)},
    }
    texts = {
        "s1": "The train leaves at seven.",
        "s2": "Your coat is in the hall.",
        "s3": "We are walking to the river.",
        "s4": "She put the milk on the table.",
    }
    n_clips, n_speakers = 192, 8
    sampling_rate = 16_000

    def bundled_paths(self) -> tuple[Path, ...]:
        """Give the folder that travels with the package."""
        return (files.folder("data/demo"),)

    def remedy(self) -> str:
        """Say how the demo corpus comes back."""
        return f"It travels with sertools: {extras.reinstall()}"
