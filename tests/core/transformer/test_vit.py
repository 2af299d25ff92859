"""The laws of the ViT."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from genai_core.common.training import seeded
from genai_core.transformer import vit

SMALL = vit.ViTConfig("vit", "mnist", 1, 28, n_layer=2, n_head=2, n_embd=16, batch=8)


def made(config=SMALL):
    model = seeded(0, lambda: vit.ViT(config)).eval().requires_grad_(False)
    for p in model.parameters():
        p += 0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return model


def test_the_patch_stem_is_one_linear_map_of_each_patch(generator):
    model = made(dataclasses.replace(SMALL, stem="patch"))
    x = torch.rand(2, 1, 28, 28, generator=generator)
    patches = F.unfold(2 * x - 1, 4, stride=4).transpose(1, 2)  # [N, 49, 16]
    assert torch.allclose(F.fold(patches.transpose(1, 2), 28, 4, stride=4), 2 * x - 1)  # there and back
    by_hand = patches @ model.stem.weight.flatten(1).T + model.stem.bias + model.positions
    assert torch.allclose(model.patches(x), by_hand, atol=1e-5)


def test_without_positions_the_order_of_the_patches_does_not_matter(generator):
    """With its positions on it, a patch may lie anywhere in the sequence."""
    model, x = made(), torch.rand(2, 1, 28, 28, generator=generator)
    tokens = model.patches(x)
    order = torch.randperm(tokens.shape[1], generator=generator)
    assert torch.allclose(model.read(tokens[:, order]), model.read(tokens), atol=1e-4)
    content = tokens - model.positions
    assert not torch.allclose(model.read(content[:, order] + model.positions), model.read(tokens), atol=1e-2)


def test_attentions_and_rollout_are_distributions(generator):
    model, x = made(), torch.rand(3, 1, 28, 28, generator=generator)
    found = model.attentions(x)
    assert found.shape == (2, 3, 2, 50, 50)
    assert torch.allclose(found.sum(-1), torch.ones(2, 3, 2, 50))
    assert torch.allclose(vit.rollout(found).sum(-1), torch.ones(3))
    uniform = torch.full((4, 1, 2, 50, 50), 1 / 50)
    assert torch.allclose(vit.rollout(uniform), torch.full((1, 49), 1 / 49))


def test_a_token_that_nobody_attends_to_is_not_in_the_rollout():
    weights = torch.eye(5).expand(3, 1, 2, 5, 5).clone()
    weights[..., 0, :] = torch.tensor([0.5, 0.5, 0.0, 0.0, 0.0])  # the class token looks at the first patch alone
    assert torch.allclose(vit.rollout(weights), torch.tensor([[1.0, 0.0, 0.0, 0.0]]))


def test_augmented_pictures_are_shifted_mirrored_and_erased_by_the_generator_alone(generator):
    config = vit.ViTConfig()
    x = torch.rand(6, 3, 32, 32, generator=generator)
    one, same = (vit.augment(x, config, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, same)
    assert one.shape == x.shape
    assert not torch.equal(one, x)
    none = dataclasses.replace(config, crop=0, erase=0)
    plain = vit.augment(x, none, torch.Generator().manual_seed(3))
    assert all(torch.equal(a, b) or torch.equal(a, b.flip(-1)) for a, b in zip(plain, x, strict=True))
    erased = vit.augment(x, dataclasses.replace(none, erase=8), generator)
    share = (erased == 0.5).all(1).float().mean((1, 2))
    assert ((share > 0.01) & (share < 0.09)).all()


def test_the_cnn_beside_it_has_about_as_many_parameters():
    config = vit.ViTConfig()
    ours, theirs = (sum(p.numel() for p in network(config).parameters()) for network in (vit.ViT, vit.CNN))
    assert 0.8 < ours / theirs < 1.25


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"network": "mlp"}, "no network 'mlp'"),
        ({"stem": "glue"}, "no stem 'glue'"),
        ({"patch": 5}, "no patches of 5"),
        ({"n_head": 3}, "3 heads"),
        ({"batch": 0}, "batch"),
    ],
)
def test_a_config_that_cannot_be_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        vit.build(dataclasses.replace(SMALL, **change))


def test_a_picture_is_cut_into_patches_and_joined_again(generator):
    x = torch.rand(2, 3, 28, 28, generator=generator)
    patches = vit.cut(x, 4)
    assert patches.shape == (2, 49, 3, 4, 4)
    assert torch.equal(vit.join(patches, 7), x)
    assert torch.equal(patches[:, 8], x[:, :, 4:8, 4:8])


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_as_many_patches_change_places_as_were_asked_for(share, generator):
    order = vit.moved(49, share, generator)
    assert sorted(order.tolist()) == list(range(49))
    assert int((order != torch.arange(49)).sum()) == round(share * 49)


def test_what_is_taken_away_is_not_read_by_a_vit_and_grey_for_a_cnn(generator):
    model, x = made(), torch.rand(2, 1, 28, 28, generator=generator)
    kept, order = vit.left(49, 0.5, generator), torch.arange(49)
    assert int(kept.sum()) == 49 - 24
    seen = vit.disturb(x, SMALL, order, kept)
    assert torch.allclose(vit.cut(seen, 4)[:, ~kept], torch.tensor(vit.GREY))
    assert torch.equal(vit.cut(seen, 4)[:, kept], vit.cut(x, 4)[:, kept])
    found = vit.logits(model, x, order, kept)
    assert torch.allclose(found, model.read(model.patches(seen)[:, kept]), atol=1e-5)
    assert int(vit.left(49, 1.0, generator).sum()) == 1
    cnn = seeded(0, lambda: vit.CNN(dataclasses.replace(SMALL, network="cnn"))).eval()
    assert torch.allclose(vit.logits(cnn, x, order, kept), cnn(seen), atol=1e-5)


def test_undisturbed_pictures_give_the_models_own_logits(generator):
    model, x = made(), torch.rand(2, 1, 28, 28, generator=generator)
    whole, order = torch.ones(49, dtype=torch.bool), torch.arange(49)
    assert torch.allclose(vit.logits(model, x, order, whole), model(x), atol=1e-5)
    labels = model(x).argmax(1)
    assert vit.accuracy(model, x, labels) == 1
