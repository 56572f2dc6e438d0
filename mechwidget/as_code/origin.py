"""How a script comes by its model: loaded by name or folder, or taken from the memory it is in.

In: a hooked model. Out: lines of source that end with `model` (or `bridge`) and, where there is
one, `tokenizer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.as_code.layout import Expression, Group, call, comment, quoted, statement
from mechwidget.microcosm import checkpoint_path

if TYPE_CHECKING:
    from mechwidget.models import HookedModel

_BRIDGES = "transformer_lens."


def is_bridged(model: HookedModel) -> bool:
    """Whether the module's parts are those of a TransformerLens bridge."""
    return any(type(part).__module__.startswith(_BRIDGES) for part in model.model.modules())


def from_memory(
    model: HookedModel, names: str, *, tokenizer: bool | None = None, bridged: bool = False
) -> list[str]:
    """Lines that take the model from where the script is run."""
    tokenizer = model.tokenizer is not None if tokenizer is None else tokenizer
    what = "TransformerBridge" if bridged else type(model.model).__name__
    also = " and `tokenizer`" if tokenizer else ""
    names = f"{names}, tokenizer" if tokenizer else names
    said = f"`{names.partition(',')[0]}`, the {what} that is in memory,{also} come from"
    return [
        *comment(f"{said} the notebook or prompt in which this is run: paste it there, or %run -i"),
        f"from __main__ import {names}",
    ]


def loaded(model: HookedModel) -> tuple[list[str], list[str]]:
    """Imports and lines that load the model with transformers; ends with `model`."""
    name = _name_of(model)
    options: dict[str, Expression] = {"dtype": str(model.dtype)}
    options |= _trust(model)
    spread = getattr(model.model, "hf_device_map", None) is not None
    if spread:
        options["device_map"] = quoted("auto")
    kind = class_name(model.model)
    lines = statement("model = ", call(f"{kind}.from_pretrained", quoted(name), **options))
    if model.device.type != "cpu" and not spread:
        lines.append(f"model = model.to({quoted(str(model.device))})")
    lines.append("model.eval()")
    return [kind], lines


def booted(model: HookedModel) -> list[str]:
    """Lines that load the model with TransformerLens; ends with `bridge`."""
    options: dict[str, Expression] = {"device": quoted(str(model.device))}
    options |= {"dtype": str(model.dtype), **_trust(model)}
    boot = call("TransformerBridge.boot_transformers", quoted(_name_of(model)), **options)
    return statement("bridge = ", boot)


def tokenizer_loaded(model: HookedModel) -> list[str]:
    """The line that loads the tokenizer, where the model has one."""
    if model.tokenizer is None:
        return []
    name = quoted(_name_of(model))
    load: Group = call("AutoTokenizer.from_pretrained", name, **_trust(model))
    return statement("tokenizer = ", load)


def loaded_here(model: HookedModel) -> list[str]:
    """The line that loads the model with mechwidget."""
    options: dict[str, Expression] = {}
    if getattr(model.model, "hf_device_map", None) is not None:
        options["device"] = quoted("auto")
    elif model.device.type != "cpu":
        options["device"] = quoted(str(model.device))
    options |= {"dtype": quoted(str(model.dtype).removeprefix("torch.")), **_trust(model)}
    return statement("model = ", call("mw.load", quoted(model.loaded_from), **options))


def class_name(module: Any) -> str:
    """The class of transformers to load it with."""
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - not to import it is light

    kind = type(module)
    mapping: Any = AutoModelForCausalLM._model_mapping  # noqa: SLF001 - says what it would load
    config = type(getattr(module, "config", None))
    known = config in mapping and mapping[config] is kind
    remote = kind.__module__.startswith("transformers_modules.")
    return "AutoModelForCausalLM" if known or remote else kind.__name__


def _name_of(model: HookedModel) -> str:
    embedded = model.loaded_from == "microcosm"
    return str(checkpoint_path()) if embedded else model.loaded_from


def _trust(model: HookedModel) -> dict[str, Expression]:
    remote = type(model.model).__module__.startswith("transformers_modules.")
    return {"trust_remote_code": "True"} if remote else {}
