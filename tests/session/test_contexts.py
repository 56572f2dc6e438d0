"""A session's contexts: found in the background, kept, gone on with, never of another model."""

from __future__ import annotations

import errno
from importlib import import_module
from pathlib import Path

import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import neuron_contexts
from mechwidget.errors import CancelledError, ComponentError, MechwidgetError
from tests.session.tiny import PROMPT, WORDS, brake, tiny_model

TEXTS = [" ".join(WORDS[n % 30 : n % 30 + 3 + n % 7]) + f" {WORDS[n % 39]}" for n in range(60)]
NEURON, NEXT = mw.Neuron(1, 7), mw.Neuron(1, 8)
steps = import_module("mechwidget.analysis.neuron_contexts")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MECHWIDGET_CACHE", str(tmp_path))
    monkeypatch.setattr(steps, "_TOKENS_OF_A_STEP", 60)
    return tmp_path / "neurons"


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture
def session(model):
    with mw.Session(model, PROMPT) as made:
        made.corpus = TEXTS
        yield made


@pytest.fixture
def passes(monkeypatch):
    """How many steps were made."""
    made = []
    step = steps.LayerScan.step

    def counted(self, cancelled=None):
        step(self, cancelled)
        made.append(self.found.looked)

    monkeypatch.setattr(steps.LayerScan, "step", counted)
    return made


def values(found):
    return [one.value for one in found.contexts.highest]


def test_it_finds_what_the_function_finds_and_says_how_far_it_is(session, passes):
    told = []
    found = session.neuron_contexts(NEURON, told.append).result()
    [expected] = neuron_contexts(session.model, TEXTS, NEURON)
    assert values(found) == pytest.approx([one.value for one in expected.highest], abs=1e-5)
    assert found.note == ""
    looked = [one.contexts.looked for one in told]
    assert looked == sorted(looked)
    assert len(looked) > 3
    assert looked[-1] == found.contexts.total == len(session.corpus)
    assert all(one.contexts.highest[0].activations.size for one in told)


def test_the_next_neuron_of_the_layer_is_free(session, passes):
    session.neuron_contexts(NEURON).result()
    n = len(passes)
    found = session.neuron_contexts(NEXT).result()
    assert len(passes) == n
    [expected] = neuron_contexts(session.model, TEXTS, NEXT)
    assert values(found) == pytest.approx([one.value for one in expected.highest], abs=1e-5)


def test_another_session_has_it_from_disk(session, model, passes, folder):
    first = session.neuron_contexts(NEURON).result()
    n = len(passes)
    with mw.Session(tiny_model(), PROMPT) as other:
        other.corpus = TEXTS
        assert values(other.neuron_contexts(NEURON).result()) == values(first)
        assert len(passes) == n
        other.corpus = TEXTS[:-1]
        other.neuron_contexts(NEURON).result()
        assert len(passes) > n
    assert len(list(folder.iterdir())) == 2


def test_what_was_done_before_it_was_cancelled_stays(session, passes, folder, model):
    told = []

    def stop(found):
        told.append(found.contexts.looked)
        if len(told) == 2:
            job.cancel()

    # The worker waits until the job has a name.
    with model.lock:
        job = session.neuron_contexts(NEURON, stop)
    with pytest.raises(CancelledError):
        job.result()
    assert passes == told
    assert len(list(folder.iterdir())) == 1
    whole = session.neuron_contexts(NEURON).result()
    assert passes == sorted(passes)  # it went on, and did nothing twice
    assert len(set(passes)) == len(passes)
    [expected] = neuron_contexts(model, TEXTS, NEURON)
    assert values(whole) == pytest.approx([one.value for one in expected.highest], abs=1e-5)


def test_weights_that_change_make_it_another_model(model, passes):
    changed = tiny_model()
    with mw.Session(changed, PROMPT) as session:
        session.corpus = TEXTS
        before = session.neuron_contexts(NEURON).result()
        with torch.no_grad():
            changed.model.transformer.h[1].mlp.c_fc.weight.mul_(1.5)
        after = session.neuron_contexts(NEURON).result()
        [expected] = neuron_contexts(changed, TEXTS, NEURON)
        assert values(after) == pytest.approx([one.value for one in expected.highest], abs=1e-4)
        assert values(after) != pytest.approx(values(before), abs=1e-3)


def test_weights_that_change_half_way_start_it_over(passes):
    changed = tiny_model()
    with mw.Session(changed, PROMPT) as session:
        session.corpus = TEXTS

        def change(_found):
            if len(passes) == 2:
                with torch.no_grad():
                    changed.model.transformer.h[1].mlp.c_fc.weight.mul_(1.5)

        found = session.neuron_contexts(NEURON, change).result()
        [expected] = neuron_contexts(changed, TEXTS, NEURON)
        assert values(found) == pytest.approx([one.value for one in expected.highest], abs=1e-4)


def test_what_nobody_can_vouch_for_is_not_kept(folder):
    own = tiny_model()
    with brake(own), mw.Session(own, PROMPT) as session:
        session.corpus = TEXTS[:8]
        assert session.neuron_contexts(NEURON).result().contexts.looked == 8
    assert not folder.exists()


def test_a_click_goes_first(session):
    told = []

    def click(found):
        told.append(found.contexts.looked)
        if len(told) == 1:
            session.ablate(mw.Head(0, 1))

    job = session.neuron_contexts(NEURON, click)
    session.wait()
    found = job.result()
    assert found.contexts.looked == len(session.corpus)  # and it went on all the same
    assert session.result is not session.baseline


def test_a_full_disk_costs_only_the_file(session, monkeypatch):
    def full(arrays, name, metadata):
        raise OSError(errno.ENOSPC, "No space left on device", name)

    monkeypatch.setattr("mechwidget.analysis.contexts_on_disk.save_file", full)
    found = session.neuron_contexts(NEURON).result()
    assert found.note == "not kept on disk: No space left on device"
    assert found.contexts.highest


def test_a_corrupted_file_is_made_again(session, folder, passes):
    first = session.neuron_contexts(NEURON).result()
    [path] = folder.iterdir()
    path.write_bytes(b"nonsense")
    n = len(passes)
    with mw.Session(tiny_model(), PROMPT) as other:
        other.corpus = TEXTS
        assert values(other.neuron_contexts(NEURON).result()) == values(first)
    assert len(passes) == 2 * n


def test_the_reference_set_belongs_to_the_session(session, tmp_path):
    session.undo()
    assert len(session.corpus) == len(set(TEXTS))
    path = Path(tmp_path) / "texts.txt"
    path.write_text("the cat\nthe dog")
    session.corpus = path
    assert session.corpus.prompts == ("the cat", "the dog")
    path.write_bytes(b"\xff")
    with pytest.raises(MechwidgetError, match="byte 0"):
        session.corpus = path
    assert session.corpus.prompts == ("the cat", "the dog")
    heard = []
    session.on_change(lambda: heard.append(session.corpus))
    session.corpus = None
    assert heard[-1] is None
    with pytest.raises(MechwidgetError, match="no reference set"):
        session.neuron_contexts(NEURON)


def test_a_neuron_that_is_not_there_is_refused_at_once(session):
    with pytest.raises(ComponentError):
        session.neuron_contexts(mw.Neuron(1, 999))
