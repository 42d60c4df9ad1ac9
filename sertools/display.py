"""Display: how results show themselves in a terminal and in a notebook.

`Display` is the base of everything that shows itself; the functions below it write
its parts: lines, and tables that a screen reader can read out, too.
"""

import html
import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Part(NamedTuple):
    """A part of what is shown: its lines of text, and the same in HTML."""

    lines: Sequence[str] = ()
    html: str = ""


class Display:
    """Base of what shows itself: a class says in `_parts` what, as text and HTML.

    A dataclass needs ``repr=False`` beside it.

    Examples
    --------
    >>> class Answer(Display):
    ...     def _parts(self):
    ...         yield heading("Two clips:", bold=True)
    ...         yield notes(["a < b"])
    >>> Answer()
    Two clips:
      a < b
    >>> Answer()._repr_html_()
    '<p><b>Two clips:</b></p><ul><li>a &lt; b</li></ul>'
    """

    def _parts(self) -> Iterable[Part]:
        raise NotImplementedError

    def __repr__(self) -> str:
        return "\n".join(line for part in self._parts() for line in part.lines)

    def _repr_html_(self) -> str:
        return "".join(part.html for part in self._parts())


def heading(text: str, bold: bool = False) -> Part:
    """Head what is shown with a line."""
    told = html.escape(text)
    return Part([text], f"<p><b>{told}</b></p>" if bold else f"<p>{told}</p>")


def lines(told: Sequence[str]) -> Part:
    """Show a few lines: in HTML the first one bold, the others as a list."""
    return Part(told, listed("\n".join(told)))


def notes(told: Sequence[str], also_html: Sequence[str] = ()) -> Part:
    """Show notes as indented lines, and as a list in HTML that may begin with more."""
    return Part([f"  {note}" for note in told], dotted([*also_html, *told]))


_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL | re.IGNORECASE)
_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL | re.IGNORECASE)
_HEADER = re.compile(r"<th\b([^>]*)>(.*?)</th>", re.DOTALL | re.IGNORECASE)
_CELL = re.compile(r"<(t[dh])[^>]*>(.*?)</\1>", re.DOTALL)
_SCOPED = re.compile(r"\bscope\s*=", re.IGNORECASE)
_NAMED = re.compile(r"<caption\b|<table\b[^>]*\baria-label", re.IGNORECASE)
_SHORT = 30  # characters of a cell that stays on one line


