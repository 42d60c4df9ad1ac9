import numpy as np
import pytest

from sertools.models._layers import name_columns, numbers_of, read_layers, spell_layers


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        ([], None),
        (["layers"], "all"),
        (["layer0"], 0),
        (["layer12"], 12),
        (["layer3", "layer6"], [3, 6]),
    ],
)
def test_what_is_spelt_is_read_again(options, layers):
    assert read_layers(options) == layers
    assert spell_layers(layers, 12) == options


@pytest.mark.parametrize("option", ["layer", "layer04", "layer-1", "4", "Layer4", ""])
def test_what_names_no_layer_is_refused(option):
    with pytest.raises(ValueError, match="no layers"):
        read_layers([option])


def test_numbers_are_in_order_and_there_once():
    assert numbers_of([3, 1, 3], 4) == numbers_of(np.array([1, 3])) == (1, 3)
    assert numbers_of("all", 3) == (1, 2, 3)
    assert numbers_of("last", 3) == numbers_of(None) == ()
    with pytest.raises(ValueError, match="there are 0 to 3"):
        numbers_of(4, 3)


def test_columns_name_their_layer_where_there_are_several():
    assert name_columns(2, ()) == name_columns(2, (7,)) == ["embedding0", "embedding1"]
    assert name_columns(1, (0, 7)) == ["layer0/embedding0", "layer7/embedding0"]
