"""The pace of pushes: one click never waits, thirty a second at most, the last always goes."""

from __future__ import annotations

import threading
import time

from mechwidget.views.pace import BURST, PER_SECOND, Pace
from tests.session.tiny import eventually


def test_a_click_and_its_numbers_go_at_once():
    pushes = []
    pace = Pace(lambda: pushes.append(threading.current_thread()))
    pace.ask()
    pace.ask()
    assert pushes == [threading.current_thread()] * 2


def test_at_most_thirty_a_second_and_the_last_state_arrives():
    state, shown = [0], []
    pace = Pace(lambda: shown.append(state[0]))
    began = time.monotonic()

    def click():
        for _ in range(200):
            state[0] += 1
            pace.ask()
            time.sleep(0.002)

    threads = [threading.Thread(target=click) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = state[0]
    eventually(lambda: shown[-1] == last, seconds=5)
    assert len(shown) <= BURST + PER_SECOND * (time.monotonic() - began)
    assert BURST + PER_SECOND <= 30


def test_closed_it_pushes_nothing_more():
    pushes = []
    pace = Pace(lambda: pushes.append(1))
    for _ in range(BURST + 1):
        pace.ask()
    pace.close()
    pace.ask()
    time.sleep(2 / PER_SECOND)
    assert len(pushes) == BURST


def test_what_is_patient_goes_with_the_next_that_is_not():
    pushes = []
    pace = Pace(lambda: pushes.append(time.monotonic()))
    pace.ask(patience=5.0)
    pace.ask(patience=5.0)
    assert pushes == []
    pace.ask()
    assert len(pushes) == 1
    time.sleep(2 / PER_SECOND)
    assert len(pushes) == 1


def test_patience_ends():
    pushes = []
    pace = Pace(lambda: pushes.append(1))
    pace.ask(patience=0.01)
    eventually(lambda: pushes == [1])
    pace.ask()
    assert pushes == [1, 1]
