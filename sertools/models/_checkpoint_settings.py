"""What a checkpoint of transformers says of itself, and how much of that is heard.

Settings are parsed, never searched as text. Of a kind of network that was looked
at, those that its own class of transformers has are handed on; what reaches for
code is named and needs trust, and whatever else there is gets left out.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from sertools import trust
from sertools.extras import require

CONFIG = "config.json"
EXTRACTORS = ("preprocessor_config.json", "processor_config.json")

_NETWORKS = frozenset(
    "audio-spectrogram-transformer data2vec-audio hubert sew sew-d unispeech "
    "unispeech-sat wav2vec2 wav2vec2-bert wav2vec2-conformer wavlm whisper".split()
)
_EXTRACTORS_KNOWN = frozenset(
    "ASTFeatureExtractor SeamlessM4TFeatureExtractor Wav2Vec2FeatureExtractor "
    "WhisperFeatureExtractor".split()
)
_ATTENTION = ("eager", "sdpa", "flash_attention_2", "flex_attention")
_CHOICES = ("attn_implementation", "experts_implementation")
_SHOWN = 3  # names in a message
_CODE = ("auto_map", "custom_pipelines", "custom_generate")
_LOADS = ("quantization_config", "kernel_config", "use_kernels", "backbone")


def read_json(path: Path) -> dict:
    """Read a table of settings; an empty one where there is no file."""
    try:
        told = json.loads(trust.read(path))
    except FileNotFoundError:
        return {}
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: damaged: no JSON.") from error
    if not isinstance(told, dict):
        raise ValueError(f"{path}: damaged: not a table of settings.")
    return told


def settings(folder: Path) -> tuple[dict, dict]:
    """Read what a folder says of its network and of how waveforms are prepared."""
    config = read_json(folder / CONFIG)
    for name in EXTRACTORS:
        if told := read_json(folder / name):
            part = told.get("feature_extractor", told)
            return config, part if isinstance(part, dict) else {}
    return config, {}


def reaches(folder: Path) -> str:
    """Say what a checkpoint's settings would have transformers run or fetch."""
    runs: set[str] = set()
    for name in (CONFIG, *EXTRACTORS):
        runs |= {*_runs(read_json(folder / name))}
    if runs:
        rest = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
        return f"Python of its own: {', '.join(sorted(runs)[:_SHOWN])}{rest}"
    config, extractor = settings(folder)
    network, preparation = config.get("model_type"), _kind_of(extractor)
    if isinstance(network, str) and network not in _NETWORKS:
        return f"a network of a kind that nobody looked at, {network[:40]!r}"
    if preparation is not None and preparation not in _EXTRACTORS_KNOWN:
        return f"an extractor that nobody looked at, {str(preparation)[:40]!r}"
    return ""


def leave_out_the_rest(folder: Path) -> None:
    """Rewrite the settings of a private copy: only those that its class has."""
    config = read_json(folder / CONFIG)
    kinds = require("transformers").CONFIG_MAPPING
    if config.get("model_type") not in kinds:
        return
    kind = kinds[config["model_type"]]
    known = {*kind().to_dict(), *kind.attribute_map} - {"_name_or_path"}
    kept = {name: value for name, value in config.items() if name in known}
    (folder / CONFIG).write_text(json.dumps(kept), encoding="utf-8")


def _kind_of(extractor: dict) -> object:
    """Give the class of an extractor; old files call it by an older name."""
    kind = extractor.get("feature_extractor_type")
    old = str(kind).replace("SpeechFeatureExtractor", "FeatureExtractor")
    return old if old in _EXTRACTORS_KNOWN else kind


def _runs(told: object) -> Iterator[str]:
    """Look for what reaches for code, however deep it stands."""
    if isinstance(told, list):
        for value in told:
            yield from _runs(value)
    if not isinstance(told, dict):
        return
    for name, value in told.items():
        choice = name.strip("_").removesuffix("_internal")
        if choice in _CHOICES:
            foreign = (leaf for leaf in _leaves(value) if leaf not in _ATTENTION)
            yield from (f"the kernel {leaf}" for leaf in foreign)
        elif name in _CODE:
            yield from _leaves(value)
        elif name in _LOADS and value not in (None, False):
            yield f"what its {name} asks for"
        else:
            yield from _runs(value)


def _leaves(value: object) -> Iterator:
    """Give what stands at the ends of a value, as it is spelt."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield str(value)
