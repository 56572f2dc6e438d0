"""How small: the sizes that a configuration takes, and what some need besides.

`SIZES` is one spelling per family of configs; each config takes the names that it knows.
`SPECIAL` holds what an architecture's config asserts about its own fields. Nothing here is known
to mechwidget.
"""

from __future__ import annotations

from typing import Any

from tests.random_weights import VOCABULARY

WIDTH, LAYERS, HEADS, CONTEXT = 32, 4, 4, 128

SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY, "vocab_size_per_layer_input": VOCABULARY,
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "n_embed", "emb_dim"), WIDTH),
    **dict.fromkeys(("embedding_size", "word_embed_proj_dim", "dim_model"), WIDTH),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), LAYERS),
    **dict.fromkeys(("decoder_layers", "num_decoder_layers", "num_blocks"), LAYERS),
    "encoder_layers": LAYERS,
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), HEADS),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), HEADS),
    **dict.fromkeys(("attention_heads", "num_decoder_attention_heads"), HEADS),
    "num_encoder_attention_heads": HEADS, "num_key_value_heads": 2, "num_kv_heads": 2,
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "dim_ff", "d_inner"), 48),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "d_ff", "ffn_hidden_size"), 48),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 24),
    **dict.fromkeys(("shared_intermediate_size", "expert_intermediate_size"), 24),
    **dict.fromkeys(("head_dim", "global_head_dim", "d_head", "d_kv", "dim_head"), 8),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx"), CONTEXT),
    "max_seq_len": CONTEXT,
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    "num_experts_per_tok": 2, "moe_num_experts": 4, "moe_topk": 2, "moe_k": 2,
    "sliding_window": 5, "attention_window": 4, "type_vocab_size": 2,
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank", "qk_head_dim"), 16),
    **dict.fromkeys(("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"), 8),
    "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1, "n_shared_experts": 1,
    "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "mamba_d_state": 8, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_n_groups": 1,
    "state_size": 8, "time_step_rank": 4,
    "image_size": 16, "patch_size": 8, "num_mel_bins": 8,
    "max_source_positions": 32, "max_target_positions": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "hidden_size_per_layer_input": 8,
}  # fmt: skip

# Left as it is where the config's own default is None: None means something there.
OPTIONAL = {
    *("num_key_value_heads", "num_kv_heads", "head_dim", "sliding_window", "n_inner"),
    *("q_lora_rank", "num_experts", "n_routed_experts", "num_local_experts"),
    *("expert_intermediate_size", "attention_window"),
}
PER_LAYER = ("layer_types", "mlp_layer_types", "layers_block_type", "no_rope_layers")

_ROPE = {"rope_theta": 10000.0, "rope_type": "default"}
_TWO_KINDS = ["sliding_attention", "full_attention"]
_DOTS3 = {"swa_num_attention_heads": 4, "swa_num_key_value_heads": 4}
_QWEN4 = {
    "hc_lowrank": 8,
    "ple_embed_dim": 8,
    "indexer_n_heads": 2,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 8,
    "indexer_budget": 8,
    "indexer_compress_ratio": 2,
    "ngram_vocab_size_base": 100,
    "heads_per_ngram": 2,
}

_BERT = {
    "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
    "intermediate_size": 48, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT,
}  # fmt: skip

_SEAMLESS = {
    "speech_encoder_layers": 2,
    "speech_encoder_intermediate_size": 48,
    "speech_encoder_attention_heads": 4,
    "t2u_encoder_layers": 1,
    "t2u_decoder_layers": 1,
}
_SWIN = {
    "image_size": 32, "patch_size": 4, "embed_dim": WIDTH, "depths": [2, 2],
    "num_heads": [2, 4], "window_size": 4,
}  # fmt: skip

_FEW_FILTERS = {"num_filters": 2, "depths": [1] * 7}
_VIBEVOICE = {f"{kind}_tokenizer_encoder_config": _FEW_FILTERS for kind in ("acoustic", "semantic")}

