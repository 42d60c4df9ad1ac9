"""A card: what one corpus or one model is, as a dict that shows itself well."""

import html

__all__ = ["Card"]


class Card(dict):
    """Facts by name, shown as a short list in a terminal and a table in a notebook.

    Examples
    --------
    >>> Card(name="demo", license="CC0-1.0")
    name     demo
    license  CC0-1.0
    """

    def __repr__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{key:{width}}  {_words(self[key])}" for key in self)

    def _repr_html_(self) -> str:
        left = "style='text-align:left'"
        rows = "".join(
            f"<tr><th scope='row' {left}>{html.escape(key)}</th>"
            f"<td {left}>{html.escape(_words(value), quote=False)}</td></tr>"
            for key, value in self.items()
        )
        return f"<table>{rows}</table>"


def _words(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return str(value)
