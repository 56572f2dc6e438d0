"""The lens on the wire: what a page gets is what analysis gives, called directly."""

from __future__ import annotations

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.analysis import cone, direct_attribution, logit_lens, patching_grid
from mechwidget.views.lens_rows import cones_json, rows_of
from tests.models.zoo.build import hooked
from tests.session.encoders import BLANK, masked_model
from tests.session.tiny import PROMPT, eventually
from tests.views.conftest import Page, Tapped

OTHER = "the dog sat on a mat and the cat ran"
EDIT = mw.Ablate(mw.Head(1, 2))
DIFFERENCE = mw.LogitDiff("mat", "rug")
ASKED = {
    "of": "a",
    "edited": True,
    "sublayers": True,
    "every": 1,
    "first": 0,
    "count": 32,
    "measure": "probability",
}
CELL = {
    "of": "a",
    "edited": True,
    "layer": 1,
    "end": "post",
    "position": 4,
    "k": 5,
    "toward": "top",
}


def lens(page, **change):
    """The answer, and its frames: tokens' texts `[row, position]`, probability, measure."""
    result, frames = page.ask("lens", {**ASKED, **change})
    if frames is None:
        return result, None, None, None
    index, probability, *measure = frames
    texts = np.array(result["texts"], dtype=object)[index.astype(int)]
    return result, texts, probability, measure[0] if measure else probability


def read(model, prompt, edits=(), **asked):
    """The same rows by `logit_lens` itself: before the first layer, then every sublayer."""
    first = logit_lens(model, prompt, edits, layers=[0], sublayers=["resid_pre"], **asked)
    rest = logit_lens(model, prompt, edits, sublayers=["resid_mid", "resid_post"], **asked)
    return first, rest


