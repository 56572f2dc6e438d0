"""The style "hooks": PyTorch hooks on the modules of a Hugging Face model, and nothing else.

z and mlp_post are inputs of linear maps, writes are outputs, and a head is a slice of numbers. A
pattern is no module's input or output: it is edited by an attention function of the script's own,
registered with transformers, that calls the model's eager one.

In: an experiment. Out: the script.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mechwidget.as_code.carriers import Carriers
from mechwidget.as_code.experiment import Experiment, not_in, require_one_text_stack
from mechwidget.as_code.layout import Expression, Group, call, statement
from mechwidget.as_code.origin import from_memory, is_bridged, loaded, tokenizer_loaded
from mechwidget.as_code.phrases import phrase_of
from mechwidget.as_code.prelude import imports, joined, prompt_lines, taken
from mechwidget.as_code.reporting import metric_lines, printing
from mechwidget.models import Site
from mechwidget.models.bindings import Binding, bind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.as_code.phrase import Phrase, Step
    from mechwidget.interventions import Head
    from mechwidget.models import HookedModel

STYLE = "hooks"


class PlainHooks:
    """What this style says in its own way; it notes which modules and aids are used."""

    style = STYLE

    def __init__(self, experiment: Experiment) -> None:
        self.of = experiment
        self.bindings = bind(experiment.model.ledger)
        self.order = {site: place for place, site in enumerate(self.bindings)}
        self.carriers = Carriers(experiment.model, [*self.bindings.values()], STYLE)
        self.aids: set[str] = set()

    def signature(self, name: str, argument: str) -> str:
        """A hooked function's name and arguments."""
        return f"{name}({argument})"

    def head(self, head: Head) -> str:
        """The index of a head in the tensor that holds z."""
        if head.cross:
            raise not_in(STYLE, f"{head} attends to another stack")
        width = head.width(self.of.model)
        return f"{head.head * width}:{(head.head + 1) * width}"

    def factor(self, site: Site) -> float:
        """What a hooked tensor is multiplied by to be what the site holds."""
        return self.bindings[site].factor

    def held(self, site: Site, ids: str) -> Expression:
        """What a site held in a run of `ids` without edits."""
        if site.name == "resid_mid":
            pre = self._read(self.bindings[Site("resid_pre", site.layer)], "input", ids)
            written = self._read(self.bindings[site], "output", ids)
            times = "" if self.factor(site) == 1 else f"{self.factor(site)} * "
            return Group("(", (("", pre), ("+ ", f"{times}{written}")), ")", between=" ")
        binding = self.bindings[site]
        read = self._read(binding, "input" if binding.end == "input" else "output", ids)
        return read if binding.factor == 1 else f"{binding.factor} * {read}"

    def patterns(self, layers: Sequence[int]) -> Expression:
        """The patterns of layers in the baseline, by layer."""
        self.aids |= {"edited_attention", "logits_of_edited_attention", "patterns_of"}
        modules = tuple((f"{layer}: ", self.attention(layer)) for layer in layers)
        return call("patterns_of", Group("{", modules, "}"), "ids")

    def require_pattern(self, layer: int) -> None:
        """Raise where this style cannot edit the pattern of a layer."""
        model = self.of.model
        attention = model.ledger.blocks[layer].attention
        if attention is None or attention.route != "interface":
            raise not_in(STYLE, f"layer {layer} computes its pattern where no hook comes past")
        if not hasattr(model.model, "set_attn_implementation"):
            raise not_in(
                STYLE, f"{type(model.model).__name__} cannot be told which attention to use"
            )
        module = model.model.get_submodule(attention.place.module)
        if not hasattr(sys.modules[type(module).__module__], "eager_attention_forward"):
            raise not_in(STYLE, f"{type(module).__name__} has no eager_attention_forward")

    def registered(self, step: Step) -> Expression:
        """The call that puts a step's function on its module."""
        binding = self.bindings[step.site]
        end = "input" if binding.end == "input" else "output"
        name = binding.place.module if binding.place else ""
        self.aids.add(f"on_{end}")
        kind = "forward_pre_hook" if end == "input" else "forward_hook"
        function: Expression = step.function
        if self.carriers.is_flat(name, end):
            self.aids.add("flat")
            function = call("flat", function)
        put = call(f"on_{end}", function)
        return call(f"{module_path(name)}.register_{kind}", put)

    def attention(self, layer: int | None) -> str:
        """The attention module of a layer."""
        attention = self.of.model.ledger.blocks[layer or 0].attention
        return module_path(attention.place.module if attention else "")

    def _read(self, binding: Binding, end: str, ids: str) -> str:
        name = binding.place.module if binding.place else ""
        self.aids.add(f"{end}_of")
        read = f"{end}_of({module_path(name)}, {ids})"
        return f"{read}[None]" if self.carriers.is_flat(name, end) else read


