"""One of every intervention, for laws that must hold whatever it is that is done."""

from __future__ import annotations

from collections.abc import Sequence

import mechwidget as mw
from mechwidget.interventions import Intervention
from tests.dictionaries.made import registered


def every_intervention(model: mw.HookedModel, other: Sequence[int]) -> list[Intervention]:
    """Each kind and mode on layer 1 of a model with heads, MLP and patterns.

    Args:
        model: with 3 heads at least; a layer of experts has no neurons of its own.
        other: the ids of another prompt, as long as the one that will be run.
    """
    head, stream, given = mw.Head(1, 2), mw.Residual(1), tuple(other)
    ones = [1.0] * model.d_model
    rows = [[float(key == 0) for key in range(len(given))] for _ in given]
    neurons = [mw.Ablate(mw.Neuron(1, 5))] if model.n_neurons(1) else []
    own = registered(model.d_model, ("resid_pre", 1), None)
    features: list[Intervention] = [mw.Scale(mw.Feature(own, 3), 2.0)]
    if mw.Site("mlp_in", 1) in model.sites:
        across = registered(model.d_model, ("mlp_in", 1), ("mlp_out", 1), "topk")
        features.append(mw.Ablate(mw.Feature(across, 3), "mean", over=[given, given[:-1]]))
    return [
        *neurons,
        *features,
        mw.Ablate(head),
        mw.Ablate(mw.Attention(1, [2, -1])),
        mw.Ablate(mw.MLP(1)),
        mw.Ablate(head, "mean", over=[given, given[:-1]]),
        mw.Ablate(head, "mean", over=[given], by_position=True),
        mw.Ablate(stream, "resample", over=[given]),
        mw.Patch(mw.Residual(1, [3]), given),
        mw.Patch(head, given, align="end"),
        mw.Scale(head, 0.5),
        mw.Scale(mw.Layer(1), 0.5),
        mw.SetValue(head, 1.0),
        mw.SetValue(stream, ones),
        mw.Steer(stream, ones, 0.5, "share"),
        mw.Steer(stream, ones, mode="project out"),
        mw.KnockOut(mw.Edge(1, 2, query=-1, key=1)),
        mw.Freeze("pattern"),
        mw.Freeze(head),
        mw.SkipLayer(1),
        mw.ReplacePattern(head, "previous"),
        mw.ReplacePattern(head, rows),
    ]
