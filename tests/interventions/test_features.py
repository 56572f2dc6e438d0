"""Interventions on features of dictionaries: what they do to which tensor, and the laws."""

from __future__ import annotations

import copy
import json

import pytest
import torch

import mechwidget as mw
from mechwidget.dictionaries import find_dictionary
from mechwidget.errors import ComponentError, DictionaryError, InterventionError
from mechwidget.interventions import component_from_json, intervention_from_json
from tests.dictionaries.made import N_FEATURES, Theirs, dictionary, registered
from tests.models.zoo.build import build, example, hooked, own_logits, shared
from tests.models.zoo.species import HEADS, NEURONS, WIDTH

LAW = {"atol": 2e-5, "rtol": 1e-5}
NAMES = ["gpt2", "llama", "gemma2", "gptj", "mixtral"]
WIDE = {"mlp_post": NEURONS}
SITES = ["resid_pre", "resid_mid", "resid_post", "z", "attn_out", "mlp_in", "mlp_post", "mlp_out"]
OTHER = tuple(example(11).flip(1)[0].tolist())
ALL = range(N_FEATURES)


def autoencoder(site: str = "resid_pre", activation: str = "relu") -> str:
    return registered(WIDE.get(site, WIDTH), (site, 1), None, activation)


def transcoder(activation: str = "relu") -> str:
    return registered(WIDTH, ("mlp_in", 1), ("mlp_out", 1), activation)


def read(model: mw.HookedModel, site: mw.Site, edits=()) -> torch.Tensor:
    return model.run(example(), edits, read=[site]).read[site]


def features(model: mw.HookedModel, name: str, edits=()) -> torch.Tensor:
    """All activations `[pos, feature]` of what flows at the site."""
    known = find_dictionary(name)
    return known.encode(read(model, known.reads, edits).flatten(2))[0]


def active(model: mw.HookedModel, name: str) -> int:
    """A feature that is active somewhere, and somewhere is not, if there is one."""
    found = features(model, name)
    mixed = ((found > 0).any(0) & (found == 0).any(0)).nonzero()
    return int(mixed[0]) if len(mixed) else int(found.sum(0).argmax())


@pytest.mark.parametrize("activation", ["relu", "jumprelu", "topk"])
@pytest.mark.parametrize("name", NAMES)
def test_zero_takes_the_features_direction_out_and_leaves_all_else(name, activation) -> None:
    model, of = hooked(name), autoencoder("resid_pre", activation)
    index, known = active(model, of), find_dictionary(of)
    before = read(model, known.reads)
    after = read(model, known.reads, [mw.Ablate(mw.Feature(of, index))])
    f = known.encode(before)[..., index]
    assert torch.allclose(after, before - f[..., None] * known["W_dec"][index], **LAW)
    assert torch.equal(after[f == 0], before[f == 0])


@pytest.mark.parametrize("site", SITES)
def test_at_every_site_that_holds_a_vector(site: str) -> None:
    """decode(edited) - decode(original) is added, and the logits are those of a hook that does."""
    model, of = hooked("llama"), autoencoder(site)
    known, index = find_dictionary(of), active(model, of)
    before = read(model, known.reads)
    run = model.run(example(), [mw.Scale(mw.Feature(of, index), -2.0)], read=[known.reads])
    f = known.encode(before.flatten(2))
    edited = f.clone()
    edited[..., index] *= -2.0
    delta = (known.decode(edited) - known.decode(f)).reshape(before.shape)
    assert torch.allclose(run.read[known.reads], before + delta, **LAW)
    assert run.fired[0].change == pytest.approx(float(delta.norm()), rel=1e-4)
    part = {"attn_out": mw.Attention(1), "mlp_out": mw.MLP(1)}.get(site)
    if site.startswith("resid"):
        part = mw.Residual(1, end=site.removeprefix("resid_"))
    if part is not None:
        by_hand = mw.SetValue(part, {p: (before + delta)[0, p] for p in range(11)})
        assert torch.allclose(run.logits, model.run(example(), [by_hand]).logits, **LAW)
    assert not torch.equal(run.logits, model.run(example()).logits)


