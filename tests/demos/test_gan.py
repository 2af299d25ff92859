"""The GAN tab's pictures, without a server. Its lab is in test_gan_lab.py; what holds for all parts in test_tabs.py."""

import base64
import math

import pytest
import torch

from demos._ui import errors, images, validation
from demos.gan import TAB, _models, directions, history, samples
from demos.gan._api import gan_sample
from genai_core import data, evaluation, gan
from genai_core.common import checkpoints
from genai_core.data import fetching

NAME = "cgan-mnist"


def pixels(png):
    return torch.tensor(list(validation.saved_png(base64.b64decode(png)).convert("L").tobytes()))


def sheet(value):
    return pixels(value["sheet"]).view(6, 28, 6, 28).transpose(1, 2).reshape(36, 28, 28)


def drawn(**settings):
    return samples.show(**samples.PART.parse(settings))


def at(**changes):
    """A request of the directions' stage: the middle of cgan-mnist's ten coordinates, unless said otherwise."""
    return {"model": NAME, "z": [0.0] * 10, "label": "3", **changes}


@pytest.mark.parametrize("name", _models.NAMES)
def test_the_sheet_is_the_models_own_sample(name):
    value = drawn(model=name, seed=5, truncation=0.8, label=3)
    model = gan.load(name)
    z = 0.8 * gan.latents(model, 36, generator=torch.Generator().manual_seed(5))
    labels = torch.full((36,), 3) if model.conditional else None
    x = gan.decode(model, z, labels).cpu()
    assert ((x[:, 0] * 255).round() - sheet(value)).abs().max() <= 1
    assert value["scores"] == pytest.approx(gan.discriminate(model, x, labels).tolist(), abs=0.01)
    assert (value["classes"] is not None) == (value["labels"] is not None) == model.conditional


def test_a_sheet_has_some_of_each_class_and_the_api_draws_what_the_page_draws():
    a, (picture, b) = drawn(seed=0), gan_sample(0)
    assert a["sheet"] == images.png(picture)
    assert all(a[key] == b[key] for key in ("scores", "labels"))
    assert a["labels"][:12] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert drawn(seed=1)["sheet"] != a["sheet"]


@pytest.mark.parametrize("by", _models.BY)
def test_less_truncation_is_more_variety(by):
    spread = [samples.pictures(NAME, 0, psi, by, 3).std(0).mean() for psi in (0.0, 0.5, 1.0)]
    assert spread[0] < 1e-4
    assert spread == sorted(spread)


def test_truncation_by_resampling_is_a_distribution_of_its_own():
    whole, cut = _models.latents(NAME, 0), _models.latents(NAME, 0, 0.5, "resampling")
    assert cut.abs().max() <= 0.5 < (0.5 * whole).abs().max()
    assert torch.equal(cut.argsort(1), whole.argsort(1))  # the same samples, drawn nearer
    settings = {"seed": 4, "index": 13, "truncation": 0.7, "truncated_by": "resampling", "label": "3"}
    found = pixels(directions.show(**directions.PART.parse(settings))["picture"]).view(28, 28)
    expected = sheet(drawn(seed=4, truncation=0.7, truncated_by="resampling", label=3))[13]
    assert (expected - found).abs().float().mean() < 1.5


def test_a_sample_that_is_chosen_is_the_point_that_the_sliders_begin_at():
    settings = directions.PART.parse({"seed": 4, "index": 13, "truncation": 0.7, "label": "3"})
    found = pixels(directions.show(**settings)["picture"]).view(28, 28)
    expected = sheet(drawn(seed=4, truncation=0.7, label=3))[13]
    assert (expected - found).abs().float().mean() < 1.5  # the coordinates keep two decimals


def test_moving_along_the_directions_leaves_the_rest_alone():
    along, strengths = _models.directions(NAME)
    z = torch.randn(64, generator=torch.Generator().manual_seed(0))
    to = torch.randn((4, 10), generator=torch.Generator().manual_seed(1))
    moved = _models.moved(NAME, z, to)
    assert torch.allclose(moved @ along.T, to, atol=1e-4)
    rest = torch.eye(64) - along.T @ along
    assert torch.allclose(moved @ rest, (z @ rest).expand(4, 64), atol=1e-4)
    assert strengths == sorted(strengths, reverse=True)


