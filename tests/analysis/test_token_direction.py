"""The direction of a token is its row of the unembedding, whatever the architecture."""

from __future__ import annotations

import pytest
import torch

from mechwidget.analysis.token_direction import token_direction
from mechwidget.errors import UnsupportedModelError
from tests.models.zoo.build import hooked


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "cohere", "mamba"])
def test_it_is_the_row_of_the_matrix(name: str) -> None:
    model = hooked(name)
    head = model.model.get_output_embeddings()
    rows = head.weight.detach().float()
    assert torch.allclose(token_direction(model, 5, 7), rows[5] - rows[7], atol=1e-6)
    assert torch.allclose(token_direction(model, 5), rows[5], atol=1e-6)
    assert head.weight.grad is None


def test_what_does_not_read_the_stream_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="not its residual stream of width 32"):
        token_direction(hooked("opt_post_norm"), 5)
