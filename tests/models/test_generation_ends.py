"""What a generation draws, where it ends, what it refuses, and that it leaves nothing behind."""

from __future__ import annotations

import gc
import math
import threading
import weakref

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import CancelledError, InterventionError, PromptError, TokenError
from mechwidget.models import Edit
from mechwidget.models.sampling import Sampling
from tests.models.homemade import Homemade
from tests.models.state import is_free, state_of, thread_state
from tests.models.zoo.build import build, example, hooked
from tests.models.zoo.species import CONTEXT

N = 11


def ids_of(model: mw.HookedModel, *arguments, **options) -> list[int]:
    options = {"stop_tokens": (), **options}
    return [step.id for step in model.generate(example(), *arguments, **options)]


def surprise(counts: torch.Tensor, expected: torch.Tensor) -> float:
    """How many standard deviations a chi-square statistic is above its mean; rare cells pooled."""
    common = expected >= 5
    counts = torch.cat([counts[common], counts[~common].sum().view(1)])
    expected = torch.cat([expected[common], expected[~common].sum().view(1)])
    cells = expected > 0
    statistic = float(((counts - expected)[cells] ** 2 / expected[cells]).sum())
    degrees = int(cells.sum()) - 1
    # Wilson and Hilferty: the cube root of a chi-square variable is nearly normal.
    scale = 2 / (9 * degrees)
    return ((statistic / degrees) ** (1 / 3) - (1 - scale)) / math.sqrt(scale)


@pytest.mark.parametrize(("temperature", "top_p"), [(8.0, 1.0), (10.0, 0.8), (6.0, 0.5)])
def test_what_is_drawn_has_the_models_distribution(temperature: float, top_p: float) -> None:
    model, many = mw.wrap(Homemade()), 400
    ids = torch.arange(4)
    logits = model.run(ids, positions=[-1]).logits[0, 0]
    shares = (logits.double() / temperature).softmax(-1)
    ordered, order = shares.sort(descending=True)
    kept = order[: int((ordered.cumsum(0) < top_p).sum()) + 1] if top_p < 1 else order
    expected = torch.zeros_like(shares)
    expected[kept] = shares[kept] / shares[kept].sum()
    counts = torch.zeros(50)
    for seed in range(many):
        (step,) = model.generate(ids, (), 1, temperature, top_p, seed)
        counts[step.id] += 1
        assert step.probability == pytest.approx(float(logits.softmax(-1)[step.id]), rel=1e-4)
    assert surprise(counts.double(), many * expected) < 3
    assert float(counts[expected == 0].sum()) == 0
    # The same counts do not fit another temperature: the test can fail.
    other = (logits.double() / (temperature * 2)).softmax(-1)
    assert surprise(counts.double(), many * other) > 3


def test_later_tokens_are_drawn_afresh() -> None:
    flat = mw.wrap(Homemade())
    drawn = Sampling(1.0, seed=0).draws()
    assert len({drawn.next() for _ in range(100)}) == 100
    assert len(set(ids := [s.id for s in flat.generate([1], (), 40, 50.0)])) > 15, ids


def test_the_same_seed_gives_the_same_tokens() -> None:
    model = hooked("llama")
    one = ids_of(model, (), 12, 1.5, 0.95, 7)
    assert one == ids_of(model, (), 12, 1.5, 0.95, 7)
    assert one == ids_of(model, (), 12, 1.5, 0.95, 7, cache=False)
    assert one != ids_of(model, (), 12, 1.5, 0.95, 8)


def test_nearly_no_temperature_and_a_narrow_nucleus_are_greedy() -> None:
    model = hooked("llama")
    greedy = ids_of(model, (), 8)
    assert ids_of(model, (), 8, 1e-6, seed=3) == greedy
    assert ids_of(model, (), 8, 1.0, 1e-9, seed=3) == greedy


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-53])
def test_every_uniform_number_is_a_token_that_can_be_drawn(uniform: float) -> None:
    logits = torch.tensor([-math.inf, 0.0, 1.0, -math.inf])
    assert Sampling(1.0).choose(logits, uniform) in (1, 2)
    assert Sampling(1.0, 0.6).choose(logits, uniform) == 2
    assert Sampling(0.0).choose(logits.bfloat16(), uniform) == 2