@pytest.mark.parametrize("edited", [False, True])
def test_the_numbers_are_those_of_the_lens_itself(page, model, edited):
    session = page.workbench.session
    session.interventions = [EDIT]
    a, b = model.token_id("mat"), model.token_id("rug")
    parts = read(model, PROMPT, [EDIT] if edited else (), chosen=(a, b))
    expected = {
        "probability": [p.top_probabilities[..., 0] for p in parts],
        "entropy": [p.entropy for p in parts],
        "kl": [p.kl for p in parts],
        "final_probability": [p.final_probabilities for p in parts],
        "final_rank": [p.final_ranks for p in parts],
        "answer_probability": [p.chosen_probabilities[..., 0] for p in parts],
        "answer_rank": [p.chosen_ranks[..., 0] for p in parts],
        "logit_diff": [p.chosen_logits[..., 0] - p.chosen_logits[..., 1] for p in parts],
    }
    tops = np.concatenate([p.top_ids[..., 0] for p in parts])
    for measure, values in expected.items():
        result, texts, probability, shown = lens(page, edited=edited, measure=measure)
        np.testing.assert_allclose(shown, np.concatenate(values), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(
            probability, np.concatenate(expected["probability"]), rtol=1e-3, atol=1e-4
        )
        assert texts.tolist() == [[model.token_text(int(id_)) for id_ in row] for row in tops]
        assert [(row["layer"], row["end"]) for row in result["rows"]][:3] == [
            (0, "pre"),
            (0, "mid"),
            (0, "post"),
        ]
        assert result["vocabulary"] == model.vocab_size


def test_the_last_row_is_what_the_outcome_says(page):
    session = page.workbench.session
    session.interventions = [EDIT]
    state = page.state()
    _, texts, probability, _ = lens(page, sublayers=False)
    top = max(state["outcome"]["top"], key=lambda row: row["after"])
    assert texts[-1, -1] == top["text"]
    assert probability[-1, -1] == pytest.approx(top["after"], abs=1e-3)
    _, texts, probability, _ = lens(page, sublayers=False, edited=False)
    top = max(state["outcome"]["top"], key=lambda row: row["before"])
    assert texts[-1, -1] == top["text"]
    assert probability[-1, -1] == pytest.approx(top["before"], abs=1e-3)


def test_only_what_is_on_show_is_sent(page):
    whole, _, every, _ = lens(page, sublayers=False)
    part, _, some, _ = lens(page, sublayers=False, first=3, count=2)
    assert (part["first"], some.shape) == (3, (4, 2))
    np.testing.assert_array_equal(every[:, 3:5], some)
    assert len(part["texts"]) <= 8
    thin, _, _, _ = lens(page, sublayers=False, every=2)
    assert [row["layer"] for row in thin["rows"]] == [0, 0, 2], "the last layer is always there"
    assert [row["layer"] for row in whole["rows"]] == [0, 0, 1, 2]


def test_prompt_b_is_read_as_it_is(page, model):
    session = page.workbench.session
    refused, *_ = lens(page, of="b")
    assert "no prompt B" in refused["message"]
    session.other_prompt = OTHER
    session.interventions = [EDIT]
    _, _, probability, _ = lens(page, of="b")
    expected = np.concatenate([p.top_probabilities[..., 0] for p in read(model, OTHER)])
    np.testing.assert_allclose(probability, expected, rtol=1e-3, atol=1e-4)


def test_a_cell_says_what_was_before_and_what_wrote_it(page, model):
    session = page.workbench.session
    session.interventions = [EDIT]
    site = {"layers": [1], "sublayers": ["resid_post"], "positions": [4]}
    after = logit_lens(model, PROMPT, [EDIT], k=5, **site)
    before = logit_lens(model, PROMPT, chosen=after.top_ids[0, 0].tolist(), **site)
    result, _ = page.ask("lens_cell", CELL)
    top = result["tokens"][:5]
    assert [row["id"] for row in top] == after.top_ids[0, 0].tolist()
    assert [row["rank"] for row in top] == [1, 2, 3, 4, 5]
    assert [row["logit"] for row in top] == pytest.approx(after.top_logits[0, 0].tolist())
    assert [row["before"]["probability"] for row in top] == pytest.approx(
        before.chosen_probabilities[0, 0].tolist()
    )
    told = {row["id"] for row in result["tokens"] if row["followed"]}
    assert told == {model.token_id("mat"), model.token_id("rug")}
    assert (result["entropy"], result["kl"]) == pytest.approx(
        (after.entropy[0, 0], after.kl[0, 0]), rel=1e-5
    )
    first, second = after.top_ids[0, 0, :2].tolist()
    exact = direct_attribution(
        model, PROMPT, mw.LogitDiff(first, second, 4), [EDIT], at=("resid_post", 1)
    )
    assert result["toward"] == [model.token_text(first), model.token_text(second)]
    wrote = result["wrote"]
    for part in wrote["parts"]:
        component = part["component"]
        layer = component["layer"]
        assert layer <= 1, "what comes later wrote nothing there"
        if component["type"] == "head":
            assert part["value"] == pytest.approx(exact.heads[layer, component["head"]])
        elif component["type"] == "mlp":
            assert part["value"] == pytest.approx(exact.mlp[layer])
        else:
            bias = exact.attention[layer] - np.nansum(exact.heads[layer])
            assert part["value"] == pytest.approx(bias, abs=1e-6)
    parts = sum(part["value"] for part in wrote["parts"]) + wrote["others_value"]
    assert parts + wrote["embed"] + wrote["constant"] + wrote["rest"] == pytest.approx(
        wrote["total"], abs=1e-4
    )
    assert wrote["total"] == pytest.approx(top[0]["logit"] - top[1]["logit"], abs=1e-3)


def test_a_cell_is_attributed_to_the_answer_where_there_is_one(page, model):
    answer, _ = page.ask("lens_cell", {**CELL, "toward": "answer"})
    assert answer["toward"] == ["mat", "rug"]
    exact = direct_attribution(model, PROMPT, mw.LogitDiff("mat", "rug", 4), at=("resid_post", 1))
    assert answer["wrote"]["total"] == pytest.approx(exact.total)
    page.workbench.session.metric = mw.Probability("mat")
    refused, _ = page.ask("lens_cell", {**CELL, "toward": "answer"})
    assert "distractor" in refused["message"]


def test_a_stream_that_is_no_sum_says_so_and_still_has_its_tokens():
    model = hooked("opt_post_norm")
    with mw.Session(model, list(range(3, 9))) as session, Tapped(session) as workbench:
        result, _ = Page(workbench).ask("lens_cell", {**CELL, "layer": 0, "edited": False})
    assert result["wrote"] is None
    assert "not a plain sum" in result["refusal"]
    assert len(result["tokens"]) == 5


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "mamba"])
@pytest.mark.parametrize("sublayers", [False, True])
def test_cones_in_few_numbers_are_the_cones_of_analysis(name, sublayers):
    drawn_as_allowed(hooked(name), rows_of(hooked(name), sublayers=sublayers), 5)


def test_the_cone_of_a_model_that_looks_both_ways():
    model = masked_model()
    rows = rows_of(model, sublayers=True)
    assert any(cone["both_ways"] for cone in cones_json(model, rows))
    drawn_as_allowed(model, rows, 5)


def drawn_as_allowed(model, rows, n):
    """What a page makes of the numbers, for every row and position."""
    for at, (start, told) in enumerate(zip(rows, cones_json(model, rows), strict=True)):
        for position in range(n):
            exact = cone(model, start, position, n)
            reached = dict(zip(exact.sites, exact.reached, strict=True))
            drawn = np.zeros((len(rows), n), dtype=bool)
            drawn[at : told["spread"], position] = True
            drawn[told["spread"] :, 0 if told["both_ways"] else position :] = True
            np.testing.assert_array_equal(drawn, [reached[site] for site in rows])


