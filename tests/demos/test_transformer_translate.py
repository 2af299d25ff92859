"""The part Translate: what it shows is what the model computes, and its presets come true."""

import base64
import itertools

import numpy as np
import pytest
import torch

from demos._ui import trees
from demos._ui.validation import InputError
from demos.transformer import _api, translate
from genai_core.data import parallel
from genai_core.data.images import DataError
from genai_core.transformer import translate as core

PART = translate.PART


def shown(**settings):
    return PART.value(PART.parse(settings))


def preset(label):
    return next(p for p in PART.presets if p.label == label).given()


def weights(value):
    """[layer, head, T, S] as the page gets them."""
    size = (value["layers"], value["heads"], len(value["target"]), len(value["source"]))
    return np.frombuffer(base64.b64decode(value["weights"]), np.uint8).reshape(size) / 255


def looks(value, layer=translate.LAYER):
    """At which English token the mean of a layer's heads looks most before each French one."""
    most = weights(value)[layer - 1].mean(0).argmax(1)
    return [(token, value["source"][s]) for token, s in zip(value["target"], most, strict=True)]


def test_it_shows_the_translation_that_the_core_finds():
    value = shown(text="  She has\na red car. ", width=3, alpha=0.2)
    model, text = core.load(translate.NAME), "She has a red car."
    assert value["translation"] == core.translate(model, text, 3, 0.2) == value["finals"][0]["text"]
    assert "".join(value["source"]).replace("␣", " ") == text
    assert "".join(value["target"]).replace("␣", " ") == value["translation"]
    source = model.tokenizer.encode(text)
    whole = core.alignments(model, source, [*model.tokenizer.encode(value["translation"]), model.end])
    assert np.abs(weights(value) - whole[:, :, :-1].numpy()).max() < 0.005


def test_the_tree_hangs_together_and_leads_to_the_translation():
    for width in (1, 3):
        value = shown(width=width)
        path = [node["text"] for level in value["levels"] for node in level if node["best"]]
        assert path == [*value["target"], translate.END]
        for before, level in itertools.pairwise(value["levels"]):
            going = [node["kept"] and not node["ended"] for node in before]
            assert going == sorted(going, reverse=True)
            assert all(going[node["parent"]] for node in level)
            assert sum(not node["kept"] for node in level) >= 2  # what was pruned, at a width of 1 as well
            assert sum(node["kept"] for node in level) <= width
            assert all(before[node["parent"]]["best"] for node in level if node["best"])
        scores = [final["score"] for final in value["finals"]]
        assert len(scores) == width
        assert scores == sorted(scores, reverse=True)
    assert trees.picture(value["levels"], [("a", "b")]).width > 0


def test_without_a_reference_nothing_is_scored():
    assert shown()["scores"] is None
    assert shown(reference=" \n")["scores"] is None
    same = shown(reference=shown()["translation"])["scores"]
    assert same == pytest.approx({"bleu": 100, "chrf": 100})
    assert shown(reference="Il pleut.")["scores"]["chrf"] < 20


def test_noir_looks_at_black_and_the_rows_change_places():
    value = shown(**preset("Black cat, chat noir"))
    assert value["target"][value["settings"]["token"]] == "␣noir"
    pairs = looks(value)
    for wanted in (("␣chat", "␣cat"), ("␣noir", "␣black"), ("␣voiture", "␣car"), ("␣rouge", "␣red")):
        assert wanted in pairs
    assert weights(value)[translate.LAYER - 1].mean(0)[value["settings"]["token"]].max() > 0.6


def test_four_beams_find_what_one_has_pruned():
    greedy, beam = (shown(**preset("Greedy") | {"width": width}) for width in (1, 4))
    assert greedy["translation"] != beam["translation"]
    assert beam["finals"][0]["log_p"] > greedy["finals"][0]["log_p"] + 0.05
    parted = next(k for k, (a, b) in enumerate(zip(greedy["target"], beam["target"], strict=False)) if a != b)
    at = {node["text"]: node["score"] for node in beam["levels"][parted] if node["kept"]}
    assert at[greedy["target"][parted]] > at[beam["target"][parted]]  # there it was behind


