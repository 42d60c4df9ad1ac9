"""What every widget is: questions from the page, a static form for reports."""

import html
import os

import anywidget
import traitlets

from sertools import labels

STATIC = "SERTOOLS_STATIC"
"""Set in the environment of a report: nobody can click, so nothing is live."""


class Widget(anywidget.AnyWidget):
    """A widget whose page asks Python questions, and that is a picture in a report.

    A subclass answers ``{"ask": "sound", ...}`` from the page in a method
    ``_on_sound(question, buffers)``, which gives a dict and a list of bytes, and
    says in `_static_html` what an executed notebook keeps.
    """

    _emotions = traitlets.List().tag(sync=True)

    def __init__(self, **traits):
        super().__init__(**traits)
        self.on_msg(self._answer)

    def open(self) -> None:
        """Tell the page that there is a widget, unless nobody is there to see it."""
        if not _static():
            super().open()

    def _answer(self, _, question: dict, buffers: list) -> None:
        try:
            answering = getattr(self, f"_on_{question['ask']}")
            answer, binary = answering(question, buffers)
        except Exception as error:  # the page must hear of it: nobody else does
            known = isinstance(error, ValueError | OSError)
            words = str(error) if known else f"{type(error).__name__}: {error}"
            answer, binary = {"error": words}, []
        if "id" in question:
            self.send({"id": question["id"], **answer}, binary)

    def _on_ping(self, *_) -> tuple[dict, list]:
        """Be there."""
        return {}, []

    def _static_html(self, sounds: bool) -> str:
        """Give what a page without Python shows; with players if asked."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs):
        static = _static()
        words = {"text/plain": repr(self), "text/html": self._static_html(static)}
        if static:
            return words, {}
        shown = super()._repr_mimebundle_(**kwargs)
        if shown is None:
            return None
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        return {**data, **words}, metadata


def coloured(word: str) -> dict[str, str]:
    """Give an emotion's name, colour and Korean name; grey for a word that is none."""
    try:
        return named_colour(word)
    except ValueError:
        return {"name": word, "colour": "#8A8A8A", "korean": ""}


def named_colour(emotion: str) -> dict[str, str]:
    """Give an emotion's name, colour and Korean name."""
    korean = labels.korean(emotion)
    return {"name": emotion, "colour": labels.colour(emotion), "korean": korean}


_CARD = "background:#fff;border-radius:8px;padding:12px;max-width:100%"
"""White, with some room around it, on dark pages, too."""


def figure_html(figure, about: str) -> str:
    """Give a matplotlib figure as a picture in HTML, described in words."""
    import base64
    import io

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    data = base64.b64encode(file.getvalue()).decode()
    width = round(figure.get_figwidth() * 90)
    style = f"{_CARD};width:{width}px"
    return (
        f'<img alt="{html.escape(about)}" style="{style}" '
        f'src="data:image/png;base64,{data}">'
    )


def _static() -> bool:
    return bool(os.environ.get(STATIC))
