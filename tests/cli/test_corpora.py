import pytest

from sertools.cli._corpora import Corpus, listed, placed
from sertools.cli._parser import BadUsage


def test_corpora_are_names_with_or_without_a_folder():
    found = [(one.name, one.root) for one in listed(["emodb,tess", "folder=my,own"])]
    assert found == [("emodb", None), ("tess", None), ("folder", "my,own")]


def test_folders_of_one_s_own_are_called_by_their_folders(tmp_path):
    corpora = [Corpus("folder", str(tmp_path / name)) for name in ("a", "b")]
    placed(corpora, [])
    assert [corpus.alias for corpus in corpora] == ["folder:a", "folder:b"]


@pytest.mark.parametrize(
    ("names", "roots", "said"),
    [
        ("emodb,emodb", [], "emodb is there twice"),
        ("emodb,tess", ["/a", "/b"], "whose folders"),
        ("emodb,tess", ["savee=/a"], "savee is not asked for"),
        ("emodb,tess", ["emodb=/a", "emodb=/b"], "Two folders for emodb"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(names, roots, said):
    with pytest.raises(BadUsage, match=said):
        placed(listed([names]), roots)
