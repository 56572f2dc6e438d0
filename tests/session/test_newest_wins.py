"""Many changes at once: the newest state wins, whoever made it, and clicks go before everything."""

from __future__ import annotations

import random
import threading
import time

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import ablation_effects
from mechwidget.errors import CancelledError, MechwidgetError
from mechwidget.session import sweep as sweep_module
from tests.session.tiny import PROMPT, SECONDS, brake, eventually, swept

HEADS = [mw.Head(layer, head) for layer in range(3) for head in range(3)]


def fresh_logits(model, interventions, prompt=PROMPT):
    return model.run(prompt, interventions, positions=[-1]).logits


def test_thirty_rapid_toggles_end_in_the_numbers_of_the_last(model, session):
    session.wait()
    clicks = random.Random(7)
    with brake(model, 0.005) as slow:
        for _ in range(30):
            session.toggle(clicks.choice(HEADS))
        assert session.result.logits.shape == (1, 1, model.vocab_size)
    assert slow.blocks < 30 * 3 / 2, "runs that were overtaken stop between two blocks"
    assert torch.equal(session.result.logits, fresh_logits(model, session.interventions))
    assert session.now().standing.revision == session.revision == 30


def test_old_numbers_stay_until_the_new_ones_are_there(model, session):
    session.wait()
    old = session.now().standing.computed
    with brake(model, 0.03):
        session.ablate(mw.Head(0, 0))
        standing = session.now().standing
        assert standing.computed is old
        assert not standing.settled
        assert not session.wait(timeout=0.005)
        assert session.wait(timeout=SECONDS)
    assert session.now().standing.computed is not old


def test_threads_that_change_at_once_lose_nothing(model, session):
    last_seen = []
    session.observe(lambda change: last_seen.append(change.new), "interventions")
    start = threading.Barrier(len(HEADS))

    def click(head):
        start.wait(SECONDS)
        for _ in range(21):
            session.toggle(head)

    threads = [threading.Thread(target=click, args=[head]) for head in HEADS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert {each.component for each in session.interventions} == set(HEADS)
    assert session.revision == 21 * len(HEADS)
    eventually(lambda: len(last_seen) == session.revision)
    assert last_seen[-1] == session.interventions, "observers must not see an older value last"
    assert torch.equal(session.result.logits, fresh_logits(model, session.interventions))


def test_a_click_during_a_sweep_does_not_wait_for_it(model):
    with mw.Session(model, PROMPT) as session:
        session.wait()
        seen = []
        with brake(model, 0.03):
            watch = session.effects(lambda done, total, grid: seen.append((done, total, grid)))
            eventually(lambda: seen)
            session.ablate(mw.Head(1, 1))
            session.wait()
            assert not watch.done(), "the click waited for the sweep"
            effects = watch.result(SECONDS)
    assert effects.shape == (3, 6)
    expected = swept(model, PROMPT)
    # The brake is a hook of the user's own, so the heads ran one by one; here they share batches.
    np.testing.assert_allclose(effects, expected, rtol=0, atol=1e-5)
    done, total, grid = seen[0]
    assert 1 <= done < total == 18
    assert np.isnan(grid).sum() == total - done


def test_progress_comes_at_most_ten_times_a_second(model, session):
    times = []
    began = time.monotonic()
    with brake(model, 0.01):
        session.effects(lambda *_: times.append(time.monotonic())).result(SECONDS)
    assert 3 <= len(times) <= 1 + 10 * (time.monotonic() - began)


def groups_of_four(model, tokens, components, *_, **__):
    return [components[at : at + 4] for at in range(0, len(components), 4)]


def test_watchers_share_a_sweep_and_it_goes_on_where_it_stopped(session, monkeypatch):
    session.wait()
    parts = []

    def slow(model, tokens, group, *rest, **options):
        parts.extend(group)
        time.sleep(0.05)
        return ablation_effects(model, tokens, group, *rest, **options)

    monkeypatch.setattr(sweep_module, "ablation_effects", slow)
    monkeypatch.setattr(sweep_module, "ablation_groups", groups_of_four)
    first, second = session.effects(), session.effects()
    eventually(lambda: parts)
    first.cancel()
    with pytest.raises(CancelledError):
        first.result(SECONDS)
    assert not second.done()
    second.cancel()
    eventually(lambda: session._open().worker._current is None)
    assert len(parts) < 18
    third = session.effects().result(SECONDS)
    assert len(parts) <= 18 + 4, "at most the group that was stopped is repeated"
    again = session.effects().result(SECONDS)
    np.testing.assert_array_equal(third, again)
    assert not np.isnan(third).any()


def test_a_sweep_of_a_model_with_a_hook_of_ones_own_starts_over(model, session):
    session.wait()
    with brake(model, 0.01) as slow:
        stopped = session.effects()
        eventually(lambda: slow.passes >= 4)
        stopped.cancel()
        eventually(lambda: session._open().worker._current is None)
        before = slow.passes
        session.effects().result(SECONDS)
        assert slow.passes == before + 1 + 18, "the baseline, and every part"


def test_a_failing_progress_callback_does_not_stop_the_sweep(session, caplog):
    assert session.effects(lambda *_: 1 / 0).result(SECONDS).shape == (3, 6)
    assert "ZeroDivisionError" in caplog.text


def test_a_new_prompt_ends_the_sweep_of_the_old_one(model, session):
    with brake(model, 0.01):
        watch = session.effects()
        session.ablate(mw.Head(0, 0))  # does not concern it
        assert not watch.done()
        session.prompt = "the cat"
        with pytest.raises(CancelledError):
            watch.result(SECONDS)
        assert session.effects().result(SECONDS).shape == (3, 6)


def test_two_sessions_of_one_model_both_get_their_numbers(model):
    with mw.Session(model, PROMPT) as one, mw.Session(model, "the dog") as two, brake(model, 0.002):
        for head in HEADS:
            one.toggle(head)
            two.toggle(head)
        assert torch.equal(one.result.logits, fresh_logits(model, one.interventions))
        assert torch.equal(two.result.logits, fresh_logits(model, two.interventions, "the dog"))


def test_the_same_module_has_one_worker_however_often_it_is_wrapped(model):
    again = mw.wrap(model.model, model.tokenizer)
    with mw.Session(model, PROMPT) as one, mw.Session(again, PROMPT) as two:
        assert one._open().worker is two._open().worker


def test_an_observer_may_change_the_session_and_wait_for_it(session):
    values = []

    def follow(change):
        if len(change.new) == 1:
            session.ablate(mw.MLP(1))
        values.append(session.metric_value)

    session.observe(follow, "interventions")
    session.ablate(mw.Head(0, 0))
    assert len(values) == 2
    assert values[-1] == session.metric_value


def test_an_observer_that_fails_is_reported_and_does_not_undo_the_change(session, caplog):
    session.observe(lambda _: 1 / 0, "interventions")
    session.on_change(lambda: 1 / 0)
    session.ablate(mw.Head(0, 0))
    assert len(session.interventions) == 1
    session.wait()
    assert "ZeroDivisionError" in caplog.text


def test_a_listener_on_the_worker_may_not_wait_for_the_worker(session):
    session.wait()
    refused = []

    def listen():
        if session._open().worker.is_mine() and not refused:
            refused.append(None)
            session.ablate(mw.Head(0, 0))
            with pytest.raises(MechwidgetError, match="wait for the worker"):
                _ = session.result
            refused[0] = "refused"

    session.on_change(listen)
    session.ablate(mw.Head(1, 1))
    eventually(lambda: refused == ["refused"])
    assert session.result is not session.baseline
    assert len(session.interventions) == 2
