"""One tiny model for the folder (nothing changes it), and a session that is closed again."""

from __future__ import annotations

import pytest

import mechwidget as mw
from tests.session.tiny import PROMPT, tiny_model


@pytest.fixture(scope="session")
def model():
    return tiny_model()


@pytest.fixture
def session(model):
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        yield session
