"""Everything about a module and a thread that a run must leave as it was."""

from __future__ import annotations

import threading
from hashlib import blake2b
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
)


def state_of(model: nn.Module) -> dict[str, Any]:
    """A record that compares equal exactly when nothing observable has changed."""
    record: dict[str, Any] = {}
    for name, module in model.named_modules():
        record[name] = {
            "class": type(module),
            "attributes": {k: id(v) for k, v in module.__dict__.items()},
            "hooks": {k: tuple(module.__dict__[k].items()) for k in HOOKS},
            "children": {k: id(v) for k, v in module._modules.items()},
            "parameters": {k: _tensor(v) for k, v in module._parameters.items()},
            "buffers": {k: _tensor(v) for k, v in module._buffers.items()},
            "training": module.training,
            "lists": {k: tuple(v) for k, v in module.__dict__.items() if type(v) is list},
        }
        config = getattr(module, "config", None)
        if config is not None:
            record[name]["config"] = repr(sorted(config.__dict__.items(), key=lambda kv: kv[0]))
    return record


def thread_state() -> tuple[Any, ...]:
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch._C._len_torch_function_stack(),
        len(_get_current_dispatch_mode_stack()),
    )


def is_free(lock: threading.RLock) -> bool:
    """Whether another thread could take the lock."""
    got: list[bool] = []

    def take() -> None:
        got.append(lock.acquire(blocking=False))
        if got[0]:
            lock.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return got[0]


def _tensor(value: torch.Tensor | None) -> Any:
    if value is None:
        return None
    graded = (value.requires_grad, value.grad is None)
    return (id(value), value._version, *graded, value.dtype, value.device, digest(value))


def digest(value: torch.Tensor) -> bytes | str:
    """A hash of every byte of a tensor; its kind alone where its bytes cannot be looked at."""
    if value.is_meta or value.is_quantized or value.layout is not torch.strided:
        return str(value.shape)
    octets = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return blake2b(octets.numpy().tobytes(), digest_size=16).digest()
