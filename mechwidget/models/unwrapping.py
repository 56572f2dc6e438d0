"""From what a person holds to the module that does the work, and the tokenizer that came with it.

Wrappers that add nothing to one forward pass are taken off: `torch.compile`'s, `DataParallel`'s
and `DistributedDataParallel`'s, a TransformerLens bridge's. One that does something of its own
(PEFT, a module of the user's with the model in an attribute) stays and is run.

In: a module. Out: `Unwrapped`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch.nn.parallel import DataParallel, DistributedDataParallel

from mechwidget.models.lens_bridge import is_bridge, module_of, tokenizer_of
from mechwidget.models.twin import uncompiled

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """The module inside, and its tokenizer where the wrapper knew one.

    `outside` is the bridge that it was in, under whose names its hook points are found; else it is
    the module itself.
    """

    module: nn.Module
    outside: nn.Module
    tokenizer: Any = None


def unwrapped(model: nn.Module) -> Unwrapped:
    """Take off what only stands around the model."""
    module = uncompiled(model)
    if is_bridge(module):
        return Unwrapped(unwrapped(module_of(module)).module, module, tokenizer_of(module))
    if isinstance(module, (DataParallel, DistributedDataParallel)):
        return unwrapped(module.module)
    return Unwrapped(module, module)
