"""Take out of HTML whatever would run, or reach for the network."""

import re

from sertools.markup import headed

__all__ = ["clean"]

_SUSPECT = re.compile(
    r"<(script|link|iframe|frame|object|embed|base|meta|form|noscript)\b"
    r"|[\s/'\"]on\w+\s*=|javascript:|@import|url\("
    r"|\b(src|srcset|srcdoc|poster|background|action|formaction|href)\s*=",
    re.IGNORECASE,
)
_GONE = ["script", "link", "iframe", "frame", "object", "embed", "base", "meta"]
_LOADS = {"src", "srcset", "srcdoc", "poster", "background", "data", "ping"}
_LOADS |= {"action", "formaction"}
_DATA = re.compile(r"data:(image|audio|video|font)/", re.IGNORECASE)
_LINK = re.compile(r"(https?:|mailto:|#|[\w./#%?=&-]+$)", re.IGNORECASE)
_REACH = re.compile(
    r"@import[^;]*;?|url\(\s*(?!['\"]?\s*(?:data:|#))[^)]*\)", re.IGNORECASE
)


def clean(html: str) -> str:
    """Take out scripts, event handlers and everything fetched from elsewhere.

    Plain links stay; pictures and sound stay where they are part of the page.
    Header cells of tables say what they head.

    Parameters
    ----------
    html : str
        Part of a page.

    Returns
    -------
    str
        The same without what could run or reach out.

    Examples
    --------
    >>> clean('<b onclick="run()">bold</b><script>run()</script>')
    '<b>bold</b>'
    """
    html = headed(html)
    if not _SUSPECT.search(html):
        return html
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(_GONE):
        tag.decompose()
    for tag in soup.find_all("form"):
        tag.unwrap()
    for tag in soup.find_all("style"):
        tag.string = _REACH.sub("none", tag.string or "")
    for tag in soup.find_all(True):
        _disarm(tag)
    for tag in soup.find_all("img", src=False):
        tag.replace_with(_note(soup))
    return str(soup)


def _disarm(tag) -> None:
    """Take out of one element what runs, loads or misleads."""
    for name in list(tag.attrs):
        value = tag.attrs[name]
        value = (" ".join(value) if isinstance(value, list) else value or "").strip()
        kind = name.lower().rpartition(":")[2]  # xlink:href is href
        if kind == "href" and tag.name == "a":
            harmless = _LINK.match(value)
        elif kind == "href" or kind in _LOADS:
            harmless = _DATA.match(value) or value.startswith("#")
        else:
            harmless = not kind.startswith("on")
        if not harmless:
            del tag[name]
        elif kind == "style":
            tag[name] = _REACH.sub("none", value)


def _note(soup):
    note = soup.new_tag("em")
    note.string = "[a picture from elsewhere, not part of this page]"
    return note
