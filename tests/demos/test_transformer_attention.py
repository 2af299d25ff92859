"""The part Attention: what it shows is what the model computes, and its presets come true."""

import base64

import numpy as np
import pytest
import torch

from demos._ui.validation import InputError
from demos.transformer import _api, _models, attention
from genai_core.language import gpt

PART = attention.PART


def shown(**settings):
    parsed = PART.parse(settings)
    value = PART.value(parsed)
    n = len(value["names"])

    def matrix(name):
        return np.frombuffer(base64.b64decode(value[name]), np.float32).reshape(n, -1)

    return value, matrix


def preset(label):
    found = next(p for p in PART.presets if p.label == label)
    return shown(**found.given())


def test_the_weights_are_those_of_the_models_own_attention():
    value, matrix = shown()
    model, settings = gpt.load("gpt-stories"), value["settings"]
    ids = torch.tensor([_models.ids("gpt-stories", attention.TOY)])
    block, streams = model.blocks[settings["layer"] - 1], []
    with torch.inference_mode():
        model(ids, lambda _layer, x: streams.append(x) or x)
        own = block.attention.weights(block.norm1(streams[settings["layer"] - 2]), model.table[:, : ids.shape[1]])
    assert np.allclose(matrix("weights"), own[0, settings["head"] - 1].numpy(), atol=1e-4)
    assert value["same"] < 1e-4


def test_all_heads_are_sent_once_and_hold_the_shown_one():
    value, matrix = shown(layer=5, head=2)
    found = attention.heads({"model": "gpt-stories", "text": attention.TOY})
    n = len(value["names"])
    all_ = np.frombuffer(base64.b64decode(found["weights"]), np.uint8).reshape(found["layers"], found["heads"], n, n)
    assert np.abs(all_[4, 1] / 255 - matrix("weights")).max() < 0.003


def test_his_draws_from_toys_whosever_they_are():
    value, matrix = preset("Whose toy?")
    first, second = matrix("weights")[-1].argsort()[:-3:-1]
    assert [value["names"][first], value["names"][second]] == ["␣doll", "␣truck"]
    assert matrix("weights")[-1][first] > 0.5
    value, matrix = shown()
    row = matrix("weights")[-1]
    assert value["names"][row.argmax()] == "␣ball"
    assert row.max() > 0.9
    before = shown(layer=5, head=2)[1]("weights")[-1]
    assert value["names"][before.argmax()] == "␣with"


def test_a_head_without_work_looks_at_the_first_token():
    _, matrix = preset("Nothing to look for")
    weights = matrix("weights")
    assert weights[-1].argmax() == 0
    assert weights[-1, 0] > 0.8


def test_without_the_scale_rows_become_one_token():
    def alone(matrix):
        return float((matrix("weights")[1:].max(1) > 0.8).mean())  # the share of rows, all but the first

    assert alone(preset("Without the square root")[1]) > 0.6
    assert alone(shown()[1]) < 0.3


def test_at_a_scale_of_0_the_output_is_the_mean_of_the_values():
    _, matrix = preset("A scale of 0")
    values, counts = matrix("v"), np.arange(1, len(matrix("v")) + 1)[:, None]
    assert np.allclose(matrix("out"), values.cumsum(0) / counts, atol=1e-4)


def test_temperature_is_one_over_the_scale():
    assert np.allclose(shown(scale=0.5)[1]("weights"), shown(temperature=2)[1]("weights"), atol=1e-5)


def test_a_token_after_the_last_is_the_last():
    assert PART.parse({"text": "Tom ran.", "query": 150})["query"] == len(_models.ids("gpt-stories", "Tom ran.")) - 1


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "is empty"), ("漢字", "is empty"), ("x" * 60, "at most 48"), ("x" * 201, "200")]
)
def test_a_text_that_cannot_be_shown_gets_a_sentence(text, sentence):
    with pytest.raises(InputError, match=sentence):
        PART.parse({"model": "gpt-shakespeare", "text": text})


def test_what_is_not_in_the_vocabulary_is_left_out_and_said():
    assert "漢" in shown(model="gpt-shakespeare", text="My 漢 lord")[0]["note"]


def test_the_endpoint_gives_the_row():
    settings = PART.parse({"query": 5})
    found = _api.transformer_attention(**settings)
    assert len(found["tokens"]) == len(found["weights"]) == len(found["scores"]) == 6
    assert sum(found["weights"]) == pytest.approx(1, abs=1e-3)
