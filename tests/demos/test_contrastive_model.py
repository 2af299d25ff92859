"""Contrastive's Model: its values and gradients are those of a training, and what its presets say is so."""

import base64
import io
import math

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from demos._ui import errors
from demos._ui.validation import InputError
from demos.contrastive import _models, model
from demos.contrastive._api import contrastive_model
from genai_core import contrastive
from genai_core.contrastive import augment, losses, simclr

PART = model.PART


def of(**given):
    return model.values(**PART.parse(given))


def preset(label, **more):
    (found,) = [one for one in PART.presets if one.label == label]
    return PART.parse({**found.given(), **more})


def views(found):
    """Of the batch, as `simclr.loss` takes them."""
    return model.ordered(found["view_a"][None], found["view_b"][None], found["views"])


@pytest.mark.parametrize("name", _models.SCENES)
@pytest.mark.parametrize("n", [2, 5])
def test_the_values_are_those_that_pass_through_the_network_in_its_own_loss(name, n):
    found, own, seen = of(model=name, n=n, seed=3, temperature=0.5), contrastive.load(name), {}
    stages = {"maps": own.backbone[-3], "h": own.backbone[-1], "z": own.head}
    hooks = [
        layer.register_forward_hook(lambda _net, given, out, key=key: seen.update({key: out}))
        for key, layer in stages.items()
    ]
    with torch.inference_mode():
        simclr.loss(own, views(found))
    for hook in hooks:
        hook.remove()
    for key, name_ in (("maps", "maps_a"), ("maps", "maps_b")):
        row = 0 if name_ == "maps_a" else n
        assert torch.allclose(found[name_], model.sheet(seen[key][row : row + 1]), atol=1e-4)
    z = F.normalize(seen["z"], dim=1)
    for key, every in (("h", seen["h"]), ("z", z)):
        a, b, others = model.parted(every)
        assert torch.allclose(found[f"{key}_a"], a[0], atol=1e-4)
        assert torch.allclose(found[f"{key}_b"], b[0], atol=1e-4)
        assert torch.allclose(found[key], others, atol=1e-4)
    assert torch.allclose(found["cosines"], losses.similarities(*seen["z"].chunk(2)), atol=1e-4)
    rows = losses.rows(*seen["z"].chunk(2), 0.5)
    assert float(found["loss"]) == pytest.approx(float(rows.mean()), abs=1e-4)
    assert float(found["mine"]) == pytest.approx(float(rows[[0, n]].mean()), abs=1e-4)
    mates = found["p"][torch.arange(2 * n), torch.arange(2 * n).roll(n)]
    assert torch.allclose(-mates.log(), rows, atol=1e-4)
    assert torch.allclose(found["p"].sum(1), torch.ones(2 * n))
    assert not found["p"].diagonal().any()


def test_at_its_own_temperature_the_loss_is_that_of_the_training():
    own = contrastive.load("simclr-scenes")
    found = of(temperature=own.config.temperature)
    with torch.inference_mode():
        wanted = simclr.loss(own, views(found))
    assert float(found["loss"]) == pytest.approx(float(wanted["loss"]), abs=1e-4)


def test_the_views_are_drawn_from_the_augmentation_of_the_training():
    for name in _models.SCENES:
        chosen = simclr.augmentation(contrastive.load(name).config)
        p = augment.draw(chosen, 2 * model.MOST, torch.Generator().manual_seed(5))
        found = of(model=name, seed=5, scene=2)
        x = _models.original(2, "")[None]
        for view, row in (("view_a", 0), ("view_b", model.MOST)):
            assert torch.allclose(found[view], augment.apply(x, p[row : row + 1])[0], atol=1e-6)
    assert not torch.equal(of(seed=1)["view_a"], of(seed=2)["view_a"])


def test_gradients_of_nt_xent_are_shares_less_the_right_one_over_the_temperature():
    """And by what the cosines are made of, by the chain rule: of both directions of each pair."""
    settings = PART.parse({"temperature": 0.4, "n": 3})
    with torch.enable_grad():
        loss, found = model.path(**settings)
    names = ("cosines", "tau", "z_a", "z_b", "z")
    by = dict(zip(names, torch.autograd.grad(loss, [found[name] for name in names], retain_graph=True), strict=True))
    shown = model.values(**settings)
    n, right = 6, torch.eye(6).roll(3, 1)
    slope = (shown["p"] - right) / (n * 0.4)
    assert torch.allclose(by["cosines"], slope, atol=1e-5)
    assert float(by["tau"]) == pytest.approx(-float((slope * shown["cosines"]).sum()) / 0.4, abs=1e-4)
    z = model.ordered(shown["z_a"][None], shown["z_b"][None], shown["z"])
    a, b, others = model.parted((slope + slope.T) @ z)
    for name, wanted in (("z_a", a), ("z_b", b), ("z", others)):
        assert torch.allclose(by[name], wanted, atol=1e-5)