@pytest.mark.parametrize("activation", ["relu", "jumprelu", "topk"])
@pytest.mark.parametrize("name", NAMES)
def test_a_transcoder_reads_before_the_mlp_and_writes_what_the_mlp_writes(name, activation) -> None:
    model, of = hooked(name), transcoder(activation)
    known, index = find_dictionary(of), active(model, of)
    entered, written = read(model, known.reads), read(model, known.writes)
    f = known.encode(entered)[..., index]
    run = model.run(example(), [mw.SetValue(mw.Feature(of, index), 3.0)], read=[known.writes])
    expected = written + (3.0 - f)[..., None] * known["W_dec"][index]
    assert torch.allclose(run.read[known.writes], expected, **LAW)
    assert [each.site for each in run.fired] == [known.writes]
    rows = {p: expected[0, p] for p in range(11)}
    same = model.run(example(), [mw.SetValue(mw.MLP(1), rows)])
    assert torch.allclose(run.logits, same.logits, **LAW)


@pytest.mark.parametrize("kind", ["autoencoder", "transcoder"])
@pytest.mark.parametrize("name", NAMES)
def test_its_own_value_changes_no_bit(name: str, kind: str) -> None:
    model, ids = hooked(name), example()
    of = autoencoder() if kind == "autoencoder" else transcoder()
    feature = mw.Feature(of, active(model, of))
    own = feature.held(read(model, feature.site))[0]
    for edit in (
        mw.SetValue(feature, {p: float(own[p]) for p in range(11)}),
        mw.Scale(feature, 1.0),
        mw.Freeze(feature),
        mw.Patch(feature, ids),
        mw.Ablate(feature, "resample", [ids]),
    ):
        run = model.run(ids, [edit])
        assert torch.equal(run.logits, own_logits(shared(name), ids)), edit
        assert run.fired[0].change == 0
        assert run.fired[0].reason
    assert torch.equal(model.run(ids).logits, own_logits(shared(name), ids))


@pytest.mark.parametrize("activation", ["relu", "topk"])
@pytest.mark.parametrize("kind", ["autoencoder", "transcoder"])
def test_zeroing_all_features_leaves_the_bias_and_the_error(kind: str, activation: str) -> None:
    model = hooked("gpt2")
    make = autoencoder if kind == "autoencoder" else lambda activation: transcoder(activation)
    of = make(activation=activation)
    known = find_dictionary(of)
    entered, written = read(model, known.reads), read(model, known.writes)
    error = written - known.decode(known.encode(entered))
    left = read(model, known.writes, [mw.Ablate(mw.Feature(of, index)) for index in ALL])
    assert torch.allclose(left, known["b_dec"] + error, **LAW)
    assert float(error.abs().max()) > 0.1


def test_edits_of_one_dictionary_see_what_the_ones_before_left() -> None:
    """Twice, then 3; and what comes between is seen by an autoencoder that reads anew."""
    model = hooked("gpt2")
    for of in (autoencoder(), transcoder()):
        feature = mw.Feature(of, active(model, of))
        once = model.run(example(), [mw.SetValue(feature, 3.0)]).logits
        twice = [mw.Scale(feature, 2.0), mw.SetValue(feature, 3.0)]
        assert torch.allclose(model.run(example(), twice).logits, once, **LAW)
        other = mw.Feature(of, (feature.index + 1) % N_FEATURES)
        both = [mw.Ablate(feature), mw.SetValue(other, 1.0)]
        assert torch.allclose(
            model.run(example(), both).logits, model.run(example(), both[::-1]).logits, **LAW
        )
    of = autoencoder()
    known, feature = find_dictionary(of), mw.Feature(of, 3)
    stream, moved = mw.Residual(1), [0.5] * WIDTH
    edits = [mw.Ablate(feature), mw.Steer(stream, moved), mw.SetValue(feature, 2.0)]
    before = read(model, known.reads)
    x = before - known.encode(before)[..., 3:4] * known["W_dec"][3] + 0.5
    expected = x + (2.0 - known.encode(x)[..., 3:4]) * known["W_dec"][3]
    assert torch.allclose(read(model, known.reads, edits), expected, **LAW)
    of = transcoder()
    feature = mw.Feature(of, 3)
    between = [mw.Scale(feature, 2.0), mw.Steer(mw.MLP(1), moved), mw.SetValue(feature, 3.0)]
    after = [mw.SetValue(feature, 3.0), mw.Steer(mw.MLP(1), moved)]
    assert torch.allclose(
        model.run(example(), between).logits, model.run(example(), after).logits, **LAW
    )


