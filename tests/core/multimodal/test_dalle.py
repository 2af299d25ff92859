"""DALL-E: laws on a tiny model."""

import dataclasses

import pytest
import torch

from genai_core.common.training import seeded
from genai_core.multimodal import dalle
from genai_core.multimodal.dalle import DALLE, TINY, TOKENS

CAPTIONS = ["a small red circle", "two blue stars", ""]


def made(**changed) -> DALLE:
    """With weights that are not zero at the ends of the layers, so that all of it counts."""
    config = dataclasses.replace(TINY.config, **changed)
    model = seeded(1, lambda: DALLE(config)).eval()
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(2))
    return model


@pytest.fixture(scope="module")
def model():
    return made()


def tokens_of(n, generator):
    return torch.randint(512, (n, TOKENS), generator=generator)


def test_what_comes_later_changes_nothing_before(model, generator):
    captions, tokens = model.encode(CAPTIONS), tokens_of(3, generator)
    words, codes = model(captions, tokens)
    assert words.shape == (3, 31, model.config.vocab_size)
    assert codes.shape == (3, TOKENS, 512)
    changed = tokens.clone()
    changed[:, 40] = (changed[:, 40] + 1) % 512
    _, after = model(captions, changed)
    torch.testing.assert_close(after[:, :41], codes[:, :41])
    assert (after[:, 41] - codes[:, 41]).abs().amax() > 1e-3
    _, told = model(captions.flip(0), tokens)
    assert (told[:, 0] - codes[:, 0])[[0, 2]].abs().amax() > 1e-3  # the caption counts


def test_the_beginning_of_a_picture_is_enough(model, generator):
    captions, tokens = model.encode(CAPTIONS), tokens_of(3, generator)
    _, whole = model(captions, tokens)
    for t in (0, 5):
        _, part = model(captions, tokens[:, :t])
        torch.testing.assert_close(part, whole[:, : t + 1])


def test_cached_decoding_equals_uncached(model, generator):
    captions, tokens = model.encode(CAPTIONS), tokens_of(3, generator)
    _, codes = model(captions, tokens)
    decode = dalle.Decoder(model, captions)
    newest = model.start(3)[:, 0]
    for t in range(TOKENS):
        torch.testing.assert_close(decode(newest), codes[:, t], atol=1e-4, rtol=1e-4)
        newest = tokens[:, t]


def write(model, **settings):
    *_, last = dalle.write(model, CAPTIONS, generator=torch.Generator().manual_seed(3), **settings)
    return last


def test_guidance_1_is_the_caption_and_0_none(model):
    captions = model.encode(CAPTIONS)
    tokens, logits = write(model, guidance=1.0)
    torch.testing.assert_close(logits, model(captions, tokens)[1][:, -1].detach(), atol=1e-4, rtol=1e-4)
    tokens, logits = write(model, guidance=0.0)
    torch.testing.assert_close(
        logits, model(torch.zeros_like(captions), tokens)[1][:, -1].detach(), atol=1e-4, rtol=1e-4
    )


def test_the_same_seed_writes_the_same_and_what_is_given_is_kept(model):
    tokens, _ = write(model)
    assert torch.equal(tokens, write(model)[0])
    assert tokens.shape == (3, TOKENS)
    given, _ = write(model, begin=[7, 8, 9])
    assert (given[:, :3] == torch.tensor([7, 8, 9])).all()


def test_a_temperature_of_0_and_a_top_k_of_1_take_the_likeliest(model):
    coldest, _ = write(model, temperature=0.0)
    assert torch.equal(coldest, write(model, top_k=1)[0])


def test_an_empty_caption_is_a_dropped_one(model):
    assert (model.encode(CAPTIONS)[2] == 0).all()
    assert (model.encode([""]) == 0).all()


@pytest.mark.parametrize(
    "settings", [{"guidance": -1}, {"temperature": float("nan")}, {"top_k": 513}, {"begin": [512]}, {"begin": [0] * 65}]
)
def test_settings_out_of_range_are_refused(model, settings):
    with pytest.raises(ValueError, match="must|tokens"):
        write(model, **settings)


@pytest.mark.parametrize("changed", [{"n_head": 3}, {"drop": 1.5}, {"context": 2}, {"n_layer": 0}])
def test_a_config_that_cannot_be_is_refused(changed):
    with pytest.raises(ValueError, match="n_embd|drop|context|n_layer"):
        DALLE(dataclasses.replace(TINY.config, **changed))


def test_the_loss_weighs_words_and_codes_as_the_paper_does(model, generator):
    terms = dalle.loss(model, model.encode(CAPTIONS), tokens_of(3, generator))
    torch.testing.assert_close(terms["loss"], terms["words"] / 8 + 7 / 8 * terms["codes"])
    nothing = dalle.loss(model, model.encode(["", ""]), tokens_of(2, generator))
    assert nothing["words"].item() == 0


def test_training_learns():
    losses = [step.losses["loss"] for step in dalle.train(TINY.config, dalle.examples(TINY), steps=40)]
    assert sum(losses[-5:]) < 0.93 * sum(losses[:5])
