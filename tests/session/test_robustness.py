"""Whatever goes wrong, at whatever moment: model, session and queue stay usable, and it is said."""

from __future__ import annotations

import ctypes
import random
import threading
import time

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import CancelledError, MechwidgetError
from mechwidget.models.forward_pass import ForwardPass
from mechwidget.session.computation import NotFiniteError
from mechwidget.session.job import Job, Priority
from mechwidget.session.worker import Worker, worker_of
from tests.models.state import is_free, state_of
from tests.models.zoo.build import example, hooked, own_logits, shared
from tests.session.tiny import PROMPT, SECONDS, brake, eventually, tiny_model

# What is thrown into a thread may land in a finaliser, which cannot raise it; Python says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

HEADS = [mw.Head(layer, head) for layer in range(3) for head in range(3)]


def is_usable(session: mw.Session, model: mw.HookedModel) -> None:
    """New numbers come, they are right, and the queue takes fetches and sweeps."""
    session.interventions = [mw.Ablate(mw.Head(1, 2))]
    expected = model.run(PROMPT, session.interventions, positions=[-1]).logits
    assert torch.equal(session.result.logits, expected)
    assert session.pattern(mw.Head(0, 0)).result(SECONDS) is not None
    assert session.effects().result(SECONDS).shape == (3, 6)
    assert is_free(model.lock)


@pytest.mark.parametrize("what", ["run", "sweep", "pattern"])
def test_whatever_runs_is_cancelled_within_one_block(model, what):
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        session.wait()
        with brake(model, 0.1) as slow:
            if what == "run":
                session.ablate(mw.Head(0, 0))
                stop = session._open().numbers.cancel
            else:
                watch = session.effects() if what == "sweep" else session.pattern(mw.Head(2, 1))
                stop = watch.cancel
            assert slow.running.wait(SECONDS)
            blocks = slow.blocks
            stop()
            worker = worker_of(model.model)
            eventually(lambda: worker._current is None)
            assert slow.blocks <= blocks + 1
        is_usable(session, model)


TROUBLES = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    MemoryError("cannot allocate"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    KeyboardInterrupt(),
    SystemExit(1),
    RecursionError("maximum recursion depth exceeded"),
    ValueError("anything"),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda error: type(error).__name__)
def test_an_error_in_the_model_is_said_and_everything_stays_usable(trouble):
    """In every kind of work: the run of a click, a fetch and a sweep."""
    model = tiny_model(seed=5)
    before = state_of(model.model)

    def fail(*_):
        raise trouble

    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        good = session.result.logits
        handle = model.model.transformer.h[1].register_forward_hook(fail)
        try:
            session.ablate(mw.Head(0, 0))
            for ask in (
                lambda: session.result,
                lambda: session.pattern(mw.Head(0, 0)).result(SECONDS),
                lambda: session.effects().result(SECONDS),
            ):
                with pytest.raises(type(trouble)) as caught:
                    ask()
                assert str(caught.value) == str(trouble)
            assert isinstance(session.now().standing.error, type(trouble))
        finally:
            handle.remove()
        assert state_of(model.model) == before
        session.undo()
        assert torch.equal(session.result.logits, good)
        is_usable(session, model)


def test_memory_that_runs_out_under_a_batch_only_makes_it_smaller(model, monkeypatch):
    """A sweep is not lost: the batch that does not fit is split until it does."""
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        expected = session.effects().result(SECONDS)
    real, asked = ForwardPass._run, []

    def tight(self, tokens, traffic, *others, **named):
        asked.append(len(getattr(traffic, "variants", ())))
        if asked[-1] > 2:
            raise torch.OutOfMemoryError("simulated")
        return real(self, tokens, traffic, *others, **named)

    monkeypatch.setattr(ForwardPass, "_run", tight)
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        effects = session.effects().result(SECONDS)
        assert max(asked) > 2
        assert torch.allclose(torch.tensor(effects), torch.tensor(expected), atol=1e-4)
        is_usable(session, model)


def test_nan_in_the_middle_of_other_work_harms_only_who_asked(model):
    overflow = mw.SetValue(mw.MLP(2), 3e38)
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        watch = session.effects()
        session.interventions = [overflow]
        with pytest.raises(NotFiniteError, match="not finite numbers under these interventions"):
            _ = session.result
        assert watch.result(SECONDS).shape == (3, 6)
        is_usable(session, model)


def hit(thread: threading.Thread, error: type[BaseException]) -> None:
    """Raise `error` in another thread, wherever it is."""
    identity = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(error))


@pytest.mark.parametrize("seed", range(4))
def test_exceptions_thrown_into_the_worker_at_random_moments_do_not_end_it(seed):
    """Also between two jobs, where no job is there to take the blame."""
    model, chance = tiny_model(seed=6), random.Random(seed)
    before = state_of(model.model)
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        session.wait()
        worker = worker_of(model.model)
        for _ in range(25):
            session.toggle(chance.choice(HEADS))
            watch = session.effects() if chance.random() < 0.3 else None
            time.sleep(chance.random() * 0.01)
            hit(worker._thread, chance.choice([KeyboardInterrupt, MemoryError, ValueError]))
            time.sleep(chance.random() * 0.005)
            if watch is not None and chance.random() < 0.5:
                watch.cancel()
        eventually(lambda: worker._current is None and not worker._waiting)
        session.clear()
        assert state_of(model.model) == before
        is_usable(session, model)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_exception_thrown_into_an_idle_worker_is_not_its_end(error):
    worker = Worker()
    try:
        assert worker.submit(Job(nothing_more, Priority.RUN)).result(SECONDS) == "done"
        for _ in range(20):
            hit(worker._thread, error)
            assert worker.submit(Job(nothing_more, Priority.RUN)).result(SECONDS) == "done"
    finally:
        worker.retire()


