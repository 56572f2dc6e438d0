"""How much each head looks at the token that it is at."""

import numpy as np

from mechwidget.analysis import MapScore, ScoreMap, empty_map


def self_attention(inputs):
    """`[layer, head]`: the mean of the pattern's diagonal, between 0 and 1."""
    model = inputs.model
    made = empty_map(model)
    read = model.run(inputs.prompt, inputs.interventions, read=["pattern"]).read
    heads = np.array(made.heads)
    for layer in range(model.n_layers):
        if model.n_heads(layer):
            diagonal = read["pattern", layer][0].diagonal(dim1=-2, dim2=-1)
            heads[layer, : model.n_heads(layer)] = diagonal.float().mean(-1).cpu().numpy()
    return ScoreMap(heads.astype(np.float32), made.attention, made.mlp)


SELF_ATTENTION = MapScore(
    name="self_attention",
    title="attention to itself",
    convention="mean share of attention that goes to the token itself",
    unit="share",
    scale="sequential",
    range=(0, 1),
    needs=frozenset({"pattern"}),
    compute=self_attention,
)
