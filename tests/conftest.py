"""What several tests share: real recordings where there are any, a quiet store."""

import os
import shutil
import signal
from pathlib import Path

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
