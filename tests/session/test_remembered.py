"""What is remembered of a model is of the model as it is, and of no other."""

import threading

import torch

from mechwidget.session.remembered import Remembered
from tests.session.tiny import tiny_model


def test_an_answer_is_kept_while_the_model_is_the_same():
    remembered = Remembered(tiny_model(), 100)
    with remembered.as_it_is() as version:
        remembered.keep("key", "answer", 10)
    with remembered.as_it_is() as again:
        assert remembered.get("key") == "answer"
    assert again == version == remembered.version


def test_it_is_forgotten_once_a_weight_or_the_mode_is_another():
    model = tiny_model()
    remembered = Remembered(model, 100)

    def change_weight():
        with torch.no_grad():
            model.model.transformer.wte.weight.mul_(2)

    for change in (change_weight, model.model.train):
        with remembered.as_it_is():
            remembered.keep("key", "answer", 10)
            assert remembered.get("key") == "answer"
        change()
        with remembered.as_it_is():
            assert remembered.get("key") is None


def test_nobody_else_runs_the_model_meanwhile():
    model = tiny_model()
    remembered = Remembered(model, 100)
    ran = threading.Event()

    def run():
        model.run("the cat sat")
        ran.set()

    other = threading.Thread(target=run)
    with remembered.as_it_is():
        other.start()
        assert not ran.wait(0.2)
    other.join(20)
    assert ran.is_set()
