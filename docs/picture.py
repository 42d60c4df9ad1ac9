"""Make docs/report.png: run the command that the README prints, photograph its page.

    python docs/picture.py

It needs the extra `test` and Chromium, and replaces the picture.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

CHECKOUT = Path(__file__).resolve().parent.parent
LAST = "section.notices"  # the picture ends below it


def command() -> list[str]:
    """Read the command above the picture."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    above = text.partition("(docs/report.png)")[0]
    return shlex.split(re.findall(r"`sertools (report .*?)`", above)[-1])


def run(folder: str) -> Path:
    """Run it there, with nothing stored yet, and give the path of the page."""
    done = subprocess.run(
        [sys.executable, "-m", "sertools", *command()],
        cwd=folder,
        env={**os.environ, "SERTOOLS_STORE": str(Path(folder, "store"))},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Path(done.stdout.splitlines()[-1])


def photograph(page: Path, picture: Path) -> None:
    """Save the head of a page as a picture."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox"]
        )
        shown = browser.new_page(viewport={"width": 1000, "height": 900})
        shown.goto(page.as_uri())
        box = shown.locator(LAST).first.bounding_box()
        size = {"width": 1000, "height": round(box["y"] + box["height"]) + 16}
        shown.screenshot(path=picture, clip={"x": 0, "y": 0, **size})
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        photograph(run(folder), CHECKOUT / "docs" / "report.png")
