"""What a session remembers of its prompts: the newest few, each once, and never too much."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mechwidget.session.prompt_history import PromptHistory


@given(st.lists(st.one_of(st.sampled_from(["a", "b", "c"]), st.text(), st.none(), st.integers())))
def test_the_newest_texts_stand_first_and_each_once(prompts) -> None:
    history = PromptHistory()
    for prompt in prompts:
        history.add(prompt)
    newest_first = dict.fromkeys(text for text in reversed(prompts) if isinstance(text, str))
    assert history.texts == tuple(newest_first)[:24]


def test_long_prompts_leave_less_room_for_others() -> None:
    history = PromptHistory()
    for i in range(10):
        history.add(f"{i}" * 60_000)
    assert [text[0] for text in history.texts] == ["9", "8", "7"]
    history.add("x" * 300_000)
    history.add("short")
    assert history.texts == ("short",)
