"""What heads chose for themselves in each fold, and how a reader is told."""

from collections import Counter

from sertools.models import heads

__all__ = ["taken", "told"]


def taken(head) -> dict:
    """Take from a fitted head what it chose for itself, if it is one that does.

    Parameters
    ----------
    head : estimator
        Fitted.

    Returns
    -------
    dict
        ``tuned``: the settings that `sertools.models.heads.Tuned` took, ``None``
        where it had too little to go on. ``chosen``: what `Best` took, as
        ``candidate`` and ``settings``, with the ``losses`` of all. Empty for other
        heads.
    """
    if isinstance(head, heads.Tuned):
        return {"tuned": _short(head.chosen_)}
    if isinstance(head, heads.Best):
        return {"chosen": {**head.chosen_, "losses": head.losses_}}
    return {}


def told(found: dict[str, dict]) -> list[str]:
    """Say in a line what was chosen, and where there was too little to go on.

    Parameters
    ----------
    found : dict of dict
        What `taken` gave, by fold.

    Examples
    --------
    >>> told({"tuned": {"1": {"C": 1.0}, "2": {"C": 1.0}}})
    ['Tuned in each fold, on training speakers held out: C = 1.0 (2x).']
    >>> told({"chosen": {"1": {"candidate": "svm", "losses": {"svm": 0.3}}}})
    ['Chosen in each fold, on training speakers held out: svm (1 of 1).']
    """
    return [*_tuned(found.get("tuned", {})), *_chosen(found.get("chosen", {}))]


def _short(settings: dict | None) -> dict | None:
    """Name settings as a person would: ``C``, not ``head__logistic__C``."""
    return settings and {key.rpartition("__")[2]: v for key, v in settings.items()}


def _tuned(folds: dict[str, dict | None]) -> list[str]:
    settings = Counter(
        ", ".join(f"{key} = {value}" for key, value in one.items())
        for one in folds.values()
        if one
    )
    each = "; ".join(f"{setting} ({n}x)" for setting, n in settings.most_common())
    said = []
    if settings:
        said.append(f"Tuned in each fold, on training speakers held out: {each}.")
    if untuned := [name for name, one in folds.items() if not one]:
        said.append(
            f"Not tuned in {len(untuned)} of {len(folds)} folds, the first "
            f"{untuned[0]}: fewer than three training speakers, or not known; the "
            "head's defaults stand."
        )
    return said


def _chosen(folds: dict[str, dict]) -> list[str]:
    took = Counter(one["candidate"] for one in folds.values() if one["losses"])
    each = "; ".join(f"{name} ({n} of {len(folds)})" for name, n in took.most_common())
    said = []
    if took:
        said.append(f"Chosen in each fold, on training speakers held out: {each}.")
    if unchosen := [name for name, one in folds.items() if not one["losses"]]:
        usual = folds[unchosen[0]]["candidate"]
        said.append(
            f"Nothing could be chosen in {len(unchosen)} of {len(folds)} folds, the "
            f"first {unchosen[0]}: fewer than three training speakers, or not known; "
            f"there it is the {usual}, with usual penalties."
        )
    return said
