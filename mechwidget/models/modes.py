"""This thread's torch function modes, remembered and put back.

A mode's own `__exit__`, and torch's way of stepping aside for the mode that is handling a call,
are Python that an interrupt can stop half-way; a mode then stays on, or one of the user's is
lost. In: nothing. Out: the stack as it is, and a way to make it so again.
"""

from __future__ import annotations

from traceback import clear_frames
from typing import Any, TypeAlias

import torch

Modes: TypeAlias = tuple[Any, ...]

depth = torch._C._len_torch_function_stack  # noqa: SLF001
push = torch._C._push_on_torch_function_stack  # noqa: SLF001
pop = torch._C._pop_torch_function_stack  # noqa: SLF001
_at = torch._C._get_function_stack_at  # noqa: SLF001


def modes() -> Modes:
    """The function modes that are on in this thread, outermost first."""
    return tuple(_at(i) for i in range(depth()))


def finish_interrupted(error: BaseException, expected: Modes) -> None:
    """Let torch finish what `error` stopped half-way, before the modes are put back.

    An interrupt between torch's taking a mode off and putting it on again leaves a suspended
    generator in the frames of its traceback. It would put the mode on when it is freed, some time
    later and one time too many; so it is freed now, in this rare case only.
    """
    if modes() != expected:
        clear_frames(error.__traceback__)


def put_back(before: Modes) -> None:
    """Make the modes of this thread what they were."""
    now = modes()
    if len(now) == len(before) and all(a is b for a, b in zip(now, before, strict=True)):
        return
    while depth() > 0:
        pop()
    for mode in before:
        push(mode)
