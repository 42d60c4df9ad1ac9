import pandas as pd
import pytest

from sertools.evaluation.grouping import groups

TABLE = pd.DataFrame({"sex": ["female", None], "n": [1, 2]})


def test_what_is_unknown_is_a_group_of_its_own():
    assert groups(TABLE, "sex").tolist() == ["female", "unknown"]


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="No column 'age' .* Known: sex, n"):
        groups(TABLE, "age")
    with pytest.raises(ValueError, match="Known: sex\\."):
        groups(TABLE, "age", ["sex"])
