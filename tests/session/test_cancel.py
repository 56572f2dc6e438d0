"""A run that is stopped: what was asked for stays, its numbers can be had later."""

from __future__ import annotations

import mechwidget as mw
from mechwidget.errors import CancelledError
from tests.session.tiny import PROMPT, SECONDS, brake, eventually, tiny_model


def test_a_cancelled_run_leaves_the_list_and_can_be_run_again():
    model = tiny_model()
    with mw.Session(model, PROMPT) as session:
        old = session.result.logits
        with brake(model, 0.2) as slow:
            session.ablate(mw.Head(0, 1))
            assert slow.running.wait(SECONDS)
            session.cancel()
            standing = session.snapshot().standing
            assert isinstance(standing.error, CancelledError)
            assert standing.computed.result.logits.equal(old)  # shown dimmed, as older
            assert session.wait(0)
            session.cancel()  # nothing is computed: nothing happens
        assert session.interventions == (mw.Ablate(mw.Head(0, 1)),)
        told = []
        session.on_change(lambda: told.append(session.snapshot().computing))
        session.run_again()
        eventually(lambda: told and not told[-1])
        assert session.snapshot().standing.error is None
        assert not session.result.logits.equal(old)
        session.run_again()  # the numbers are there: nothing is run
        assert not session.snapshot().computing


def test_a_cancelled_run_is_run_for_who_reads_it():
    model = tiny_model()
    with mw.Session(model, PROMPT) as session, brake(model, 0.05):
        session.cancel()
        assert session.result.logits.isfinite().all()
