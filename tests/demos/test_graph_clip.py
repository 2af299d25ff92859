"""CLIP's Model: the values of its graph are the model's own, and what its presets say is so."""

import math

import pytest
import torch

from demos.clip import model
from demos.clip.model import PART
from genai_core import clip


def shown(**given):
    return model.values(**PART.parse(given))


def outcome(label, **more):
    (preset,) = [preset for preset in PART.presets if preset.label == label]
    return shown(**preset.given() | more)


def finds_its_own(found):
    """Whether the diagonal is the highest of each row and of each column."""
    right = torch.arange(len(found["cosines"]))
    return all(torch.equal(found["cosines"].argmax(axis), right) for axis in (0, 1))


@pytest.mark.parametrize("name", model.NAMES)
@pytest.mark.parametrize("pairs", model.PAIRS)
def test_the_values_are_those_that_pass_through_the_model(name, pairs):
    found, own, seen = shown(model=name, pairs=pairs, n=5, seed=3), clip.load(name), {}
    hook = own.towers.visual.register_forward_hook(lambda _net, given, out: seen.update(given=given[0], out=out))
    ids = own.tokenizer.encode(found["captions"])
    with torch.inference_mode():
        terms = clip.loss(own, found["pictures"], ids)
        texts = own.text_features(ids)
    hook.remove()
    assert torch.allclose(2 * found["pictures"] - 1, seen["given"])
    assert torch.allclose(found["images"], torch.nn.functional.normalize(seen["out"], dim=1), atol=1e-5)
    assert torch.allclose(found["texts"], texts, atol=1e-5)
    assert float(found["scale"]) == pytest.approx(float(own.scale))
    assert float(found["loss"]) == pytest.approx(float(terms["loss"]), abs=1e-4)
    assert torch.allclose(found["rows"].sum(1), torch.ones(5))
    assert torch.allclose(found["columns"].sum(0), torch.ones(5))
    for side in ("rows", "columns"):
        assert float(found[f"{side}_loss"]) == pytest.approx(float(-found[side].diagonal().log().mean()), abs=1e-4)


def test_eight_pairs_hardly_raise_the_loss():
    found = outcome("Eight pairs")
    assert finds_its_own(found)
    assert float(found["loss"]) < 0.05
    assert clip.load("clip-scenes").config.batch == 256


def test_at_temperature_1_the_loss_is_near_a_guess_although_the_diagonal_is_the_highest():
    found = outcome("Temperature 1")
    assert finds_its_own(found)
    assert 1 < float(found["loss"]) < math.log(4)
    assert torch.equal(found["cosines"], shown()["cosines"])


def test_with_two_captions_alike_the_loss_has_a_bound():
    found = outcome("Two captions alike")
    assert found["captions"][0] == found["captions"][1]
    assert torch.allclose(found["cosines"][:, 0], found["cosines"][:, 1], atol=1e-6)
    assert not torch.equal(found["pictures"][0], found["pictures"][1])
    for s in model.SCALES:
        assert float(outcome("Two captions alike", scale=s)["loss"]) >= 2 / 4 * math.log(2) - 1e-6
    assert float(found["rows"][:, :2].max()) <= 0.5 + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_the_model_as_published_reads_a_bag_of_words_and_hard_negatives_mend_it(seed):
    plain, hard = outcome("The same words", seed=seed), outcome("With hard negatives", seed=seed)
    first, second = plain["captions"][:2]
    assert sorted(first.replace("an ", "a ").split()) == sorted(second.replace("an ", "a ").split())
    assert first != second
    four = plain["cosines"][:2, :2]
    assert float(four.max() - four.min()) < 0.05
    assert float(plain["loss"]) == pytest.approx(2 / 4 * math.log(2), abs=0.06)
    assert finds_its_own(hard)
    assert float(hard["loss"]) < 0.1