def test_a_sweep_and_all_classes_pass_through_the_point():
    here = pixels(directions.decode(at()))
    strip = [pixels(p) for p in directions.sweep(at(dimension=2))]
    assert torch.equal(strip[4], here)
    assert len({tuple(p.tolist()) for p in strip}) == 9
    classes = directions.across(at())
    assert len(classes) == 10
    assert (pixels(classes[3]) - here).abs().max() <= 1


@pytest.mark.parametrize("preset", directions.PART.presets, ids=lambda preset: preset.label)
def test_every_preset_of_the_sliders_gives_a_picture(preset):
    value = directions.show(**directions.PART.parse(preset.given()))
    assert pixels(value["picture"]).max() > 100


def test_the_nearest_training_picture_of_a_training_picture_is_itself(mnist):
    x, _ = data.load("mnist", "train")
    found = samples.distances(x[[7, 99]], *samples.training_set("mnist")[:2])
    assert found.argmin(1).tolist() == [7, 99]
    assert found.amin(1).max() < 0.02
    brute = (x[:200].flatten(1) - x[7].flatten()).norm(dim=1)
    assert torch.allclose(found[0, :200], brute, atol=0.05)


def test_nearest_pictures_come_nearest_first_and_with_what_is_usual(mnist):
    answer = samples.nearest({"model": NAME, "index": 4})
    assert answer["distances"] == sorted(answer["distances"])
    assert len(answer["pictures"]) == len(answer["names"]) == samples.NEAREST
    assert 3 < answer["usual"] < 9


@pytest.mark.parametrize("name", [NAME, "gan-mnist"])
def test_without_the_data_nearest_says_so_and_looks_among_the_models_own(name, tmp_path, monkeypatch):
    monkeypatch.setenv("GENAI_DATA", str(tmp_path))
    monkeypatch.setattr(samples, "OWN", 200)
    for cached in (samples.training_set, samples.own):
        cached.cache_clear()
    answer = errors.guarded(samples.nearest)({"model": name, "index": 0})["ok"]
    samples.own.cache_clear()
    assert "is not on this machine" in answer["missing"]
    assert answer["usual"] is None
    assert answer["fetch"] == {"dataset": "mnist", "title": "MNIST", "bytes": sum(fetching.SIZES["mnist"].values())}
    assert answer["distances"] == sorted(answer["distances"])
    assert answer["distances"][0] > 1  # none of them is the picture itself
    near = pixels(answer["pictures"][0]).float()
    chosen = samples.pictures(**samples.PART.parse({"model": name}))[0]
    assert (near / 255 - chosen.flatten()).norm() == pytest.approx(answer["distances"][0], abs=0.05)
    assert drawn(seed=0)["sheet"]


def outcome(part, label):
    """A preset's settings, its pictures best score first where it has scores, and what the LeNet reads in them."""
    (preset,) = (one for one in part.PART.presets if one.label == label)
    settings = part.PART.parse(preset.given())
    x = part.pictures(**settings) if part is samples else part.pictures(settings)
    order = list(range(len(x)))
    if part is samples:
        found = part.show(**settings)["scores"]
        order.sort(key=lambda k: -found[k])
    classifier = evaluation.evaluation_classifier(gan.RECIPES[settings["model"]].dataset)
    return settings, x[order], evaluation.read(classifier, x[order]), order


def swept(settings, direction):
    """The pictures of a preset of the directions with one of them from end to end, and what the LeNet reads."""
    z = torch.tensor([settings["z"]]).repeat(9, 1)
    z[:, direction] = torch.linspace(-3, 3, 9)
    x = _models.decode(settings["model"], directions.moved(settings, z), int(settings["label"]))
    classifier = evaluation.evaluation_classifier(gan.RECIPES[settings["model"]].dataset)
    return x, evaluation.read(classifier, x).argmax(1)


def slant(x):
    """The covariance of height and breadth of the ink, over that of height: [N]."""
    ink = x[:, 0] / x.sum((1, 2, 3))[:, None, None]
    at = torch.arange(28.0)
    row, column = (at - (ink.sum(axis) * at).sum(1, keepdim=True) for axis in (2, 1))
    return (ink * row[:, :, None] * column[:, None, :]).sum((1, 2)) / (ink.sum(2) * row**2).sum(1)


