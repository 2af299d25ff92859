"""Laws of the VQ-VAE: the nearest code, the straight-through gradient, moving averages, and how far a token acts."""

import pytest
import torch
import torch.nn.functional as F

from genai_core.autoencoders import vqvae
from genai_core.autoencoders.vqvae import VQVAE, Codebook, VQVAEConfig
from genai_core.common.training import seeded
from genai_core.data import scenes
from genai_core.evaluation import scene_reader

CONFIG = VQVAEConfig(codes=32, dimension=4, channels=(16, 8, 8))


def unit(n: int, dimension: int = 4, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(n, dimension, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.fixture(scope="module")
def model() -> VQVAE:
    """An untrained one, whose layers all do something."""
    model = seeded(0, lambda: VQVAE(CONFIG)).eval().requires_grad_(False)
    for i, p in enumerate(model.parameters()):
        p.copy_(0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(i)))
    return model


def test_the_gradient_passes_the_codes_straight_through():
    z, e = unit(6).requires_grad_(), unit(6, seed=1)
    q = vqvae.straight_through(z, e)
    torch.testing.assert_close(q, e)
    (gradient,) = torch.autograd.grad((q.square() * torch.arange(4)).sum(), z)
    q = e.clone().requires_grad_()
    (wanted,) = torch.autograd.grad((q.square() * torch.arange(4)).sum(), q)
    torch.testing.assert_close(gradient, wanted)


def test_no_gradient_reaches_the_codebook():
    model = seeded(0, lambda: VQVAE(CONFIG))
    shown = [scenes.scene("train", i) for i in range(2)]
    terms, _, _ = vqvae.loss(model, scenes.render(shown), scene_reader.targets(shown, vqvae.SIGMA, vqvae.GRID))
    terms["loss"].backward()
    assert not model.codebook.vectors.requires_grad
    assert all(p.grad is not None for p in model.parameters())


def test_the_code_of_the_largest_cosine_is_the_nearest():
    codebook, z = seeded(0, lambda: Codebook(CONFIG)), unit(200)
    assert torch.equal(codebook(z), torch.cdist(z, codebook.vectors).argmin(1))


def test_a_code_becomes_the_mean_of_what_chooses_it():
    codebook, z = seeded(0, lambda: Codebook(VQVAEConfig(codes=8, dimension=4, decay=0.0))), unit(200)
    tokens, before = codebook(z), codebook.vectors.clone()
    codebook.update(z, tokens)
    for k in range(8):
        mine = z[tokens == k]
        wanted = F.normalize(mine.mean(0), dim=0) if len(mine) else before[k]
        torch.testing.assert_close(codebook.vectors[k], wanted)


def test_moving_averages_of_one_batch_again_and_again_lessen_its_error():
    codebook, z = seeded(0, lambda: Codebook(CONFIG)), unit(500)
    errors = []
    for _ in range(200):
        tokens = codebook(z)
        errors.append(float((z - codebook.vectors[tokens]).square().sum(1).mean()))
        codebook.update(z, tokens)
    assert errors[-1] < 0.8 * errors[0]


def test_a_dead_code_is_revived_where_it_is_chosen():
    codebook, z = seeded(0, lambda: Codebook(CONFIG)), unit(500)
    codebook.counts.fill_(100.0)
    codebook.counts[[3, 9]] = 0.0
    codebook.vectors[[3, 9]] = -z.mean(0)
    kept = codebook.vectors.clone()
    assert codebook.revive(z, torch.Generator().manual_seed(0)) == 2
    assert {3, 9} <= set(codebook(z).tolist())
    others = [k for k in range(32) if k not in (3, 9)]
    assert torch.equal(codebook.vectors[others], kept[others])
    assert codebook.revive(z, torch.Generator().manual_seed(0)) == 0


def test_perplexity_counts_equally_used_codes():
    assert vqvae.perplexity(torch.full((512,), 1 / 512)).item() == pytest.approx(512)
    assert vqvae.perplexity(torch.tensor([0.5, 0.5, 0, 0])).item() == pytest.approx(2)


def test_tokens_are_all_that_a_picture_is_drawn_from(model):
    x = scenes.render([scenes.scene("test", i) for i in range(3)])
    tokens = model.encode(x)
    assert tokens.shape == (3, 8, 8)
    assert tokens.dtype is torch.int64
    again = model.decode(tokens.clone())
    assert torch.equal(model.decode(tokens), again)
    assert 0 <= again.min() <= again.max() <= 1
    rows = model.vectors(x).movedim(1, -1).flatten(0, 2)
    assert torch.equal(tokens.flatten(), torch.cdist(rows, model.codebook.vectors).argmin(1))


def test_a_token_changes_nothing_beyond_its_reach(model):
    """Of the token in the corner."""
    tokens = torch.zeros(1, 8, 8, dtype=torch.long)
    other = tokens.clone()
    other[0, 0, 0] = 5
    change = (model.decode(tokens) != model.decode(other)).any(1)[0]  # [64, 64]
    side = (vqvae.REACHES + 1) * vqvae.PATCH
    assert change[:8, :8].any()
    assert not change[side:].any()
    assert not change[:, side:].any()


def test_a_picture_of_another_shape_and_no_token_are_refused(model):
    with pytest.raises(ValueError, match="Pictures must be N x 3 x 64 x 64 numbers"):
        model.encode(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="Tokens must be N x 8 x 8 numbers"):
        model.decode(torch.zeros(8, 8, dtype=torch.long))
    for bad in (torch.full((1, 8, 8), 32), torch.full((1, 8, 8), -1), torch.zeros(1, 8, 8)):
        with pytest.raises(ValueError, match="whole numbers from 0 to 31"):
            model.decode(bad)


def test_the_second_stage_teaches_the_decoder_alone():
    config, parts = vqvae.TINY.config, ("encoder", "codebook", "layout", "decoder")
    states = {}
    for step in vqvae.train(config, "train", steps=4, seed=0):
        states[step.step] = {name: step.model.get_submodule(name).state_dict() for name in parts}
        states[step.step] = {
            name: torch.cat([v.flatten().clone() for v in one.values()]) for name, one in states[step.step].items()
        }
    first = 4 - config.second
    for name in ("encoder", "codebook"):
        assert not torch.equal(states[1][name], states[first][name])
        assert torch.equal(states[first][name], states[4][name])
    for name in ("layout", "decoder"):
        assert not torch.equal(states[first][name], states[4][name])
