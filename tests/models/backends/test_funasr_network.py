"""FunASR's network comes alone, quietly, and out of nobody's way."""

import subprocess
import sys

import pytest

from sertools import extras
from sertools.models.backends.funasr_network import network, settings

pytestmark = pytest.mark.skipif(
    not (extras.available("funasr") and extras.available("torch")),
    reason="needs funasr and torch",
)


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def test_the_rest_of_funasr_is_not_imported_and_nothing_is_printed():
    done = run("""
import sys
from sertools.models.backends.funasr_network import network, settings
small = settings(64, 1, 1, 1, 8, 1)
first, second = network(small, 3), network(small)
assert not [name for name in sys.modules if name.partition(".")[0] == "funasr"]
assert "transformers" not in sys.modules
assert type(first) is type(second)
assert first.proj.out_features == 3 and second.proj is None and not first.training
""")
    assert (done.stdout, done.stderr) == ("", "")


def test_an_empty_network_has_no_numbers():
    made = network(settings(64, 1, 1, 1, 8, 1), 3, empty=True)
    assert all(value.is_meta for value in made.state_dict().values())


def test_the_base_size_is_that_of_the_published_one():
    made = network(settings(), 9, empty=True)
    assert len(made.blocks) == 8
    assert len(made.modality_encoders["AUDIO"].context_encoder.blocks) == 4
    millions = sum(p.numel() for p in made.parameters()) / 1e6
    assert 90 < millions < 95  # about 90, its authors say


@pytest.mark.slow
@pytest.mark.parametrize("first", ["whole", "alone"])
def test_all_of_funasr_can_be_imported_before_or_after(first):
    whole = "import funasr, funasr.utils.misc; from funasr import AutoModel"
    alone = "made = network(settings(64, 1, 1, 1, 8, 1), 3)"
    order = [whole, alone] if first == "whole" else [alone, whole, alone]
    run(
        "\n".join(
            [
                "from sertools.models.backends.funasr_network import network, settings",
                *order,
                "import funasr, sys",
                "from funasr.register import tables",
                "assert len(tables.model_classes) > 20",
                "assert funasr.models.emotion2vec.model.Emotion2vec",
                "assert sys.modules['funasr'] is funasr and funasr.__version__",
            ]
        )
    )
