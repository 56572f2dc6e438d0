"""A session as a file: what was saved comes back, and what is different is said."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget import recipes
from mechwidget.errors import MechwidgetError, ModelLoadError, PromptError
from mechwidget.models.identity import identity, weights_hash
from mechwidget.recipes import RecipeError
from mechwidget.session.recorded import MOST_NUMBERS_OF_A_VECTOR
from tests.interventions.anything import interventions
from tests.session.tiny import PROMPT, WORDS, tiny_model, tiny_module, tiny_tokenizer

LAWS = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
VERSION_1 = Path(__file__).parent.parent / "recipes" / "version_1.mech.json"
PLACES = st.integers(-5, 4)
POSITIONS = st.none() | st.lists(PLACES, min_size=1, max_size=3)
LAYER, HEAD = st.integers(0, 2), st.integers(0, 2)
HEADS = st.builds(mw.Head, LAYER, HEAD, POSITIONS)
SITED = (
    HEADS
    | st.builds(mw.MLP, LAYER, POSITIONS)
    | st.builds(mw.Neuron, LAYER, st.integers(0, 95), POSITIONS)
    | st.builds(mw.Residual, LAYER, POSITIONS, st.sampled_from(["pre", "post"]))
)
TEXTS = st.sampled_from([PROMPT, "the dog sat on a rug", "a cat ran and then slept"])
EDITS = st.one_of(
    interventions(
        SITED,
        heads=HEADS,
        edges=st.builds(mw.Edge, LAYER, HEAD, PLACES, PLACES),
        layers=st.builds(mw.Layer, LAYER, POSITIONS),
        prompts=TEXTS,
        width=width,
        places=PLACES,
    )
    for width in (24, 8)
)
METRICS = st.sampled_from([None, mw.LogitDiff("mat", "rug"), mw.Probability("cat", 2)])


def question(document):
    """A recipe without when it was written."""
    return {name: value for name, value in document.items() if name != "written"}


@st.composite
def sessions(draw, model):
    session = mw.Session(model, draw(TEXTS), draw(METRICS))
    session.other_prompt = draw(st.none() | TEXTS)
    session.reference = draw(st.lists(TEXTS, max_size=2))
    for edit in draw(st.lists(EDITS, max_size=5)):
        try:
            session.apply(edit)
        except MechwidgetError:
            continue  # it does not fit this prompt
        if draw(st.booleans()):
            session.rename(edit, draw(st.text("abc<“", min_size=1, max_size=5)))
        if draw(st.booleans()):
            session.disable(edit)
    some = list(session.interventions)
    if some and draw(st.booleans()):
        session.group(*draw(st.lists(st.sampled_from(some), min_size=1)), name="a group")
    numbers = draw(st.lists(st.floats(-9, 9), min_size=24, max_size=24).filter(any))
    session.directions["along"] = numbers
    if draw(st.booleans()):
        session.wait()
        with suppress(MechwidgetError):  # no finite numbers under these edits
            session.take_snapshot()
        session.prompt = "the cat sat on the mat"
    return session


@LAWS
@given(st.data())
def test_any_session_comes_back_to_the_last_bit(model, tmp_path, data):
    try:
        session = data.draw(sessions(model))
    except PromptError:
        return  # an edit that fits one prompt and not the other
    with session:
        where = session.save(tmp_path / "any")
        saved = recipes.read(recipes.read_file(where))[0]
        assert recipes.validate(saved) == []
        with mw.Session.load(where, model) as again:
            assert again.differences == ()
            assert again.interventions == session.interventions
            assert again.disabled == session.disabled
            assert again.names == session.names
            assert again.groups == session.groups
            assert again.now().state.active == session.now().state.active
            assert dict(again.directions) == dict(session.directions)
            assert question(again.to_recipe()) == question(saved)
            if session.now().standing.error is None:
                assert again.metric_value == session.metric_value
                assert torch.equal(again.result.logits, session.result.logits)
            assert not again.can_undo


def test_snapshots_come_back_with_their_numbers_and_are_restored(session, model, tmp_path):
    session.ablate(mw.Head(0, 1))
    session.take_snapshot("with")
    kept = session.snapshots["with"].figures
    session.clear()
    session.prompt = "the dog sat"
    session.take_snapshot("without")
    where = session.save(tmp_path / "kept")
    with mw.Session.load(where, model) as again:
        assert list(again.snapshots) == ["with", "without"]
        assert again.snapshots["with"].figures == kept
        with pytest.raises(MechwidgetError, match="Restore it once"):
            again.compare("with", "without")
        again.restore("with")
        assert again.prompt == PROMPT
        again.wait()
        again.restore("without")
        again.wait()
        assert again.compare("with", "without").only_one == ("Zero head 0.1",)


def test_the_effects_go_along_once_they_are_known(session, model, tmp_path):
    assert "effects" not in session.to_recipe()["result"]
    grid = session.effects().result()
    saved = session.to_recipe()["result"]["effects"]
    np.testing.assert_allclose(saved["values"], grid[:, :3], rtol=1e-5)
    assert saved["unit"] == "logits"
    with mw.Session.load(session.save(tmp_path / "x"), model) as again:
        assert again.to_recipe()["result"]["effects"] == saved
        again.prompt = "the dog sat"
        assert "effects" not in again.to_recipe()["result"]


def test_it_is_loaded_by_name_on_another_day(tmp_path):
    with mw.Session("microcosm", "The capital of France is", mw.Probability(" Paris")) as session:
        session.ablate(mw.Head(0, 2))
        where = session.save(tmp_path / "france")
        value = session.metric_value
    with mw.Session.load(where) as again:
        assert again.metric_value == value
        assert again.differences == ()
        assert again.provenance == (
            "Loaded from france.mech.json: the same model, tokens and numbers."
        )


# -- what is different


def test_other_weights_and_other_numbers_are_said(session, tmp_path):
    session.ablate(mw.Head(0, 1))
    where = session.save(tmp_path / "x")
    with mw.Session.load(where, tiny_model(seed=1)) as other:
        told = {each.path: each for each in other.differences}
        assert told["model.weights_hash"].message == "The weights are other ones."
        assert told["result.metric.after"].saved == session.metric_value
        assert told["result.metric.after"].found == other.metric_value
        assert "with them is" in told["result.metric.after"].message
        assert "model.tokenizer_hash" not in told
        assert other.provenance.startswith("Loaded from x.mech.json, with ")
        assert "The weights are other ones." in other.provenance


def test_another_dtype_is_said_and_its_rounding_is_none(session, tmp_path):
    where = session.save(tmp_path / "x")
    half = mw.wrap(tiny_module().to(torch.bfloat16), tiny_tokenizer(), name="tiny")
    with mw.Session.load(where, half) as other:
        paths = [each.path for each in other.differences]
        assert "model.dtype" in paths
        assert "model.weights_hash" not in paths  # for that reason alone
        assert not any(path.startswith("result.top") for path in paths)


def test_another_tokenizer_is_said_with_the_first_token_that_differs(session, model, tmp_path):
    document = session.to_recipe()
    document["prompts"]["a"]["ids"] = [*document["prompts"]["a"]["ids"][:3], 9, 9]
    document["model"] |= {"tokenizer_hash": "sha256:0", "revision": "a" * 40, "class": "Other"}
    with mw.Session.from_recipe(document, model) as other:
        told = {each.path: each.message for each in other.differences}
    assert told["prompts.a.ids"] == (
        "Prompt A is 10 tokens here, and was 5; the first that differs is token 3."
    )
    assert "tokenizer has other tokens" in told["model.tokenizer_hash"]
    assert told["model.class"] == "The model is a GPT2LMHeadModel, and was a Other."
    assert "model.revision" not in told  # nobody knows which this one is of


def test_numbers_apart_by_rounding_are_no_difference(session, model):
    document = session.to_recipe()
    document["result"]["metric"]["after"] += 5e-4
    with mw.Session.from_recipe(document, model) as other:
        assert other.differences == ()
    document["result"]["metric"]["after"] += 5e-3
    with mw.Session.from_recipe(document, model) as other:
        (only,) = other.differences
        assert only.path == "result.metric.after"
        other.ablate(mw.Head(0, 0))
        assert other.differences == (only,)  # of what was loaded, not of what came after


# -- what is not understood


def strange(document):
    """A recipe of a later program, with something new at every level."""
    document["interventions"].insert(1, {"does": {"type": "warp", "by": 9}, "sentence": "Warp"})
    head = {"type": "head", "layer": 0, "head": 0}
    document["interventions"].append({"does": {"type": "ablate", "component": head, "gently": 1}})
    document["interventions"].append({"left_out": "It was too long.", "sentence": "Steer far"})
    document["metric"] = {"type": "surprise", "at": 3}
    document["directions"].append({"name": "wide", "values": [1.0] * 7, "later": 1})
    document["snapshots"].append({"name": "odd", "interventions": [{"does": {"type": "warp"}}]})
    for place in (document, document["model"], document["prompts"]["a"], document["result"]):
        place["later"] = {"a": [1, 2]}
    document["interventions"][0]["later"] = "x"
    document["snapshots"][0]["later"] = "y"
    document["views"] = [{"view": "of tomorrow", "zoom": 2}]
    return document


def test_what_is_not_understood_is_kept_and_never_done(session, model):
    session.ablate(mw.Head(1, 1))
    session.directions["d"] = [1.0] * 24
    session.take_snapshot("fine")
    document = strange(session.to_recipe())
    with mw.Session.from_recipe(document, model) as again:
        assert [each.sentence for each in again.interventions] == ["Zero head 1.1"]
        assert again.metric is None
        assert list(again.directions) == ["d"]
        assert list(again.snapshots) == ["fine"]
        assert [each.path for each in again.not_understood] == [
            "interventions[1]",
            "interventions[2]",
            "interventions[3]",
        ]
        said = " ".join(each.message for each in again.differences)
        for word in (
            "“Warp” is kept and not done",
            "unknown field 'gently'",
            "too long",
            "surprise",
        ):
            assert word in said
        assert "7" in said  # how wide that direction is
        torch.testing.assert_close(again.result.logits, session.result.logits, rtol=0, atol=0)
        saved = again.to_recipe()
        unlike = recipes.difference(document, saved)
        assert [each.path for each in unlike if not each.path.startswith("result")] == []
        assert saved["interventions"] == document["interventions"]
        again.clear()
        left = again.to_recipe()["interventions"]
        assert [each.get("sentence") for each in left] == ["Warp", None, "Steer far"]
        assert recipes.validate(recipes.loads(recipes.dumps(saved)))[0].severity == "note"


def test_a_recipe_of_version_1_is_loaded():
    with mw.Session.load(VERSION_1) as session:
        assert session.prompt == "The capital of France is"
        assert session.other_prompt == "The capital of Italy is"
        assert [each.sentence for each in session.interventions] == [
            "Zero head 0.2",
            "Scale head 1.1 by 0.5",
        ]
        assert session.names == {session.interventions[0]: "mover"}
        assert session.to_recipe()["colour"] == "of a later program"


def test_what_fits_no_longer_is_said_and_the_rest_is_there(session, model):
    session.apply(mw.Ablate(mw.Head(0, 0, [8])), mw.Ablate(mw.Head(0, 1)))
    document = session.to_recipe()
    document["prompts"]["a"] = {"text": "the cat"}
    document["prompts"]["b"] = {"text": "cat " * 50}
    document["prompts"]["reference"] = [{"ids": [10**6]}]
    with mw.Session.from_recipe(document, model) as again:
        assert again.interventions == (mw.Ablate(mw.Head(0, 1)),)
        paths = {each.path for each in again.differences}
        assert {"interventions[0]", "prompts.b", "prompts.reference"} <= paths
        saved = again.to_recipe()
    assert saved["prompts"]["b"] == document["prompts"]["b"]
    assert saved["prompts"]["reference"] == document["prompts"]["reference"]


# -- files that are none, models that are not there


def test_a_prompt_that_the_model_cannot_read_is_no_session(session, model):
    document = session.to_recipe()
    document["prompts"]["a"] = {"text": "cat " * 50}
    with pytest.raises(PromptError, match="context is 32"):
        mw.Session.from_recipe(document, model)
    with pytest.raises(PromptError):
        mw.Session.from_recipe({**document, "prompts": {"a": {}}}, model)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b"[" * 10_000, b'{"format": NaN}'])
def test_a_file_that_is_no_recipe_is_a_sentence(tmp_path, model, content):
    where = tmp_path / "x"
    where.write_bytes(content)
    with pytest.raises(RecipeError) as told:
        mw.Session.load(where, model)
    assert len(str(told.value)) < 300


def test_saving_over_another_file_is_refused(session, tmp_path):
    where = tmp_path / "weights.safetensors"
    where.write_bytes(b"precious")
    with pytest.raises(RecipeError, match="is no recipe"):
        session.save(where)
    assert where.read_bytes() == b"precious"


@pytest.mark.parametrize(
    "name", [None, "../evil", "/tmp/evil", "a/b/c", "https://x", "", "nobody/no-such-model-here"]
)
def test_a_model_is_loaded_by_a_plain_name_and_never_fetched(session, tmp_path, name, monkeypatch):
    from mechwidget.models import hub

    def fetched(*_, **__):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(hub, "_downloaded", fetched)
    document = session.to_recipe()
    document["model"]["loaded_from"] = name
    where = recipes.write_file(tmp_path / "x", document)
    with pytest.raises(ModelLoadError) as told:
        mw.Session.load(where)
    assert "model=" in str(told.value) or "allow_download=True" in str(told.value)
    assert where.exists()


def test_a_very_long_direction_is_left_out_with_the_reason(session, model):
    from mechwidget.interventions import Vector
    from mechwidget.session.directions import Direction
    from mechwidget.session.recorded import directions_json

    vector = Vector((0.5,) * (MOST_NUMBERS_OF_A_VECTOR + 1), "long")
    (entry,) = directions_json((Direction(vector, "nowhere"),))
    assert "values" not in entry
    assert "262,145 numbers" in entry["left_out"]
    document = session.to_recipe() | {"directions": [entry]}
    assert recipes.validate(document) == []
    with mw.Session.from_recipe(document, model) as again:
        assert "262,145" in again.differences[0].message
        assert again.to_recipe()["directions"] == [entry]


def test_a_closed_session_is_not_saved(model, tmp_path):
    session = mw.Session(model, PROMPT)
    session.close()
    with pytest.raises(MechwidgetError, match="closed"):
        session.save(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_is_saved_without_numbers(model):
    broken = tiny_model(seed=4)
    with torch.no_grad():
        broken.model.lm_head.weight.fill_(float("nan"))
    with mw.Session(broken, PROMPT) as session:
        document = session.to_recipe()
        assert document["result"] is None
        assert recipes.validate(document) == []


# -- the identity of a model


def test_the_identity_tells_models_apart_and_knows_them_again():
    one, same, other = tiny_model(), tiny_model(), tiny_model(seed=1)
    assert identity(one) == identity(same)
    assert weights_hash(one) != weights_hash(other)
    assert identity(one)["config_hash"] == identity(other)["config_hash"]
    with torch.no_grad():
        same.model.transformer.h[1].mlp.c_fc.weight.mul_(1.001)
    assert weights_hash(one) != weights_hash(same)
    assert identity(one)["loaded_from"] is None
    compiled = mw.wrap(torch.compile(tiny_module()), tiny_tokenizer(), name="tiny")
    assert weights_hash(compiled) == weights_hash(one)


def test_no_path_of_this_machine_is_in_a_recipe(tmp_path):
    tiny_module().save_pretrained(tmp_path / "a folder")
    tiny_tokenizer().save_pretrained(tmp_path / "a folder")
    with mw.Session(str(tmp_path / "a folder"), " ".join(WORDS[:4])) as session:
        text = json.dumps(session.to_recipe())
    assert str(tmp_path) not in text
    assert json.loads(text)["model"]["name"] == "a folder"