def right(order, read):
    """Whether each is read as its class, of a sheet that has some of each."""
    return read.argmax(1) == torch.tensor(order) % 10


def test_presets_of_the_sheet_come_true():
    _, x, read, order = outcome(samples, "Truncated")
    assert right(order, read).all()
    assert 255 * x.std(0).mean() < 0.9 * sheet(drawn(seed=0)).float().std(0).mean()

    _, _, read, order = outcome(samples, "Wilder")
    broken = ~right(order, read)
    assert broken[:9].any()
    assert broken[-9:].any()
    assert broken.sum() <= 9

    _, x, read, _ = outcome(samples, "Only sevens")
    assert (read.argmax(1) == 7).all()
    assert x.sum((1, 2, 3)).max() > 2 * x.sum((1, 2, 3)).min()  # thick and thin
    assert slant(x).max() - slant(x).min() > 0.3  # steep and flat

    _, _, read, _ = outcome(samples, "The first GAN")
    assert (read.amax(1) < 0.6).sum() >= 4  # no digit that one could name

    _, _, read, order = outcome(samples, "Garments")
    assert right(order, read).sum() >= 30


def test_presets_of_the_directions_come_true():
    settings, *_ = outcome(directions, "The strongest direction")
    x, digits = swept(settings, 0)
    assert (digits == 3).all()
    assert slant(x)[0] < slant(x)[4] - 0.1 < slant(x)[8] - 0.2  # it leans over
    x, digits = swept(settings, 3)
    assert (digits == 3).all()
    assert x[8].sum() > 3 * x[0].sum()  # d4 is the thickness

    for label in ("The middle", "Far outside"):
        assert outcome(directions, label)[2].argmax() == 3

    settings, *_ = outcome(directions, "A garment")
    x, garments = swept(settings, 1)
    width = (x[:, 0].amax(1) > 0.3).sum(1)
    assert garments[4] == 1
    assert garments[8] != 1
    assert width[8] > 1.5 * width[4]
    x, _ = swept(settings, 0)
    assert x[0].sum() > 1.5 * x[8].sum()  # of d1 it is the shade that changes most
    width = (x[:, 0].amax(1) > 0.3).sum(1)
    assert width.max() < 1.5 * width.min()

    _, digits = swept(outcome(directions, "The first GAN")[0], 0)
    assert (digits[0], digits[8]) == (0, 1)


@pytest.mark.parametrize("name", _models.NAMES)
def test_the_history_holds_a_sheet_for_every_step_of_the_training(name):
    value = history.show(**history.PART.parse({"model": name}))
    image = validation.saved_png(base64.b64decode(value["strip"]))
    assert image.size == (168 * len(value["steps"]), 168)
    assert value["steps"] == sorted(value["steps"])
    assert value["steps"][-1] == gan.RECIPES[name].steps
    with pytest.raises(validation.InputError):
        history.PART.parse({"model": name, "frame": len(value["steps"])})


def history_sheet(model, frame):
    """The 36 pictures of one step, and what the LeNet reads in them."""
    image = history.picture(**history.PART.parse({"model": model, "frame": frame})).resize((168, 168), 0)
    x = torch.tensor(list(image.tobytes())).view(6, 28, 6, 28).transpose(1, 2).reshape(_models.COUNT, 1, 28, 28) / 255
    return x, evaluation.read(evaluation.evaluation_classifier("mnist"), x).argmax(1)


def test_presets_of_the_history_come_true():
    first, early, half = (history.PART.parse(preset.given()) for preset in history.PART.presets)
    sheets = {frame: history_sheet(NAME, frame) for frame in (3, 7, 10, 11)}
    classes = torch.arange(_models.COUNT) % 10

    assert (first["model"], first["frame"], history.steps(NAME)[3]) == (NAME, 3, 46)
    assert len(sheets[3][1].unique()) == 1
    assert sheets[3][0].std(0).mean() < 0.3 * sheets[11][0].std(0).mean()

    assert (early["model"], early["frame"], history.steps(NAME)[7]) == (NAME, 7, 750)
    assert torch.equal(sheets[7][1], classes)
    assert (sheets[11][1] == sheets[7][1]).sum() >= 35

    assert history.steps(half["model"])[half["frame"]] == history.steps(half["model"])[-1] / 2
    before, after = (history_sheet(half["model"], frame)[1] for frame in (half["frame"], half["frame"] + 1))
    assert 14 <= (before != after).sum() < 18
    assert torch.equal(sheets[10][1], sheets[11][1])