def module_path(name: str) -> str:
    """A module as it is reached from `model`: `model.transformer.h[3].attn`."""
    path = "model"
    for part in name.split(".") if name else ():
        if part.isdecimal():
            path += f"[{part}]"
        elif part.isidentifier():
            path += f".{part}"
        else:
            return f"model.get_submodule({name!r})"
    return path


def plain_hooks(experiment: Experiment) -> str:
    """The script."""
    require_one_text_stack(experiment, STYLE)
    dialect = PlainHooks(experiment)
    phrases = [
        phrase_of(each, i, experiment, dialect)
        for i, each in enumerate(experiment.interventions, 1)
    ]
    run = _run(dialect, phrases)
    start = _start(dialect, phrases)
    blocks = [phrase.lines for phrase in phrases]
    return joined(
        ["# PyTorch hooks on a Hugging Face model.", *start],
        prompt_lines(experiment),
        *(_AIDS[name] for name in _AIDS if name in {*dialect.aids, "logits_of"}),
        *blocks,
        metric_lines(experiment),
        [*run, "", *printing(experiment)],
    )


def _start(dialect: PlainHooks, phrases: Sequence[Phrase]) -> list[str]:
    model, names = dialect.of.model, dict[str, list[str]]()
    plain, lines = ["torch"], list[str]()
    if "edited_attention" in dialect.aids:
        plain.append("sys")
        names["transformers"] = ["AttentionInterface", "AttentionMaskInterface"]
        names["transformers.masking_utils"] = ["eager_mask"]
    memory: list[str] = []
    if model.loaded_from:
        kinds, lines = loaded(model)
        lines += tokenizer_loaded(model)
        kinds += ["AutoTokenizer"] if model.tokenizer is not None else []
        names["transformers"] = [*names.get("transformers", ()), *kinds]
    elif is_bridged(model):
        memory, lines = (
            from_memory(model, "bridge", bridged=True),
            ["model = bridge.original_model"],
        )
    else:
        memory = from_memory(model, "model")
        lines = ["model.eval()  # the numbers are those without dropout"] if _trains(model) else []
    ordered = {name: names[name] for name in sorted(names)}
    wanted = {name: what for phrase in phrases for name, what in phrase.taken.items()}
    return _spaced(imports(ordered, plain), [*memory, *taken(wanted)], lines)


def _trains(model: HookedModel) -> bool:
    return any(part.training for part in model.model.modules())


