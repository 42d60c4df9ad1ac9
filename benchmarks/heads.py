"""Score how well the plain heads know when they are right.

eGeMAPSv02, speakers held out: EmoDB's four emotions, the demo corpus, and as many
actors of RAVDESS as there are. A line a head: UAR, AUROC of being right (does its
confidence tell right answers from wrong ones?), log loss, and the share of what
silence could buy that the risk-coverage curve gains. `former` is the svm as it was
before it summed its margins: standard scores, scikit-learn's "ovr" values. Each head
is tested against it, by exchanging answers for whole speakers.

    python benchmarks/heads.py --root emodb=EMODB --root demo= --root ravdess=RAVDESS
"""

import argparse

from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sertools import datasets, evaluation, features, models
from sertools.models.heads import SpeakerSVC

HEADS = ("svm", "logistic", "random_forest")
EMOTIONS = {"emodb": "angry,happy,neutral,sad"}


class FormerSVC(SpeakerSVC):
    """The same machine with votes for values."""

    def _svc(self):
        return super()._svc().set_params(decision_function_shape="ovr")


def main() -> None:
    """Score every head on every corpus."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", action="append", required=True, metavar="NAME=DIR")
    former = Pipeline([("scale", StandardScaler()), ("svm", FormerSVC())])
    heads = {"former": former} | {name: name for name in HEADS}
    for pair in parser.parse_args().root:
        name, _, root = pair.partition("=")
        clips = datasets.load(name, root or None)
        clips = datasets.select(clips, EMOTIONS.get(name))
        X = features.extract(models.load("opensmile"), clips, progress=False)
        clips = clips.loc[X.index]
        print(f"\n{name}: {len(clips)} clips, {clips['speaker'].nunique()} speakers")
        print(f"  {'':15}{'UAR':22}AUROC  log loss  gained   UAR - former")
        found = {n: evaluation.cross_validate(h, X, clips) for n, h in heads.items()}
        for head, result in found.items():
            pair = {head: result, "former": found["former"]}
            print(f"  {head:15}{told(result)}{tested(pair) if len(pair) > 1 else ''}")


def tested(pair: dict[str, evaluation.Result]) -> str:
    """Give the paired test against the former svm."""
    row = evaluation.compare(pair).pairs.iloc[0]
    if row[["low", "p"]].isna().any():
        return "   too few speakers to test"
    ends = [row["difference"], row["low"], row["high"]]
    if row["a"] == "former":
        ends = [-ends[0], -ends[2], -ends[1]]
    return "   {:+.3f} [{:+.3f}, {:+.3f}]".format(*ends) + f"  p = {row['p']:.3f}"


def told(result: evaluation.Result) -> str:
    """Put a head's figures on a line."""
    uar, curve = result.scores()["uar"], result.risk_coverage()
    answers = curve.answers
    right = answers["emotion"] == answers["predicted"]
    area = roc_auc_score(right, answers["confidence"])
    loss = result.calibration().scores.loc["log_loss", "value"]
    span = f"{uar['value']:.3f} [{uar['low']:.3f}, {uar['high']:.3f}]"
    return f"{span:22}{area:.3f}  {loss:8.3f}  {curve.gain:6.0%}"


if __name__ == "__main__":
    main()
