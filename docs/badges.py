"""Write the address of a published copy wherever it is needed.

    python docs/badges.py https://github.com/OWNER/sertools

It goes into pyproject.toml (Repository), the README (badges that open the quickstart
in Binder, Colab and Codespaces) and the quickstart (a cell that installs sertools
on Colab and does nothing elsewhere). Run it again to write another address.
"""

import argparse
import json
import re
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
QUICKSTART = "notebooks/00_quickstart.ipynb"
CELL = "install-on-colab"

_ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+?(?:\.git)?/?")
_URLS = re.compile(r"\n\[project\.urls\]\nRepository = \"(.*)\"\n")
_BADGES = re.compile(r"\n<!-- badges: .*?-->\n.*?<!-- end of badges -->\n", re.DOTALL)


def badges(address: str, branch: str = "main") -> str:
    """Give the badges of a repository as Markdown, a line each.

    Parameters
    ----------
    address : str
        ``"https://github.com/OWNER/NAME"``.
    branch : str, default "main"
        What is opened.

    Returns
    -------
    str
        Three lines.
    """
    name = address.removeprefix("https://github.com/")
    colab, binder = "https://colab.research.google.com", "https://mybinder.org"
    lines = (
        (
            "Open in Binder",
            f"{binder}/badge_logo.svg",
            f"{binder}/v2/gh/{name}/{branch}?urlpath=lab/tree/{QUICKSTART}",
        ),
        (
            "Open in Colab",
            f"{colab}/assets/colab-badge.svg",
            f"{colab}/github/{name}/blob/{branch}/{QUICKSTART}",
        ),
        (
            "Open in Codespaces",
            "https://github.com/codespaces/badge.svg",
            f"https://codespaces.new/{name}/tree/{branch}",
        ),
    )
    return "\n".join(f"[![{text}]({image})]({link})" for text, image, link in lines)


def install_cell(address: str, branch: str = "main") -> str:
    """Give the code that installs sertools on Colab, and only there."""
    return (
        "import sys\n\n"
        'if "google.colab" in sys.modules:  # Colab brings no sertools\n'
        f'    source = "git+{address}@{branch}"\n'
        '    get_ipython().run_line_magic("pip", f"install --quiet {source}")'
    )


def with_urls(pyproject: str, address: str) -> str:
    """Put the address into the text of pyproject.toml."""
    entry = f'\n[project.urls]\nRepository = "{address}"\n'
    if _URLS.search(pyproject):
        return _URLS.sub(lambda _: entry, pyproject)
    before, scripts, after = pyproject.partition("\n[project.scripts]\n")
    if not scripts:
        raise ValueError("pyproject.toml has no [project.scripts] to stand before.")
    return f"{before}{entry}{scripts}{after}"


def with_badges(readme: str, lines: str) -> str:
    """Put the badges under the title of the README."""
    title, _, rest = _BADGES.sub("", readme).partition("\n")
    start = "<!-- badges: written by docs/badges.py -->"
    return f"{title}\n\n{start}\n{lines}\n<!-- end of badges -->\n{rest}"


def with_cell(notebook: dict, source: str) -> dict:
    """Put the install cell after the parameters of a notebook."""
    cells = [cell for cell in notebook["cells"] if cell.get("id") != CELL]
    tags = [cell["metadata"].get("tags", []) for cell in cells]
    place = next(i for i, found in enumerate(tags) if "parameters" in found) + 1
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": CELL,
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }
    return {**notebook, "cells": [*cells[:place], cell, *cells[place:]]}


def write(address: str, branch: str = "main", checkout: Path = CHECKOUT) -> list[Path]:
    """Write the address into the three files; give their paths."""
    pyproject, readme = checkout / "pyproject.toml", checkout / "README.md"
    quickstart = checkout / QUICKSTART
    notebook = json.loads(quickstart.read_text(encoding="utf-8"))
    notebook = with_cell(notebook, install_cell(address, branch))
    texts = {
        pyproject: with_urls(pyproject.read_text(encoding="utf-8"), address),
        readme: with_badges(
            readme.read_text(encoding="utf-8"), badges(address, branch)
        ),
        quickstart: json.dumps(notebook, indent=1, ensure_ascii=False) + "\n",
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)


def main(argv: list[str] | None = None) -> int:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("address", help="https://github.com/OWNER/NAME")
    parser.add_argument("--branch", default="main", help="what is opened (main)")
    given = parser.parse_args(argv)
    if not _ADDRESS.fullmatch(given.address):
        parser.error(
            "Binder, Colab and Codespaces open what lies on GitHub: "
            f"https://github.com/OWNER/NAME, not {given.address!r}."
        )
    address = given.address.rstrip("/").removesuffix(".git")
    for path in write(address, given.branch):
        sys.stdout.write(f"written: {path.relative_to(CHECKOUT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
