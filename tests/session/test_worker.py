"""The worker's promises, kept without any model: order, newest wins, giving way, surviving."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref

import pytest
import torch

from mechwidget.errors import CancelledError, MechwidgetError
from mechwidget.session.job import Job, Priority
from mechwidget.session.worker import Worker, worker_of

SECONDS = 10


def plain(run, priority=Priority.RUN, key=None):
    """A job that does one thing."""

    def work(job):
        return run(job)
        yield

    return Job(work, priority, key)


def gate(worker):
    """Keep the worker busy until the returned event is set."""
    opened, entered = threading.Event(), threading.Event()

    def hold(_job):
        entered.set()
        assert opened.wait(SECONDS)

    worker.submit(plain(hold))
    assert entered.wait(SECONDS)
    return opened


def blocks(job, n=1000, seconds=0.002):
    """A run: it looks before every block whether it should stop."""
    for _ in range(n):
        if job.should_stop():
            raise CancelledError("stopped between blocks")
        time.sleep(seconds)
    return "ran to the end"


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.retire()


def test_the_most_urgent_goes_first(worker):
    opened, order = gate(worker), []
    jobs = [
        worker.submit(plain(lambda _, name=name: order.append(name), priority))
        for name, priority in [
            ("sweep", Priority.SWEEP),
            ("fetch 1", Priority.FETCH),
            ("run", Priority.RUN),
            ("fetch 2", Priority.FETCH),
        ]
    ]
    opened.set()
    for job in jobs:
        job.result(SECONDS)
    assert order == ["run", "fetch 1", "fetch 2", "sweep"]


def test_of_one_key_only_the_newest_is_done(worker):
    opened, done = gate(worker), []
    jobs = [
        worker.submit(plain(lambda _, i=i: done.append(i), key="state of session A"))
        for i in range(30)
    ]
    other = worker.submit(plain(lambda _: done.append("other"), key="state of session B"))
    assert all(job.done() for job in jobs[:-1]), "replaced jobs end at once, not when reached"
    opened.set()
    jobs[-1].result(SECONDS)
    other.result(SECONDS)
    assert done == [29, "other"]
    for job in jobs[:-1]:
        with pytest.raises(CancelledError):
            job.result()


def test_a_newer_job_stops_the_running_one_between_blocks(worker):
    started = threading.Event()

    def slow(job):
        started.set()
        return blocks(job)

    old = worker.submit(plain(slow, key="k"))
    assert started.wait(SECONDS)
    began = time.monotonic()
    new = worker.submit(plain(lambda _: "new", key="k"))
    assert new.result(SECONDS) == "new"
    assert time.monotonic() - began < 1
    with pytest.raises(CancelledError):
        old.result(SECONDS)


def test_a_sweep_gives_way_in_the_middle_of_a_run_and_then_finishes(worker):
    attempts, order = [], []
    started = threading.Event()

    def sweep(job):
        def one_run():
            attempts.append(time.monotonic())
            started.set()
            return blocks(job, n=50)

        result = yield from job.uninterrupted(one_run)
        order.append("sweep")
        return result

    slow = worker.submit(Job(sweep, Priority.SWEEP))
    assert started.wait(SECONDS)
    quick = worker.submit(plain(lambda _: order.append("click")))
    quick.result(SECONDS)
    assert not slow.done()
    assert slow.result(SECONDS) == "ran to the end"
    assert order == ["click", "sweep"]
    assert len(attempts) == 2


def test_cancelled_while_waiting_and_while_running(worker):
    opened = gate(worker)
    waiting = worker.submit(plain(lambda _: "never"))
    waiting.cancel()
    assert waiting.done()
    opened.set()
    started = threading.Event()

    def slow(job):
        started.set()
        return blocks(job)

    running = worker.submit(plain(slow))
    assert started.wait(SECONDS)
    running.cancel()
    with pytest.raises(CancelledError):
        running.result(SECONDS)
    assert worker.submit(plain(lambda _: 1)).result(SECONDS) == 1


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
def test_no_exception_ends_the_worker(worker, error):
    def fail(_job):
        raise error

    with pytest.raises(type(error)):
        worker.submit(plain(fail)).result(SECONDS)
    assert worker.submit(plain(lambda _: "alive")).result(SECONDS) == "alive"


def test_a_failing_callback_harms_nobody(worker):
    opened = gate(worker)
    job = worker.submit(plain(lambda _: 1))
    told = threading.Event()
    job.add_done_callback(lambda _: 1 / 0)
    job.add_done_callback(lambda _: told.set())
    opened.set()
    assert told.wait(SECONDS)
    assert worker.submit(plain(lambda _: 2)).result(SECONDS) == 2


def test_waiting_on_the_worker_for_the_worker_is_refused(worker):
    def work(_job):
        return worker.submit(plain(lambda _: 1)).result()

    with pytest.raises(MechwidgetError, match="wait for the worker"):
        worker.submit(plain(work)).result(SECONDS)


def test_one_worker_per_module_and_none_keeps_it_alive():
    module = torch.nn.Linear(2, 2)
    worker = worker_of(module)
    assert worker_of(module) is worker
    assert worker_of(torch.nn.Linear(2, 2)) is not worker
    seen = weakref.ref(module)
    job = worker.submit(plain(lambda _, module=module: module.weight.sum().item()))
    job.result(SECONDS)
    thread = worker._thread
    del module, job
    gc.collect()
    assert seen() is None
    thread.join(SECONDS)
    assert not thread.is_alive(), "the thread of a module that is gone must end"


def test_a_result_may_be_waited_for_in_many_threads(worker):
    opened = gate(worker)
    job = worker.submit(plain(lambda _: 7))
    results = []
    threads = [threading.Thread(target=lambda: results.append(job.result())) for _ in range(8)]
    for thread in threads:
        thread.start()
    opened.set()
    for thread in threads:
        thread.join(SECONDS)
    assert results == [7] * 8


BUSY_AT_EXIT = """
import threading, time, torch
from mechwidget.session.job import Job, Priority
from mechwidget.session.worker import worker_of
module = torch.nn.Linear(64, 64)
started = threading.Event()
def work(job):
    while True:
        started.set()
        module(torch.ones(1, 64))
        yield
worker_of(module).submit(Job(work, Priority.RUN))
started.wait(10)
"""


def test_the_interpreter_exits_while_the_worker_is_busy():
    ended = subprocess.run(
        [sys.executable, "-c", BUSY_AT_EXIT], timeout=60, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")