@pytest.mark.parametrize("of", [autoencoder(), transcoder()], ids=["autoencoder", "transcoder"])
def test_mean_and_resample_and_patch_take_the_activation_of_other_prompts(of: str) -> None:
    model, ids = hooked("llama"), example()
    known, index = find_dictionary(of), active(model, of)
    feature, prompts = mw.Feature(of, index), [OTHER, OTHER[3:]]
    held = [
        known.activation_of(model.run(each, read=[known.reads]).read[known.reads], index)[0]
        for each in prompts
    ]
    mean = torch.cat(held).mean()
    reference = mw.Ablate(feature, "mean", prompts).reference(model)
    assert torch.allclose(reference.mean, mean, **LAW)
    assert int(reference.n) == len(OTHER) + len(OTHER) - 3
    for edit, values in (
        (mw.Ablate(feature, "mean", prompts), [float(mean)] * 11),
        (mw.Ablate(feature, "resample", [OTHER]), held[0].tolist()),
        (mw.Patch(feature, OTHER), held[0].tolist()),
    ):
        by_hand = mw.SetValue(feature, dict(enumerate(values)))
        assert torch.allclose(
            model.run(ids, [edit]).logits, model.run(ids, [by_hand]).logits, **LAW
        ), edit


@pytest.mark.parametrize("of", [autoencoder(), transcoder()], ids=["autoencoder", "transcoder"])
@pytest.mark.parametrize("name", NAMES)
def test_replayed_rows_and_positions(name: str, of: str) -> None:
    """Replay = full, rows = singles, and what comes before the position stays bit for bit."""
    model, ids, feature = mw.wrap(shared(name)), example(40), mw.Feature(of, 3, [37, -1])
    edits = [mw.SetValue(feature, 4.0), mw.Scale(mw.Feature(of, 4, [38]), 3.0)]
    model.run(ids)
    full = model.run(ids, edits, replay=False)
    for _ in range(8):  # a window of the last positions is tried once a few runs could do with it
        replayed = model.run(ids, edits, positions=[-1])
        assert torch.allclose(replayed.logits, full.logits[:, -1:], **LAW)
    assert torch.equal(full.logits[:, :37], own_logits(shared(name), ids)[:, :37])
    variants = [edits, [mw.Ablate(mw.Feature(of, 5))], []]
    for row, variant in zip(model.run_rows(ids, variants), variants, strict=True):
        assert torch.allclose(row.logits, model.run(ids, variant, replay=False).logits, **LAW)


@pytest.mark.parametrize("of", [autoencoder(), transcoder()], ids=["autoencoder", "transcoder"])
@pytest.mark.parametrize("on", ["both", "prompt", "generated"])
def test_generation_with_a_cache_is_generation_without(of: str, on: str) -> None:
    model = hooked("llama")
    edits = [mw.Scale(mw.Feature(of, 3), 2.0), mw.SetValue(mw.Feature(of, 3), 6.0),
             mw.Ablate(mw.Feature(of, 4))]  # fmt: skip
    made = [
        list(model.generate(example(), edits, max_new_tokens=4, temperature=0, cache=cache, on=on))
        for cache in (True, False)
    ]
    for cached, recomputed in zip(*made, strict=True):
        assert cached.id == recomputed.id
        assert torch.allclose(cached.logits, recomputed.logits, atol=1e-4)
    plain = list(model.generate(example(), [], max_new_tokens=4, temperature=0))
    assert not torch.equal(plain[-1].logits, made[0][-1].logits)


