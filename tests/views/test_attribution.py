"""The attribution view: its numbers are the analysis', parts come as they are done, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.analysis import (
    activation_gradient,
    attribution,
    exact_effects,
    integrated_gradient,
    neuron_effects,
)
from mechwidget.analysis.attribution_path import EMBED, Moved, start_embedding
from mechwidget.errors import MechwidgetError
from tests.models.zoo.build import hooked
from tests.session.tiny import PROMPT, SECONDS, brake, tiny_model
from tests.views.conftest import Page, Tapped

EDIT = mw.Ablate(mw.Head(1, 1))
HEAD, MLP = {"type": "head", "layer": 0, "head": 1}, {"type": "mlp", "layer": 2}


def test_the_terms_are_the_analysis_before_edits_and_after(page, model):
    session = page.workbench.session
    session.interventions = [EDIT]
    about, [grid] = page.ask("attribution")
    found = attribution(model, PROMPT, session.metric, [EDIT])
    assert grid.shape == (2, 3, 6)
    for run, terms in zip((found.baseline, found.edited), grid, strict=True):
        np.testing.assert_allclose(terms[:, :3], run.heads, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(terms[:, 3], run.attention, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(terms[:, 4], run.mlp, rtol=1e-5, atol=1e-6)
    assert grid[1, 1, 1] == 0
    for ends, run in zip(about["runs"], (found.baseline, found.edited), strict=True):
        assert ends["total"] == pytest.approx(run.total)
        assert ends["token"] + ends["place"] == pytest.approx(ends["embed"], abs=1e-5)
    assert about["tokens"] == ["mat", "rug"]
    assert about["reason"] == ""
    assert about["neurons"] == [96] * 3


def test_without_a_metric_it_is_the_likeliest_tokens_logit(page, model):
    page.workbench.session.metric = None
    about, _ = page.ask("attribution")
    top = int(model.run(PROMPT).logits[0, -1].argmax())
    assert about["tokens"] == [model.token_text(top)]
    assert "nothing is measured" in about["reason"]
    page.workbench.session.metric = mw.Probability("dog")
    about, _ = page.ask("attribution")
    assert about["tokens"] == ["dog"]
    about, _ = page.ask("attribution_gradient", {"method": "gradient", "of": "tokens", "steps": 1})
    assert about["tokens"] == ["dog"]


def test_neurons_of_a_layer_and_what_all_of_them_come_to(page, model):
    metric = page.workbench.session.metric
    about, [table] = page.ask("attribution_neurons", {"layers": [2, 0], "k": 4, "order": "value"})
    assert about["layers"] == [0, 2]
    for row, layer in enumerate((0, 2)):
        values = neuron_effects(model, PROMPT, metric).values[layer]
        np.testing.assert_array_equal(table[row, :, 0], np.argsort(-np.abs(values))[:4])
        np.testing.assert_allclose(table[row, :, 1], values[table[row, :, 0].astype(int)])
        assert about["sums"][0][row] == pytest.approx(values.sum(), rel=1e-4)
    page.workbench.session.interventions = [mw.Ablate(mw.Neuron(0, 7))]
    args = {"layers": [0], "k": 1, "order": "change"}
    _, [table] = page.ask("attribution_neurons", args)
    assert table[0, 0, 0] == 7
    assert table[0, 0, 2] == 0


def test_gradients_are_the_analysis(page, model):
    metric = page.workbench.session.metric
    args = {"method": "gradient", "of": "components", "steps": 1}
    _, [grid] = page.ask("attribution_gradient", args)
    first = activation_gradient(model, PROMPT, metric)
    np.testing.assert_allclose(grid[0, :, :3], first.heads.sum(-1), atol=1e-5)
    np.testing.assert_allclose(grid[0, :, 4], first.mlp.sum(-1), atol=1e-5)
    args = {"method": "integrated", "of": "tokens", "steps": 8}
    about, [along] = page.ask("attribution_gradient", args)
    found = integrated_gradient(model, PROMPT, metric, of="tokens", steps=8)
    np.testing.assert_allclose(along[0], found.terms.tokens, atol=1e-5)
    assert about["runs"][0]["gap"] == pytest.approx(found.gap, abs=1e-5)
    page.workbench.session.interventions = [EDIT]
    about, [along] = page.ask("attribution_gradient", args)
    assert along.shape == (2, 10)
    found = integrated_gradient(model, PROMPT, metric, [EDIT], of="tokens", steps=8)
    np.testing.assert_allclose(along[1], found.terms.tokens, atol=1e-5)


def test_exact_effects_are_the_analysis_with_the_edits_in_force(page, model):
    session = page.workbench.session
    session.interventions = [EDIT]
    cells = [MLP, 3, HEAD, {"type": "neuron", "layer": 1, "index": 4}]
    about, [values] = page.ask("attribution_exact", {"cells": cells})
    mean = start_embedding(model, "mean")
    edits = [
        mw.Ablate(mw.MLP(2)),
        Moved((EMBED,), 0.0, mean, 3),
        mw.Ablate(mw.Head(0, 1)),
        mw.Ablate(mw.Neuron(1, 4)),
    ]
    expected = exact_effects(model, PROMPT, session.metric, edits, [EDIT])
    np.testing.assert_allclose(values, expected, atol=1e-5)
    assert about == {"done": 4}


def test_what_is_measured_comes_in_parts_and_stays_when_it_is_stopped():
    model = tiny_model(layers=4)
    cells = [{"type": "head", "layer": layer, "head": h} for layer in range(4) for h in range(3)]
    cells += [{"type": "mlp", "layer": layer} for layer in range(4)]
    metric = mw.LogitDiff("mat", "rug")
    with mw.Session(model, PROMPT, metric) as session, Tapped(session) as view:
        page = Page(view)
        session.wait()
        with brake(model, 0.02) as slow:
            name = page.tell("attribution_exact", {"cells": cells})

            def part():
                return next((m for m in page.messages if m[0].get("progress")), None)

            with page.changed:
                assert page.changed.wait_for(part, SECONDS)
            view._handle_custom_msg({"v": 1, "id": name, "op": "cancel"}, [])
            content, buffers = part()
            done = content["partial"]["done"]
            values = np.frombuffer(buffers[0], dtype="<f4")
            assert 0 < done < len(cells)
            assert np.isfinite(values).sum() == done
            slow.seconds = 0
            _, [whole] = page.ask("attribution_exact", {"cells": cells})
        known = np.isfinite(values)
        np.testing.assert_array_equal(whole[known], values[known])


@pytest.mark.parametrize(
    ("op", "args", "said"),
    [
        ("attribution", {"edited": True}, "no argument 'edited'"),
        ("attribution_neurons", {"layers": [], "k": 3, "order": "value"}, "a list of layers"),
        ("attribution_neurons", {"layers": [3], "k": 3, "order": "value"}, "from 0 to 2"),
        ("attribution_neurons", {"layers": [0], "k": 0, "order": "value"}, "'k' has to be"),
        ("attribution_neurons", {"layers": [0], "k": 3, "order": "x"}, "one of value, change"),
        ("attribution_gradient", {"method": "x", "of": "tokens", "steps": 1}, "one of gradient"),
        ("attribution_gradient", {"method": "gradient", "of": "x", "steps": 1}, "one of comp"),
        ("attribution_gradient", {"method": "integrated", "of": "tokens", "steps": 0}, "from 1"),
        ("attribution_exact", {"cells": []}, "a list of 1 to 64"),
        ("attribution_exact", {"cells": [HEAD] * 65}, "a list of 1 to 64"),
        ("attribution_exact", {"cells": [10]}, "no token 10"),
        ("attribution_exact", {"cells": [{"type": "head", "layer": 0, "head": 9}]}, "3 heads"),
        ("attribution_exact", {"cells": ["head"]}, "component"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(op, args, said, page):
    error, frames = page.ask(op, args)
    assert frames is None
    assert said in error["message"]


def test_what_is_not_additive_is_refused_and_has_gradients():
    with mw.Session(hooked("openai_gpt"), [5, 6, 7]) as session, Tapped(session) as view:
        page = Page(view)
        error, _ = page.ask("attribution")
        assert "not a plain sum" in error["message"]
        args = {"method": "gradient", "of": "components", "steps": 1}
        about, _ = page.ask("attribution_gradient", args)
        assert about["position"] == 2


def test_the_tables_say_what_the_view_shows(model):
    metric = mw.LogitDiff("mat", "rug")
    with mw.Session(model, PROMPT, metric) as session, mw.AttributionView(session) as view:
        session.interventions = [EDIT]
        frame = view.to_dataframe(neurons=2)
        heads = frame[frame["part"] == "head"]
        found = attribution(model, PROMPT, metric, [EDIT])
        np.testing.assert_allclose(heads["edited"], found.edited.heads.ravel(), atol=1e-6)
        sums = frame[frame["part"] != "neuron"][["baseline", "edited"]].sum()
        assert sums["baseline"] == pytest.approx(found.baseline.metric, abs=1e-5)
        assert sums["edited"] == pytest.approx(found.edited.metric, abs=1e-5)
        assert (frame["part"] == "neuron").sum() == 6
        assert frame.attrs["target"] == "logit difference mat \N{MINUS SIGN} rug"
        tokens = view.to_dataframe(method="integrated", of="tokens", steps=4)
        assert tokens["token"].tolist() == list(model.tokenize(PROMPT).texts)
        assert "off by" in tokens.attrs["note"]
        grads = view.to_dataframe(method="gradient")
        assert set(grads["part"]) == {"head", "mlp"}
        with pytest.raises(MechwidgetError, match="expected direct, gradient"):
            view.to_dataframe(method="shap")
        with pytest.raises(MechwidgetError, match="0 to 256"):
            view.to_dataframe(neurons=-1)


def test_a_long_prompt_and_a_large_vocabulary_travel_as_parts_not_positions(page):
    """What is sent does not grow with the prompt: 30 tokens, as many bytes as one."""
    sizes = []
    for prompt in ("the", " ".join(["the cat sat"] * 10)):
        page.workbench.session.prompt = prompt
        _, [grid] = page.ask("attribution")
        sizes.append(grid.size)
    assert sizes[0] == sizes[1]