def test_links_of_older_versions_still_open():
    z = ",".join(["0.5"] * 10)
    old = {"model": NAME, "seed": "9", "index": "7", "truncation": "0.6", "label": "7", "z": z}
    settings = TAB.part("directions").parse(old)
    assert (settings["label"], settings["index"], settings["z"]) == ("7", 7, [0.5] * 10)
    assert TAB.part("directions").parse({**old, "label": 7}) == settings  # a saved picture holds numbers
    assert TAB.part("samples").parse({"model": NAME, "seed": "3", "truncation": "1", "label": "-1"})["label"] == -1
    assert TAB.part("interpolate").parse({"model": NAME, "label": "4", "from": "1", "to": "2"})["to_seed"] == 2


BAD = {
    "model": [None, 3, "gan", "../cgan-mnist", "vae-mnist", [NAME], "x" * 100_000],
    "seed": [-1, 1.5, 2**31, math.nan, "x", [], True],
    "truncated_by": [None, "cutting", 3, ["scaling"]],
    "truncation": [-0.1, 1.6, math.inf, "a", None, []],
    "label": ["-2", "10", "1.5", "x", None],
    "index": [-1, 36, 0.5, None, "x"],
    "z": [None, "", "0,0", [0.0] * 9, [0.0] * 9 + [math.nan], [9.0] * 10, {}],
    "dimension": [-1, 10, 0.5, None, "0", True],
}
CALLS = [
    (samples.nearest, ("model", "seed", "truncation", "truncated_by", "label", "index")),
    (directions.decode, ("model", "seed", "truncation", "truncated_by", "label", "index", "z")),
    (directions.sweep, ("model", "z", "dimension")),
    (directions.across, ("model", "z")),
]


@pytest.mark.parametrize(("call", "fields"), CALLS, ids=[f"{c.__module__}.{c.__name__}" for c, _ in CALLS])
def test_bad_requests_get_one_sentence(call, fields):
    good = at(seed=0, truncation=1.0, index=0, dimension=0)
    requests = [{**good, field: bad} for field in fields for bad in BAD[field]]
    for bad in [*requests, None, 5, "x", [], [1, 2]]:
        answer = errors.guarded(call)(bad)
        assert list(answer) == ["error"], bad
        assert answer["error"] != errors.UNKNOWN, bad
        assert len(answer["error"]) < 300


@pytest.mark.parametrize("bad", [{"seed": -1}, {"model": "x"}, {"truncation": math.nan}, {"label": 10}])
def test_a_bad_call_of_the_api_is_an_input_error(bad):
    with pytest.raises(validation.InputError):
        gan_sample(**bad)


def test_a_model_without_classes_has_no_row_of_classes():
    with pytest.raises(validation.InputError, match="no classes"):
        directions.across({"model": "gan-mnist", "z": [0.0] * 10})


def test_a_weak_model_is_shown_as_one_and_its_figures_are_its_cards():
    weak = {name for name in _models.NAMES if _models.measured(name)["weak"]}
    ratios = {name: checkpoints.read_json(name, "metrics.json")["frechet_ratio"] for name in _models.NAMES}
    assert weak
    assert not weak & {"cgan-mnist", "cgan-fashion"}
    for data_set in ("mnist", "fashion"):
        alike = {name for name in ratios if _models.dataset(name) == data_set}
        assert max(ratios[name] for name in alike - weak) < min(ratios[name] for name in alike & weak)
    for name in _models.NAMES:
        value = samples.show(**samples.PART.parse({"model": name}))["measured"]
        assert value["said"].startswith("A weak one") == value["weak"] == (name in weak)
        assert _models.times(ratios[name]) in value["said"]