def nothing_more(_job):
    return "done"
    yield


def test_an_exception_between_two_jobs_ends_the_thread_and_a_new_one_goes_on(monkeypatch):
    worker, real, ends = Worker(), Worker._next, [SystemExit, KeyboardInterrupt, MemoryError]

    def fails_at_first(self):
        if ends:
            raise ends.pop()
        return real(self)

    monkeypatch.setattr(Worker, "_next", fails_at_first)
    try:
        job = worker.submit(Job(nothing_more, Priority.RUN))
        assert job.result(SECONDS) == "done"
        assert ends == []
        assert worker._thread.is_alive()
    finally:
        worker.retire()


def test_a_job_that_was_under_way_then_is_ended_and_told(monkeypatch):
    worker, told, real = Worker(), threading.Event(), Job.step

    def hit_before_it_began(job):
        monkeypatch.setattr(Job, "step", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(Job, "step", hit_before_it_began)
    try:
        job = Job(nothing_more, Priority.RUN)
        job.add_done_callback(lambda _: told.set())
        with pytest.raises(KeyboardInterrupt):
            worker.submit(job).result(SECONDS)
        assert told.wait(SECONDS)
        assert worker.submit(Job(nothing_more, Priority.RUN)).result(SECONDS) == "done"
    finally:
        worker.retire()


def test_a_callback_that_was_stopped_half_way_is_called_again():
    """Otherwise who waits for it would wait for ever."""
    worker, calls = Worker(), []

    def callback(_job):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt

    try:
        job = Job(nothing_more, Priority.RUN)
        job.add_done_callback(callback)
        job.add_done_callback(lambda _: calls.append(2))
        assert worker.submit(job).result(SECONDS) == "done"
        eventually(lambda: calls == [1, 1, 2])
        assert worker.submit(Job(nothing_more, Priority.RUN)).result(SECONDS) == "done"
    finally:
        worker.retire()


def test_two_sessions_in_two_threads_never_see_each_others_edits(model):
    wrong: list[str] = []
    before = state_of(model.model)

    def expected(edits):
        return model.run(PROMPT, edits, positions=[-1]).logits

    def work(number: int) -> None:
        chance = random.Random(number)
        other = mw.wrap(model.model, model.tokenizer)  # the same module, wrapped again
        with mw.Session(model if number else other, PROMPT) as session:
            for _ in range(15):
                mine = [mw.Ablate(head) for head in chance.sample(HEADS, chance.randrange(4))]
                if chance.random() < 0.3:
                    mine.append(mw.Freeze("pattern"))
                session.interventions = mine
                if not torch.equal(session.result.logits, expected(mine)):
                    wrong.append(f"session {number} under {mine}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert state_of(model.model) == before


@pytest.mark.parametrize("name", ["gpt2", "llama", "gptj", "mixtral"])
def test_the_users_own_forward_during_a_sweep_is_bitwise_their_own(name):
    module, ids = shared(name), example()
    reference, stop, wrong, count = own_logits(module, ids), threading.Event(), [], []

    def users_own() -> None:
        while not stop.is_set():
            count.append(1)
            if not torch.equal(own_logits(module, ids), reference):
                wrong.append("own")

    thread = threading.Thread(target=users_own)
    with mw.Session(hooked(name), ids, mw.LogitDiff(5, 7)) as session:
        thread.start()
        for _ in range(3):
            session.metric = mw.LogitDiff(5 + len(count) % 7, 20)  # a sweep of its own
            session.interventions = [mw.Ablate(mw.Head(1, 1)), mw.Freeze("pattern")]
            session.effects().result(SECONDS)
            assert session.result.fired
        stop.set()
        thread.join()
    assert wrong == []
    assert len(count) > 3


def test_an_experts_neuron_is_compared_with_a_baseline_that_routes_as_it_does():
    with mw.Session(hooked("mixtral"), example()) as session:
        session.interventions = [mw.Scale(mw.ExpertNeuron(1, 0, 3), 1)]
        assert session.outcome.kl == 0
        assert session.result.attention == session.baseline.attention == "explicit"


def test_closing_in_the_middle_of_everything_leaves_the_model_to_others(model):
    before = state_of(model.model)
    for _ in range(10):
        session = mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug"))
        session.ablate(mw.Head(0, 0))
        watch = session.effects()
        session.close()
        with pytest.raises(CancelledError):
            watch.result(SECONDS)
        with pytest.raises(MechwidgetError, match="was closed"):
            _ = session.result
    assert state_of(model.model) == before
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        is_usable(session, model)