def _spaced(*parts: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for part in parts:
        lines += ["", *part] if part else []
    return lines


def _run(dialect: PlainHooks, phrases: Sequence[Phrase]) -> list[str]:
    """The run without edits and the run with them, everything put back after it."""
    steps = [step for phrase in phrases for step in phrase.steps]
    steps.sort(key=lambda step: (dialect.order[step.site], step.looks))
    patterns: dict[str, list[str]] = {}
    handles: list[tuple[str, Expression]] = []
    for step in steps:
        if step.site.name == "pattern":
            patterns.setdefault(dialect.attention(step.site.layer), []).append(step.function)
        else:
            handles.append(("", dialect.registered(step)))
    run = "logits_of(ids)"
    lines = [f"before = {run}"]
    if patterns:
        run = "logits_of_edited_attention(ids)"
        dialect.aids |= {"edited_attention", "logits_of_edited_attention"}
    for module, names in patterns.items():
        edits = Group("[", tuple(("", name) for name in names), "]")
        lines += statement(f"pattern_edits[{module}] = ", edits)
    if not handles:
        return [*lines, f"after = {run}"]
    lines += statement("handles = ", Group("[", tuple(handles), "]"))
    last = ["finally:", "    for handle in handles:", "        handle.remove()"]
    return [*lines, "try:", f"    after = {run}", *last]


# What the script defines where it is used, in this order.
_AIDS = {
    "logits_of": [
        "@torch.no_grad()",
        "def logits_of(ids):",
        '    """Logits [1, pos, vocab]."""',
        "    return model(input_ids=ids).logits",
    ],
    "on_input": [
        "def on_input(edit):",
        '    """A pre-hook that puts edit(x) in the place of a module\'s input x."""',
        "    return lambda module, args: (edit(args[0]), *args[1:])",
    ],
    "on_output": [
        "def on_output(edit):",
        '    """A hook that puts edit(y) in the place of what a module returns."""',
        "",
        "    def hook(module, args, output):",
        "        if isinstance(output, tuple):",
        "            return (edit(output[0]), *output[1:])",
        "        return edit(output)",
        "",
        "    return hook",
    ],
    "flat": [
        "def flat(edit):",
        '    """The edit for a module that carries [batch * pos, width], batch 1."""',
        "    return lambda x: edit(x[None])[0]",
    ],
    "input_of": [
        "def input_of(module, ids):",
        '    """What goes into a module in a run of `ids` without edits."""',
        "    kept = []",
        "    handle = module.register_forward_pre_hook(",
        "        lambda module, args: kept.append(args[0].clone())",
        "    )",
        "    logits_of(ids)",
        "    handle.remove()",
        "    return kept[0]",
    ],
    "output_of": [
        "def output_of(module, ids):",
        '    """What a module returns in a run of `ids` without edits."""',
        "    kept = []",
        "",
        "    def keep(module, args, output):",
        "        output = output[0] if isinstance(output, tuple) else output",
        "        kept.append(output.clone())",
        "",
        "    handle = module.register_forward_hook(keep)",
        "    logits_of(ids)",
        "    handle.remove()",
        "    return kept[0]",
    ],
    "edited_attention": [
        "pattern_edits = {}  # attention module: functions of [batch, head, query, key]",
        "",
        "",
        "def edited_attention(module, query, key, value, attention_mask, **options):",
        '    """The model\'s own eager attention, its pattern edited where that is asked for."""',
        "    eager = sys.modules[type(module).__module__].eager_attention_forward",
        "    output, pattern = eager(module, query, key, value, attention_mask, **options)",
        "    if module in pattern_edits:",
        "        for edit in pattern_edits[module]:",
        "            pattern = edit(pattern)",
        "        groups = pattern.shape[1] // value.shape[1]  # query heads that share a value",
        "        output = pattern @ value.repeat_interleave(groups, dim=1)",
        "        output = output.transpose(1, 2).contiguous()",
        "    return output, pattern",
        "",
        "",
        'AttentionInterface.register("edited_attention", edited_attention)',
        'AttentionMaskInterface.register("edited_attention", eager_mask)',
    ],
    "logits_of_edited_attention": [
        "def logits_of_edited_attention(ids):",
        "    own_attention = model.config._attn_implementation",
        '    model.set_attn_implementation("edited_attention")',
        "    try:",
        "        return logits_of(ids)",
        "    finally:",
        "        model.set_attn_implementation(own_attention)",
    ],
    "patterns_of": [
        "def patterns_of(layers, ids):",
        '    """The patterns of attention modules in a run of `ids` without edits."""',
        "    kept = {}",
        "    for layer, module in layers.items():",
        "        pattern_edits[module] = [",
        "            lambda pattern, layer=layer: kept.setdefault(layer, pattern)",
        "        ]",
        "    logits_of_edited_attention(ids)",
        "    pattern_edits.clear()",
        "    return kept",
    ],
}