def test_a_step_against_the_gradient_by_the_picture_lowers_the_loss():
    """What flows back through the network and through both views."""
    settings = PART.parse({"temperature": 0.2})
    with torch.enable_grad():
        loss, found = model.path(**settings)
    (slope,) = torch.autograd.grad(loss, found["x"])
    moved = found["x"].detach() - 1e-2 * slope / slope.norm()
    own, n = contrastive.load(settings["model"]), settings["n"]
    p, x = model.drawn(settings["model"], n, settings["seed"]), model.batch(0, "", n)
    with torch.inference_mode():
        of_x = [
            simclr.loss(own, augment.apply(torch.cat([first, x[1:]]).repeat(2, 1, 1, 1), p))["loss"]
            for first in (x[:1], moved)
        ]
    assert float(of_x[0]) == pytest.approx(float(loss.detach()), abs=1e-4)
    assert of_x[1] < of_x[0]


# --- the presets


def test_at_temperature_1_the_loss_has_a_bound_that_it_keeps():
    bound = math.log(1 + 6 * math.exp(-2))
    assert bound == pytest.approx(0.59, abs=0.005)
    assert math.log(7) == pytest.approx(1.95, abs=0.005)
    found = model.values(**preset("Temperature 1"))
    assert bound < float(found["loss"]) < math.log(7)
    ideal = torch.eye(4).repeat(2, 2) * 2 - 1  # other view 1, negatives −1
    assert float(losses.of_rows(losses.logits(ideal, 1.0)).mean()) == pytest.approx(bound, abs=1e-6)
    assert float(losses.of_rows(losses.logits(ideal, 0.2)).mean()) < 0.001


@pytest.mark.parametrize("seed", range(4))
def test_more_pictures_raise_the_loss_of_one_whose_views_stay(seed):
    four, eight = of(seed=seed), model.values(**preset("Eight pictures", seed=seed))
    assert torch.equal(four["view_a"], eight["view_a"])
    assert torch.equal(four["view_b"], eight["view_b"])
    assert float(eight["cosines"][0, 8]) == pytest.approx(float(four["cosines"][0, 4]), abs=1e-5)
    assert float(four["mine"]) < float(eight["mine"]) < float(four["mine"]) + math.log(14 / 6) + 0.5


def test_without_crops_two_views_differ_in_nothing_but_colours():
    settings = preset("Without crops")
    p = model.drawn(settings["model"], settings["n"], settings["seed"])
    assert torch.equal(p.box, augment.identity(8).box)
    assert not p.flip.any()
    assert not p.sigma.any()
    found = model.values(**settings)
    assert float((found["view_a"] - found["view_b"]).abs().max()) > 0.05
    assert "no crop" in model.told(**settings)
    assert "no crop" not in model.told(**settings | {"model": "simclr-scenes"})


def test_only_the_cosines_of_two_views_of_one_picture_are_pulled_up():
    settings = preset("Pull and push")
    with torch.enable_grad():
        loss, found = model.path(**settings)
    (slope,) = torch.autograd.grad(loss, found["cosines"])
    mates = torch.eye(8).roll(4, 1).bool()
    assert (slope[mates] < 0).all()
    assert (slope[~mates & ~torch.eye(8).bool()] > 0).all()


# --- the page


@pytest.mark.parametrize("channels", [3, 64, 128])
def test_a_sheet_holds_every_channel_whole(channels):
    x = torch.arange(channels * 6.0).view(1, channels, 2, 3)
    laid = model.sheet(x)
    assert sorted(laid.flatten().tolist()) == sorted(x.flatten().tolist())
    assert torch.equal(laid[:2, 3:6], x[0, 1])
    both = model.sheet(torch.cat([x, x + 1]))
    assert torch.equal(both[2:, 3:6], x[0, 1] + 1)


def test_an_own_picture_has_a_program_that_says_the_same(capsys):
    file = io.BytesIO()
    Image.new("RGB", (90, 60), "teal").save(file, "PNG")
    picture = _models.own({"picture": base64.b64encode(file.getvalue()).decode()})
    for more in ({}, {"model": "simclr-scenes-no-crop", "scene": 4, "n": 6, "temperature": 0.1}):
        settings = PART.parse({"picture": picture} | more)
        exec(compile(PART.code(**settings), "model", "exec"), {})
        assert capsys.readouterr().out.strip() == PART.says(**settings)
        assert torch.equal(model.values(**settings)["x"], _models.opened(picture))
    assert PART.parse(PART.table.to_text(settings)) == settings
    assert PART.picture(**settings).width > 400


def test_a_program_asks_for_cosines_and_losses():
    found = contrastive_model(scene=2, n=3)
    wanted = of(scene=2, n=3)
    assert found["loss"] == pytest.approx(float(wanted["loss"]), abs=1e-4)
    assert found["mine"] == pytest.approx(float(wanted["mine"]), abs=1e-4)
    assert torch.allclose(torch.tensor(found["cosines"]), wanted["cosines"], atol=1e-4)


@pytest.mark.parametrize(
    "bad",
    [
        {"n": 1},
        {"n": 9},
        {"temperature": 0},
        {"model": "pixels"},
        {"seed": -1},
        {"picture": "x"},
        {"scene": 10_000},
    ],
)
def test_bad_settings_get_a_sentence(bad):
    with pytest.raises(InputError, match=r"^[A-Z].*\.$"):
        PART.parse(bad)


@pytest.mark.parametrize("bad", [None, [], {"picture": 5}, {"picture": ""}])
def test_bad_pictures_get_a_sentence(bad):
    answer = errors.guarded(_models.own)(bad)
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN
