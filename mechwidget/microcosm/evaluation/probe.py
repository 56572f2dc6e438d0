"""A quick look at the model while it trains: which behaviour has emerged by which step."""

from transformers import PreTrainedTokenizerFast

from mechwidget.microcosm.evaluation.behaviours import battery, measure_all
from mechwidget.microcosm.train import Probe

SEED = 4242  # not the seed of the final evaluation: the log never steers what the card reports
QUESTIONS = 100


def training_probe(tokenizer: PreTrainedTokenizerFast) -> Probe:
    """All behaviours on a hundred questions each, always the same ones."""
    scores = battery(tokenizer, QUESTIONS, SEED)
    return lambda model: measure_all(model, scores)
