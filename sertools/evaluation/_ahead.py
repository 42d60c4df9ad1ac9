"""Get ready for an evaluation while workers still listen to its clips."""

import contextlib
import threading
from collections.abc import Iterator

import pandas as pd

from sertools import features
from sertools.models import heads
from sertools.models import load as load_model


@contextlib.contextmanager
def preparing(head: str, clips: pd.DataFrame) -> Iterator[None]:
    """Load what `cross_validate` will want, and hear the baseline, on the side."""

    def get_ready() -> None:
        with contextlib.suppress(Exception):
            _rehearse(head)
            features.extract(load_model("duration_loudness"), clips, progress=False)

    aside = threading.Thread(target=get_ready, daemon=True)
    aside.start()
    try:
        yield
    finally:
        aside.join()


def _rehearse(head: str) -> None:
    """Fit a head to next to nothing, which imports all that fitting takes."""
    speakers = [*"aabbccdd"]
    rows = [[float(i), float(i % 3)] for i in range(8)]
    made = heads.fit(heads.make(head), rows, ["happy", "sad"] * 4, speakers)
    made.predict_proba(rows)
