from sertools.evaluation import wording


def test_nothing_is_written_where_there_is_nothing():
    assert wording.dotted([]) == ""
    assert wording.named({"dataset": None}, "dataset", "model") == ""
    assert "<thead>" not in wording.rows([["a"]])


def test_what_bites_is_written_harmlessly():
    attack = "<img src=x onerror=alert(1)>"
    for page in (wording.dotted([attack]), wording.rows([[attack]], [attack])):
        assert "<img" not in page
        assert "&lt;img" in page


def test_an_interval_may_show_its_sign_and_fewer_digits():
    assert wording.span(-0.5, 0.25, "+", 2) == "[-0.50, +0.25]"
    assert wording.span(None, None) == "(no interval)"
