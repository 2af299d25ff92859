import base64
import math

import gradio as gr
import pytest
import torch

from demos import _checks, _interpolate, _pictures, vae
from demos.vae import _models, beta, encode, explore, live, plane
from genai_core import checkpoints
from genai_core import vae as core

NAME = "vae-mnist"
Z = [0.0] * 16
SHOW = _checks.handler(_models.SPACE.show)
DRAWING = base64.b64encode(bytes(784)).decode()


def request(**changes):
    return {"model": NAME, "z": Z, "seed": 0, "a": 0, "b": 1, "dimension": 0, "pixels": DRAWING, **changes}


def pixels(png):
    return list(_checks.picture(base64.b64decode(png)).convert("L").tobytes())


def test_decode_gives_the_models_own_picture():
    z = _models.draw(NAME, 3)
    model = core.load(NAME)
    with torch.inference_mode():
        expected = model.decode(torch.tensor([z]).to(checkpoints.default_device())).cpu()
    assert pixels(explore.decode(request(z=z))) == (expected * 255).round().byte().flatten().tolist()


def test_the_same_seed_gives_the_same_picture_everywhere():
    a, b = explore.draw(request(seed=5)), explore.draw(request(seed=5))
    assert a == b
    assert a["z"] == vae.vae_sample(5)["z"]
    assert explore.draw(request(seed=6))["src"] != a["src"]


def test_dimensions_come_strongest_first_and_collapsed_ones_are_marked():
    for name in _models.MODELS:
        kl = [d["weight"] for d in _models.dimensions(name)]
        assert kl == sorted(kl, reverse=True)
        assert all(d["off"] == (d["weight"] < core.ACTIVE) for d in _models.dimensions(name))


def test_a_sweep_moves_one_dimension_and_passes_the_point_itself():
    strips = explore.sweep(request(dimension=_models.dimensions(NAME)[0]["i"]))
    assert len(strips) == 9
    assert pixels(strips[4]) == pixels(explore.decode(request()))
    assert pixels(strips[0]) != pixels(strips[8])


def test_saved_settings_come_back_from_the_picture_and_from_the_link():
    z = _models.draw(NAME, 8)
    png = explore.save(request(z=z, seed=8))
    value = explore.restore({"png": png})
    assert (value["model"], value["z"], value["seed"]) == (NAME, z, 8)
    link, name = vae.restore({"tab": "vae", "model": NAME, "seed": "8", "z": ",".join(map(str, z))})[1:3]
    assert (link["z"], name) == (z, NAME)


@pytest.mark.parametrize("label", explore.PRESETS)
def test_every_preset_gives_a_picture_and_says_what_is_seen(label):
    value = explore.preset_value(label)
    assert value["note"]
    assert max(pixels(value["src"].split(",")[1])) > 100


def test_the_plane_holds_the_pictures_of_its_points():
    value = plane.plane(request(a=2, b=5))
    sheet = torch.tensor(pixels(value["sheet"]), dtype=torch.uint8).view(25 * 28, 25 * 28)
    z = list(Z)
    z[2], z[5] = -_models.LIMIT, _models.LIMIT  # the upper left tile
    one = torch.tensor(pixels(explore.decode(request(z=z)))).view(28, 28)
    assert (sheet[:28, :28].int() - one).abs().max() <= 1


def test_points_of_the_plane_are_the_encoded_test_digits(mnist):
    found = plane.points(NAME, 0, 3)
    mu, _ = core.load(NAME).encode(mnist[0][:1].to(checkpoints.default_device()))
    assert found["xy"][:2] == pytest.approx([float(mu[0, 0]) * 100, float(mu[0, 3]) * 100], abs=1)
    assert found["classes"][0] == int(mnist[1][0])


def test_the_plane_works_without_data(tmp_path, monkeypatch):
    monkeypatch.setenv("GENAI_DATA", str(tmp_path))
    plane.encoded.cache_clear()
    assert plane.plane(request())["points"]["classes"] == []


