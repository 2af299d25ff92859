"""The part Block: the lens, what is switched off, and that its presets come true."""

import math

import pytest
import torch

from demos._ui.validation import InputError
from demos.transformer import _models, block
from genai_core.language import gpt

PART = block.PART


def preset(label):
    return PART.value(PART.parse(next(p for p in PART.presets if p.label == label).given()))


def mean(values):
    return sum(values) / len(values)


def test_the_last_layer_of_the_lens_is_the_model():
    value = PART.value(PART.parse({}))
    ids = torch.tensor([_models.ids("gpt-stories", block.HAT)])
    model = gpt.load("gpt-stories")
    with torch.inference_mode():
        p = model(ids)[0].softmax(-1).max(-1).values
        nll = model.token_nll(ids)[0]
    assert [share for _, share in value["lens"][-1]] == pytest.approx(p.tolist(), abs=2e-3)
    assert value["nll"] == value["whole"] == pytest.approx(nll.tolist(), abs=2e-3)


def test_the_list_is_of_the_chosen_token_and_holds_the_models_own_best():
    value = PART.value(PART.parse({"token": 4, "off": "1.mlp"}))
    whole = PART.value(PART.parse({"token": 4}))
    assert value["next"][0][1] == max(p for _, p, _ in value["next"])
    assert whole["next"][0][0] == whole["lens"][-1][4][0]
    assert whole["next"][0][0] in [name for name, _, _ in value["next"]]
    assert all(p == w for _, p, w in whole["next"])


def test_the_first_layers_say_what_follows_some_and_the_last_water():
    lens = preset("Something to drink")["lens"]
    said = [row[-1][0] for row in lens]
    assert said == ["␣fun", "␣more", "␣of", "␣of", "␣of", "␣water", "␣water"]


def test_without_the_mlp_of_layer_3_the_loss_nearly_triples_and_nothing_else_costs_as_much():
    value = preset("Without one MLP")
    assert 2.5 < mean(value["nll"]) / mean(value["whole"]) < 3.1
    rises = block.importance({"text": block.ONCE})["rises"]
    assert max(rises, key=rises.get) == "3.mlp"
    assert rises["3.mlp"] == pytest.approx(mean(value["nll"]) - mean(value["whole"]), abs=1e-3)


def test_without_layer_2_the_name_stays_and_the_loss_hardly_moves():
    value = preset("One layer fewer")
    assert value["next"][0][0] == "␣Lily"
    assert max(value["next"], key=lambda row: row[2])[0] == "␣Lily"
    assert abs(mean(value["nll"]) - mean(value["whole"])) < 0.1


def test_without_the_head_it_is_still_the_hat_less_surely():
    name, p, whole = preset("Without the head that saw the hat")["next"][0]
    assert name == "␣hat"
    assert 0.5 < p / whole < 0.8
    both = PART.value(PART.parse({"text": block.HAT, "off": "6.2,6.4"}))["next"][0]
    assert both[0] == "␣hat"
    assert both[1] / p < 0.5


def test_without_the_induction_head_the_name_is_lost():
    value = preset("Without the induction head")
    whole, off = next((w, p) for name, p, w in value["next"] if name == "m")
    assert whole > 2 / 3
    assert off < 0.015
    assert value["next"][0][0] != "m"


def test_the_cache_is_what_a_session_keeps():
    config = gpt.load("gpt-stories").config
    assert PART.value(PART.parse({}))["cached"] == 2 * config.n_layer * config.n_embd


@pytest.mark.parametrize(
    ("given", "kept"),
    [("", ""), (" 4.mlp ,3.2,3.2", "3.2,4.mlp"), (",".join(block.EVERY), ",".join(block.EVERY))],
)
def test_what_is_off_is_named_once_and_in_order(given, kept):
    assert PART.parse({"off": given})["off"] == kept


@pytest.mark.parametrize("bad", ["7.1", "3.5", "x", "1", 5, None, ["1.1"], "1.1;1.2"])
def test_what_is_no_part_of_the_model_is_refused(bad):
    with pytest.raises(InputError):
        PART.parse({"off": bad})


def test_with_all_off_the_embedding_alone_speaks():
    value = PART.value(PART.parse({"off": ",".join(block.EVERY)}))
    assert all(row == value["lens"][0] for row in value["lens"])
    assert all(math.isfinite(v) for v in value["nll"])
