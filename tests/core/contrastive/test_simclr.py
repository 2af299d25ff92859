"""No label reaches a contrastive training, and without negatives an embedding collapses."""

import dataclasses
import itertools

import pytest
import torch
import torch.nn.functional as F

from genai_core import data
from genai_core.common.training import Recipe, seeded
from genai_core.contrastive import losses, simclr, singles
from genai_core.contrastive.simclr import RECIPES, TINY, SimCLR, SimCLRConfig
from genai_core.data.sprites import sprites as draw_sprites

SMALL = TINY.config
SUPERVISED = dataclasses.replace(SMALL, objective="supervised")
SCENES = dataclasses.replace(SMALL, dataset="scenes", channels=3, size=16)


@pytest.fixture(scope="module")
def sprites():
    return (draw_sprites(300, generator=torch.Generator().manual_seed(0))[0],)


def train(config, given, steps):
    return list(simclr.train(config, given, steps=steps))


@pytest.mark.parametrize("objective", simclr.OBJECTIVES)
def test_no_label_is_handed_to_a_contrastive_training(objective, monkeypatch):
    pictures, labels = torch.rand(20, 1, 28, 28), torch.arange(20) % 3
    monkeypatch.setattr(data, "load", lambda name, split: (pictures, labels))
    given = simclr.examples(Recipe(dataclasses.replace(SMALL, objective=objective), "sprites", 1))
    assert given[0] is pictures
    assert len(given) == (2 if objective == "supervised" else 1)


def test_a_contrastive_training_refuses_labels(sprites):
    labels = torch.zeros(len(sprites[0]), dtype=torch.long)
    for config, given in ((SMALL, (*sprites, labels)), (SUPERVISED, sprites)):
        with pytest.raises(ValueError, match="takes pictures alone"):
            next(simclr.train(config, given, steps=1))


@pytest.mark.parametrize("objective", ["simclr", "vicreg", "positives"])
def test_a_contrastive_training_needs_no_labels(objective, sprites, monkeypatch):
    """They are an object here that nothing can be done with."""
    monkeypatch.setattr(data, "load", lambda name, split: (sprites[0], object()))
    config = dataclasses.replace(SMALL, objective=objective)
    steps = train(config, simclr.examples(Recipe(config, "sprites", 1)), 2)
    assert [step.step for step in steps] == [1, 2]
    assert all(labels is None for _, labels in itertools.islice(simclr.batches(config, sprites, 0, 0), 3))


def test_without_negatives_it_collapses_and_with_them_it_does_not(sprites):
    def last(objective):
        (*_, step) = simclr.train(dataclasses.replace(SMALL, objective=objective), sprites, steps=60)
        with torch.inference_mode():
            z = step.model(sprites[0][:100])
        return step.losses["negatives"], float(losses.effective_rank(z))

    collapsed, kept, remedied = (last(objective) for objective in ("positives", "simclr", "vicreg"))
    assert collapsed[0] > 0.95 > 0.7 > max(kept[0], remedied[0])  # cosine of views of different pictures
    assert collapsed[1] < 3 < 4 < min(kept[1], remedied[1])


def test_the_loss_falls_on_one_batch(sprites):
    values = [step.losses["loss"] for step in train(SMALL, (sprites[0][:16],), TINY.steps)]
    assert sum(values[-5:]) < 0.8 * sum(values[:5])


@pytest.mark.parametrize("config", [SMALL, SUPERVISED, SCENES], ids=["simclr", "supervised", "scenes"])
def test_a_resumed_training_ends_as_the_uninterrupted_one(config, sprites):
    pictures = sprites[0][:64]
    given = {"simclr": (pictures,), "supervised": (pictures, torch.arange(64) % 3)}[config.objective]
    given = "train" if config.dataset == "scenes" else given
    whole = train(config, given, 4)
    for step in simclr.train(config, given, steps=4):
        if step.step == 2:
            state = step.state()
            break
    rest = list(simclr.train(config, given, steps=4, resume=state))
    assert [step.losses for step in rest] == [step.losses for step in whole[2:]]
    ends = [list(steps[-1].model.state_dict().values()) for steps in (rest, whole)]
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_the_stem_keeps_the_size_and_each_stage_halves_it():
    model = seeded(0, lambda: SimCLR(SimCLRConfig(width=8))).eval()
    x, sizes = torch.rand(2, 3, 32, 32), []
    with torch.inference_mode():
        for layer in model.backbone[:-2]:
            x = layer(x)
            sizes.append(tuple(x.shape[1:]))
        assert sizes[0] == sizes[3] == (8, 32, 32)
        assert sizes[4:] == [(16, 16, 16), (32, 8, 8), (64, 4, 4)]
        assert torch.allclose(model.backbone[-2:](x), x.mean((2, 3)))
    assert model.dimension == 64


