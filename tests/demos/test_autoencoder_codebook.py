"""Codebook: tokens as the page holds them, what an exchange changes, and that its presets show what they say."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from demos._ui import errors
from demos._ui.validation import InputError
from demos.autoencoder import codebook
from demos.autoencoder.codebook import PART, TOKENS
from genai_core.autoencoders import noise, vqvae
from genai_core.common import checkpoints
from genai_core.data import scenes


def opened(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")).astype(int)


def file(image: Image.Image, kind: str = "PNG") -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


def shown(**given) -> dict:
    return PART.value(PART.parse(given))


def test_a_scene_is_shown_as_the_model_encodes_and_draws_it():
    value = shown(seed=7)
    x = scenes.render([codebook.scene(7, "")])
    model = vqvae.load(codebook.NAME)
    tokens = model.encode(x)
    assert value["own"] == value["settings"]["tokens"] == tokens.flatten().tolist()
    drawn = (model.decode(tokens)[0].permute(1, 2, 0) * 255).round().int().numpy()
    assert np.array_equal(opened(value["drawn"]), drawn)
    assert value["psnr"] == pytest.approx(float(noise.psnr(x, model.decode(tokens))))
    assert value["reach"] is None


def test_an_exchange_is_told_where_it_changed_the_picture():
    own = shown(seed=7)
    tokens = list(own["own"])
    tokens[27] = (tokens[27] + 100) % codebook.CODES
    value = shown(seed=7, tokens=tokens, at=27)
    assert value["own"] == own["own"]
    change = ((codebook.decoded(tokens) - codebook.decoded(own["own"])) ** 2)[0].sum(0)
    inside = change[24:32, 24:32].sum() / change.sum()
    around = change[16:40, 16:40].sum() / change.sum()
    assert value["reach"]["inside"] == pytest.approx(float(inside), abs=1e-4)
    assert value["reach"]["around"] == pytest.approx(float(around), abs=1e-4)
    assert not np.array_equal(opened(value["drawn"]), opened(own["drawn"]))


def test_a_caption_is_drawn_and_an_impossible_one_gets_a_sentence():
    value = shown(caption="two small blue rings", seed=3)
    assert scenes.holds(codebook.scene(3, "two small blue rings"), scenes.parse("two small blue rings"))
    assert value["caption"].count("blue ring") in (1, 2)
    assert value["settings"]["tokens"] == value["own"]
    for bad in ("a foo", "five circles", "no circle", "a red square and no square", "x" * 300):
        answer = errors.guarded(PART.parse)({"caption": bad})
        assert answer["error"] != errors.UNKNOWN


def test_an_own_picture_is_encoded_and_no_reading_of_it_is_wrong():
    rng = np.random.default_rng(0)
    photograph = Image.fromarray(rng.integers(0, 255, (90, 120, 3), np.uint8))
    pixels = codebook.open_picture({"png": file(photograph)})
    value = shown(pixels=pixels)
    assert opened(value["original"]).shape == (64, 64, 3)
    assert value["caption"] == ""
    assert all(right is None for _, right in value["read"]["things"])
    assert value["read"]["missed"] == []
    plain = images_of(scenes.render([codebook.scene(7, "")]))
    same = zip(shown(pixels=codebook.open_picture({"png": file(plain)}))["own"], shown(seed=7)["own"], strict=True)
    assert sum(a == b for a, b in same) >= TOKENS - 6  # pixels of eight bits


def images_of(x: torch.Tensor) -> Image.Image:
    return codebook.images.picture(x[0])


@pytest.mark.parametrize(
    "bad",
    [
        {"tokens": [0] * 63},
        {"tokens": [0] * 63 + [codebook.CODES]},
        {"tokens": [0] * 63 + [-1]},
        {"tokens": [0] * 63 + [0.5]},
        {"tokens": "1,2,x"},
        {"tokens": None},
        {"at": 64},
        {"pixels": "AAAA"},
        {"pixels": file(Image.new("RGB", (32, 64)))},
    ],
)
def test_no_tokens_and_no_picture_of_another_size_are_taken(bad):
    with pytest.raises(InputError):
        PART.parse(bad)


def test_the_palette_has_every_code_once_most_used_first():
    told = codebook.palette({})
    order = np.frombuffer(base64.b64decode(told["order"]), np.int16)
    shares = np.frombuffer(base64.b64decode(told["shares"]), np.int32)
    usage = np.array(checkpoints.read_json(codebook.NAME, "metrics.json")["usage"])
    assert sorted(order) == list(range(codebook.CODES))
    assert (np.diff(usage[order]) <= 0).all()
    assert shares.sum() == pytest.approx(1e6, abs=codebook.CODES)
    assert opened(told["swatches"]).shape == (8 * codebook.CODES // codebook.COLUMNS, 8 * codebook.COLUMNS, 3)
    assert told["perplexity"] == pytest.approx(
        checkpoints.read_json(codebook.NAME, "metrics.json")["perplexity"], rel=1e-3
    )


def test_the_endpoints_give_tokens_and_draw_them_again():
    tokens, drawn = codebook.autoencoder_tokenise(None, 7, None)
    assert tokens == shown(seed=7)["own"]
    again = codebook.autoencoder_detokenise(tokens)
    assert np.array_equal(np.asarray(again), np.asarray(drawn))
    assert len(tokens) == TOKENS


def preset(label: str) -> tuple[dict, torch.Tensor]:
    """The stage's value, and the picture that it draws [1, 3, 64, 64]."""
    settings = PART.parse(next(one for one in PART.presets if one.label == label).given())
    return PART.value(settings), codebook.decoded(settings["tokens"])


def test_one_token_acts_on_its_patch_and_those_around_it():
    value, _ = preset("One token")
    assert sum(a != b for a, b in zip(value["own"], value["settings"]["tokens"], strict=True)) == 1
    assert value["reach"]["around"] >= 0.9
    assert vqvae.REACHES == 5


def test_nine_tokens_draw_their_thing_a_second_time():
    value, _ = preset("A thing twice")
    things = [text for text, _ in value["read"]["things"]]
    assert len(things) == 2
    assert all("blue square" in text for text in things)


def test_two_halves_keep_their_backgrounds_and_things():
    value, drawn = preset("Two halves")
    things = " ".join(text for text, _ in value["read"]["things"])
    assert "red star" in things
    assert "ring" in things
    assert drawn[0, :, :, :4].mean() > 0.9
    assert drawn[0, 0, :, -4:].mean() < 0.2
    wide = (drawn[0].mean(0)[0] - drawn[0].mean(0)[0].roll(1)).abs() > 0.04  # of the top row
    assert 1 <= wide[1:].sum() <= 8


def test_tokens_at_random_are_no_scene():
    value, _ = preset("Tokens at random")
    assert not any(right for _, right in value["read"]["things"])
