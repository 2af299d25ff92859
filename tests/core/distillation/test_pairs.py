"""Shallow mimics, the ensemble and its compact student, eight bits a weight, and the race on generated digits."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from genai_core import data, distillation
from genai_core.common import checkpoints
from genai_core.common.quantisation import LEVELS, dequantise, quantise
from genai_core.data.sprites import sprites
from genai_core.distillation import compact, distil, hinton, int8, live, mimic, synthetic
from genai_core.evaluation.classifier import LeNet

ENSEMBLE = compact.EnsembleConfig(channels=(4, 4, 4), features=8, batch=8)
COMPACT = compact.CompactConfig(channels=(4, 6, 8), features=8, batch=8)


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def toy(n: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    pictures, factors = sprites(n, generator=seed(0))
    return pictures, factors[:, 0].long()


def last_of(loop):
    *_, last = loop
    return last.model


@pytest.fixture(scope="module")
def lenet():
    """A LeNet whose batch normalisation has seen something."""
    return last_of(compact.train(COMPACT, toy(), steps=20)).eval()


def test_the_mimic_slope_is_the_difference_of_the_logits():
    z, v = torch.randn((2, 5, 10), generator=seed(0))
    z.requires_grad_()
    mimic.loss(z, v)["loss"].backward()
    assert torch.allclose(z.grad, (z - v).detach() / 5, atol=1e-6)


def test_a_mimic_and_its_control_have_as_many_parameters_and_the_bottleneck_saves_most():
    count = {
        name: sum(p.numel() for p in mimic.Shallow(recipe.config).parameters())
        for name, recipe in mimic.RECIPES.items()
    }
    assert count["mimic-mnist"] == count["mimic-control-mnist"]
    config = mimic.ShallowConfig()
    without = sum(p.numel() for p in mimic.Shallow(mimic.ShallowConfig(bottleneck=0)).parameters())
    assert without - count["mimic-mnist"] == 784 * config.hidden - config.bottleneck * (784 + config.hidden)


def test_a_bottleneck_is_a_product_of_weights():
    model = mimic.Shallow(mimic.ShallowConfig(bottleneck=5, hidden=7))
    v, u, head = (layer for layer in model.layers if isinstance(layer, nn.Linear))
    x = torch.rand((3, 1, 28, 28), generator=seed(0))
    expected = head(F.linear(x.flatten(1), u.weight @ v.weight, u.bias).relu())
    assert torch.allclose(model(x), expected, atol=1e-5)


def test_a_mimic_takes_over_the_logits_of_its_teacher(monkeypatch):
    teacher = last_of(compact.train(ENSEMBLE, toy(), steps=5))
    monkeypatch.setattr(compact, "load", lambda name: teacher)
    config = mimic.ShallowConfig(bottleneck=16, hidden=64, teacher="ensemble-mnist", batch=16, lr=3e-3)
    x, y = toy()
    model = last_of(mimic.train(config, (x, y), steps=150))
    v = distil.logits(teacher, x)
    assert (distil.logits(model, x) - v).square().mean() < 0.05 * v.square().mean()


def test_an_ensemble_answers_with_the_geometric_mean_of_members_that_differ():
    model = last_of(compact.train(ENSEMBLE, toy(), steps=3))
    x, _ = toy(6)
    each = model.each(x).softmax(2)  # [3, 6, 10]
    assert (each[0] - each[1]).abs().max() > 1e-3
    geometric = each.log().mean(0).exp()
    assert torch.allclose(model(x).softmax(1), geometric / geometric.sum(1, keepdim=True), atol=1e-5)


def test_members_learn_for_themselves():
    """The slope of one member's weights does not depend on the others."""
    model, (x, y) = compact.Ensemble(ENSEMBLE).eval(), toy(6)
    compact.members_loss(model, x, y, None)["loss"].backward()
    alone = torch.autograd.grad(F.cross_entropy(model.members[1](x), y), model.members[1].head.weight)[0]
    assert torch.allclose(model.members[1].head.weight.grad, alone / 3, atol=1e-6)


@pytest.mark.parametrize("dataset", compact.DATASETS)
def test_the_compact_student_is_below_25000_parameters(dataset):
    model = LeNet(compact.RECIPES[f"compact-{dataset}"].config)
    assert sum(p.numel() for p in model.parameters()) < 25_000


def test_a_compact_student_learns_from_its_teacher(monkeypatch):
    teacher = last_of(compact.train(ENSEMBLE, toy(), steps=30))
    monkeypatch.setattr(compact, "load", lambda name: teacher)
    config = compact.CompactConfig(channels=(4, 4, 4), features=8, batch=16, teacher="ensemble-mnist")
    losses = [step.losses["soft"] for step in compact.train(config, toy(), steps=60)]
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_quantised_weights_are_off_by_half_a_level_at_most():
    weight = torch.randn((6, 3, 3, 3), generator=seed(0)) * torch.tensor([0.01, 0.1, 1, 5, 20, 0]).view(-1, 1, 1, 1)
    q, scale = quantise(weight)
    assert q.dtype == torch.int8
    assert (q[:5].flatten(1).abs().amax(1) == LEVELS).all()
    off = (dequantise(q, scale) - weight).abs().flatten(1)
    assert (off <= scale[:, None] / 2 * 1.001).all()
    again, same = quantise(dequantise(q, scale))
    assert torch.equal(again, q)
    assert torch.allclose(same, scale)