def test_resampling_moves_the_code_by_its_sigma():
    x = torch.zeros(1, 1, 28, 28)
    still, moved, again = (encode.posterior(core.load(NAME), x, seed) for seed in (0, 1, 1))
    assert still["mu"] == moved["mu"]
    assert still["rebuilt"] != moved["rebuilt"]
    assert moved == again


def test_an_example_is_rebuilt_close_to_itself():
    answer = encode.encode(request(pixels=encode.example({"model": NAME, "seed": 2})))
    x = torch.tensor(list(base64.b64decode(encode.example({"model": NAME, "seed": 2}))))
    assert (torch.tensor(pixels(answer["rebuilt"])) - x).abs().float().mean() < 20
    assert sum(answer["kl"]) > 5


@pytest.mark.parametrize("path", _interpolate.PATHS)
def test_interpolation_begins_and_ends_at_its_seeds(path):
    settings = _models.SPACE.settings(NAME, 0, 1, 2, path)
    _, x = _models.SPACE.way(settings, path, 5)
    for seed, picture in ((1, x[0]), (2, x[4])):
        z = torch.tensor([_models.draw(NAME, seed)])
        assert torch.allclose(_models.decode(core.load(NAME), z)[0], picture, atol=1e-3)
    strips, moving = _models.SPACE.show(NAME, 0, 1, 2, path)
    assert strips.count("<img") == 2 * _interpolate.SHOWN
    gif = base64.b64decode(moving.split("base64,")[1].split('"')[0])
    assert _checks.picture(gif).n_frames > 40  # equal neighbours are merged into one


Z_TEXT = ",".join(["0.5"] * 16)


@pytest.mark.parametrize(
    ("part", "query", "found"),
    [
        (
            "plane",
            {"model": NAME, "a": "2", "b": "5", "z": Z_TEXT},
            lambda v: (v["a"], v["b"], v["z"]) == (2, 5, [0.5] * 16),
        ),
        ("encode", {"model": NAME, "pixels": DRAWING, "seed": "3"}, lambda v: (v["pixels"], v["seed"]) == (DRAWING, 3)),
        ("interpolate", {"model": NAME, "from": "3", "to": "4", "path": "straight"}, lambda v: v == NAME),
        ("beta", {"digit": "7"}, lambda v: v == "7"),
        ("train", {"factors": "turn", "beta": "2.5", "seed": "6"}, lambda v: v == "turn"),
    ],
)
def test_a_link_fills_its_part_and_no_other(part, query, found):
    with gr.Blocks():
        places = vae.build_tab()
    answer = vae.restore({"tab": "vae", "part": part, **query})
    assert len(answer) == len(places)
    first = sum(list(vae.PARTS.values())[: list(vae.PARTS).index(part)])
    filled = [k for k, value in enumerate(answer[1:]) if value != gr.skip()]
    assert filled == list(range(first, first + vae.PARTS[part]))
    assert found(answer[1 + first])
    for field in query:
        with pytest.raises(_checks.InputError):
            vae.restore({"tab": "vae", "part": part, **query, field: "\x00?"})


@pytest.mark.parametrize(
    ("save", "restore", "wanted"),
    [
        (plane.save, plane.restore, {"model": NAME, "a": 2, "b": 5, "z": [0.5] * 16}),
        (encode.save, encode.restore, {"pixels": DRAWING, "seed": 3}),
    ],
)
def test_a_saved_picture_of_a_part_brings_its_settings_back(save, restore, wanted):
    png = save(request(**wanted))
    value = restore({"png": png})
    assert {key: value[key] for key in wanted} == wanted
    with pytest.raises(_checks.InputError, match="another part"):
        explore.restore({"png": png})


def test_the_beta_family_shows_every_member():
    page = beta.show("3")
    assert all(f"β = {b:g}" in page for b in beta.BETAS)
    assert page.count("<img") == 1 + 7 * len(beta.BETAS)


def test_a_live_training_lowers_the_loss_and_ends_with_its_steps(monkeypatch):
    monkeypatch.setattr(live, "STEPS", 60)
    frames = list(live.train("position", 1.0, 0))
    assert [f["step"] for f in frames] == [10, 20, 30, 40, 50, 60]
    assert frames[-1]["losses"]["reconstruction"] < 0.7 * frames[0]["losses"]["reconstruction"]
    assert frames == list(live.train("position", 1.0, 0))


