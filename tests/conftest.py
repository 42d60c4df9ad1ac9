"""What several tests share: real recordings where there are any, a quiet store."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

# Whoever starts the suite in the background may have it ignore Ctrl-C, which the
# processes that tests start and interrupt would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_store(tmp_path_factory):
    """Keep the features of tests out of the user's store."""
    before = os.environ.get("SERTOOLS_STORE")
    os.environ["SERTOOLS_STORE"] = str(tmp_path_factory.mktemp("store"))
    yield
    if before is None:
        del os.environ["SERTOOLS_STORE"]
    else:
        os.environ["SERTOOLS_STORE"] = before


CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    *("--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage"),
    "--enable-precise-memory-info",
)
"""A quiet browser with a false microphone, which it may use unasked."""


@pytest.fixture(scope="session")
def browser():
    """Give Chromium, the only one that a process can have, or say what is missing."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, names)), None
    )
    if not found:
        pytest.skip("no Chromium here: install it, or name it in $CHROMIUM")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*CHROMIUM])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def cluster():
    """Start a Dask scheduler and two workers, each a process with one thread."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as started:
        yield started.scheduler_address


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Give the folder of the checkout that these tests belong to."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of real recordings, or skip the test."""
    folder = os.environ.get("SERTOOLS_REAL_DATA")
    if not folder:
        pytest.skip("SERTOOLS_REAL_DATA is not set")
    return Path(folder).resolve()


def pytest_collection_modifyitems(items):
    """Mark whatever uses real recordings."""
    for item in items:
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker("real")


THREE = ("angry", "happy", "sad")


def imagine(speakers=4, emotions=THREE, clips=4, features=6, seed=0, apart=1.5):
    """Draw a clips table and its features; speakers differ, emotions lie `apart`."""
    rng = np.random.default_rng(seed)
    middle = np.random.default_rng(99).normal(0, apart, (len(emotions), features))
    rows, vectors = [], []
    for speaker in range(speakers):
        habit = rng.normal(size=(len(emotions), features))
        for number, emotion in enumerate(emotions):
            for text in range(clips):
                name = f"s{speaker:02}"
                rows.append(
                    {
                        "clip": f"mine/{name}_{emotion}_{text}",
                        "path": None,
                        "emotion": emotion,
                        "label": emotion[0],
                        "speaker": f"mine/{name}",
                        "sex": "female" if speaker % 2 else "male",
                        "text": f"t{text}",
                        "intensity": None,
                        "dataset": "mine",
                    }
                )
                vectors.append(
                    middle[number] + habit[number] + rng.normal(size=features)
                )
    table = pd.DataFrame(rows).set_index("clip").astype("str")
    names = [f"f{number}" for number in range(features)]
    return table, pd.DataFrame(np.float32(vectors), index=table.index, columns=names)


@pytest.fixture(scope="session")
def imagined():
    """Give the function that draws clips and features."""
    return imagine
