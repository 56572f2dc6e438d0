"""Analysis: numbers read off runs, as plain functions that a script can use without a notebook.

In flow a hooked model, tokens, logits and attention patterns; out flow metrics, outcomes, scores
of heads, effects of ablations and patches, logit lenses and neurons. Nothing here knows a session;
nothing is kept but the scores that were registered.
"""

from __future__ import annotations

from mechwidget.analysis.ablation_sweep import (
    Effect,
    ablation_effect,
    ablation_effects,
    ablation_groups,
    ablation_sweep,
    effect_grid,
    sweep_components,
)
from mechwidget.analysis.activation_gradient import ActivationGradient, activation_gradient
from mechwidget.analysis.alignment import Alignment, align
from mechwidget.analysis.attribution import Attribution, attribution
from mechwidget.analysis.attribution_path import IntegratedGradient, integrated_gradient
from mechwidget.analysis.attribution_target import AttributionTarget, attribution_target
from mechwidget.analysis.cache_contents import CacheContents, cache_contents
from mechwidget.analysis.composition import Composition, composition_scores
from mechwidget.analysis.cone import Cone, cone
from mechwidget.analysis.copying import CopyingScores, copying_scores
from mechwidget.analysis.corpus import Corpus, read_corpus
from mechwidget.analysis.direct_attribution import DirectAttribution, direct_attribution
from mechwidget.analysis.embedding_parts import EmbeddingParts, embedding_parts
from mechwidget.analysis.exact_effects import exact_effects, rank_correlation
from mechwidget.analysis.expert_routing import (
    ExpertNeurons,
    ExpertRouting,
    expert_routing,
    rank_expert_neurons,
)
from mechwidget.analysis.features import FeatureReading, feature_activations
from mechwidget.analysis.head_circuits import HeadCircuit, TokenCircuit, TokenPairs
from mechwidget.analysis.head_maps import HeadMaps, head_maps
from mechwidget.analysis.head_scores import HeadScore, head_scores
from mechwidget.analysis.logit_lens import LogitLens, logit_lens
from mechwidget.analysis.map_score import MapScore, ScoreInputs, ScoreMap, empty_map, number_map
from mechwidget.analysis.metric_kinds import metric_from_json, metric_kinds
from mechwidget.analysis.metrics import (
    BoundMetric,
    Logit,
    LogitDiff,
    Metric,
    Parameter,
    Probability,
)
from mechwidget.analysis.nearest_tokens import NearestTokens, nearest_tokens
from mechwidget.analysis.neuron_contexts import Context, NeuronContexts, neuron_contexts
from mechwidget.analysis.neuron_effects import (
    NeuronEffects,
    NeuronTokens,
    neuron_effects,
    neuron_tokens,
)
from mechwidget.analysis.neuron_table import NeuronRanking, neuron_strips, rank_neurons
from mechwidget.analysis.neuron_weights import (
    NeuronReads,
    NeuronWrites,
    neuron_reads,
    neuron_writes,
)
from mechwidget.analysis.neurons import (
    NeuronTable,
    changed_neurons,
    largest_neurons,
    neuron_activations,
)
from mechwidget.analysis.outcome import Outcome, TokenChange, kl_nats, outcome
from mechwidget.analysis.patching_grid import PatchingGrid, patching_grid
from mechwidget.analysis.pattern_entropy import pattern_entropy
from mechwidget.analysis.position_encoding import (
    PositionEncoding,
    PositionVectors,
    RelativeBias,
    position_encoding,
)
from mechwidget.analysis.rotary import Rotary
from mechwidget.analysis.scores import compute_score, find_score, map_scores, register_score
from mechwidget.analysis.token_and_position import TokenAndPosition, token_and_position
from mechwidget.analysis.token_neighbours import TokenNeighbours, token_neighbours
from mechwidget.analysis.token_plane import TokenPlane, token_plane
from mechwidget.analysis.value_weighted import (
    ValueNorms,
    ValueWeighted,
    value_norms,
    value_weighted,
)
from mechwidget.analysis.weight_norms import WeightNorms, weight_norms

__all__ = [
    "ActivationGradient",
    "Alignment",
    "Attribution",
    "AttributionTarget",
    "BoundMetric",
    "CacheContents",
    "Composition",
    "Cone",
    "Context",
    "CopyingScores",
    "Corpus",
    "DirectAttribution",
    "Effect",
    "EmbeddingParts",
    "ExpertNeurons",
    "ExpertRouting",
    "FeatureReading",
    "HeadCircuit",
    "HeadMaps",
    "HeadScore",
    "IntegratedGradient",
    "Logit",
    "LogitDiff",
    "LogitLens",
    "MapScore",
    "Metric",
    "NearestTokens",
    "NeuronContexts",
    "NeuronEffects",
    "NeuronRanking",
    "NeuronReads",
    "NeuronTable",
    "NeuronTokens",
    "NeuronWrites",
    "Outcome",
    "Parameter",
    "PatchingGrid",
    "PositionEncoding",
    "PositionVectors",
    "Probability",
    "RelativeBias",
    "Rotary",
    "ScoreInputs",
    "ScoreMap",
    "TokenAndPosition",
    "TokenChange",
    "TokenCircuit",
    "TokenNeighbours",
    "TokenPairs",
    "TokenPlane",
    "ValueNorms",
    "ValueWeighted",
    "WeightNorms",
    "ablation_effect",
    "ablation_effects",
    "ablation_groups",
    "ablation_sweep",
    "activation_gradient",
    "align",
    "attribution",
    "attribution_target",
    "cache_contents",
    "changed_neurons",
    "composition_scores",
    "compute_score",
    "cone",
    "copying_scores",
    "direct_attribution",
    "effect_grid",
    "embedding_parts",
    "empty_map",
    "exact_effects",
    "expert_routing",
    "feature_activations",
    "find_score",
    "head_maps",
    "head_scores",
    "integrated_gradient",
    "kl_nats",
    "largest_neurons",
    "logit_lens",
    "map_scores",
    "metric_from_json",
    "metric_kinds",
    "nearest_tokens",
    "neuron_activations",
    "neuron_contexts",
    "neuron_effects",
    "neuron_reads",
    "neuron_strips",
    "neuron_tokens",
    "neuron_writes",
    "number_map",
    "outcome",
    "patching_grid",
    "pattern_entropy",
    "position_encoding",
    "rank_correlation",
    "rank_expert_neurons",
    "rank_neurons",
    "read_corpus",
    "register_score",
    "sweep_components",
    "token_and_position",
    "token_neighbours",
    "token_plane",
    "value_norms",
    "value_weighted",
    "weight_norms",
]
