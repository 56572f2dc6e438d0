"""What a page asks of the vocabulary and of the prompts around the prompt."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

import mechwidget as mw
from tests.session.tiny import PROMPT
from tests.views.conftest import Page, Tapped

FRANCE = "The capital of France is"


@pytest.fixture(scope="module")
def microcosm():
    return mw.load("microcosm")


@pytest.fixture
def capital(microcosm):
    with mw.Session(microcosm, FRANCE) as session, Tapped(session) as workbench:
        session.wait()
        yield Page(workbench)


def search(page, query, most=20):
    answer, _ = page.ask("search_vocabulary", {"query": query, "most": most})
    return answer


def test_a_search_gives_tokens_with_their_probability_now(capital, microcosm):
    session = capital.workbench.session
    answer = search(capital, "Paris")
    first = answer["matches"][0]
    assert first["text"] == " Paris"
    assert first["rule"] == "spaced"
    assert first["probability"] == pytest.approx(
        session.result.logits[0, 0].double().softmax(-1)[first["id"]].item()
    )
    assert answer["revision"] == session.revision
    session.ablate(*(mw.MLP(layer) for layer in range(microcosm.n_layers)))
    session.wait()
    assert search(capital, "Paris")["matches"][0]["probability"] != first["probability"]


def test_nothing_typed_gives_the_likeliest(capital):
    answer = search(capital, "", 5)
    session = capital.workbench.session
    assert [m["id"] for m in answer["matches"]] == (
        session.result.logits[0, 0].topk(5).indices.tolist()
    )
    assert answer["total"] == session.model.vocab_size


def test_text_of_several_tokens_says_which(capital, microcosm):
    answer = search(capital, " Zanzibar")
    assert answer["pieces"]
    assert "".join(piece["text"] for piece in answer["pieces"]) == " Zanzibar"
    # Typed without its space where the prompt goes on with one: the pieces of what is meant.
    pieces = [piece["text"] for piece in search(capital, "Paris Rome")["pieces"]]
    assert pieces == [" Paris", " Rome"]
    assert search(capital, " Paris")["pieces"] == []


@pytest.mark.parametrize("query", ["\ud800", "\x00", "#", "#-1", "#99999999", "\u202e" * 900, "ﬁ"])
def test_hostile_queries_are_answered(capital, query):
    answer = search(capital, query)
    assert isinstance(answer["matches"], list)


def test_a_bad_search_is_refused_with_a_sentence(capital):
    for args in (
        {"query": 3, "most": 5},
        {"query": "a", "most": 0},
        {"query": "x" * 2000, "most": 5},
    ):
        refused, _ = capital.ask("search_vocabulary", args)
        assert refused["type"] == "ProtocolError"


@pytest.mark.parametrize("seed", range(4))
def test_the_spaced_token_is_offered_exactly_where_it_is_likelier(seed):
    with mw.Session(spaced_model(seed), "a b a b", mw.LogitDiff("a", "b")) as session:
        with Tapped(session) as workbench:
            page = Page(workbench)
            told = page.ask("metric_tokens")[0]["tokens"]
            session.metric = mw.Probability(" a")
            assert page.ask("metric_tokens")[0]["tokens"][0]["spaced"] is None
            session.metric = None
            assert page.ask("metric_tokens")[0]["tokens"] == []
        p = session.baseline.logits[0, 0].double().softmax(-1)
        for token, text in zip(told, ("a", "b"), strict=True):
            likelier = p[session.model.token_id(f" {text}")] > p[session.model.token_id(text)]
            assert (token["spaced"] is not None) == bool(likelier)
            if token["spaced"]:
                assert token["spaced"]["text"] == f" {text}"


def spaced_model(seed=0):
    pieces = ["[unk]", "Ġ", "a", "b", "Ġa", "Ġb", *(f"word{i}" for i in range(34))]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    backend = Tokenizer(models.BPE(vocabulary, [("Ġ", "a"), ("Ġ", "b")], unk_token="[unk]"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(pieces),
        n_positions=32,
        n_embd=16,
        n_layer=1,
        n_head=2,
        initializer_range=0.5,
        bos_token_id=0,
        eos_token_id=0,
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[unk]")
    return mw.wrap(GPT2LMHeadModel(config).eval(), tokenizer, name="spaced")


def test_a_chosen_token_becomes_the_answer_or_the_distractor(capital, microcosm):
    session = capital.workbench.session
    paris, rome, tokyo = (microcosm.token_id(text) for text in (" Paris", " Rome", " Tokyo"))
    choose = lambda side, token: capital.ask("choose_token", {"side": side, "id": token})[0]  # noqa: E731
    refused = choose("distractor", rome)
    assert "Choose the answer first" in refused["hint"]
    assert choose("answer", paris) == {"revision": session.revision}
    assert session.metric == mw.Probability(" Paris")
    assert "another token" in choose("distractor", paris)["message"]
    choose("distractor", rome)
    assert session.metric == mw.LogitDiff(" Paris", " Rome")
    choose("answer", tokyo)
    assert session.metric == mw.LogitDiff(" Tokyo", " Rome")
    choose("answer", rome)
    assert session.metric == mw.LogitDiff(" Rome", " Tokyo")
    choose("distractor", rome)
    assert session.metric == mw.LogitDiff(" Tokyo", " Rome")
    assert "whole number" in choose("answer", microcosm.vocab_size)["message"]


def test_a_chosen_token_keeps_the_position_of_the_metric(capital, microcosm):
    session = capital.workbench.session
    session.metric = mw.Probability(" Paris", position=2)
    capital.ask("choose_token", {"side": "distractor", "id": microcosm.token_id(" Rome")})
    assert session.metric == mw.LogitDiff(" Paris", " Rome", position=2)


def test_prompts_are_remembered_whoever_asked_them(page):
    session = page.workbench.session
    session.prompt = "the dog sat"
    session.other_prompt = "the cat ran"
    page.ask("set_prompt", {"prompt": "a mat"})
    session.undo()
    remembered, _ = page.ask("recent_prompts")
    assert remembered == {"prompts": ["the dog sat", "a mat", "the cat ran", PROMPT]}
    for i in range(40):
        session.prompt = f"the cat word{i % 26} the dog" + " sat" * (i // 26)
    assert len(session.recent_prompts) == 24
    assert session.recent_prompts[0] == session.prompt
    session.prompt = [1, 2, 3]
    assert len(session.recent_prompts) == 24


def test_reference_prompts_are_seen_and_set(page):
    session = page.workbench.session
    session.reference = ["the cat", (1, 2, 3)]
    assert page.ask("reference")[0] == {"prompts": ["the cat"], "others": 1}
    page.ask("set_reference", {"prompts": ["a dog", "the rug"]})
    assert session.reference == ("a dog", "the rug", (1, 2, 3))
    assert page.state()["reference"] == 3
    session.undo()
    assert session.reference == ("the cat", (1, 2, 3))
    for bad in ("the cat", [1], None):
        refused, _ = page.ask("set_reference", {"prompts": bad})
        assert "list of texts" in refused["message"]
    refused, _ = page.ask("set_reference", {"prompts": ["the cat", "the " * 60]})
    assert refused["message"].startswith("Reference prompt 2: ")
    refused, _ = page.ask("set_reference", {"prompts": ["the cat"] * 3000})
    assert "2,000" in refused["message"]
    assert session.reference == ("the cat", (1, 2, 3))


def test_prompt_and_prompt_b_change_places(page):
    session = page.workbench.session
    refused, _ = page.ask("swap_prompts")
    assert "no prompt B" in refused["message"]
    session.other_prompt = "the dog sat"
    page.ask("swap_prompts")
    assert (session.prompt, session.other_prompt) == ("the dog sat", PROMPT)
    session.undo()
    assert (session.prompt, session.other_prompt) == (PROMPT, "the dog sat")


def test_a_stray_byte_reaches_the_page_as_its_bytes(microcosm):
    with mw.Session(microcosm, "a 🎉") as session, Tapped(session) as workbench:
        tokens = Page(workbench).state()["tokens"]
    stray = [token["bytes"] for token in tokens if "bytes" in token]
    assert "f09f8e89" in "".join(stray)