def test_new_words_fall_into_byte_pairs_and_come_out_wrong():
    value = shown(**preset("New words"))
    assert "∅" not in value["source"]
    assert sum(len(token) <= 2 for token in value["source"]) >= 5  # pieces
    assert "Reykjavik" not in value["translation"]
    assert "kayak" not in value["translation"]
    assert value["finals"][0]["ended"]
    try:
        sentences = "\n".join(english for english, _ in parallel.pairs("train")).lower()
    except DataError as error:
        pytest.skip(str(error))
    assert "kayak" not in sentences
    assert "reykjavik" not in sentences


def test_one_of_two_negations_is_lost():
    text = shown(**preset("Two negations"))["translation"]
    assert text.count(" pas") + text.count(" ne ") + text.count(" n'") == 2  # ne … pas, once
    assert "rire" in text


def test_of_a_long_sentence_clauses_get_lost():
    value = shown(**preset("A long sentence"))
    assert len(value["source"]) == 30
    assert all(word in translate.LONG_TOO and word not in value["translation"] for word in ("sœur", "médecin"))
    assert value["translation"].endswith("à la gare qui avait traité son père.")
    weights = translate.alignment(translate.LONG, 4, 0.6, translate.LAYER, 0)
    most = dict(zip(value["source"], weights.max(0).values.tolist(), strict=True))
    assert value["target"][value["settings"]["token"]] == "␣qui"
    assert value["target"][value["settings"]["token"] - 1] == "␣gare"
    assert max(most["␣sister"], most["␣doctor"]) < 0.2 < 0.6 < min(most["␣woman"], most["␣station"], most["␣father"])


def test_what_a_translation_lacks_is_said():
    assert shown(text="She has a red car.")["note"] == ""
    assert "end in . or ! or ?" in shown(text="hello")["note"]
    assert shown(text="dog " * 40)["note"].startswith("It was cut here")


def test_a_right_translation_in_other_words_has_a_low_bleu():
    value = shown(**preset("In other words"))
    assert value["translation"] in ("Tu dois m'aider.", "Vous devez m'aider.")
    assert value["scores"]["bleu"] < 10 < 1.5 * value["scores"]["bleu"] < value["scores"]["chrf"]


@pytest.mark.parametrize("text", ["Il fait froid 🥶!", "猫が好きです。", "?", "x" * 60])
def test_any_sign_is_read(text):
    value = shown(text=text)
    assert value["levels"]
    assert ("∅:" in value["note"]) == ("∅" in value["source"] + value["target"])
    assert translate.picture(**value["settings"]).width > 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "is empty"), (" \n ", "is empty"), ("🥶" * 60, "at most 64"), ("x" * 201, "201 characters"), (5, "be text")],
)
def test_a_sentence_that_cannot_be_read_gets_one(text, sentence):
    with pytest.raises(InputError, match=sentence):
        PART.parse({"text": text})


def test_a_saved_picture_of_a_long_search_can_be_opened_again():
    image = translate.picture(**PART.parse(preset("A long sentence") | {"width": 8}))
    assert image.width * image.height <= translate.PIXELS


def test_the_endpoint_gives_tokens_and_their_alignment():
    settings = PART.parse({"text": "She has a red car.", "reference": "Elle a une auto rouge.", "head": 2})
    settings.pop("token")
    found = _api.transformer_translate(**settings)
    assert found["translation"].startswith("Elle a")
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in found["alignment"])
    assert torch.tensor(found["alignment"]).shape == (len(found["target"]), len(found["source"]))
    assert 0 < found["bleu"] < 100
    assert _api.transformer_translate(**settings | {"reference": ""})["bleu"] is None
