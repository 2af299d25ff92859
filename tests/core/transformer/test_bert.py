"""The laws of BERT."""

import dataclasses

import pytest
import torch

from genai_core.common.training import seeded
from genai_core.transformer import bert

SMALL = bert.BERTConfig(vocab_size=30, block_size=12, n_layer=2, n_head=2, n_embd=16, dropout=0.0, batch=8)


def made(config=SMALL):
    model = seeded(0, lambda: bert.BERT(config)).eval().requires_grad_(False)
    for p in model.parameters():
        p += 0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return model


def test_a_fifth_is_chosen_and_eight_of_ten_of_them_masked(generator):
    ids = torch.randint(30, (400, 120), generator=generator)
    given, wanted = bert.corrupt(ids, SMALL, generator)
    chosen = wanted != bert.IGNORED
    assert abs(chosen.float().mean() - 0.2) < 0.01
    assert torch.equal(given[~chosen], ids[~chosen])
    assert torch.equal(wanted[chosen], ids[chosen])
    masked, kept = (given[chosen] == 30).float().mean(), (given[chosen] == ids[chosen]).float().mean()
    assert abs(masked - 0.8) < 0.02
    assert abs(kept - 0.1 * (1 + 1 / 30)) < 0.02


def test_every_place_sees_both_sides(generator):
    model, ids = made(), torch.randint(30, (1, 9), generator=generator)
    for place in (0, 8):
        other = ids.clone()
        other[0, place] = (other[0, place] + 1) % 30
        changed = (model(ids) - model(other)).abs().amax(-1)[0] > 1e-4
        assert changed.all()


def test_what_fills_a_place_does_not_depend_on_what_stood_there(generator):
    model, ids = made(), torch.randint(30, (9,), generator=generator).tolist()
    other = [*ids[:4], (ids[4] + 1) % 30, *ids[5:]]
    assert torch.equal(model.fill(ids, [4]), model.fill(other, [4]))
    assert torch.allclose(model.fill(ids, [4, 6]).exp().sum(-1), torch.ones(2))
    with pytest.raises(ValueError, match="0 to 8"):
        model.fill(ids, [9])


@pytest.mark.parametrize("batch", [2, 64])
def test_the_pseudo_likelihood_is_that_of_each_token_alone(generator, batch):
    model, ids = made(), torch.randint(30, (7,), generator=generator).tolist()
    each = torch.stack([-model.fill(ids, [place])[0, ids[place]] for place in range(7)])
    assert torch.allclose(model.pseudo_nll(ids, batch), each, atol=1e-5)
    assert model.pseudo_nll([]).shape == (0,)


def test_the_loss_is_the_cross_entropy_at_the_chosen_places(generator):
    model, ids = made(), torch.randint(30, (3, 12), generator=generator)
    given, wanted = bert.corrupt(ids, SMALL, generator)
    log_p = model(given).log_softmax(-1)
    chosen = wanted != bert.IGNORED
    by_hand = -log_p[chosen].gather(1, wanted[chosen][:, None]).mean()
    assert torch.allclose(bert.loss(model, given, wanted), by_hand, atol=1e-5)


def test_a_longer_text_and_a_config_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="13 tokens are more than the context of 12"):
        made()(torch.zeros(1, 13, dtype=torch.long))
    with pytest.raises(ValueError, match="heads of even width"):
        bert.BERT(dataclasses.replace(SMALL, n_embd=18))
