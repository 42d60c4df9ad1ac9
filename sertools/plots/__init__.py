"""Pictures: Axes in, Axes out; nothing is shown or saved here.

Every function draws on the Axes it is given, or makes a figure of fitting size.
Headings stand on the left: ``ax.set_title("Mine", loc="left")`` replaces one.
"""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "class_scores": "bars",
        "comparison": "ranking",
        "confusion_matrix": "confusion",
        "contours": "melody",
        "cross_corpus": "crossing",
        "descriptors": "tracks",
        "embeddings": "scatter",
        "emotion_timeline": "course",
        "enrolment": "enrolling",
        "frame_scores": "frames",
        "importances": "bars",
        "occlusion": "masked",
        "probes": "knowledge",
        "reliability": "diagram",
        "reliance": "families",
        "risk_coverage": "silence",
        "robustness": "degraded",
        "scores": "intervals",
        "set_coverage": "covered",
        "speaker_recall": "speakers",
        "spectrogram": "sound",
        "subgroups": "groups",
        "waveform": "sound",
    },
)
