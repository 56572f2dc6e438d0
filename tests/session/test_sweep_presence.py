"""A sweep as it is seen from outside the notebook: how far it is, and a way to cancel it."""

from __future__ import annotations

import pytest

import mechwidget as mw
from mechwidget.errors import CancelledError
from mechwidget.session.presence import Presence
from tests.session.tiny import PROMPT, SECONDS, brake, eventually, tiny_model


@pytest.fixture
def session():
    with mw.Session(tiny_model(), PROMPT, mw.Probability("cat")) as session:
        session.wait()
        yield session


def test_no_sweep_is_told_before_and_after_one(session):
    presence = Presence(session)
    assert presence.describe()["sweep"] is None
    session.effects().result(SECONDS)
    eventually(lambda: presence.describe()["sweep"] is None)


def test_a_sweep_is_told_and_cancelled_for_all_who_watch(session):
    presence = Presence(session)
    with brake(session.model, 0.02):
        watches = [session.effects(), session.effects()]
        eventually(lambda: presence.describe()["sweep"] is not None)
        told = presence.describe()["sweep"]
        assert 0 <= told["done"] < told["total"]
        presence.act("cancel_sweep", {})
        for watch in watches:
            with pytest.raises(CancelledError):
                watch.result(SECONDS)
        eventually(lambda: presence.describe()["sweep"] is None)
    session.effects().result(SECONDS)  # it goes on where it stopped
