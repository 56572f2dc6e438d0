"""Reference sets: from whatever a person has, each prompt once, and a word on what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mechwidget.analysis import Corpus, read_corpus
from mechwidget.analysis import corpus as module_under_test
from mechwidget.errors import MechwidgetError


def test_each_prompt_counts_once_and_blanks_not_at_all():
    corpus = read_corpus(["a b", "", "c", "a b", None, float("nan"), "  ", "c", "A b"])
    assert corpus.prompts == ("a b", "c", "A b")
    assert (corpus.duplicates, corpus.blank, len(corpus)) == (2, 4, 3)
    assert read_corpus(corpus) is corpus
    assert repr(corpus) == "Corpus(3 prompts)"


def test_token_ids_are_prompts_too():
    corpus = read_corpus([[1, 2], (1, 2), torch.tensor([3]), np.array([4, 5])])
    assert corpus.prompts == ((1, 2), (3,), (4, 5))


def test_a_generator_is_read_once():
    assert len(read_corpus(f"prompt {n}" for n in range(5))) == 5


def test_a_text_file_has_a_prompt_on_each_line(tmp_path):
    path = tmp_path / "stories.txt"
    path.write_bytes("\N{ZERO WIDTH NO-BREAK SPACE}Æsop\r\n\r\nfox\nfox".encode())
    for given in (path, str(path)):
        corpus = read_corpus(given)
        assert corpus.prompts == ("Æsop", "fox")
        assert (corpus.duplicates, corpus.blank) == (1, 1)
        assert corpus.name == "stories.txt, line by line"


def test_a_file_that_is_not_utf_8_says_where(tmp_path):
    path = tmp_path / "old.txt"
    path.write_bytes(b"one\ntwo\n" + "caf\xe9".encode("latin-1"))
    with pytest.raises(MechwidgetError, match=r"byte 11 \(0xe9, in line 3\)") as caught:
        read_corpus(path)
    assert "latin-1" in caught.value.hint
    assert read_corpus(path, encoding="latin-1").prompts[-1] == "café"


def test_a_column_of_a_data_frame():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"text": ["a", None, "b", "a"], "n": range(4)})
    corpus = read_corpus(frame["text"])
    assert corpus.prompts == ("a", "b")
    assert (corpus.duplicates, corpus.blank, corpus.name) == (1, 1, "column 'text'")
    with pytest.raises(MechwidgetError, match="one column") as caught:
        read_corpus(frame)
    assert "'text'" in caught.value.hint


def test_columns_need_no_pandas():
    class Column(list):
        name = "text"

        def to_numpy(self):
            return np.array(self)

    class Frame:
        columns = ("text", "label")

        def to_numpy(self):
            raise AssertionError

    assert read_corpus(Column(["a", "b"])).name == "column 'text'"
    with pytest.raises(MechwidgetError, match="one column"):
        read_corpus(Frame())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "empty: there is no prompt"),
        (["", None], "nothing but blanks"),
        ("no/such/file.txt", "could not be read"),
        (7, "cannot be made of int"),
        (b"text", "cannot be made of bytes"),
        ({"a": "b"}, "cannot be made of dict"),
        (["a", 7.5], "Item 1 of the reference set is float"),
        (["a", [1, "b"]], "Item 1 of the reference set is list"),
        (["a", [True]], "Item 1"),
    ],
)
def test_what_is_none_is_refused_with_a_sentence(given, said):
    with pytest.raises(MechwidgetError, match=said) as caught:
        read_corpus(given)
    assert caught.value.hint


def test_too_much_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(module_under_test, "MOST_PROMPTS", 3)
    with pytest.raises(MechwidgetError, match="more than 3 prompts"):
        read_corpus(str(n) for n in range(10**9))
    monkeypatch.setattr(module_under_test, "_MOST_BYTES", 3)
    (tmp_path / "long.txt").write_text("four")
    with pytest.raises(MechwidgetError, match="at most 3 are read"):
        read_corpus(tmp_path / "long.txt")
    monkeypatch.undo()
    with pytest.raises(MechwidgetError, match="no encoding"):
        read_corpus(tmp_path / "long.txt", encoding="utf-9")


def test_the_digest_is_of_the_prompts():
    one = read_corpus(["a", "bc"])
    assert one.digest == Corpus(("a", "bc"), "other name", 3).digest
    others = (["ab", "c"], ["bc", "a"], ["a", "bc", "d"], [[1], "bc"], ["a"])
    assert len({one.digest, *(read_corpus(other).digest for other in others)}) == 6
