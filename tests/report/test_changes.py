from sertools.report.changes import before, changes, identity

OLD = {
    "run": "a-1",
    "notebook": "toy",
    "status": "ok",
    "started": "2026-01-01",
    "parameters": {"dataset": "demo", "head": "svm", "seed": 0, "root": "here"},
    "packages": {"numpy": "2.4.5", "scipy": "1.17"},
    "platform": "Linux x86_64",
    "source_sha256": "ab" * 32,
    "corpus_sha256": "cd" * 32,
    "weights_sha256": None,
    "git_commit": "0123456789",
}


def said(old, new):
    return [str(change) for change in changes(old, new)]


def test_nothing_changed():
    assert changes(OLD, OLD) == []


def test_where_files_lie_is_no_change():
    moved = {**OLD["parameters"], "root": "there", "weights": "/a/model.pt"}
    assert changes(OLD, {**OLD, "parameters": moved}) == []
    assert identity(OLD) == identity({**OLD, "parameters": moved})


def test_random_weights_are_another_experiment():
    tiny = {**OLD, "parameters": {**OLD["parameters"], "weights": "tiny"}}
    assert identity(OLD) != identity(tiny)


def test_all_that_can_change_is_named_parameters_first():
    new = {
        **OLD,
        "parameters": {**OLD["parameters"], "head": "logistic"},
        "packages": {"numpy": "2.4.6", "torch": "2.11"},
        "source_sha256": "ef" * 32,
        "corpus_sha256": "01" * 32,
        "git_commit": "9876543210",
    }
    assert said(OLD, new) == [
        "head svm → logistic",
        "source abababab → efefefef",
        "corpus cdcdcdcd → 01010101",
        "commit of sertools 01234567 → 98765432",
        "numpy 2.4.5 → 2.4.6",
        "scipy 1.17 → none",
        "torch none → 2.11",
    ]


def test_what_a_failed_run_could_not_tell_is_no_change():
    assert changes(OLD, {**OLD, "status": "failed", "corpus_sha256": None}) == []


def test_the_run_before_is_the_last_ok_one_of_the_same_experiment():
    later = [
        {**OLD, "run": "a-2", "started": "2026-01-02"},
        {**OLD, "run": "a-3", "started": "2026-01-03", "status": "failed"},
        {
            **OLD,
            "run": "b-4",
            "started": "2026-01-04",
            "parameters": {**OLD["parameters"], "head": "logistic"},
        },
        {**OLD, "run": "a-5", "started": "2026-01-05"},
    ]
    history = [OLD, *later]
    assert before(history[4], history)["run"] == "a-2"
    assert before(history[3], history)["run"] == "a-2"  # the nearest there is
    assert before(OLD, history) is None


def test_another_corpus_is_nothing_to_hold_it_against():
    other = {**OLD["parameters"], "dataset": "emodb"}
    run = {**OLD, "run": "b", "started": "2026-01-02", "parameters": other}
    assert before(run, [OLD, run]) is None
