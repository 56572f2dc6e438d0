"""Scripts that name features of dictionaries: ours registers them first, the others say no."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import save_file

import mechwidget as mw
from mechwidget.as_code import as_code
from mechwidget.dictionaries import find_dictionary
from mechwidget.errors import InterventionError
from tests.as_code.models import measured, metric, model, prompts, run
from tests.dictionaries.made import dictionary, registered


def test_a_dictionary_in_memory_is_taken_and_one_from_a_file_is_loaded(tmp_path) -> None:
    hooked = model("gpt2")
    prompt, width = prompts("gpt2")[0], hooked.d_model
    inside = registered(width, ("mlp_in", 1), ("mlp_out", 1))
    made = dictionary(width)
    tensors = {name: made[name] for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    save_file(tensors, tmp_path / "sae_weights.safetensors")
    config = {"architecture": "standard", "apply_b_dec_to_input": False}
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    loaded = mw.Dictionary.load(tmp_path, reads=("resid_pre", 1))
    mw.register_dictionary("from a file", loaded, replace=True)
    done = [
        mw.SetValue(mw.Feature(inside, 3), 4.0),
        mw.Scale(mw.Feature("from a file", 5, [-1]), 3),
    ]
    code = as_code(hooked, prompt, done, metric("gpt2"), "mechwidget")
    assert "mw.Dictionary.load(" in code
    assert "from __main__ import dictionary_1" in code
    assert "fingerprint" not in code
    taken = {"dictionary_1": find_dictionary(inside)}
    found, _ = run(code, tmp_path, hooked, **taken)
    assert found == pytest.approx(measured(hooked, prompt, done, metric("gpt2")), abs=1e-4)
    assert found[0] != pytest.approx(found[1], abs=1e-3)


@pytest.mark.parametrize("style", ["hooks", "transformer_lens"])
def test_other_styles_have_no_words_for_a_feature(style: str) -> None:
    hooked = model("gpt2")
    of = registered(hooked.d_model, ("resid_pre", 1), None)
    with pytest.raises(InterventionError, match="a feature's dictionary") as caught:
        as_code(hooked, prompts("gpt2")[0], [mw.Ablate(mw.Feature(of, 3))], metric("gpt2"), style)
    assert 'style="mechwidget"' in caught.value.hint
