import copy
import json
import pickle

import pandas as pd

from sertools.evaluation import _notes, from_predictions, load
from sertools.evaluation._notes import MADE_UP, Kind, Note, of_kind


def made(**info):
    table = pd.DataFrame({"emotion": ["sad", "angry"], "predicted": "sad"})
    return from_predictions(table, **info)


def test_a_note_is_a_sentence_that_knows_its_kind():
    note = Note(Kind.LEAKING, "the same speakers")
    assert json.loads(json.dumps([note])) == [note] == ["the same speakers"]
    for again in (copy.deepcopy(note), pickle.loads(pickle.dumps(note))):
        assert (again, again.kind) == (note, Kind.LEAKING)


def test_notes_are_asked_for_by_kind_and_plain_sentences_are_other():
    note, plain = Note(Kind.SYNTHETIC, "made by a machine"), "Synthetic, says a reader"
    assert of_kind([plain, note], *MADE_UP) == [note]
    assert of_kind([plain, note], Kind.OTHER) == [plain]


def test_a_result_tells_the_kinds_of_its_warnings():
    result = made()
    result.warnings = [Note(Kind.CALIBRATED, "a temperature"), "of one's own"]
    assert [n.kind for n in result.notes] == [Kind.CALIBRATED, Kind.OTHER]
    assert result.metrics()["warnings"] == ["a temperature", "of one's own"]


def test_a_saved_result_knows_again_what_its_facts_tell(tmp_path):
    facts = {"standardize": "speaker_shrunk", "folds": "random", "synthetic": True}
    result = made(**facts)
    result.warnings = [
        _notes.leaking_folds("random"),
        *_notes.made_up_by(facts),
        *_notes.presuming("speaker_shrunk"),
        "something else",
    ]
    again = load(result.save(tmp_path))
    assert again.warnings == result.warnings
    assert [n.kind for n in again.notes] == [n.kind for n in result.notes]


def test_standardising_by_speaker_presumes_to_know_who_speaks():
    forms = (None, "none", "corpus", "speaker")
    found = [_notes.presumes_speaker(form) for form in forms]
    assert found == [False, False, False, True]


def test_one_answer_to_every_clip_is_pointed_out():
    said = pd.DataFrame({"angry": [0.2, 0.4], "sad": [0.8, 0.6]})
    (note,) = _notes.one_answer(said)
    assert note == "Every clip is called sad: nothing is told apart."
    assert _notes.one_answer(1 - said.assign(sad=[0.8, 0.1])) == []


def test_of_several_results_it_is_said_which_are_made_up():
    found = _notes.made_up({"a": {"random_weights": True}, "b": {"synthetic": True}})
    assert found[0] == "Random weights: a. They mean nothing."
    assert [note.kind for note in found] == list(MADE_UP)
    assert _notes.made_up({"a": {}, "b": {}}) == []
