"""The zoo: what is asked of tiny random models, architecture by architecture.

Each `Species` names its output and down projections by hand, so that a test which zeroes weights
does not ask the code under test where they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LAYERS, HEADS, WIDTH, NEURONS, VOCABULARY, CONTEXT = 3, 4, 32, 48, 99, 64

# One spelling per family of configs; each config takes the names that it knows.
COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH, "n_embd": WIDTH, "d_model": WIDTH, "word_embed_proj_dim": WIDTH,
    "num_hidden_layers": LAYERS, "n_layer": LAYERS, "n_layers": LAYERS, "num_layers": LAYERS,
    "num_attention_heads": HEADS, "n_head": HEADS, "n_heads": HEADS, "num_heads": HEADS,
    "attention_heads": HEADS, "head_dim": 8,
    "intermediate_size": NEURONS, "n_inner": NEURONS, "ffn_dim": NEURONS,
    "moe_intermediate_size": 24, "shared_expert_intermediate_size": 24,
    "max_position_embeddings": CONTEXT, "n_positions": CONTEXT, "max_seq_len": CONTEXT,
    "sliding_window": 5, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Species:
    """One architecture in a tiny configuration.

    Attributes:
        kind: transformers' model type.
        w_o: name of a layer's output projection, `{}` for the layer; "" where there is none.
        down: name of its down projection; "" where there is none (experts).
        special: what this configuration sets beyond the common sizes.
        layers: the layers that have attention heads.
        parallel: attention and MLP both read the block's input.
        interface: on transformers' AttentionInterface.
        additive: out = in + writes.
        sinks: pattern rows may sum to less than 1.
    """

    kind: str
    w_o: str
    down: str = ""
    special: dict[str, Any] = field(default_factory=dict)
    layers: tuple[int, ...] = tuple(range(LAYERS))
    parallel: bool = False
    interface: bool = True
    additive: bool = True
    sinks: bool = False
    post_norm: bool = False


_LLAMA = ("model.layers.{}.self_attn.o_proj", "model.layers.{}.mlp.down_proj")
_GPT = ("transformer.h.{}.attn.c_proj", "transformer.h.{}.mlp.c_proj")
_FLAT = ("model.decoder.layers.{}.self_attn.out_proj", "model.decoder.layers.{}.fc2")
_FALCON = ("transformer.h.{}.self_attention.dense", "transformer.h.{}.mlp.dense_4h_to_h")
_GQA = {"num_key_value_heads": 2}
_BESIDE: dict[str, Any] = {"parallel": True}
_OLD: dict[str, Any] = {"interface": False}

ZOO: dict[str, Species] = {
    "gpt2": Species("gpt2", *_GPT),
    "gpt_neox": Species(
        "gpt_neox",
        "gpt_neox.layers.{}.attention.dense",
        "gpt_neox.layers.{}.mlp.dense_4h_to_h",
        {"use_parallel_residual": True},
        **_BESIDE,
    ),
    "gpt_neox_sequential": Species(
        "gpt_neox",
        "gpt_neox.layers.{}.attention.dense",
        "gpt_neox.layers.{}.mlp.dense_4h_to_h",
        {"use_parallel_residual": False},
    ),
    "llama": Species("llama", *_LLAMA, _GQA),
    "qwen2": Species("qwen2", *_LLAMA, _GQA),
    "qwen3": Species("qwen3", *_LLAMA, _GQA),
    "mistral": Species("mistral", *_LLAMA, _GQA),
    "gemma": Species("gemma", *_LLAMA, {"num_key_value_heads": 1}),
    "gemma2": Species("gemma2", *_LLAMA, {**_GQA, "query_pre_attn_scalar": 8}, post_norm=True),
    "gemma3": Species("gemma3_text", *_LLAMA, {**_GQA, "query_pre_attn_scalar": 8}, post_norm=True),
    "phi": Species("phi", "model.layers.{}.self_attn.dense", "model.layers.{}.mlp.fc2", **_BESIDE),
    "phi3": Species("phi3", *_LLAMA, _GQA),
    "opt": Species("opt", *_FLAT),
    "opt_post_norm": Species(
        "opt", *_FLAT, {"do_layer_norm_before": False, "word_embed_proj_dim": 16}, additive=False
    ),
    "falcon": Species("falcon", *_FALCON, {"alibi": False}, **_BESIDE, **_OLD),
    "falcon_alibi": Species(
        "falcon", *_FALCON, {"alibi": True, "multi_query": False, "parallel_attn": False}, **_OLD
    ),
    "gptj": Species(
        "gptj",
        "transformer.h.{}.attn.out_proj",
        "transformer.h.{}.mlp.fc_out",
        {"rotary_dim": 4},
        **_BESIDE,
        **_OLD,
    ),
    "codegen": Species(
        "codegen",
        "transformer.h.{}.attn.out_proj",
        "transformer.h.{}.mlp.fc_out",
        {"rotary_dim": 4},
        **_BESIDE,
        **_OLD,
    ),
    "gpt_neo": Species(
        "gpt_neo",
        "transformer.h.{}.attn.attention.out_proj",
        "transformer.h.{}.mlp.c_proj",
        {"attention_types": [[["global", "local", "global"], 1]], "window_size": 4},
        **_OLD,
    ),
    "bloom": Species("bloom", *_FALCON, **_OLD),
    "mpt": Species(
        "mpt", "transformer.blocks.{}.attn.out_proj", "transformer.blocks.{}.ffn.down_proj", **_OLD
    ),
    "xglm": Species("xglm", "model.layers.{}.self_attn.out_proj", "model.layers.{}.fc2", **_OLD),
    "openai_gpt": Species("openai-gpt", *_GPT, additive=False, **_OLD),
    "gpt_bigcode": Species("gpt_bigcode", *_GPT),
    "mixtral": Species("mixtral", _LLAMA[0], special=_GQA),
    "qwen2_moe": Species("qwen2_moe", _LLAMA[0], special=_GQA),
    "gpt_oss": Species("gpt_oss", _LLAMA[0], special=_GQA, sinks=True),
    "olmo": Species("olmo", *_LLAMA),
    "olmo2": Species("olmo2", *_LLAMA, post_norm=True),
    "cohere": Species("cohere", *_LLAMA, _GQA, **_BESIDE),
    "stablelm": Species("stablelm", *_LLAMA, _GQA),
    "stablelm_parallel": Species(
        "stablelm", *_LLAMA, {**_GQA, "use_parallel_residual": True}, **_BESIDE
    ),
    "starcoder2": Species(
        "starcoder2", _LLAMA[0], "model.layers.{}.mlp.c_proj", _GQA
    ),
    "granite": Species("granite", *_LLAMA, {**_GQA, "residual_multiplier": 0.22}),
    "glm4": Species("glm4", *_LLAMA, _GQA, post_norm=True),
    "deepseek_v3": Species(
        "deepseek_v3",
        _LLAMA[0],
        special={
            "q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8,
            "v_head_dim": 8, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 0,
            "num_key_value_heads": HEADS,
        },
    ),
    "bamba": Species(
        "bamba",
        _LLAMA[0],
        "model.layers.{}.feed_forward.down_proj",
        {
            **_GQA, "attn_layer_indices": [1], "mamba_n_heads": 4, "mamba_d_head": 16,
            "mamba_n_groups": 1, "mamba_d_state": 8,
        },
        layers=(1,),
    ),
    "mamba": Species("mamba", "", special={"state_size": 8, "time_step_rank": 4}, layers=()),
}  # fmt: skip

MANDATED = (
    *("gpt2", "gpt_neox", "llama", "qwen3", "gemma2", "phi", "opt", "falcon", "gptj"),
)  # what issue 2 names
