"""HTML for a notebook: lines, and tables that a screen reader can read out, too."""

import html
import re

__all__ = ["headed", "listed"]

_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL | re.IGNORECASE)
_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL | re.IGNORECASE)
_HEADER = re.compile(r"<th\b([^>]*)>(.*?)</th>", re.DOTALL | re.IGNORECASE)
_SAYS = re.compile(r"\bscope\s*=", re.IGNORECASE)
_NAMED = re.compile(r"<caption\b|<table\b[^>]*\baria-label", re.IGNORECASE)


def headed(page: str, about: str = "") -> str:
    """Say of each header cell in a page's tables whether it heads a column or a row.

    Header cells that hold nothing, such as the corner of a pandas table, become
    plain cells.

    Parameters
    ----------
    page : str
        HTML, or part of it.
    about : str, optional
        What its tables are about, for those that don't say it themselves.

    Returns
    -------
    str
        The same to look at.

    Examples
    --------
    >>> headed("<table><tr><th></th><th>UAR</th></tr></table>")
    '<table><tr><td></td><th scope="col">UAR</th></tr></table>'
    >>> headed("<table><tr><th>svm</th><td>0.76</td></tr></table>", about="Scores")
    '<table aria-label="Scores"><tr><th scope="row">svm</th><td>0.76</td></tr></table>'
    """
    return _TABLE.sub(lambda found: _table(found[0], about), page)


def listed(text: str) -> str:
    r"""Write a few lines of text in HTML: the first one bold, the others as a list.

    Examples
    --------
    >>> listed("a < b:\n  so")
    '<p><b>a &lt; b:</b></p><ul><li>so</li></ul>'
    >>> listed("alone")
    '<p><b>alone</b></p>'
    """
    first, *others = [html.escape(line.strip()) for line in text.splitlines()]
    items = "".join(f"<li>{line}</li>" for line in others)
    return f"<p><b>{first}</b></p>" + (f"<ul>{items}</ul>" if items else "")


def _table(table: str, about: str) -> str:
    table = _ROW.sub(lambda row: _row(row[0]), table)
    if about and not _NAMED.search(table):
        table = f'<table aria-label="{html.escape(about)}"{table[6:]}'
    return table


def _row(row: str) -> str:
    scope = "row" if re.search(r"<td\b", row, re.IGNORECASE) else "col"

    def cell(found: re.Match) -> str:
        told, text = found.groups()
        if not text.strip():
            return f"<td{told}>{text}</td>"
        if _SAYS.search(told):
            return found[0]
        return f'<th{told} scope="{scope}">{text}</th>'

    return _HEADER.sub(cell, row)
