"""The part Attention: what it shows is what the model computes, and its presets come true."""

import base64

import numpy as np
import pytest
import torch

from demos._ui.validation import InputError
from demos.transformer import _api, _models, attention, block
from genai_core.language import gpt
from genai_core.transformer import bert, lens

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
    ids = torch.tensor([_models.ids("gpt-stories", attention.HAT)])
    block, streams = model.blocks[settings["layer"] - 1], []
    with torch.inference_mode():
        model(ids, lambda _layer, x: streams.append(x) or x)
        own = block.attention.weights(block.norm1(streams[settings["layer"] - 2]), model.table[:, : ids.shape[1]])
    assert np.allclose(matrix("weights"), own[0, settings["head"] - 1].numpy(), atol=1e-4)
    assert value["same"] < 1e-4


def test_of_a_bert_the_weights_are_its_layers_own_and_reach_later_tokens():
    value, matrix = shown(model="bert-english", layer=3, head=2, query=4)
    model = bert.load("bert-english")
    ids = torch.tensor([_models.ids("bert-english", attention.HAT)])
    streams = []
    handle = model.layers[2].norm1.register_forward_hook(lambda _module, _given, normed: streams.append(normed))
    with torch.inference_mode():
        model(ids)
        handle.remove()
        q, k, _ = model.layers[2].attention.project(streams[0], streams[0], model.table[:, : ids.shape[1]])
    own = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1)[0, 1]
    weights = matrix("weights")
    assert np.allclose(weights, own.numpy(), atol=1e-4)
    assert np.allclose(weights.sum(1), 1, atol=1e-5)
    assert (weights[0, 1:] > 0).all()
    assert not value["causal"]
    assert value["same"] < 1e-4
    row = _api.transformer_attention(**value["settings"])
    assert len(row["tokens"]) == len(row["weights"]) == len(weights)
    assert sum(row["weights"]) == pytest.approx(1, abs=1e-3)
    attention.picture(**value["settings"])


def test_the_code_runs_of_a_bert_too(capsys):
    settings = PART.parse({"model": "bert-english", "query": 3, "scale": 2, "temperature": 1.5})
    exec(PART.code(**settings), {})
    assert capsys.readouterr().out.strip() == PART.says(**settings)


def test_all_heads_are_sent_once_and_hold_the_shown_one():
    value, matrix = shown(layer=5, head=2)
    found = attention.heads({"model": "gpt-stories", "text": attention.HAT})
    n = len(value["names"])
    all_ = np.frombuffer(base64.b64decode(found["weights"]), np.uint8).reshape(found["layers"], found["heads"], n, n)
    assert np.abs(all_[4, 1] / 255 - matrix("weights")).max() < 0.003


def test_his_draws_from_both_toys_and_the_model_says_the_right_one():
    value, matrix = preset("Whose toy?")
    row, names = matrix("weights")[-1], value["names"]
    assert [names[k] for k in row.argsort()[:-3:-1]] == ["␣truck", "␣doll"]
    assert row.max() > 0.5
    assert 1 / 3 < row[names.index("␣doll")] < 0.4
    said = block.ranked("gpt-stories", attention.TWO, len(names) - 1, "")[0]
    assert said[0] == "␣truck"
    assert said[1] > 0.8


def test_the_default_draws_from_the_hat_and_another_head_from_its_colour():
    for layer, head, word in ((6, 2, "␣hat"), (6, 3, "␣red")):
        value, matrix = shown(layer=layer, head=head)
        assert value["names"][matrix("weights")[-1].argmax()] == word
    assert shown()[1]("weights")[-1].max() > 0.9


def test_an_induction_head_looks_at_what_followed():
    value, matrix = preset("A made-up name")
    row, names = matrix("weights")[-1], value["names"]
    assert names[row.argmax()] == "m"
    assert names[row.argmax() - 1] == names[-1] == "al"
    assert row.max() > 0.8
    scores = lens.induction(gpt.load("gpt-stories"), torch.Generator().manual_seed(0))
    assert scores.argmax() == (5 - 1) * _models.HEADS + 3 - 1
    assert scores.max() > 5 * 0.026  # seven times chance: 1 / 36, and a little less
    found = int(row.argmax())
    earlier = shown(text=attention.NAME, layer=4, head=3)[1]("weights")[found]
    assert earlier.argmax() == found - 1
    assert earlier.max() > 0.9
    ids = torch.tensor(_models.ids("gpt-stories", attention.NAME))
    without = lens.trace(gpt.load("gpt-stories"), ids, [(4, 3)])[5 - 1].steps.weights[3 - 1, -1]
    assert without[found] < 0.5 * row.max()


@pytest.mark.parametrize(
    ("text", "noun", "by"),
    [
        (attention.CAKE, "␣cake", ("␣made", "␣a", "␣very", "␣good")),
        ("The cat chased the little mouse.", "␣mouse", ("␣chased", "␣the", "␣little")),
        ("He ate the red apple.", "␣apple", ("␣ate", "␣the", "␣red")),
    ],
)
def test_a_head_of_the_bert_looks_ahead_to_the_noun(text, noun, by):
    names, (_, steps) = _models.names("bert-english", text), attention.steps_of("bert-english", text, 5, 3, 1.0, 1.0)
    for word in by:
        assert steps.weights[names.index(word), names.index(noun)] > 0.9
    _, after = attention.steps_of("bert-english", text, 3, 3, 1.0, 1.0)
    assert after.weights.diagonal(1).mean() > 0.8  # of a wrong answer: this head looks at the word after


def test_most_tokens_look_at_the_one_before_in_the_head_of_the_lesson():
    weights = shown(layer=3, head=4)[1]("weights")
    assert (weights[1:].argmax(1) == np.arange(len(weights) - 1)).mean() > 0.5


def test_a_head_without_work_looks_at_the_first_token():
    _, matrix = preset("Nothing to look for")
    weights = matrix("weights")
    assert weights[-1].argmax() == 0
    assert weights[1:, 0].mean() > 0.8


def test_without_the_scale_rows_become_one_token():
    def alone(matrix):
        return float((matrix("weights")[1:].max(1) > 0.8).mean())  # the share of rows, all but the first

    assert alone(preset("Without the square root")[1]) == 1
    assert alone(shown(layer=5, head=3)[1]) < 0.3


def test_at_a_scale_of_0_the_output_is_the_mean_of_the_values():
    value, matrix = preset("A scale of 0")
    assert value["same"] < 1e-4  # a scale of 0 as an argument of the fused kernel gives NaN
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