def test_the_map_fills_in_with_the_effect_of_every_patch(page, model):
    session = page.workbench.session
    session.other_prompt = OTHER
    asked = page.tell("patching_map", {"sublayers": False, "every": 1})
    result, (effects,) = page.answer(asked)
    post = [*patching_grid(model, PROMPT, OTHER, DIFFERENCE, site="resid_post")][-1]
    pre = [*patching_grid(model, PROMPT, OTHER, DIFFERENCE, layers=[0])][-1]
    np.testing.assert_allclose(effects, np.concatenate([pre.effect, post.effect]), atol=1e-5)
    assert result["metric_a"] == pytest.approx(pre.metric_a)
    assert result["metric_b"] == pytest.approx(pre.metric_b)
    assert effects[-1, -1] == pytest.approx(pre.metric_b - pre.metric_a, abs=1e-5), "all of B"
    told = [m["progress"] for m, _ in page.messages if m["id"] == asked and "progress" in m]
    assert told
    assert all(each["total"] == effects.size for each in told)


def test_a_map_of_prompts_of_other_lengths_leaves_out_what_has_no_counterpart(page, model):
    session = page.workbench.session
    session.other_prompt = f"{PROMPT} and slept"
    _, (effects,) = page.ask("patching_map", {"sublayers": True, "every": 1})
    assert not np.isnan(effects).any()
    session.other_prompt = "the cat sat on the mat and ran"
    _, (effects,) = page.ask("patching_map", {"sublayers": False, "every": 1})
    lost = [here for here, there in session.snapshot().state.alignment if there is None]
    assert lost
    np.testing.assert_array_equal(np.isnan(effects).all(0).nonzero()[0], lost)


def test_a_cancelled_map_goes_on_where_it_stopped(page, model):
    session = page.workbench.session
    session.other_prompt = OTHER
    counted, first = [], "request 0"
    run_rows = model.run_rows

    def slow(*args, **kwargs):
        counted.append(1)
        if len(counted) == 3:
            page.workbench._handle_custom_msg({"v": 1, "op": "cancel", "id": first}, [])
        return run_rows(*args, **kwargs)

    object.__setattr__(model, "run_rows", slow)
    try:
        assert page.tell("patching_map", {"sublayers": True, "every": 1}) == first
        eventually(lambda: len(counted) >= 3)
        _, (effects,) = page.ask("patching_map", {"sublayers": True, "every": 1})
    finally:
        object.__delattr__(model, "run_rows")
    assert not np.isnan(effects).any()
    assert len(counted) <= effects.shape[0] + 1, "no row but the interrupted one is run twice"


def test_a_patch_dragged_to_another_position_is_what_python_would_write(page):
    session = page.workbench.session
    session.other_prompt = OTHER
    stream = {"type": "residual", "layer": 1, "end": "post"}
    spec = {"type": "patch", "component": stream, "align": [[4, 7]]}
    page.ask("apply", {"intervention": spec})
    expected = mw.Patch(mw.Residual(1, end="post"), OTHER, ((4, 7),))
    assert session.interventions == (expected,)
    shown = page.state()["interventions"][0]
    assert (shown["component"], shown["align"]) == (stream, [[4, 7]])


@pytest.mark.parametrize(
    ("op", "change", "said"),
    [
        ("lens", {"measure": "colour"}, "'measure'"),
        ("lens", {"first": 10}, "'first'"),
        ("lens", {"count": 65}, "'count'"),
        ("lens", {"every": 0}, "'every'"),
        ("lens", {"of": "c"}, "'of'"),
        ("lens", {"rows": 3}, "'rows'"),
        ("lens_cell", {"end": "mat"}, "'end'"),
        ("lens_cell", {"layer": 3}, "'layer'"),
        ("lens_cell", {"position": -1}, "'position'"),
        ("lens_cell", {"k": 51}, "'k'"),
        ("lens_cones", {"every": True}, "'every'"),
        ("patching_map", {}, "no prompt B"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(page, op, change, said):
    asked = {
        "lens": ASKED,
        "lens_cell": CELL,
        "lens_cones": {"sublayers": True, "every": 1},
        "patching_map": {"sublayers": True, "every": 1},
    }[op]
    error, frames = page.ask(op, {**asked, **change})
    assert frames is None
    assert said in error["message"]


def test_without_a_metric_there_is_no_answer_to_follow(page):
    session = page.workbench.session
    session.other_prompt = OTHER
    session.metric = None
    for measure in ("answer_probability", "answer_rank", "logit_diff"):
        error, *_ = lens(page, measure=measure)
        assert "answer" in error["message"]
    error, _ = page.ask("patching_map", {"sublayers": True, "every": 1})
    assert "no metric" in error["message"]


def test_a_masked_model_is_read_as_well():
    with mw.Session(masked_model(), BLANK) as session, Tapped(session) as workbench:
        _, _, probability, _ = lens(Page(workbench), sublayers=False, count=2)
        assert probability.shape == (session.model.n_layers + 1, 2)
