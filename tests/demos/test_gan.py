import base64
import math

import gradio as gr
import pytest
import torch

from demos import _checks, gan
from demos.gan import _models, directions, history, samples
from genai_core import data
from genai_core import gan as core

NAME = "cgan-mnist"


def request(**changes):
    fields = {"model": NAME, "seed": 0, "index": 0, "truncation": 1.0, "label": 3, "z": [0.0] * 10, "dimension": 0}
    return {**fields, **changes}


def pixels(png):
    return list(_checks.picture(base64.b64decode(png)).convert("L").tobytes())


@pytest.mark.parametrize("name", _models.MODELS)
def test_the_sheet_is_the_models_own_sample(name):
    value = samples.draw(request(model=name, seed=5, truncation=0.8))
    model = core.load(name)
    z = 0.8 * core.latents(model, 36, generator=torch.Generator().manual_seed(5))
    labels = torch.full((36,), 3) if model.conditional else None
    x = core.decode(model, z, labels).cpu()
    sheet = torch.tensor(pixels(value["sheet"])).view(6, 28, 6, 28).transpose(1, 2).reshape(36, 28, 28)
    assert ((x[:, 0] * 255).round() - sheet).abs().max() <= 1
    assert value["scores"] == pytest.approx(core.discriminate(model, x, labels).tolist(), abs=0.01)
    assert (value["classes"] is not None) == model.conditional


def test_some_of_each_class_and_the_same_seed_gives_the_same_sheet():
    a, b = samples.draw(request(label=-1)), gan.gan_sample(0)
    assert a == b
    assert a["labels"][:12] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert samples.draw(request(seed=1))["sheet"] != a["sheet"]


def test_less_truncation_is_more_variety():
    spread = [samples.pictures(samples.settings_of(request(truncation=psi))).std(0).mean() for psi in (0.0, 0.5, 1.0)]
    assert spread[0] < 1e-4
    assert spread == sorted(spread)


def test_the_coordinates_of_a_point_give_back_its_own_picture():
    state = _models.state(request(seed=4, index=7))
    _, z, _ = _models.base(request(seed=4, index=7))
    expected = (_models.decode(NAME, z[None], 3) * 255).round()
    found = torch.tensor(pixels(directions.decode(request(seed=4, index=7, z=state["z"])))).view(28, 28)
    assert (expected[0, 0] - found).abs().float().mean() < 1.5  # the coordinates keep two decimals


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
    here = directions.decode(request())
    strip = directions.sweep(request(dimension=2))
    assert pixels(strip[4]) == pixels(here)
    assert len({tuple(pixels(p)) for p in strip}) == 9
    classes = directions.across(request())
    assert len(classes) == 10
    assert max(abs(a - b) for a, b in zip(pixels(classes[3]), pixels(here), strict=True)) <= 1


@pytest.mark.parametrize("label", directions.PRESETS)
def test_every_preset_gives_a_picture_and_says_what_is_seen(label):
    value = directions.preset_value(label)
    assert value["note"]
    assert max(pixels(value["src"].split(",")[1])) > 100


def test_a_sample_that_is_chosen_is_driven_from_where_it_is():
    value = {**samples.draw(request(label=-1)), "chosen": 13}
    state, name = samples.to_directions(value)
    assert (name, state["label"], state["more"]) == (NAME, 3, {"index": 13, "truncation": 1.0})
    sheet = torch.tensor(pixels(value["sheet"])).view(6, 28, 6, 28).transpose(1, 2).reshape(36, 28, 28)
    found = torch.tensor(pixels(state["src"].split(",")[1])).view(28, 28)
    assert (sheet[13] - found).abs().float().mean() < 1.5


def test_the_nearest_training_picture_of_a_training_picture_is_itself(mnist):
    x, _ = data.load("mnist", "train")
    found = samples.distances(x[[7, 99]], "mnist")
    assert found.argmin(1).tolist() == [7, 99]
    assert found.amin(1).max() < 0.02
    brute = (x[:200].flatten(1) - x[7].flatten()).norm(dim=1)
    assert torch.allclose(found[0, :200], brute, atol=0.05)


def test_nearest_pictures_come_nearest_first_and_with_what_is_usual(mnist):
    answer = samples.nearest(request(index=4))
    assert answer["distances"] == sorted(answer["distances"])
    assert len(answer["pictures"]) == len(answer["names"]) == samples.NEAREST
    assert 3 < answer["usual"] < 9


