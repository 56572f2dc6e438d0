"""The style "transformer_lens": hook points of a `TransformerBridge`, by their names.

The bridge keeps the raw weights, so every number is the same; it hangs `hook_resid_mid` on what the
MLP reads, so a stream between attention and MLP is edited by what attention writes.

In: an experiment. Out: the script.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transformers import PreTrainedModel

from mechwidget.as_code.experiment import Experiment, not_in, require_one_text_stack
from mechwidget.as_code.layout import Expression, Group, call, numbers, quoted, statement
from mechwidget.as_code.origin import booted, from_memory, is_bridged, tokenizer_loaded
from mechwidget.as_code.phrases import phrase_of
from mechwidget.as_code.prelude import imports, joined, prompt_lines, taken
from mechwidget.as_code.reporting import metric_lines, printing
from mechwidget.models.bindings import bind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.as_code.phrase import Phrase, Step
    from mechwidget.interventions import Head
    from mechwidget.models import HookedModel, Site

STYLE = "transformer_lens"
_NAMES = {
    "resid_pre": "hook_resid_pre",
    "z": "attn.hook_z",
    "pattern": "attn.hook_pattern",
    "attn_out": "hook_attn_out",
    "resid_mid": "hook_resid_mid",
    "mlp_post": "mlp.hook_post",
    "mlp_out": "hook_mlp_out",
    "resid_post": "hook_resid_post",
}
# Found by running every kind of intervention on every tiny architecture of the tests (4.3).
_PATTERNS_ARE_COPIES = ("opt", "gptj", "gpt_neo", "xglm")
_EDITED = {**_NAMES, "resid_mid": "hook_attn_out"}


class Lens:
    """What this style says in its own way; it notes which aids are used."""

    style = STYLE

    def __init__(self, experiment: Experiment) -> None:
        self.of = experiment
        self.order = {site: place for place, site in enumerate(bind(experiment.model.ledger))}
        self.aids: set[str] = set()

    def signature(self, name: str, argument: str) -> str:
        """A hooked function's name and arguments."""
        return f"{name}({argument}, hook)"

    def head(self, head: Head) -> str:
        """The index of a head in the tensor that holds z."""
        return str(head.head)

    def factor(self, site: Site) -> float:  # noqa: ARG002 - its hooks hold what is written
        """What a hooked tensor is multiplied by to be what the site holds."""
        return 1.0

    def held(self, site: Site, ids: str) -> Expression:
        """What a site held in a run of `ids` without edits."""
        self.aids.add("activation")
        return f"activation({_hook(site, _NAMES)}, {ids})"

    def patterns(self, layers: Sequence[int]) -> Expression:
        """The patterns of layers in the baseline, by layer."""
        self.aids.add("patterns_of")
        every = list(layers) == list(range(self.of.model.n_layers))
        return call("patterns_of", f"range({len(layers)})" if every else numbers(layers), "ids")

    def require_pattern(self, layer: int) -> None:
        """Raise where this style cannot edit the pattern of a layer."""
        attention = self.of.model.ledger.blocks[layer].attention
        if attention is None or attention.sink:
            raise not_in(STYLE, f"the pattern of layer {layer} has a sink, or is none")
        if _model_type(self.of.model) in _PATTERNS_ARE_COPIES:
            raise not_in(STYLE, "what is written to this model's hook_pattern goes nowhere")


def transformer_lens(experiment: Experiment) -> str:
    """The script."""
    require_one_text_stack(experiment, STYLE)
    _require_bridgeable(experiment.model)
    dialect = Lens(experiment)
    phrases = [
        phrase_of(each, i, experiment, dialect)
        for i, each in enumerate(experiment.interventions, 1)
    ]
    steps = [step for phrase in phrases for step in phrase.steps]
    steps.sort(key=lambda step: (dialect.order[step.site], step.looks))
    return joined(
        ["# TransformerLens: hook points of a TransformerBridge.", *_start(dialect, phrases)],
        prompt_lines(experiment),
        *(lines for name, lines in _AIDS.items() if name in dialect.aids),
        *(phrase.lines for phrase in phrases),
        metric_lines(experiment),
        [*_run(steps), "", *printing(experiment)],
    )


def _model_type(model: HookedModel) -> str:
    return str(getattr(getattr(model.model, "config", None), "model_type", ""))


def _require_bridgeable(model: HookedModel) -> None:
    """Raise where TransformerLens cannot take the model, or its hook points hold other tensors."""
    if not isinstance(model.model, PreTrainedModel):
        kind = type(model.model).__name__
        raise not_in(STYLE, f"a bridge takes a Hugging Face model as it is, and this is a {kind}")
    if not all(block.additive for block in model.ledger.blocks):
        raise not_in(STYLE, "the blocks norm the stream itself, where its hook points differ")
    if _model_type(model) == "falcon" and model.model.config.alibi:
        raise not_in(STYLE, "a bridge to Falcon with ALiBi gives other logits before any edit")


def _start(dialect: Lens, phrases: Sequence[Phrase]) -> list[str]:
    model = dialect.of.model
    bridged, in_memory = is_bridged(model), not model.loaded_from
    plain, memory = ["torch"], list[str]()
    names: dict[str, list[str]] = {}
    lines: list[str] = []
    if in_memory and bridged:
        memory = from_memory(model, "bridge", bridged=True)
    elif in_memory:
        plain.append("copy")
        names["transformer_lens.model_bridge.sources"] = ["build_bridge_from_module"]
        memory = from_memory(model, "model")
        lines = [
            "# A bridge takes its module apart, so it is given a copy.",
            "bridge = build_bridge_from_module(",
            "    copy.deepcopy(model), type(model).__name__, hf_config=model.config",
            ")",
            "bridge.eval()",
        ]
    else:
        names["transformer_lens.model_bridge"] = ["TransformerBridge"]
        if model.tokenizer is not None:
            names["transformers"] = ["AutoTokenizer"]
        lines = [*booted(model), *tokenizer_loaded(model)]
    wanted = {name: what for phrase in phrases for name, what in phrase.taken.items()}
    parts = imports(names, plain), [*memory, *taken(wanted)], lines
    return [line for part in parts if part for line in ("", *part)]


def _run(steps: Sequence[Step]) -> list[str]:
    hooks = tuple(
        ("", Group("(", (("", _hook(step.site, _EDITED)), ("", step.function)), ")"))
        for step in steps
    )
    return [
        *statement("fwd_hooks = ", Group("[", hooks, "]")),
        "with torch.no_grad():",
        "    before = bridge(ids)",
        "    after = bridge.run_with_hooks(ids, fwd_hooks=fwd_hooks)",
    ]


def _hook(site: Site, names: dict[str, str]) -> str:
    if site.name not in names:
        raise not_in(STYLE, f"there is no hook point for {site}")
    return quoted(f"blocks.{site.layer}.{names[site.name]}")


# What the script defines where it is used.
_AIDS = {
    "activation": [
        "@torch.no_grad()",
        "def activation(name, ids):",
        '    """What a hook point held in a run of `ids` without edits."""',
        "    return bridge.run_with_cache(ids, names_filter=name)[1][name]",
    ],
    "patterns_of": [
        "@torch.no_grad()",
        "def patterns_of(layers, ids):",
        '    """The patterns of layers in a run of `ids` without edits."""',
        '    names = {layer: f"blocks.{layer}.attn.hook_pattern" for layer in layers}',
        "    cache = bridge.run_with_cache(ids, names_filter=list(names.values()))[1]",
        "    return {layer: cache[name] for layer, name in names.items()}",
    ],
}