BAD = {
    "model": [None, 3, "vae", "../vae-mnist", "lenet-mnist", ["vae-mnist"], "x" * 100_000],
    "z": [None, "", "0,0", "a,b", Z[1:], [*Z[1:], math.nan], [*Z[1:], math.inf], [*Z[1:], 7], [*Z[1:], "1"], [Z], {}],
    "seed": [-1, 1.5, 2**31, math.nan, "x", [], True],
    "dimension": [-1, 16, 0.5, None, "0", math.nan, True],
    "a": [-1, 16, None, "0", math.inf],
    "b": [0, 99, None],
    "pixels": [None, 5, "", "AAAA", "!" * 1048, "A" * 10_000_000],
    "png": [None, 5, "", "AAAA", "A" * 10_000_000, DRAWING],
}
CALLS = [
    (explore.decode, ("model", "z")),
    (explore.sweep, ("model", "z", "dimension")),
    (explore.draw, ("model", "seed")),
    (explore.save, ("model", "z", "seed")),
    (explore.restore, ("png",)),
    (plane.plane, ("model", "z", "a", "b")),
    (encode.encode, ("model", "pixels", "seed")),
    (_pictures.centre, ("pixels",)),
    (_pictures.open_picture, ("png",)),
    (encode.example, ("model", "seed")),
    (encode.save, ("model", "pixels", "seed")),
    (encode.restore, ("png",)),
    (plane.save, ("model", "z")),
    (plane.restore, ("png",)),
]


@pytest.mark.parametrize(("call", "fields"), CALLS, ids=[call.__name__ for call, _ in CALLS])
def test_bad_requests_get_one_sentence(call, fields):
    requests = [request(**{field: bad}) for field in fields for bad in BAD[field]]
    for bad in [*requests, None, 5, "x", [], [1, 2]]:
        answer = _checks.guarded(call)(bad)
        assert list(answer) == ["error"], bad
        assert answer["error"].count(".") <= 3
        assert answer["error"] != _checks.UNKNOWN, bad
        assert len(answer["error"]) < 300


@pytest.mark.parametrize(
    "call",
    [
        lambda: SHOW("x", 0, 1, 2, "straight"),
        lambda: SHOW(NAME, 0, None, 2, "straight"),
        lambda: SHOW(NAME, 0, 1, 2, "curved"),
        lambda: beta.show("11"),
        lambda: explore.choose(["vae-mnist"]),
        lambda: list(live.train("colour", 1, 0)),
        lambda: list(live.train("position", math.nan, 0)),
        lambda: list(live.train("position", 1, -1)),
        lambda: plane.refresh(None, None),
        lambda: plane.to_sliders({"model": NAME, "z": [math.nan] * 16}),
        lambda: vae.vae_decode([1.0]),
        lambda: vae.vae_encode("AAAA"),
        lambda: vae.vae_sample(-1),
    ],
)
def test_bad_events_raise_a_sentence_for_the_page(call):
    with pytest.raises(gr.Error) as caught:
        call()
    assert caught.value.message != _checks.UNKNOWN


@pytest.mark.parametrize(
    "change",
    [{"z": "1,2"}, {"z": "nan" + ",0" * 15}, {"model": "x"}, {"seed": "-1"}, {"seed": "9" * 30}, {"z": "9," * 90_000}],
)
def test_a_tampered_link_gets_one_sentence(change):
    query = {"tab": "vae", "model": NAME, "seed": "0", "z": ",".join(["0"] * 16), **change}
    with pytest.raises(_checks.InputError):
        vae.restore(query)


def test_a_missing_checkpoint_is_one_sentence_and_the_tab_still_builds(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    _models.reading.cache_clear()
    with gr.Blocks():
        vae.build_tab()
    answer = _checks.guarded(explore.decode)(request())
    assert answer["error"].startswith("There is no checkpoint 'vae-mnist'")
