"""Decoders that nobody's library wrote, and parts that wrap or stand in for linear layers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class HomemadeAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = (p.view(b, t, self.heads, -1).transpose(1, 2) for p in self.qkv(x).chunk(3, -1))
        z = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(z.transpose(1, 2).reshape(b, t, d))


class HomemadeBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = HomemadeAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 48), nn.GELU(), nn.Linear(48, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.before_attention(x))
        return x + self.mlp(self.before_mlp(x))


class Homemade(nn.Module):
    """A nanoGPT: positional ids, logits and loss as a tuple, no config, no transformers."""

    def __init__(
        self, *, vocabulary: int = 50, width: int = 32, heads: int = 4, depth: int = 3
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(64, width)
        self.blocks = nn.ModuleList(HomemadeBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight  # tied

    def forward(self, idx: torch.Tensor, targets: torch.Tensor | None = None):
        x = self.tokens(idx) + self.places(torch.arange(idx.shape[1], device=idx.device))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)), targets


class Repeated(Homemade):
    """One block, run three times: what belongs to which layer is a matter of counting calls."""

    def __init__(self) -> None:
        super().__init__(depth=1)

    def forward(self, idx: torch.Tensor, targets: torch.Tensor | None = None):
        x = self.tokens(idx) + self.places(torch.arange(idx.shape[1]))
        for _ in range(3):
            x = self.blocks[0](x)
        return self.head(self.norm(x)), targets


class LowRank(nn.Module):
    """A LoRA layer as peft makes it: it stands where the linear stood and calls it inside."""

    def __init__(self, base: nn.Module, rank: int = 2) -> None:
        super().__init__()
        self.base_layer = base
        self.in_features, self.out_features = base.in_features, base.out_features
        self.lora_a = nn.Linear(self.in_features, rank, bias=False)
        self.lora_b = nn.Linear(rank, self.out_features, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base_layer(x) + self.lora_b(self.lora_a(x)) * 0.5


class Quantised(nn.Linear):
    """A Linear subclass that keeps its weight as int8 and scales, as bitsandbytes does."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__(base.in_features, base.out_features, bias=base.bias is not None)
        scale = base.weight.detach().abs().amax(1, keepdim=True) / 127
        packed = (base.weight.detach() / scale).round().to(torch.int8)
        del self.weight
        self.register_buffer("packed", packed)
        self.register_buffer("scale", scale)
        self.bias = base.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, self.packed.to(x.dtype) * self.scale, self.bias)


def replaced(model: nn.Module, name: str, new: type[nn.Module]) -> None:
    """Put `new(old)` where the submodule `name` was."""
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, new(model.get_submodule(name)))