def test_the_loss_is_that_of_the_two_halves(generator):
    model = seeded(0, lambda: SimCLR(SMALL)).eval()
    x = torch.rand(8, 1, 28, 28, generator=generator)
    with torch.inference_mode():
        terms, z = simclr.loss(model, x), model(x)
        labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
        supervised = seeded(0, lambda: SimCLR(SUPERVISED)).eval()
        of_classes, logits = simclr.loss(supervised, x, labels), supervised(x)
    assert torch.allclose(terms["loss"], losses.nt_xent(z[:4], z[4:], SMALL.temperature), atol=1e-5)
    assert torch.allclose(terms["positives"], F.cosine_similarity(z[:4], z[4:]).mean(), atol=1e-5)
    apart = [F.cosine_similarity(z[i], z[4 + j], dim=0) for i in range(4) for j in range(4) if i != j]
    assert torch.allclose(terms["negatives"], torch.stack(apart).mean(), atol=1e-5)
    assert torch.allclose(of_classes["loss"], F.cross_entropy(logits, labels), atol=1e-5)


def test_a_share_of_the_labels_is_one_of_each_class(generator):
    labels = torch.randint(5, (1000,), generator=generator)
    few, more, all_ = (simclr.subset(labels, share, seed=3) for share in (0.001, 0.1, 1.0))
    assert sorted(labels[few].tolist()) == list(range(5))
    assert set(few.tolist()) < set(more.tolist())
    assert torch.equal(all_, torch.arange(1000))
    counts, whole = labels[more].bincount(), labels.bincount()
    assert ((counts - 0.1 * whole).abs() <= 0.5).all()
    assert not torch.equal(more, simclr.subset(labels, 0.1, seed=4))
    with pytest.raises(ValueError, match="share"):
        simclr.subset(labels, 0.0)


def test_a_supervised_training_sees_its_share_of_the_labels_only():
    labels = torch.arange(100) % 2
    pictures = labels[:, None, None, None].float().expand(-1, 1, 28, 28) + torch.arange(100)[:, None, None, None]
    config = dataclasses.replace(SUPERVISED, labels=0.2, batch=4)
    kept, seen = set(simclr.subset(labels, 0.2).tolist()), set()
    for x, y in itertools.islice(simclr.batches(config, (pictures, labels), 0, 0), 20):
        rows = (x[:, 0, 0, 0] - y).long()
        assert torch.equal(labels[rows], y)
        seen |= set(rows.tolist())
    assert seen == kept


def test_single_things_have_the_attributes_that_they_are_drawn_with():
    shown = singles.draw("test", 5, 40)
    assert shown == singles.draw("test", 0, 45)[5:]
    assert all(len(scene.things) == 1 for scene in shown)
    x, truth = singles.render(shown, 32), singles.attributes(shown)
    assert x.shape == (40, 3, 32, 32)
    assert list(truth) == list(singles.ATTRIBUTES)
    for i, scene in enumerate(shown):
        (thing,) = scene.things
        named = {name: options[truth[name][i]] for name, options in singles.ATTRIBUTES.items()}
        assert (named["shape"], named["colour"], named["fill"], named["size"]) == thing.kind
        assert named["place"] == f"{'bottom' if thing.y > 0.5 else 'top'} {'right' if thing.x > 0.5 else 'left'}"
        assert named["background"] == scene.background


def test_every_recipe_can_be_built():
    for recipe in RECIPES.values():
        simclr.check(recipe.config)
        assert recipe.dataset == recipe.config.dataset
    parameters = sum(p.numel() for p in SimCLR(simclr.CIFAR).parameters())
    assert 2 * parameters < 10 * 2**20


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"objective": "luck"}, "no objective 'luck'"),
        ({"dataset": "cats"}, "no data set 'cats'"),
        ({"objective": "supervised", "dataset": "scenes"}, "no data set 'scenes' for this objective"),
        ({"channels": 2}, "2 channels"),
        ({"dataset": "scenes", "channels": 3, "size": 28}, "28 pixels"),
        ({"size": 1}, "size"),
        ({"batch": 1}, "batch"),
        ({"temperature": 0.0}, "temperature"),
        ({"labels": 0.0}, "labels"),
        ({"ema": 1.5}, "ema"),
        ({"scale": 0.0}, "scale"),
    ],
)
def test_a_config_that_cannot_be_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        SimCLR(dataclasses.replace(SMALL, **change))


@pytest.mark.parametrize("change", [{}, {"objective": "supervised"}, {"blocks": 2}])
def test_an_untrained_network_is_the_seeded_one_and_draws_nothing(change):
    config = dataclasses.replace(TINY.config, **change)
    before = torch.get_rng_state()
    ours = simclr.untrained(config, 3).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    theirs = seeded(3, lambda: SimCLR(config)).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