def test_folding_changes_no_output(lenet):
    conv, norm = lenet.body[0], lenet.body[1]
    x = torch.rand((2, 1, 28, 28), generator=seed(1))
    weight, bias = int8.fold(conv, norm)
    assert torch.allclose(F.conv2d(x, weight, bias, padding=1), norm(conv(x)), atol=1e-5)


def test_eight_bits_answer_nearly_as_float32_and_come_back_whole(lenet, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    checkpoints.save("compact-mnist", lenet, COMPACT)
    config = int8.Int8Config(channels=COMPACT.channels, features=COMPACT.features)
    model = last_of(int8.train(config, toy(8), steps=1, device="cpu"))
    x, _ = toy(40)
    z = distil.logits(lenet, x)
    assert (distil.logits(model, x) - z).abs().max() < 0.05 * (z.max() - z.min())
    checkpoints.save("compact-mnist-int8", model, config)
    loaded = distillation.load("compact-mnist-int8")
    assert torch.equal(loaded.dense.q, model.dense.q)
    assert torch.allclose(distil.logits(loaded, x), distil.logits(model, x), atol=0.02)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("compact-mnist-int8", "compact-mnist")]
    assert sizes[0] < sizes[1]


def test_generated_digits_come_with_the_labels_that_were_asked_for():
    x, y = distillation.digits(20, seed=3)
    assert y.tolist() == [*range(10)] * 2
    assert x.shape == (20, 1, 28, 28)
    assert torch.equal(x, distillation.digits(20, seed=3)[0])
    assert not torch.equal(x, distillation.digits(20, seed=4)[0])


def test_pictures_between_digits_are_ones_of_which_the_teacher_is_less_sure():
    x = synthetic.between(200, seed=0)
    assert x.shape == (200, 1, 28, 28)
    assert torch.equal(x, synthetic.between(200, seed=0))
    teacher = hinton.load("distill-teacher")
    sure, unsure = (
        distil.logits(teacher, some).softmax(1).amax(1) for some in (distillation.digits(200, seed=0)[0], x)
    )
    assert unsure.mean() < sure.mean() - 0.02


class Fixed(nn.Module):
    """Answers in turn with the rows of a table, whatever it is shown."""

    def __init__(self, rows):
        super().__init__()
        self.rows = nn.Parameter(torch.tensor(rows))

    def forward(self, x):
        return self.rows[: len(x)]


def test_disagreements_are_where_one_is_right_and_the_other_wrong_the_surest_mistake_first():
    right = Fixed([[2.0, 0, 0], [0, 2, 0], [0, 0, 2], [2, 0, 0]])
    wrong = Fixed([[0.0, 1, 0], [0, 2, 0], [9, 0, 0], [0, 2, 0]])
    x, y = torch.rand((4, 1, 28, 28), generator=seed(0)), torch.tensor([0, 1, 2, 1])
    options = {"right": "a", "wrong": "b"}
    found = synthetic.disagreements({"a": right, "b": wrong}, x, y, **options)
    assert [part.label for part in found] == [2, 0]
    assert torch.equal(found[0].picture, x[2])
    assert torch.allclose(found[0].probabilities["b"], torch.tensor([9.0, 0, 0]).softmax(0))
    assert len(synthetic.disagreements({"a": right, "b": wrong}, x, y, **options, most=1)) == 1


RACE = {"hidden": 8, "examples": 60, "steps": 40}


@pytest.fixture
def teacher(monkeypatch):
    model = hinton.MLP(hinton.MLPConfig((8,))).eval().requires_grad_(False)
    monkeypatch.setattr(hinton, "load", lambda name: model)


def test_a_race_is_the_same_twice_and_needs_no_data(teacher, monkeypatch):
    monkeypatch.setattr(data, "available", lambda name: False)
    first, again = ([(f.step, f.student, f.control, f.real) for f in live.race(**RACE, seed=1)] for _ in range(2))
    assert first == again
    assert [(step, real) for step, *_, real in first] == [(20, False), (40, False)]


def test_with_nothing_of_the_teacher_student_and_control_are_one(teacher, monkeypatch):
    """They begin with the same weights and see the same pictures in the same order."""
    monkeypatch.setattr(data, "available", lambda name: False)
    assert all(frame.student == frame.control for frame in live.race(**RACE, alpha=0.0))


def test_a_race_ends_in_time(teacher, monkeypatch):
    monkeypatch.setattr(data, "available", lambda name: False)
    (frame,) = live.race(**RACE, seconds=0.0)
    assert (frame.step, frame.timed_out) == (1, True)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"hidden": 4000}, "units a layer"),
        ({"examples": 3}, "pictures, not 3"),
        ({"temperature": 0.0}, "temperature"),
        ({"alpha": 2.0}, "alpha"),
    ],
)
def test_a_race_that_cannot_be_run_is_told_in_one_sentence(settings, says):
    with pytest.raises(ValueError, match=says):
        next(live.race(**settings))


def test_live_distillation_beats_its_control(mnist):
    if live.TEACHER not in checkpoints.names():
        pytest.skip(f"{live.TEACHER} is not trained yet")
    *_, last = live.race(seed=0, seconds=1e9)
    assert last.real
    assert last.student > last.control + 0.01
