import sys
import textwrap

import pytest

from sertools import models
from sertools.models import _registry


def test_the_systems_are_listed_by_name():
    listed = models.names()
    assert listed == sorted(set(listed))
    assert {"opensmile", "mfcc", "duration_loudness"} <= set(listed)


def test_the_first_variant_is_the_default_and_not_named():
    assert models.load("opensmile").spec == "opensmile"
    assert models.load("opensmile:eGeMAPSv02").spec == "opensmile"
    assert models.load("opensmile:").spec == "opensmile"
    assert models.load(" opensmile:ComParE_2016 ").spec == "opensmile:ComParE_2016"


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("opensmlie", r"Unknown model 'opensmlie'. Did you mean opensmile\? Known: .*"),
        ("OpenSMILE", r"Unknown model 'OpenSMILE'. Did you mean opensmile\? Known: .*"),
        ("zzz", r"Unknown model 'zzz'. Known: .*mfcc, opensmile.*"),
        ("", r"Unknown model ''. Known: .*"),
        ("mfcc+zzz", r"Unknown model 'zzz'. Known: .*"),
        ("fusion", r"Unknown model 'fusion'. Known: .*"),
        ("heads", r"Unknown model 'heads'. Known: .*"),
        (
            "opensmile:egemaps",
            r"opensmile has no variant 'egemaps'. Did you mean eGeMAPSv02\? "
            "Variants: eGeMAPSv02, ComParE_2016.",
        ),
        ("mfcc:big", r"mfcc has no variant 'big'. Variants: none."),
    ],
)
def test_an_unknown_name_or_variant_is_refused_with_near_ones(spec, line):
    for ask in (models.load, models.card):
        with pytest.raises(ValueError, match=f"^{line}$"):
            ask(spec)


def test_loading_reads_no_weights_and_imports_no_backend():
    code = "from sertools import models; models.load('opensmile:ComParE_2016')"
    code += "; import sys; print('opensmile' in sys.modules, 'librosa' in sys.modules)"
    import subprocess

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.split() == ["False", "False"], run.stderr


def imported(code):
    """Give this package's modules that Python knows after some code."""
    import subprocess

    code += "\nimport sys\nprint(*(n for n in sys.modules if n.startswith('sertools')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def test_a_system_brings_few_modules_and_no_other_system():
    found = imported("from sertools import models; models.load('mfcc')")
    assert len(found) <= 12, found
    others = {f"sertools.models.{name}" for name in models.names()}
    assert others & {*found} == {"sertools.models.mfcc"}


@pytest.mark.parametrize("name", ["opensmile", "yamnet", "whisper", "ravdess_cnn"])
def test_asking_for_one_system_imports_one(name):
    found = imported(f"from sertools import models; models.card({name!r})")
    others = {f"sertools.models.{name}" for name in models.names()}
    assert others & {*found} == {f"sertools.models.{name}"}


def test_a_parameter_that_a_system_has_is_passed_on():
    assert models.load("whisper:base", layers=3, padding=False).padding is False
    assert models.load("ravdess_cnn", rate=16_000).sampling_rate == 16_000


@pytest.mark.parametrize(
    ("spec", "option", "line"),
    [
        (
            "mfcc",
            {"layers": 3},
            "mfcc has no parameter 'layers'. "
            "Parameters: variant, weights, device, trust.",
        ),
        (
            "whisper:base:layer4",
            {"layers": 4},
            "whisper:base:layer4 says layers already: leave layers= out.",
        ),
        (
            "mfcc+whisper:base",
            {"layers": 4},
            "layers= belongs to one system; mfcc+whisper:base is several.",
        ),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(spec, option, line):
    with pytest.raises(ValueError) as refusal:
        models.load(spec, **option)
    assert str(refusal.value) == line


def test_a_file_in_the_folder_is_all_that_a_new_system_takes(monkeypatch, tmp_path):
    (tmp_path / "peak.py").write_text(
        textwrap.dedent(
            '''
            from typing import NamedTuple

            import numpy as np

            from sertools.models.base import Embedder


            class Range(NamedTuple):
                """A helping class that is no system."""

                low: float
                high: float


            class Quiet(Embedder):
                """A helping class that is no system either."""

                name = "quiet"


            class Peak(Quiet):
                """Embed speech as its range."""

                name = "peak"
                title = "Range"
                license = "Apache-2.0"
                reference = ""

                def _feature_names(self):
                    return list(Range._fields)

                def _embed(self, waveforms):
                    return np.stack([Range(w.min(), w.max()) for w in waveforms])
            '''
        )
    )
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    try:
        assert "peak" in models.names()
        assert models.load("peak").embed([[-0.5, 1.0] * 1_000]).tolist() == [[-0.5, 1]]
        assert models.load("peak+mfcc").get_feature_names_out()[0] == "peak/low"
    finally:
        _registry._SYSTEMS.pop("peak", None)
        sys.modules.pop("sertools.models.peak", None)
        vars(models).pop("peak", None)
