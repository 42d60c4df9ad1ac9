"""What a score means, and what it must not be used for: a line, and a page."""

import re

from sertools import files

LINE = (
    "Acted speech: a score is agreement with what an actor meant, not what a person "
    "feels; not for decisions about people."
)
"""Stands wherever a recording is scored."""

_BREAK = re.compile(r"\n\s*\n|\n(?=- )")
_PART = re.compile(r"(?P<bullet>- )?(?:\*\*(?P<lead>.+?)\*\*)?(?P<text>.*)", re.DOTALL)
_MARK = re.compile(r"\*{1,2}(?=\S)(.+?)(?<=\S)\*{1,2}|`(.+?)`", re.DOTALL)


def page() -> str:
    """Give the whole text, in Markdown.

    Raises
    ------
    FileNotFoundError
        If the installation lacks it.
    """
    path = files.folder("docs") / "intended_use.md"
    return path.read_text(encoding="utf-8").rstrip()


def paragraphs() -> list[dict[str, str]]:
    """Give the text as plain paragraphs, for a page that knows no Markdown.

    Returns
    -------
    list of dict of str to str
        ``kind`` (heading, paragraph or item), ``lead``, the words in bold that it
        begins with, and ``text``, the rest.

    Examples
    --------
    >>> paragraphs()[1]["lead"]
    'What a score means.'
    """
    return [_paragraph(part) for part in _BREAK.split(page())]


def _paragraph(part: str) -> dict[str, str]:
    part = " ".join(part.split())
    if part.startswith("# "):
        return {"kind": "heading", "lead": "", "text": part[2:]}
    found = _PART.fullmatch(part)
    return {
        "kind": "item" if found["bullet"] else "paragraph",
        "lead": _plain(found["lead"] or ""),
        "text": _plain(found["text"].strip()),
    }


def _plain(text: str) -> str:
    return _MARK.sub(lambda mark: mark[1] or mark[2], text)