SPECIAL: dict[str, dict[str, Any]] = {
    "bailing_hybrid": {
        "num_expert_group": 1, "num_experts_per_token": 2, "linear_head_dim": 8,
        "linear_num_heads": 4, "qk_head_dim": 16,
    },
    "bamba": {"attn_layer_indices": [1, 3]},
    "codegen": {"rotary_dim": 4},
    "gptj": {"rotary_dim": 4},
    "cohere_compass_text": {
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "rope_parameters": {kind: {**_ROPE} for kind in _TWO_KINDS},
    },
    "encoder-decoder": {
        "encoder": {"model_type": "bert", **_BERT},
        "decoder": {"model_type": "bert", **_BERT, "is_decoder": True, "add_cross_attention": True},
    },
    "speech-encoder-decoder": {
        "encoder": {"model_type": "wav2vec2", **_BERT},
        "decoder": {"model_type": "bert", **_BERT, "is_decoder": True, "add_cross_attention": True},
    },
    "swin": _SWIN, "swinv2": _SWIN, "donut-swin": _SWIN,
    **dict.fromkeys(("seamless_m4t", "seamless_m4t_v2"), _SEAMLESS),
    "vibevoice": dict.fromkeys(("audio_config", "semantic_model_config"), _FEW_FILTERS),
    "vibevoice_asr": _VIBEVOICE,
    "vjepa2": {
        "frames_per_clip": 2, "crop_size": 16, "pred_hidden_size": WIDTH,
        "pred_num_attention_heads": HEADS, "pred_num_hidden_layers": 2,
    },
    "perceiver": {
        "num_latents": 8, "d_latents": WIDTH, "num_self_attends_per_block": 2,
        "num_self_attention_heads": HEADS,
    },
    "yolos": {"image_size": [16, 16], "num_detection_tokens": 3},
    "luke": {"entity_vocab_size": 20, "entity_emb_size": 16},
    "convbert": {"head_ratio": 1},
    "dbrx": {
        "attn_config": {"rope_theta": 10000.0, "kv_n_heads": 2, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 24, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "dots1": {"n_routed_experts": 4},
    "dots3_note_text": _DOTS3,
    "dots3_note": {
        "text_config": _DOTS3,
        "vision_config": {"adapter_in_dim": WIDTH, "adapter_out_dim": WIDTH},
        "audio_config": {"adapter_input_size": WIDTH, "adapter_out_dim": WIDTH},
    },
    "falcon": {"num_kv_heads": 4, "multi_query": False, "parallel_attn": True, "alibi": False},
    "falcon_h1": {"mamba_d_ssm": 64, "mamba_expand": 2},
    "gemma3n_text": {
        "num_kv_shared_layers": 1, "num_hidden_layers": 5, "intermediate_size": [48] * 5,
        "layer_types": [*_TWO_KINDS, *_TWO_KINDS, "full_attention"],
        "activation_sparsity_pattern": [0.0] * 5, "laurel_rank": 8,
    },
    "gpt_neo": {
        "attention_types": [[["global", "local"], 2]], "window_size": 4,
        "attention_layers": ["global", "local"] * 2,
    },
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "hrm_text": {"num_layers_per_stack": 2, "L_cycles": 2},
    "hunyuan_v1_dense": {"head_dim": 8},
    "hunyuan_v1_moe": {"head_dim": 8},
    "inkling_text": {
        "swa_num_attention_heads": 4, "swa_num_key_value_heads": 2, "swa_head_dim": 8,
    },
    "jamba": {
        "attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2,
        "expert_layer_offset": 1, "use_mamba_kernels": False, "mamba_dt_rank": 4,
    },
    "kimi_linear": {"num_experts": 4, "num_experts_per_token": 2},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1, "expand": 2},
    "ministral": {"head_dim": 8},
    "mpt": {"expansion_ratio": 2},
    "musicgen": {"num_codebooks": 1},  # a language model over one stream of audio codes
    "musicgen_melody": {"num_codebooks": 1},
    "nemotron": {"num_key_value_heads": 2, "head_dim": 8},
    "qwen4_exp_text": _QWEN4,
    "qwen4_exp": {"text_config": _QWEN4},
    "reformer": {
        "attn_layers": ["local", "lsh"] * 2, "axial_pos_embds": False, "num_buckets": 2,
        "attention_head_size": 8, "feed_forward_size": 48, "lsh_attn_chunk_length": 16,
        "local_attn_chunk_length": 16, "hash_seed": 1,
    },
    "xlm": {"causal": True},
    "xmod": {"default_language": "en_XX", "languages": ["en_XX"]},
    "zamba": {"layers_block_type": ["linear_attention", "hybrid"] * 2},
    "zamba2": {"layers_block_type": ["linear_attention", "hybrid"] * 2},
    "zaya": {"num_experts_per_tok": 1},
}  # fmt: skip