def test_without_the_data_nearest_says_so_and_the_sheet_still_draws(tmp_path, monkeypatch):
    monkeypatch.setenv("GENAI_DATA", str(tmp_path))
    samples.training_set.cache_clear()
    answer = _checks.guarded(samples.nearest)(request(index=0))
    assert "is not on this machine" in answer["error"]
    assert samples.draw(request())["sheet"]


@pytest.mark.parametrize("name", _models.MODELS)
def test_the_history_holds_a_sheet_for_every_step(name):
    value = history.frames({"model": name})
    image = _checks.picture(base64.b64decode(value["strip"]))
    assert image.size == (168 * len(value["steps"]), 168)
    assert value["steps"] == sorted(value["steps"])
    assert value["steps"][-1] == core.RECIPES[name].steps


@pytest.mark.parametrize(
    ("save", "restore", "wanted"),
    [
        (samples.save, samples.restore, {"model": "dcgan-fashion", "seed": 9, "truncation": 0.6}),
        (directions.save, directions.restore, {"model": NAME, "seed": 9, "label": 7, "z": [0.5] * 10}),
        (history.save, history.restore, {"model": "wgan-gp-mnist", "frame": 3}),
    ],
)
def test_a_saved_picture_brings_its_settings_back(save, restore, wanted):
    value = restore({"png": save(request(**wanted))})
    assert {key: value[key] for key in wanted} == wanted


@pytest.mark.parametrize("part", gan.PARTS)
def test_a_link_fills_its_part_and_no_other(part):
    z = ",".join(["0.5"] * 10)
    query = {"tab": "gan", "part": part, "model": NAME, "seed": "3", "from": "1", "to": "2", "path": "straight", "z": z}
    with gr.Blocks():
        places = gan.build_tab()
    answer = gan.restore(query)
    assert len(answer) == len(places)
    filled = [k for k, value in enumerate(answer[1:]) if value != gr.skip()]
    first = sum(list(gan.PARTS.values())[: list(gan.PARTS).index(part)])
    assert filled == list(range(first, first + gan.PARTS[part]))


BAD = {
    "model": [None, 3, "gan", "../cgan-mnist", "vae-mnist", [NAME], "x" * 100_000],
    "seed": [-1, 1.5, 2**31, math.nan, "x", [], True],
    "truncation": [-0.1, 1.6, math.inf, "a", None, []],
    "label": [-2, 10, 1.5, "x", None],
    "index": [-1, 36, 0.5, None, "x"],
    "z": [None, "", "0,0", [0.0] * 9, [0.0] * 9 + [math.nan], [9.0] * 10, {}],
    "dimension": [-1, 10, 0.5, None, "0", True],
    "png": [None, 5, "", "AAAA", "A" * 10_000_000],
    "frame": [-1, 99, 0.5, "x", []],
}
CALLS = [
    (samples.draw, ("model", "seed", "truncation", "label")),
    (samples.nearest, ("model", "seed", "index")),
    (samples.save, ("model", "seed", "truncation", "label")),
    (samples.restore, ("png",)),
    (directions.decode, ("model", "seed", "truncation", "label", "index", "z")),
    (directions.sweep, ("model", "z", "dimension")),
    (directions.across, ("model", "z")),
    (directions.draw, ("model", "seed", "label")),
    (directions.save, ("model", "z", "label")),
    (directions.restore, ("png",)),
    (history.frames, ("model", "frame")),
    (history.save, ("model", "frame")),
    (history.restore, ("png",)),
]


@pytest.mark.parametrize(("call", "fields"), CALLS, ids=[f"{c.__module__}.{c.__name__}" for c, _ in CALLS])
def test_bad_requests_get_one_sentence(call, fields):
    requests = [request(**{field: bad}) for field in fields for bad in BAD[field]]
    for bad in [*requests, None, 5, "x", [], [1, 2]]:
        answer = _checks.guarded(call)(bad)
        assert list(answer) == ["error"], bad
        assert answer["error"] != _checks.UNKNOWN, bad
        assert len(answer["error"]) < 300


def test_a_model_without_classes_has_no_row_of_classes():
    with pytest.raises(_checks.InputError, match="no classes"):
        directions.across(request(model="gan-mnist"))


@pytest.mark.parametrize("label", samples.PRESETS)
def test_a_preset_of_the_sheet_draws_it_and_says_what_is_seen(label):
    value = samples.preset(gr.EventData(None, {"preset": label}))
    wanted, note = samples.STATES[label]
    assert {key: value[key] for key in wanted} == wanted
    assert value["note"] == note