def test_it_ends_with_the_models_own_end_token() -> None:
    module = build("gpt2")
    model = mw.wrap(module)
    first = ids_of(model, (), 6)
    for holder, value in (
        (module.generation_config, first[0]),
        (module.generation_config, [96, first[0]]),
    ):
        holder.eos_token_id = value
        going = model.generate(example(), max_new_tokens=6)
        assert [step.id for step in going] == [first[0]]
        assert going.ended == "end of text"
    assert ids_of(model, (), 6) == first  # told that nothing ends it
    named = model.generate(example(), max_new_tokens=6, stop_tokens=[first[0]])
    assert len(list(named)) == 1
    bare = Homemade()
    bare.config = type(
        "Config", (), {"eos_token_id": int(mw.wrap(bare).run([1]).logits[0, -1].argmax())}
    )()
    assert len(list(mw.wrap(bare).generate([1]))) == 1


def test_a_row_that_ends_waits_for_the_other() -> None:
    model = hooked("gpt2")
    edits = [
        mw.Steer(
            mw.Residual(1),
            torch.randn(32, generator=torch.Generator().manual_seed(1)).tolist(),
            6.0,
        )
    ]
    plain, edited = ids_of(model, (), 8), ids_of(model, edits, 8)
    assert plain[0] not in edited
    assert edited[0] not in plain
    early = list(model.generate(example(), edits, 8, beside_baseline=True, stop_tokens=[edited[0]]))
    assert [step.baseline.id for step in early] == plain
    assert [step.ended for step in early] == [False] + 7 * [True]
    assert {step.id for step in early} == {edited[0]}
    assert not any(step.text for step in early[1:])
    late = model.generate(example(), edits, 8, beside_baseline=True, stop_tokens=[plain[0]])
    steps = list(late)
    assert [step.id for step in steps] == edited
    assert [step.baseline.ended for step in steps] == [False] + 7 * [True]
    assert late.ids == tuple(edited)
    both = model.generate(
        example(), edits, 8, beside_baseline=True, stop_tokens=[plain[0], edited[0]]
    )
    assert len(list(both)) == 1


def test_it_ends_where_the_context_is_full() -> None:
    model, ids = hooked("gpt2"), torch.randint(3, 99, (CONTEXT - 2,))
    going = model.generate(ids, max_new_tokens=10, stop_tokens=())
    assert [step.position for step in going] == [CONTEXT - 2, CONTEXT - 1, CONTEXT]
    assert going.ended == f"the model's context of {CONTEXT} tokens is full"
    with pytest.raises(PromptError, match="context is 64"):
        model.generate(torch.ones(CONTEXT + 1, dtype=torch.long))


def test_it_says_what_it_made() -> None:
    model = hooked("gpt2")
    going = model.generate(example(), max_new_tokens=4, stop_tokens=())
    steps = list(going)
    assert [step.position for step in steps] == [11, 12, 13, 14]
    assert going.ids == tuple(step.id for step in steps)
    assert (
        going.text
        == "".join(step.text for step in steps)
        == "".join(map(model.token_text, going.ids))
    )
    assert going.ended == "max_new_tokens"
    assert [tuple(step.logits.shape) for step in steps] == [(99,)] * 4
    assert list(going) == []
    nothing = model.generate(example(), max_new_tokens=0)
    assert list(nothing) == []
    assert nothing.ended == "max_new_tokens"


