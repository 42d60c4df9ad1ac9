import re

import pandas as pd
import pytest

from sertools.markup import headed

TABLES = {
    "plain": pd.DataFrame({"a": [1, 2]}),
    "named index": pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="clip")),
    "two levels": pd.DataFrame(
        [[1, 2]],
        columns=pd.MultiIndex.from_product([["A"], ["b", "c"]]),
        index=pd.MultiIndex.from_tuples([("x", "y")]),
    ),
    "empty": pd.DataFrame(columns=["a", "b"]),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_header_of_a_pandas_table_heads_something(table):
    page = headed(table.to_html())
    headers = re.findall(r"<th\b([^>]*)>(.*?)</th>", page, flags=re.DOTALL)
    assert headers
    for told, text in headers:
        assert text.strip()
        assert re.search(r'scope="(col|row)"', told)
    cells = re.compile(r"<t[dh]\b")
    assert len(cells.findall(page)) == len(cells.findall(table.to_html()))


def test_columns_and_rows_are_told_apart():
    page = headed(TABLES["plain"].to_html())
    assert '<th scope="col">a</th>' in page
    assert '<th scope="row">0</th>' in page


def test_twice_is_as_good_as_once():
    page = headed(TABLES["named index"].to_html(), "Clips")
    assert headed(page, "Something else") == page


@pytest.mark.parametrize(
    "page",
    [
        "<p>no table, 1 < 2 &amp; <th></p>",
        '<table><caption>a</caption><tr><th scope="col">a</th></tr></table>',
        "<table><tr><td>only cells</td></tr></table>",
    ],
)
def test_what_is_well_stays(page):
    assert headed(page) == page


def test_a_table_is_named_once():
    assert headed("<TABLE class='x'></TABLE>", 'a "b"') == (
        "<table aria-label=\"a &quot;b&quot;\" class='x'></TABLE>"
    )
    named = "<table><caption>mine</caption></table>"
    assert headed(named, "ours") == named