@pytest.mark.parametrize("of", [autoencoder(), transcoder()], ids=["autoencoder", "transcoder"])
def test_gradients_go_through_a_feature(of: str) -> None:
    """Against finite differences of the same run, along one direction of the stream before it."""
    model, ids, known = mw.wrap(build("gpt2").double()), example(), find_dictionary(of)
    tensors = {name: known[name].double() for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    double = mw.Dictionary(**tensors, reads=known.reads, writes=known.writes)
    mw.register_dictionary("in float64", double, replace=True)
    edits = [mw.Scale(mw.Feature("in float64", active(hooked("gpt2"), of)), 3.0)]

    def metric(logits: torch.Tensor) -> torch.Tensor:
        return logits[0, -1, 5] - logits[0, -1, 7]

    found = model.gradients(ids, metric, [("resid_pre", 0)], edits)["resid_pre", 0]
    towards = torch.randn(1, 11, WIDTH, generator=torch.Generator().manual_seed(3)).double()
    step = 1e-5
    first, second = (
        metric(model.run(ids, [*_moved(towards, sign * step), *edits]).logits) for sign in (1, -1)
    )
    slope = float((first - second) / (2 * step))
    assert float((found * towards).sum()) == pytest.approx(slope, rel=1e-5)
    assert abs(slope) > 1e-3


def _moved(towards: torch.Tensor, by: float) -> list[mw.Steer]:
    return [mw.Steer(mw.Residual(0, [p]), (by * towards[0, p]).tolist()) for p in range(11)]


def test_an_object_of_ones_own_is_taken_by_its_protocol() -> None:
    model, of = hooked("llama"), autoencoder("resid_pre", "topk")
    mw.register_dictionary("theirs", Theirs(find_dictionary(of)), replace=True)
    for edits in (
        [mw.Ablate],
        [mw.Ablate, lambda feature: mw.SetValue(feature, 2.0)],
    ):
        ours, theirs = (
            model.run(example(), [e(mw.Feature(n, i + 2)) for i, e in enumerate(edits)]).logits
            for n in (of, "theirs")
        )
        assert torch.allclose(ours, theirs, **LAW)
        assert not torch.equal(theirs, model.run(example()).logits)
    steps = [mw.Ablate(mw.Feature("theirs", index)) for index in ALL]
    assert torch.allclose(
        model.run(example(), steps).logits,
        model.run(example(), [mw.Ablate(mw.Feature(of, index)) for index in ALL]).logits,
        **LAW,
    )


def test_bfloat16_is_edited_in_float32() -> None:
    model = mw.wrap(build("llama").bfloat16())
    of = autoencoder()
    run = model.run(example(), [mw.SetValue(mw.Feature(of, 3), 5.0)], read=[("resid_pre", 1)])
    held = run.read["resid_pre", 1]
    assert held.dtype == torch.bfloat16
    plain = model.run(example(), read=[("resid_pre", 1)]).read["resid_pre", 1].float()
    known = find_dictionary(of)
    wanted = plain + (5.0 - known.activation_of(plain, 3))[..., None] * known["W_dec"][3]
    assert torch.equal(held, wanted.bfloat16())


def test_json_there_and_back_by_name_and_fingerprint() -> None:
    of = autoencoder()
    feature = mw.Feature(of, 7, [2, -1])
    data = json.loads(json.dumps(feature.to_json()))
    assert data == {
        "type": "feature", "dictionary": of, "index": 7, "positions": [-1, 2], "layer": 1,
        "fingerprint": find_dictionary(of).fingerprint,
    }  # fmt: skip
    assert component_from_json(data) == feature
    assert mw.Feature(find_dictionary(of), 7, [2, -1]) == feature
    assert eval(repr(feature), {"Feature": mw.Feature}) == feature
    edits = [mw.Ablate(feature), mw.Scale(feature, 2.0), mw.SetValue(feature, 3.0),
             mw.Ablate(feature, "mean", [OTHER])]  # fmt: skip
    for edit in edits:
        assert intervention_from_json(json.loads(json.dumps(edit.to_json()))) == edit
    assert edits[0].sentence == f"Zero feature 7 of “{of}” at -1, 2"
    assert hash(copy.copy(feature)) == hash(feature)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"dictionary": "nobody's"}, "No dictionary is called"),
        ({"dictionary": 3}, "not registered"),
        ({"fingerprint": "0" * 16}, "another one"),
        ({"layer": 2}, "reads resid_pre"),
        ({"index": N_FEATURES}, "has 24 features"),
        ({"index": -1}, "0 or more"),
        ({"index": "7"}, "expected an integer"),
        ({"positions": "all"}, "expected a list"),
        ({"tensors": []}, "unknown field"),
    ],
)
def test_json_that_is_not_ours_is_refused(change: dict[str, object], why: str) -> None:
    data = mw.Feature(autoencoder(), 7).to_json() | change
    with pytest.raises(mw.MechwidgetError, match=why):
        component_from_json(data)


