"""Transformers that people write for themselves, as teaching material and toy-model papers do."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional

TEXT = "abcdefghijklmnopqrstuvwxyz .,"


class Characters:
    """A vocabulary of characters, with the two methods that such scripts have."""

    def __init__(self, alphabet: str = TEXT) -> None:
        self.alphabet = alphabet

    def encode(self, text: str) -> list[int]:
        return [self.alphabet.index(character) for character in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.alphabet[i] for i in ids)


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.key, self.query, self.value = (nn.Linear(width, width) for _ in range(3))
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        batch, pos, width = x.shape
        q, k, v = (
            layer(x).view(batch, pos, self.heads, -1).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(k.shape[-1])
        pattern = functional.softmax(scores.masked_fill(~mask, float("-inf")), -1)
        return self.proj((pattern @ v).transpose(1, 2).reshape(batch, pos, width))


class CharacterBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 48), nn.GELU(), nn.Linear(48, width))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.ln1(x), mask)
        return x + self.mlp(self.ln2(x))


class CharacterModel(nn.Module):
    """A minGPT over characters, whose forward wants a mask and gives scores and a loss by name."""

    def __init__(self, depth: int = 2, width: int = 24, heads: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.tok_emb = nn.Embedding(len(TEXT), width)
        self.pos_emb = nn.Parameter(torch.randn(1, 32, width) * 0.3)
        self.blocks = nn.ModuleList(CharacterBlock(width, heads) for _ in range(depth))
        self.ln_f = nn.LayerNorm(width)
        self.head = nn.Linear(width, len(TEXT), bias=False)
        enliven(self)

    def forward(self, characters: torch.Tensor, mask: torch.Tensor) -> dict[str, Any]:
        x = self.tok_emb(characters) + self.pos_emb[:, : characters.shape[1]]
        for block in self.blocks:
            x = block(x, mask)
        return {"loss": None, "scores": self.head(self.ln_f(x))}


class HookPoint(nn.Module):
    """An identity: a place to hook."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class LayerNormPre(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x - x.mean(-1, keepdim=True)
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()


class Embed(nn.Module):
    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.W_E = nn.Parameter(torch.randn(vocabulary, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.W_E[tokens]


class PosEmbed(nn.Module):
    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.W_pos = nn.Parameter(torch.randn(length, width) * 0.3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.W_pos[: tokens.shape[1]].expand(tokens.shape[0], -1, -1)


class Unembed(nn.Module):
    def __init__(self, width: int, vocabulary: int) -> None:
        super().__init__()
        self.W_U = nn.Parameter(torch.randn(width, vocabulary) / math.sqrt(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bpm,mv->bpv", x, self.W_U)


class EinsumAttention(nn.Module):
    """Parameters per head; with `points`, every activation passes a hook point."""

    def __init__(self, width: int, heads: int, d_head: int, *, points: bool) -> None:
        super().__init__()
        self.W_Q, self.W_K, self.W_V = (
            nn.Parameter(torch.randn(heads, width, d_head) / math.sqrt(width)) for _ in range(3)
        )
        self.W_O = nn.Parameter(torch.randn(heads, d_head, width) / math.sqrt(d_head * heads))
        self.b_O = nn.Parameter(torch.randn(width) * 0.1)
        self.d_head = d_head
        made = HookPoint if points else nn.Identity
        self.hook_q, self.hook_k, self.hook_v, self.hook_z = made(), made(), made(), made()
        self.hook_attn_scores, self.hook_pattern = made(), made()
        if not points:
            del self.hook_q, self.hook_k, self.hook_v, self.hook_z
            del self.hook_attn_scores, self.hook_pattern

    def hooked(self, name: str, x: torch.Tensor) -> torch.Tensor:
        point = self._modules.get(f"hook_{name}")
        return x if point is None else point(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q = self.hooked("q", torch.einsum("bpm,hmd->bphd", x, self.W_Q))
        k = self.hooked("k", torch.einsum("bpm,hmd->bphd", x, self.W_K))
        v = self.hooked("v", torch.einsum("bpm,hmd->bphd", x, self.W_V))
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(self.d_head)
        ahead = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = self.hooked("attn_scores", scores.masked_fill(ahead, -1e5))
        pattern = self.hooked("pattern", scores.softmax(-1))
        z = self.hooked("z", torch.einsum("bhqk,bkhd->bqhd", pattern, v))
        return torch.einsum("bqhd,hdm->bqm", z, self.W_O) + self.b_O


class EinsumMLP(nn.Module):
    def __init__(self, width: int, neurons: int) -> None:
        super().__init__()
        self.W_in = nn.Parameter(torch.randn(width, neurons) / math.sqrt(width))
        self.W_out = nn.Parameter(torch.randn(neurons, width) / math.sqrt(neurons))
        self.b_out = nn.Parameter(torch.randn(width) * 0.1)
        self.hook_post = HookPoint()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        post = self.hook_post(functional.gelu(torch.einsum("bpm,mn->bpn", x, self.W_in)))
        return torch.einsum("bpn,nm->bpm", post, self.W_out) + self.b_out


class EinsumBlock(nn.Module):
    def __init__(self, width: int, heads: int, d_head: int, neurons: int, *, points: bool) -> None:
        super().__init__()
        self.ln1 = LayerNormPre()
        self.attn = EinsumAttention(width, heads, d_head, points=points)
        if neurons:
            self.ln2, self.mlp = LayerNormPre(), EinsumMLP(width, neurons)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x)) if "mlp" in self._modules else x


class EinsumTransformer(nn.Module):
    """Everything an einsum over parameters of its own: no `nn.Linear`, no `nn.Embedding`.

    With `neurons=0` it has attention only; with `points=False` nothing shows a head's z. `stem` is
    what its list of blocks is called.
    """

    def __init__(
        self,
        depth: int = 2,
        *,
        neurons: int = 40,
        points: bool = True,
        heads: int = 4,
        vocabulary: int = 30,
        stem: str = "blocks",
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        width, d_head = 24, 5  # heads that are together narrower than the stream
        self.embed, self.pos_embed = Embed(vocabulary, width), PosEmbed(32, width)
        self.stem = stem
        blocks = nn.ModuleList(
            EinsumBlock(width, heads, d_head, neurons, points=points) for _ in range(depth)
        )
        self.add_module(stem, blocks)
        self.ln_final, self.unembed = LayerNormPre(), Unembed(width, vocabulary)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embed(tokens) + self.pos_embed(tokens)
        for block in self._modules[self.stem]:
            x = block(x)
        return self.unembed(self.ln_final(x))


@torch.no_grad()
def enliven(model: nn.Module) -> None:
    """Weights large enough that every part matters."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.weight.normal_(0, 1.3 / math.sqrt(module.in_features))
            if module.bias is not None:
                module.bias.normal_(0, 0.1)
