"""What a saved head is: a folder with a card, or a classifier made elsewhere."""

import functools
import json
from pathlib import Path

from sertools import trust

__all__ = [
    "CARD",
    "HEAD",
    "KIND",
    "foreign_embedder",
    "read_card",
    "read_foreign",
    "score_in_words",
]

CARD, HEAD, KIND = "card.json", "head.skops", "a head trained by sertools"
_FOREIGN = {88: "opensmile", 6373: "opensmile:ComParE_2016", 80: "mfcc"}
_SUFFIXES = (".skops", ".pkl", ".pickle", ".joblib")


def read_card(path: Path) -> dict:
    """Read a card that ``sertools train`` wrote.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is none, or it is something else.
    """
    return _read_card(path, path.stat().st_mtime_ns if path.exists() else 0)


@functools.lru_cache(maxsize=16)
def _read_card(path: Path, changed: int) -> dict:
    """Read a card that ``sertools train`` wrote."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path.parent}: no {CARD}, so nothing that sertools train wrote."
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: not a card ({error}).") from None
    needed = {"embedder", "classes", "features", "temperature", "reach"}
    kind = facts.get("kind") if isinstance(facts, dict) else None
    if kind != KIND or not needed <= set(facts):
        raise ValueError(f"{path}: not the card of {KIND}.")
    return facts


def read_foreign(path: Path, trusted: bool):
    """Read a scikit-learn classifier that was made elsewhere."""
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f"{path}: not a head. Give a folder that sertools train wrote, or a "
            f"scikit-learn classifier ({', '.join(_SUFFIXES)})."
        )
    head = trust.load_head(path, trust=trusted)
    if not hasattr(head, "predict_proba") or not hasattr(head, "classes_"):
        raise ValueError(f"{path}: {type(head).__name__} gives no probabilities.")
    return head


def foreign_embedder(path: Path, head) -> str:
    """Tell from their number which features a foreign head was fitted on."""
    n = getattr(head, "n_features_in_", None)
    if n not in _FOREIGN:
        known = ", ".join(f"{k} ({v})" for k, v in _FOREIGN.items())
        raise ValueError(f"{path}: fitted on {n} features; known are {known}.")
    return _FOREIGN[n]


def score_in_words(told: dict) -> str:
    """Sum up one of the scores on a card in a line."""
    uar, loss = told["uar"], told["log_loss"]
    within = f" [{uar['low']:.3f}, {uar['high']:.3f}]" if uar["low"] is not None else ""
    careful = told.get("uar_with_abstention")
    return (
        f"{told['n_clips']} clips: UAR {uar['value']:.3f}{within}, log loss "
        f"{loss['after']:.3f} ({loss['before']:.3f} before calibration)"
        + (
            f"; answers 'other' for {told['abstains']:.1%}, and with these as "
            f"mistakes UAR {careful['value']:.3f}"
            if careful
            else ""
        )
    )
