"""The frame of every page: templates, style, and a policy that lets nothing in."""

import base64
import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2

__all__ = ["TEMPLATES", "moment", "number", "render", "span"]

TEMPLATES = Path(__file__).with_name("template")
"""Folder of the page templates."""

_POLICY = (
    "default-src 'none'; img-src data:; media-src data:; font-src data:; "
    "style-src 'unsafe-inline'; script-src {script}; "
    "base-uri 'none'; form-action 'none'"
)


def render(template: str, script: str = "", **content) -> str:
    """Render a page that asks nothing of anybody: no network, no foreign script.

    Parameters
    ----------
    template : str
        File name in `TEMPLATES`.
    script : str, optional
        The page's own script; the browser is told to run no other.
    **content
        What the template shows. Everything is escaped.

    Returns
    -------
    str
        The page.
    """
    allowed = "'none'"
    if script:
        digest = hashlib.sha256(script.encode()).digest()
        allowed = f"'sha256-{base64.b64encode(digest).decode()}'"
    page = _environment().get_template(template)
    return page.render(script=script, policy=_POLICY.format(script=allowed), **content)


def number(value: float | None) -> str:
    """Write a score with three decimals.

    Examples
    --------
    >>> number(0.78125)
    '0.781'
    """
    return "–" if value is None else f"{value:.3f}"  # noqa: RUF001


def span(seconds: float | None) -> str:
    """Write a time span the way people say it.

    Examples
    --------
    >>> span(200.4)
    '3 min 20 s'
    """
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def moment(started: str | None) -> str:
    """Write an ISO moment in UTC shorter."""
    return f"{started[:10]} {started[11:16]} UTC" if started else ""


def _percent(value: float | None) -> str:
    """Place a score between 0 and 1 on an axis, for CSS."""
    return f"{100 * min(max(value or 0, 0), 1):.2f}%"


@functools.cache
def _environment() -> "jinja2.Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, span=span, moment=moment, percent=_percent
    )
    return environment
