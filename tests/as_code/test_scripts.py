"""What holds for every script: it loads what it says, is clean, quotes people, or is refused."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest
import torch

import mechwidget as mw
from mechwidget.as_code import STYLES, as_code
from tests.as_code.models import IDS, NUMBER, TEXT, code_of, measured, metric, model, run
from tests.as_code.test_kinds import kinds
from tests.session.tiny import tiny_model, tiny_module, tiny_tokenizer

HOSTILE = 'the "cat" sat\n# """ \'\'\'\\ \x00 \u202eon\u2028 the\tmat \u200b{x} 漢字 ' + "mat " * 6
each_style = pytest.mark.parametrize("style", STYLES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of the tiny model with its tokenizer."""
    path = tmp_path_factory.mktemp("checkpoint") / "tiny gpt2"
    tiny_module().save_pretrained(path)
    tiny_tokenizer().save_pretrained(path)
    return path


@pytest.mark.parametrize("style", ["hooks", "transformer_lens"])
def test_a_script_of_its_own_loads_the_model(style, folder, tmp_path):
    if style == "transformer_lens":
        pytest.importorskip("transformer_lens")
    loaded = mw.load(folder)
    done = [mw.Ablate(mw.Head(1, 2)), mw.Patch(mw.MLP(0), "the dog ran on a rug and then slept")]
    code = as_code(loaded, TEXT, done, mw.Probability("mat"), style)
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ran.returncode == 0, ran.stderr
    expected = measured(loaded, TEXT, done, mw.Probability("mat"))
    found = tuple(map(float, NUMBER.search(ran.stdout).groups()))
    assert found == pytest.approx(expected, abs=1e-4)
    assert ran.stdout.startswith("before ")


def test_the_own_style_loads_the_model(folder, tmp_path):
    loaded = mw.load(folder)
    done = [mw.Scale(mw.Head(1, 2), 3.0)]
    code = as_code(loaded, TEXT, done, metric("gpt2"))
    assert re.search(rf'mw\.load\(\s*"{re.escape(str(folder))}"', code)  # a long path wraps
    found, _ = run(code, tmp_path)
    assert found == pytest.approx(measured(loaded, TEXT, done, metric("gpt2")), abs=1e-4)


def test_microcosm_is_loaded_by_name(tmp_path):
    loaded = mw.load("microcosm")
    done, how = [mw.Ablate(mw.Head(1, 2))], mw.Probability(" Paris")
    expected = measured(loaded, "The capital of France is", done, how)
    for style in STYLES:
        code = as_code(loaded, "The capital of France is", done, how, style)
        found, _ = run(code, tmp_path)
        assert found == pytest.approx(expected, abs=1e-4), style
    assert 'mw.load("microcosm", dtype="float32")' in as_code(loaded, IDS)


def test_every_script_is_clean(tmp_path):
    for name in ("gpt2", "llama"):
        for kind, interventions in kinds(name).items():
            for style in STYLES:
                code = code_of(name, style, *interventions)
                (tmp_path / f"{name}_{kind}_{style}.py".replace(" ", "_")).write_text(code)
    for style in STYLES:
        code = as_code(tiny_model(), HOSTILE, [mw.Patch(mw.Head(0, 1), HOSTILE)], style=style)
        (tmp_path / f"hostile_{style}.py").write_text(code, encoding="utf-8")
    check = ["check", "--isolated", "--select", "E,F,B006,PLE", "--line-length", "100"]
    ran = subprocess.run(
        [sys.executable, "-m", "ruff", *check, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    lines = [line for path in tmp_path.glob("*.py") for line in path.read_text().splitlines()]
    assert max(map(len, lines)) <= 100


@each_style
def test_hostile_text_is_a_literal_and_a_comment(style, tmp_path):
    if style == "transformer_lens":
        pytest.importorskip("transformer_lens")
    hooked = tiny_model()
    name = 'x"\nimport os\n'
    done = [
        mw.Patch(mw.Head(0, 1), HOSTILE),
        mw.Steer(mw.Residual(1), mw.Vector([0.5] * 24, name)),
        mw.Ablate(mw.MLP(1), "mean", over=[HOSTILE, "mat\rimport os"]),
    ]
    code = as_code(hooked, HOSTILE, done, metric("gpt2"), style)
    assert all(character.isprintable() or character == "\n" for character in code)
    tree = ast.parse(code)
    said = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert HOSTILE in said
    assert "mat\rimport os" in said
    modules = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert modules <= {"copy", "sys", "torch", "mechwidget"}
    found, _ = run(code, tmp_path, hooked)
    assert found == pytest.approx(measured(hooked, HOSTILE, done, metric("gpt2")), abs=1e-4)


@pytest.mark.parametrize("style", ["mechwidget", "hooks"])
def test_what_is_long_is_taken_from_where_the_script_runs(style, tmp_path):
    hooked = tiny_model()
    prompt = (
        "the cat sat on a mat and the dog ran under the rug and slept then a dog sat on the mat"
    )
    n = len(hooked.tokenize(prompt))
    uneven = torch.rand(n, n, generator=torch.Generator().manual_seed(0))
    everywhere = list(range(n - 1))
    done = [
        mw.ReplacePattern(mw.Head(0, 1), uneven),
        mw.Ablate(mw.Head(1, 1, everywhere), "resample", over=[prompt + " and the cat ran"]),
        mw.Scale(mw.MLP(1, [0, 2, 3, 5, 7, 9, 11, 13, 15, 16]), 2.0),
    ]
    code = as_code(hooked, prompt, done, metric("gpt2"), style)
    assert re.search(r"^from __main__ import given_1$", code, re.MULTILINE)
    found, _ = run(code, tmp_path, hooked, given_1=uneven)
    assert found == pytest.approx(measured(hooked, prompt, done, metric("gpt2")), abs=1e-4)
    wide = mw.wrap(_wide())
    long = torch.linspace(-1, 1, wide.d_model)
    done = [mw.Steer(mw.Residual(1), long, 2.0)]
    code = as_code(wide, (3, 4, 5), done, mw.LogitDiff(1, 2), style)
    assert "from __main__ import vector_1" in code
    found, _ = run(code, tmp_path, wide, vector_1=long.tolist())
    assert found == pytest.approx(measured(wide, (3, 4, 5), done, mw.LogitDiff(1, 2)), abs=1e-4)


def _wide():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=20, n_embd=96, n_layer=2, n_head=3, bos_token_id=0, eos_token_id=0
    )
    return GPT2LMHeadModel(config).eval()


@each_style
def test_a_session_says_what_is_on(style, tmp_path):
    if style == "transformer_lens":
        pytest.importorskip("transformer_lens")
    hooked = model("gpt2")
    with mw.Session(hooked, TEXT, metric("gpt2")) as session:
        session.interventions = [mw.Scale(mw.Layer(1), 0.5), mw.Ablate(mw.MLP(2)), mw.SkipLayer(0)]
        session.disable(1)
        code = session.code(style)
        expected = session.baseline_metric_value, session.metric_value
        assert "MLP" not in code
        found, _ = run(code, tmp_path, hooked)
        assert found == pytest.approx(expected, abs=1e-4)
        session.metric = None
        found, printed = run(session.code(style), tmp_path, hooked)
        assert found is None
        top = hooked.run(TEXT).logits[0, -1].argmax().item()
        assert printed.startswith(f"before {hooked.token_text(top)!r} ")
        session.clear()
        run(session.code(style), tmp_path, hooked)


def test_what_does_not_fit_the_model_is_refused():
    with pytest.raises(mw.MechwidgetError, match="does not exist"):
        as_code(model("llama"), IDS, [mw.Ablate(mw.Head(9, 1))])