def test_what_is_taken_by_position_acts_on_the_prompt_only() -> None:
    model = hooked("gpt2")
    for edit in (
        mw.Patch(mw.Head(1, 2), example().flip(1)),
        mw.Freeze("pattern"),
        mw.Ablate(mw.MLP(1), "resample", example().flip(1)),
        mw.Ablate(mw.MLP(1), "mean", example().flip(1), by_position=True),
        mw.ReplacePattern(mw.Head(1, 2), torch.eye(N)),
    ):
        first, *later = model.generate(example(), [edit], 4, stop_tokens=())
        assert first.fired
        assert not any(step.fired for step in later)
        with pytest.raises(InterventionError, match="nothing for generated tokens"):
            model.generate(example(), [edit], on="generated")


@pytest.mark.parametrize(
    ("edits", "options", "words"),
    [
        (
            [mw.Ablate(mw.Head(1, 2, [N + 4]))],
            {},
            "names position 15; the prompt has 11 tokens, and 4",
        ),
        ([mw.Ablate(mw.Head(1, 2, [-12]))], {}, "names position -12"),
        ([mw.KnockOut(mw.Edge(1, 2, N + 9, 0))], {}, "names position 20"),
        ([mw.Ablate(mw.Head(1, 2, [3]))], {"on": "generated"}, "no position that is generated"),
        ([mw.Ablate(mw.Head(1, 2, [N]))], {"on": "prompt"}, "no position that is prompt"),
        (
            [mw.Ablate(mw.Head(1, 2))],
            {"on": "later"},
            "on is 'later'; expected 'both', 'prompt' or",
        ),
        ([mw.Ablate(mw.Head(1, 2))], {"on": ["both", "prompt"]}, "2 entries for 1 interventions"),
        ([mw.Patch(mw.Head(1, 2), example(5))], {}, "prompt has 11 tokens and the source 5"),
        (["ablate"], {}, "not an intervention"),
        ([], {"temperature": -1}, "temperature is -1"),
        ([], {"temperature": math.nan}, "temperature is nan"),
        ([], {"top_p": 0}, "top_p is 0"),
        ([], {"top_p": 1.5}, "top_p is 1.5"),
        ([], {"seed": 1.5}, "seed is 1.5"),
        ([], {"max_new_tokens": -1}, "max_new_tokens is -1"),
        ([], {"max_new_tokens": True}, "max_new_tokens is True"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_it_begins(edits, options, words: str) -> None:
    options = {"max_new_tokens": 5, **options}
    with pytest.raises(InterventionError, match=words):
        hooked("gpt2").generate(example(), edits, **options)


def test_other_mistakes_are_told_as_in_a_run() -> None:
    model = hooked("gpt2")
    with pytest.raises(LookupError, match="layer 1 has 4 heads"):
        model.generate(example(), [mw.Ablate(mw.Head(1, 9))])
    with pytest.raises(LookupError, match="3 layers"):
        model.generate(example(), [mw.Ablate(mw.Head(7, 0, [N + 1]))])
    with pytest.raises(TokenError):
        model.generate(example(), stop_tokens=["."])
    with pytest.raises(PromptError, match="empty"):
        model.generate([])


class Hook:
    """An intervention that calls back."""

    prompt_only = False

    def __init__(self, site: mw.Site, apply) -> None:
        self.site, self.apply = site, apply

    def edits_at(self, _model, _window) -> tuple[Edit, ...]:
        return (Edit(self.site, self.apply),)

    edits = edits_at


def test_logits_that_are_no_numbers_end_it_with_a_word() -> None:
    model = hooked("gpt2")
    nan = Hook(mw.Site("resid_post", 1), lambda x: x * math.nan)
    for temperature in (0.0, 1.0):
        going = model.generate(example(), [nan], temperature=temperature, on="generated")
        next(going)
        with pytest.raises(InterventionError, match="logits for position 12 are not numbers"):
            next(going)
        assert going.ended == "failed"
        assert list(going) == []
    assert is_free(model.lock)


@pytest.mark.parametrize(
    "way", ["close", "with", "break", "cancelled", "error", "interrupt", "end"]
)
def test_however_it_ends_nothing_is_left(way: str) -> None:
    module = build("gpt2")
    model, before, thread = mw.wrap(module), state_of(module), thread_state()
    seen: list[weakref.ref] = []
    fail: list[BaseException] = []

    def look(tensor: torch.Tensor) -> torch.Tensor:
        seen.append(weakref.ref(tensor))
        if fail:
            raise fail[0]
        return tensor + 1

    stop = threading.Event()
    edits = [Hook(mw.Site("resid_pre", 1), look), mw.KnockOut(mw.Edge(1, 0, 5, 2))]
    list(model.generate(example(), max_new_tokens=1))  # the proofs
    gc.collect()
    gc.disable()
    try:
        going = model.generate(
            example(), edits, 5, stop_tokens=(), beside_baseline=True, cancelled=stop.is_set
        )
        next(going), next(going)
        cache = weakref.ref(next(iter(going._decoders[0]._cached._cache.values())))
        assert cache() is not None
        if way == "close":
            going.close()
        elif way == "with":
            with going:
                next(going)
        elif way == "break":
            for _ in going:
                break
            del going
        elif way == "cancelled":
            stop.set()
            with pytest.raises(CancelledError):
                next(going)
            assert going.ended == "cancelled"
        elif way == "end":
            list(going)
        else:
            fail.append(KeyboardInterrupt() if way == "interrupt" else ZeroDivisionError())
            with pytest.raises((KeyboardInterrupt, ZeroDivisionError)) as caught:
                next(going)
            del caught
            fail[0] = fail[0].with_traceback(None)
        assert cache() is None
        assert all(tensor() is None for tensor in seen)
    finally:
        gc.enable()
    assert state_of(module) == before
    assert thread_state() == thread
    assert is_free(model.lock)
    assert len(list(model.generate(example(), max_new_tokens=3, stop_tokens=()))) == 3


def test_it_is_cancelled_before_the_next_block() -> None:
    model, asked = hooked("gpt2"), []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 6

    going = model.generate(example(), (), 9, cancelled=cancelled)
    with pytest.raises(CancelledError):
        list(going)
    assert len(asked) == 7


def test_generations_and_runs_beside_one_another_do_not_meet() -> None:
    model = hooked("llama")
    edits = [[mw.Ablate(mw.Head(1, 2))], [mw.Steer(mw.Residual(1), [0.5] * 32, 4.0)], []]
    expected = [ids_of(model, each, 8) for each in edits]
    plain = model.run(example()).logits
    going = [model.generate(example(), each, 8, stop_tokens=()) for each in edits]
    found: list[list[int]] = [[], [], []]
    for _ in range(8):
        for index, each in enumerate(going):
            found[index].append(next(each).id)
            assert torch.equal(model.run(example()).logits, plain)
    assert found == expected
    results: dict[int, list[int]] = {}
    threads = [
        threading.Thread(target=lambda i=i: results.update({i: ids_of(model, edits[i], 8)}))
        for i in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[i] for i in range(3)] == expected


def test_the_lock_is_free_between_tokens() -> None:
    model = hooked("gpt2")
    for _ in model.generate(example(), max_new_tokens=3):
        assert is_free(model.lock)


def test_weights_changed_in_between_count_from_then_on() -> None:
    module = build("gpt2")
    model = mw.wrap(module)
    going = model.generate(example(), [mw.Ablate(mw.Head(0, 0))], 4, stop_tokens=(), cache=False)
    first = next(going)
    with torch.no_grad():
        module.lm_head.weight.mul_(2)
    logits = model.run([*example()[0].tolist(), first.id], [mw.Ablate(mw.Head(0, 0))]).logits[0, -1]
    torch.testing.assert_close(next(going).logits, logits)


def test_text_comes_with_the_tokenizer() -> None:
    model = mw.load("microcosm")
    going = model.generate("The capital of France is", max_new_tokens=3)
    steps = list(going)
    assert steps[0].text == " Paris"
    assert going.text.startswith(" Paris")
    assert steps[0].probability > 0.5
