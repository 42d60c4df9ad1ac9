"""What the head `best` chooses from: a short list, drawn up beforehand.

The list holds what the field commonly uses, and nothing that any corpus was asked
about. Two families of classifiers: a linear one (multinomial logistic regression)
and one that is not (a support vector machine with an RBF kernel, its width the one
that scikit-learn calls ``"scale"``). With a few hundred clips and up to thousands
of features these are what most papers on acted speech report, and both are quick.

Features come as standard scores, or as ranks: those of openSMILE have long tails,
and which of the two suits a classifier depends on the corpus. The ranks are as fine
as the training clips allow, so that there is no further number to pick. Penalties
go by decades, from one tenth to one hundred: with features of unit mean length, as
they are here, that spans heads that are hardly sure of anything and heads that are
all but unpenalised.

Where several sets of features stand side by side, each is tried alone (a larger set
is not always the better one), all as one (early fusion), and the answers averaged
(late fusion, which seldom hurts), for each family and for both together. Last comes
a head above that learns from held-out speakers how far to believe each.

The order is from the simplest to the most composed; of equals, the first is taken.
"""

from typing import NamedTuple

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sertools.models.heads.ranks import NormalRanks
from sertools.models.heads.rotation import UnitRotation
from sertools.models.heads.svm import SpeakerSVC

__all__ = [
    "ALL",
    "FALLBACK",
    "PENALTIES",
    "SCALINGS",
    "USUAL",
    "Candidate",
    "Member",
    "classifier",
    "listed",
    "made",
    "scaled",
]

ALL = "all"
SCALINGS = ("standard", "ranks")
PENALTIES = (0.1, 1.0, 10.0, 100.0)

# Without speakers to ask: scikit-learn's own for the one; for the other, scores of
# about +-3 before the softmax, which is as sure as a fair head gets on new voices.
USUAL = {
    "logistic": {"scaling": "standard", "C": 10.0},
    "svm": {"scaling": "standard", "C": 1.0},
}
FALLBACK = "average of logistic and svm"


class Member(NamedTuple):
    """A classifier of a family, on one set of features or on `ALL` of them."""

    family: str
    features: str


class Candidate(NamedTuple):
    """Something to choose: one member, or several averaged or stacked."""

    members: tuple[Member, ...]
    stacked: bool = False


def listed(sets) -> dict[str, Candidate]:
    """List the candidates for some sets of features, the simplest first.

    Parameters
    ----------
    sets : mapping of str to list of int
        The columns of each set; see `sertools.models.heads.average.fused_sets`.

    Returns
    -------
    dict of str to Candidate
        By the name under which a reader meets them.

    Examples
    --------
    >>> list(listed({"": [0, 1]}))
    ['logistic', 'svm', 'average of logistic and svm', 'stack of logistic and svm']
    >>> list(listed({"mfcc": [2, 3, 4], "yamnet": [0, 1]}))[:3]
    ['logistic on yamnet', 'svm on yamnet', 'logistic on mfcc']
    """
    several = len(sets) > 1
    narrow_first = sorted(sets, key=lambda name: len(sets[name]))
    found = {}
    for name in [*narrow_first, ALL] if several else narrow_first:
        for family in USUAL:
            title = f"{family} on {name}" if several else family
            found[title] = Candidate((Member(family, name),))
    one = {family: [Member(family, name) for name in sets] for family in USUAL}
    if several:
        for family, members in one.items():
            found[f"average of {family}"] = Candidate(tuple(members))
    both = tuple(member for members in one.values() for member in members)
    found[FALLBACK] = Candidate(both)
    found["stack of logistic and svm"] = Candidate(both, stacked=True)
    return found


def made(family: str, scaling: str, C: float) -> Pipeline:
    """Make an unfitted classifier of a family, with what is done to its features.

    Parameters
    ----------
    family : {"logistic", "svm"}
        Which.
    scaling : {"standard", "ranks"}
        What it is given: standard scores, or normal scores of the ranks.
    C : float
        Inverse penalty.

    Returns
    -------
    Pipeline
        Its last step bears the family's name.
    """
    return Pipeline([*scaled(scaling).steps, *classifier(family, C).steps])


def scaled(scaling: str) -> Pipeline:
    """Make what is done to each feature by itself."""
    steps = [("scale", StandardScaler())]
    if scaling == "ranks":
        steps.insert(0, ("rank", NormalRanks(quantiles=None)))
    return Pipeline(steps)


def classifier(family: str, C: float = 1.0) -> Pipeline:
    """Make what comes after the scaling."""
    if family == "svm":
        return Pipeline([(family, SpeakerSVC(C=C, folds=1))])
    last = LogisticRegression(C=C, class_weight="balanced", max_iter=2000)
    return Pipeline([("rotate", UnitRotation()), (family, last)])