def test_a_dictionary_of_other_numbers_under_the_same_name_is_noticed() -> None:
    first = mw.register_dictionary("replaced", dictionary(WIDTH), replace=True)
    edit = mw.Ablate(mw.Feature("replaced", 1))
    with pytest.raises(DictionaryError, match="There is a dictionary called 'replaced' already"):
        mw.register_dictionary("replaced", dictionary(WIDTH, seed=1))
    assert mw.register_dictionary("replaced", first) is first
    mw.register_dictionary("replaced", dictionary(WIDTH))  # a cell that is run a second time
    mw.register_dictionary("replaced", dictionary(WIDTH, seed=1), replace=True)
    with pytest.raises(ComponentError, match="its numbers are others"):
        hooked("gpt2").run(example(), [edit])
    mw.register_dictionary("replaced", first, replace=True)
    hooked("gpt2").run(example(), [edit])


def test_what_a_model_does_not_have_is_refused_by_name() -> None:
    model = hooked("gpt2")
    for name, made, why in (
        ("too late", dictionary(WIDTH, reads=("resid_pre", 9)), "reads resid_pre.9, which gpt2"),
        ("too wide", dictionary(WIDTH + 1), f"reads {WIDTH + 1} numbers"),
        ("no such neurons", dictionary(5, reads=("mlp_post", 0)), f"has {NEURONS}"),
    ):
        mw.register_dictionary(name, made, replace=True)
        with pytest.raises(ComponentError, match=why):
            model.run(example(), [mw.Ablate(mw.Feature(name, 0))])
    of = transcoder()
    with pytest.raises(ComponentError, match=r"reads mlp_in.1, which opt does not have"):
        hooked("opt").run(example(), [mw.Ablate(mw.Feature(of, 0))])
    for wrong in (
        lambda: mw.Steer(mw.Feature(of, 0), [1.0]),
        lambda: mw.KnockOut(mw.Feature(of, 0)),
    ):
        with pytest.raises(InterventionError, match="expected"):
            wrong()
    with pytest.raises(InterventionError, match="is a single number"):
        model.run(example(), [mw.SetValue(mw.Feature(of, 0), [1.0] * HEADS)])


def test_what_fired_says_why_nothing_changed() -> None:
    model, of = hooked("gpt2"), autoencoder("resid_pre", "topk")
    silent = (features(model, of) == 0).nonzero()[0].tolist()
    run = model.run(example(), [mw.Ablate(mw.Feature(of, silent[1], [silent[0]]))])
    assert (run.fired[0].change, run.fired[0].reason) == (0, "it was 0 already")