def headed(page: str, about: str = "") -> str:
    """Say of each header cell in a page's tables whether it heads a column or a row.

    Empty header cells become plain cells; `about` names tables that have no name.

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
        if _SCOPED.search(told):
            return found[0]
        return f'<th{told} scope="{scope}">{text}</th>'

    return _HEADER.sub(cell, row)


class Card(Display, dict):
    """Facts by name, shown as a short list in a terminal and a table in a notebook.

    Examples
    --------
    >>> Card(name="demo", license="CC0-1.0")
    name     demo
    license  CC0-1.0
    """

    def _parts(self) -> Iterable[Part]:
        width = max(map(len, self), default=0)
        left = "style='text-align:left'"
        rows = "".join(
            f"<tr><th scope='row' {left}>{html.escape(key)}</th>"
            f"<td {left}>{html.escape(_words(value), quote=False)}</td></tr>"
            for key, value in self.items()
        )
        told = [f"{key:{width}}  {_words(value)}" for key, value in self.items()]
        yield Part(told, f"<table>{rows}</table>")


def _words(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def span(low: float | None, high: float | None, sign: str = "", digits: int = 3) -> str:
    """Write an interval, with a plus before what is above zero if `sign` is "+".

    Examples
    --------
    >>> span(0.5, 0.75), span(-0.1, 0.2, "+"), span(float("nan"), None)
    ('[0.500, 0.750]', '[-0.100, +0.200]', '(no interval)')
    """
    import pandas as pd

    if low is None or pd.isna(low):
        return "(no interval)"
    return f"[{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def p_value(value: float) -> str:
    """Write a p-value; exchanges that are drawn cannot tell very small ones apart.

    Examples
    --------
    >>> p_value(0.03125), p_value(0.0002)
    ('0.031', '0.001 or less')
    """
    return "0.001 or less" if value <= 0.001 else f"{value:.3f}"


def found_from(detectable: float) -> str:
    """Say which difference a test would have found, four times of five.

    Examples
    --------
    >>> found_from(0.12)
    'From 0.120 on, a difference would probably have been found.'
    >>> found_from(float("nan"))
    'So few speakers would hide even a large difference.'
    """
    import pandas as pd

    if pd.isna(detectable):
        return "So few speakers would hide even a large difference."
    return f"From {detectable:.3f} on, a difference would probably have been found."


def chance(p: float, detectable: float) -> str:
    """Say that a difference may be chance, and which one would have been found.

    Examples
    --------
    >>> chance(0.25, 0.12)
    'that may be chance, p = 0.250. From 0.120 on, a difference would probably have \
been found.'
    """
    return f"that may be chance, p = {p_value(p)}. {found_from(detectable)}"


def joint(n: int, what: str) -> list[str]:
    """Say what p-values and intervals hold for, where there are several tests.

    Examples
    --------
    >>> joint(3, "pairs"), joint(1, "pairs")
    (['p holds for all 3 pairs together, each interval for its own.'], [])
    """
    if n < 2:
        return []
    return [f"p holds for all {n} {what} together, each interval for its own."]


def speakers(n: int | None) -> str:
    """Write how many speakers there were.

    Examples
    --------
    >>> speakers(1), speakers(24), speakers(None)
    ('1 speaker', '24 speakers', 'speakers unknown')
    """
    if n is None:
        return "speakers unknown"
    return f"{n} speaker{'s' * (n != 1)}"


def named(info: dict, *keys: str) -> str:
    """Name what a result is of: corpus, model, head, folds, as far as known.

    Examples
    --------
    >>> named({"dataset": "emodb", "model": None, "head": "svm"}, "dataset", "head")
    'emodb / svm'
    """
    return " / ".join(str(info[key]) for key in keys if info.get(key))


def dotted(lines: Iterable[str]) -> str:
    """Write lines as a list in HTML; nothing where there are none.

    Examples
    --------
    >>> dotted(["a < b"]), dotted([])
    ('<ul><li>a &lt; b</li></ul>', '')
    """
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def frame(table: "pd.DataFrame", about: str, **options) -> str:
    """Write a DataFrame in HTML: words to the left, nothing where a value is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> page = frame(pd.DataFrame({"UAR": [0.5]}), "Scores", index=False)
    >>> page.count('aria-label="Scores"'), page.count('<th scope="col">UAR</th>')
    (1, 1)
    """
    import pandas as pd

    page = table.to_html(border=0, na_rep="", **options)
    words = [not pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]
    return headed(_ROW.sub(lambda row: _words_left(row[0], words), page), about)


def _words_left(row: str, words: list[bool]) -> str:
    """Put the cells of columns of words to the left; short ones stay on one line."""
    first = len(_CELL.findall(row)) - len(words)
    count = itertools.count(-first)

    def cell(found: re.Match) -> str:
        place = next(count)
        if place < 0 or not words[place]:
            return found[0]
        short = ";white-space:nowrap" * (len(found[2]) <= _SHORT)
        return f"<{found[1]} style='text-align:left{short}'>{found[2]}</{found[1]}>"

    return _CELL.sub(cell, row)


def rows(
    table: Iterable[Iterable[str]], heading: Iterable[str] = (), about: str = ""
) -> str:
    """Write a table of words in HTML, to the left, under headings if there are any.

    Examples
    --------
    >>> rows([["a", "1 < 2"]]).count("<td"), "1 &lt; 2" in rows([["a", "1 < 2"]])
    (2, True)
    """
    head = _table_row(heading, "th")
    body = "".join(_table_row(row, "td") for row in table)
    start = f"<thead>{head}</thead>" if head else ""
    return headed(f"<table>{start}<tbody>{body}</tbody></table>", about)


def _table_row(cells: Iterable[str], tag: str) -> str:
    style = "text-align:left" + ";white-space:nowrap" * (tag == "td")
    start = f"<{tag} style='{style}'>"
    told = "".join(f"{start}{html.escape(str(cell))}</{tag}>" for cell in cells)
    return f"<tr>{told}</tr>" if told else ""


def visible(text: object) -> str:
    r"""Show control characters, marks of direction and lone bytes as escapes.

    Examples
    --------
    >>> visible(chr(27) + "[31mred"), visible("분노 a")
    ('\\x1b[31mred', '분노 a')
    """
    return "".join(map(_seen, str(text)))


def _seen(letter: str) -> str:
    if letter.isprintable() or unicodedata.category(letter) == "Zs":
        return letter
    if 0xDC80 <= ord(letter) <= 0xDCFF:  # a byte of a name that is no UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return ascii(letter)[1:-1]


def shortened(word: object, most: int = 60) -> str:
    """Cut a word that would fill a screen, and show what cannot be seen.

    Examples
    --------
    >>> shortened("a" * 90, 5)
    'aaaaa...'
    """
    text = visible(word)
    return text if len(text) <= most else f"{text[:most]}..."
