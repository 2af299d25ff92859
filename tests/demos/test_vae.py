"""The VAE tab: what its parts show, without a server. What holds for all parts is in test_tabs.py."""

import base64
import dataclasses
import io
import math
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from demos._ui import digits, distributions, errors, interpolation, validation
from demos._ui.tab import opened, streamed
from demos.vae import TAB, _models, _own, beta, encode, plane, sliders, train
from demos.vae._api import vae_decode, vae_encode, vae_sample, vae_train
from genai_core import evaluation, vae
from genai_core.common import checkpoints
from genai_core.data import sprites, uploads
from genai_core.vae import live

NAME = "vae-mnist"
Z = [0.0] * 16
DRAWING = base64.b64encode(bytes(784)).decode()


def request(**changes):
    return {"model": NAME, "z": Z, "seed": 0, "dimension": 0, "pixels": DRAWING, **changes}


def pixels(png):
    return list(validation.saved_png(base64.b64decode(png)).convert("L").tobytes())


def test_decode_gives_the_models_own_picture():
    z = _models.draw(NAME, 3)
    model = vae.load(NAME)
    with torch.inference_mode():
        expected = model.decode(torch.tensor([z]).to(checkpoints.default_device())).cpu()
    assert pixels(sliders.decode(request(z=z))) == (expected * 255).round().byte().flatten().tolist()


def test_the_same_seed_gives_the_same_picture_everywhere():
    settings = sliders.PART.parse({"seed": 5})
    assert settings["z"] == vae_sample(5)[1]["z"] == _models.draw(NAME, 5)
    assert sliders.show(**settings)["picture"] == sliders.show(**sliders.PART.parse({"seed": "5"}))["picture"]
    assert sliders.show(**sliders.PART.parse({"seed": 6}))["picture"] != sliders.show(**settings)["picture"]


def test_dimensions_come_strongest_first_and_collapsed_ones_are_marked():
    for name in _models.NAMES:
        kl = [d["weight"] for d in _models.dimensions(name)]
        assert kl == sorted(kl, reverse=True)
        assert all(d["off"] == (d["weight"] < vae.ACTIVE) for d in _models.dimensions(name))


def test_a_sweep_moves_one_dimension_and_passes_the_point_itself():
    strips = sliders.sweep(request(dimension=_models.dimensions(NAME)[0]["i"]))
    assert len(strips) == 9
    assert pixels(strips[4]) == pixels(sliders.decode(request()))
    assert pixels(strips[0]) != pixels(strips[8])


def test_the_plane_holds_the_pictures_of_its_points():
    value = plane.PART.value(plane.PART.parse({"z": Z, "a": 2, "b": 5}))
    sheet = torch.tensor(pixels(value["sheet"]), dtype=torch.uint8).view(25 * 28, 25 * 28)
    z = list(Z)
    z[2], z[5] = -_models.LIMIT, _models.LIMIT  # the upper left tile
    one = torch.tensor(pixels(sliders.decode(request(z=z)))).view(28, 28)
    assert (sheet[:28, :28].int() - one).abs().max() <= 1


def test_points_of_the_plane_are_the_encoded_test_digits(mnist):
    found = plane.points(NAME, 0, 3)
    mu, _ = vae.load(NAME).encode(mnist[0][:1].to(checkpoints.default_device()))
    xy = distributions.unpacked(found["xy"], "xy", 500, 2 * _models.LIMIT)
    assert xy[0] == pytest.approx([float(mu[0, 0]), float(mu[0, 3])], abs=0.01)
    assert base64.b64decode(found["classes"])[0] == int(mnist[1][0])


@pytest.mark.parametrize("name", _models.NAMES)
def test_the_plane_has_its_points_without_data(name, tmp_path, monkeypatch):
    monkeypatch.setenv("GENAI_DATA", str(tmp_path))
    plane.encoded.cache_clear()
    found = plane.PART.value(plane.PART.parse({"model": name}))["points"]
    assert len(distributions.unpacked(found["xy"], "xy", 500, 2 * _models.LIMIT)) == 500
    assert set(base64.b64decode(found["classes"])) == set(range(len(found["names"]))) == set(range(10))


def test_the_plane_works_without_its_points(tmp_path, monkeypatch):
    missing = dataclasses.replace(plane.means.MEANS, file="missing")
    monkeypatch.setattr(plane, "encoded", missing.load)
    assert plane.PART.value(plane.PART.parse({}))["points"]["classes"] == ""


def test_usual_norms_hold_nine_draws_in_ten():
    """In two dimensions, |z| of a draw is Rayleigh-distributed: P(|z| < r) = 1 - exp(-r^2 / 2)."""
    low, high = _models.usual_norms("vae-mnist-2d")
    assert math.exp(-(low**2) / 2) == pytest.approx(0.95, abs=0.005)
    assert math.exp(-(high**2) / 2) == pytest.approx(0.05, abs=0.005)
    low, high = _models.usual_norms(NAME)
    assert 2.7 < low < 4 < high < 5.3


def outcome(label):
    """A preset's settings, its picture, and what the LeNet reads in it."""
    (preset,) = (one for one in sliders.PART.presets if one.label == label)
    settings = sliders.PART.parse(preset.given())
    x = _models.picture(settings["model"], settings["z"])
    classifier = evaluation.evaluation_classifier(vae.RECIPES[settings["model"]].dataset)
    return settings, x, evaluation.read(classifier, x)[0]


def test_presets_of_the_sliders_come_true():
    _, _, read = outcome("The average digit")
    assert read.argmax() == 8
    assert read.max() < 0.6  # not a sure one
    assert outcome("Between two digits")[2].argmax() == 9

    _, x, _ = outcome("Far outside")
    half = _models.picture(NAME, _models.draw(NAME, 7))
    assert (x > 0.9).sum() > 1.3 * (half > 0.9).sum()  # saturated

    _, x, read = outcome("Garments")
    assert read[[0, 2, 4, 6]].sum() > 0.8  # of those with sleeves
    assert (x[0, 0, 8:20, 11:17].std()) < 0.03  # an outline, and nothing within

    _, _, read = outcome("Two numbers only")
    assert read.max() > 0.8  # the kind of digit is there


def test_presets_of_the_training_come_true():
    """After a hundred of its steps, by the share of a factor's variance that the means explain."""
    found = {}
    for preset in train.PART.presets:
        settings = train.PART.parse(preset.given())
        options = {"vary": train.FACTORS[settings["factors"]], "beta": settings["beta"], "seed": settings["seed"]}
        frame = next(f for f in live.train_vae(**options, steps=train.STEPS, seconds=600) if f.step == 100)
        mu, factors = torch.tensor(frame.scatter) / 100, torch.tensor(frame.factors)
        told = torch.cat([mu, mu**2, mu[:, :1] * mu[:, 1:], torch.ones(len(mu), 1)], 1)
        rest = factors - told @ torch.linalg.lstsq(told, factors).solution
        found[preset.label] = (1 - rest.var(0) / factors.var(0), frame.losses)
    shape, size, turn, across, down = range(5)
    assert (found["A map of positions"][0][[across, down]] > 0.9).all()
    told, _ = found["Too many factors"]
    assert (told[[across, down]] > 0.9).all()
    assert (told[[shape, size, turn]] < 0.2).all()
    told, strict = found["β = 16"]
    plain = found["A map of positions"][1]
    assert (told[[across, down]] > 0.9).all()  # both latents survive
    assert strict["kl"] < 0.5 * plain["kl"]
    assert strict["reconstruction"] > 1.3 * plain["reconstruction"]


def test_resampling_moves_the_code_by_its_sigma():
    x = torch.zeros(1, 1, 28, 28)
    still, moved, again = (encode.posterior(vae.load(NAME), x, seed) for seed in (0, 1, 1))
    assert torch.equal(still[0], moved[0])
    assert not torch.equal(still[2], moved[2])
    assert torch.equal(moved[2], again[2])


def test_an_example_is_rebuilt_close_to_itself():
    answer = encode.encode(request(pixels=encode.example({"model": NAME, "seed": 2})))
    x = torch.tensor(list(base64.b64decode(encode.example({"model": NAME, "seed": 2}))))
    assert (torch.tensor(pixels(answer["rebuilt"])) - x).abs().float().mean() < 20
    assert sum(answer["kl"]) > 5


@pytest.mark.parametrize("path", interpolation.PATHS)
def test_interpolation_begins_and_ends_at_its_seeds(path):
    _, x = _models.SPACE.path(NAME, "0", (1, 2), path, 5)
    for seed, picture in ((1, x[0]), (2, x[4])):
        z = torch.tensor([_models.draw(NAME, seed)])
        assert torch.allclose(_models.decode(vae.load(NAME), z)[0], picture, atol=1e-3)
    html = interpolation.strips(_models.SPACE, NAME, "0", 1, 2, path)
    assert html.count("<img") == 2 * interpolation.SHOWN + 1
    gif = base64.b64decode(html.split("image/gif;base64,")[1].split('"')[0])
    assert Image.open(io.BytesIO(gif)).n_frames > 40  # equal neighbours are merged into one


def test_links_of_older_versions_still_open():
    path = TAB.part("interpolate").parse({"model": NAME, "from": "3", "to": "4", "path": "straight", "label": "0"})
    assert (path["from_seed"], path["to_seed"]) == (3, 4)
    assert train.PART.parse({"factors": "turn", "beta": "2.5", "seed": "6"})["factors"] == "rotation"


def zipped(n, **more):
    """A zip of n sprites as PNG files, in base64."""
    buffer = io.BytesIO()
    x = sprites.sprites(n, generator=torch.Generator().manual_seed(5))[0]
    with zipfile.ZipFile(buffer, "w") as archive:
        for k, one in enumerate(x):
            archive.writestr(f"{k:03}.png", base64.b64decode(_models.png(one[None])))
        for name, content in more.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def sent(*files):
    """A request with files, each a name and its bytes."""
    return {"files": [{"name": name, "data": base64.b64encode(data).decode()} for name, data in files]}


def test_own_pictures_are_learned_as_the_code_that_is_shown_does(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "STEPS", 20)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures.zip").write_bytes(zipped(45, notes=b"no picture"))
    answer = _own.read_pictures(sent(("pictures.zip", (tmp_path / "pictures.zip").read_bytes())))
    assert answer["count"] == 45
    assert answer["said"].startswith("45 of 46 files, each whole, in grey")
    assert "notes: The file is not a picture" in answer["said"]
    settings = train.PART.parse({"factors": train.OWN})
    run = streamed(train.PART)({"ask": {"settings": settings, "run": "1", "pictures": answer["pixels"]}})
    *_, last, over = [value for value in run if isinstance(value, dict) and ("step" in value or "over" in value)]
    assert (last["step"], last["held_out"], over.get("error")) == (20, 4, None)
    assert set(last["elbo"]) == {"training", "held out"}
    exec(compile(train.code(**settings), "code", "exec"), {"__name__": "__main__"})
    wanted = train.picture(**settings, shown=last)
    assert Image.open("picture.png").convert("L").tobytes() == wanted.convert("L").tobytes()


def test_own_pictures_are_what_is_saved_before_a_training():
    settings = train.PART.parse({"factors": train.OWN})
    answer = _own.read_pictures(sent(("a.zip", zipped(20))))
    sheet = np.asarray(train.picture(**settings, shown={"pictures": answer["pixels"]}).convert("L"))
    first = np.frombuffer(base64.b64decode(answer["pixels"]), np.uint8)[:784].reshape(28, 28)
    assert any((sheet[y : y + 28, x : x + 28] == first).all() for y in range(3) for x in range(3))


def test_a_link_to_a_training_on_own_pictures_opens_and_says_that_it_holds_none():
    link = {"tab": "vae", "part": "train", **train.PART.table.to_text(train.PART.parse({"factors": train.OWN}))}
    assert opened((TAB,), link)["value"]["own"]
    value = list(streamed(train.PART)({"ask": {"settings": {"factors": train.OWN}, "run": "1"}}))[-1]
    assert "a link or a saved picture does not hold them" in value["error"]
    with pytest.raises(validation.InputError, match="does not hold them"):
        train.picture(**train.PART.parse({"factors": train.OWN}))
    with pytest.raises(validation.InputError, match="in the page"):
        next(vae_train(train.OWN))


FILES = {
    "too few": (sent(("a.zip", zipped(15))), "15 of 15 files can be read as pictures, and a training needs 16."),
    "foreign": (sent(("a.txt", b"words"), ("b.zip", b"PK damaged")), "0 of 2 files can be read as pictures"),
    "too large": (sent(("a.png", bytes(7_000_000)), ("b.png", bytes(7_000_000))), "larger than 12 MB together"),
    "none": ({"files": []}, "at least 16 picture files of your own"),
    "too many": (sent(*[("a.png", b"")] * 1001), "at most 1,000 at a time"),
    "no name": ({"files": [{"data": ""}]}, "The name of a file must be text."),
    "no base64": ({"files": [{"name": "a.png", "data": "!"}]}, "That file is not valid base64."),
    "no files": ({"files": "a.png"}, "Open a zip archive"),
    "no object": ({"files": [7]}, "Each file must be an object"),
}


@pytest.mark.parametrize(("request_", "sentence"), FILES.values(), ids=FILES)
def test_files_that_no_training_can_learn_get_a_sentence(request_, sentence):
    answer = errors.guarded(_own.read_pictures)(request_)
    assert sentence in answer["error"]
    assert len(answer["error"]) < 400


@pytest.mark.parametrize("bad", [5, "", "AAAA", "!", base64.b64encode(bytes(784 * 501)).decode(), ["A"]])
def test_packed_pictures_of_another_size_are_refused(bad):
    with pytest.raises(validation.InputError):
        _own.pictures(bad)


def test_of_many_pictures_five_hundred_are_taken(monkeypatch):
    monkeypatch.setattr(uploads, "PICTURES", 20)  # sooner
    said = _own.read_pictures(sent(("a.zip", zipped(22))))["said"]
    assert said.startswith("20 of 22 files")
    assert "Only 20 pictures are taken at a time" in said


def test_the_beta_family_shows_every_member():
    page = beta.show("3")
    assert all(f"β = {b:g}" in page for b in beta.BETAS)
    assert page.count("<img") == 1 + 7 * len(beta.BETAS)


def test_a_live_training_lowers_the_loss_and_ends_with_its_steps(monkeypatch):
    monkeypatch.setattr(train, "STEPS", 60)
    frames = [f for f in train.train("position", 1.0, 0) if f]
    assert [f["step"] for f in frames] == [10, 20, 30, 40, 50, 60]
    assert frames[-1]["losses"]["reconstruction"] < 0.7 * frames[0]["losses"]["reconstruction"]
    assert frames == [f for f in train.train("position", 1.0, 0) if f]


BAD = {
    "model": [None, 3, "vae", "../vae-mnist", "lenet-mnist", ["vae-mnist"], "x" * 100_000],
    "z": [None, "", "0,0", "a,b", Z[1:], [*Z[1:], math.nan], [*Z[1:], math.inf], [*Z[1:], 7], [*Z[1:], "1"], [Z], {}],
    "seed": [-1, 1.5, 2**31, math.nan, "x", [], True],
    "dimension": [-1, 16, 0.5, None, "0", math.nan, True],
    "pixels": [None, 5, "", "AAAA", "!" * 1048, "A" * 10_000_000],
    "png": [None, 5, "", "AAAA", "A" * 10_000_000, DRAWING],
}
CALLS = [
    (sliders.decode, ("model", "z")),
    (sliders.sweep, ("model", "z", "dimension")),
    (encode.encode, ("model", "pixels", "seed")),
    (encode.example, ("model", "seed")),
    (digits.centre, ("pixels",)),
    (digits.open_picture, ("png",)),
]


@pytest.mark.parametrize(("call", "fields"), CALLS, ids=[call.__name__ for call, _ in CALLS])
def test_bad_requests_get_one_sentence(call, fields):
    requests = [request(**{field: bad}) for field in fields for bad in BAD[field]]
    for bad in [*requests, None, 5, "x", [], [1, 2]]:
        answer = errors.guarded(call)(bad)
        assert list(answer) == ["error"], bad
        assert answer["error"].count(".") <= 3
        assert answer["error"] != errors.UNKNOWN, bad
        assert len(answer["error"]) < 300


@pytest.mark.parametrize(
    "call",
    [lambda: vae_decode([1.0]), lambda: vae_encode(b"AAAA"), lambda: vae_sample(-1), lambda: vae_sample(0, "x")],
)
def test_a_bad_call_of_the_api_is_an_input_error(call):
    with pytest.raises(validation.InputError):
        call()


@pytest.mark.parametrize("change", [{"a": "3", "b": "3"}, {"a": "16"}, {"a": "-1"}, {"model": "vae-mnist-2d", "b": 2}])
def test_a_plane_has_two_dimensions_of_its_model(change):
    with pytest.raises(validation.InputError):
        plane.PART.parse(change)


def test_a_missing_checkpoint_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    answer = errors.guarded(sliders.decode)(request())
    assert answer["error"].startswith("There is no checkpoint 'vae-mnist'")


# --- what presets say


def given(part, label):
    (preset,) = [preset for preset in part.presets if preset.label == label]
    return part.parse(preset.given())


def read(x):
    """The digits that the evaluation classifier reads."""
    with torch.inference_mode():
        return evaluation.evaluation_classifier("mnist")(x).argmax(1)


def seen_in_the_plane(label):
    sheet = plane.picture(**given(plane.PART, label))
    tiles = torch.from_numpy(np.asarray(sheet.convert("L"), dtype=np.float32) / 255).view(25, 28, 25, 28)
    return tiles.transpose(1, 2).reshape(625, 1, 28, 28)


def test_the_plane_of_two_latents_mixes_4_7_and_9_and_parts_0_and_1():
    mu, y = plane.encoded("vae-mnist-2d")
    some = torch.randperm(len(mu), generator=torch.Generator().manual_seed(0))[:1000]
    near = y[torch.cdist(mu[some], mu).topk(11, largest=False).indices[:, 1:]]
    among = torch.stack([torch.bincount(near[y[some] == k].flatten(), minlength=10) for k in range(10)])
    assert set(among[9].topk(3).indices.tolist()) == {4, 7, 9}
    assert all(set(among[k].topk(3).indices.tolist()) == {3, 5, 8} for k in (5, 8))
    centres = torch.stack([mu[y == k].mean(0) for k in range(10)])
    distances = torch.cdist(centres, centres)
    assert float(distances[0, 1]) == float(distances.max())


def test_a_plane_of_two_of_sixteen_crosses_a_few_digits_and_the_weakest_only_styles():
    assert 2 <= (torch.bincount(read(seen_in_the_plane("Two of sixteen")), minlength=10) > 10).sum() <= 6
    weak = seen_in_the_plane("The two weakest")
    assert len(read(weak).unique()) == 1
    assert float(weak.std(0).max()) > 0.2


def test_what_the_presets_of_encode_say():
    own = digits.drawing(encode.generated("vae-mnist", 2))
    usual, figures = encode.encoded("vae-mnist", 0, digits.packed(own))
    empty, unsure = encode.encoded(**given(encode.PART, "An empty picture"))
    assert float(empty.mean()) > 0.5 * float(usual.mean())  # there are strokes
    assert sum(a > b for a, b in zip(unsure["sigma"], figures["sigma"], strict=True)) > 12
    settings = given(encode.PART, "At the edge")
    corner, costly = encode.encoded(**settings)
    x = digits.drawing(settings["pixels"])
    assert float((corner - x).abs().mean()) > 8 * float((usual - own).abs().mean())
    assert sum(costly["kl"]) > 2 * sum(figures["kl"])
    assert read(digits.drawing(encode.generated("vae-mnist", 11))).tolist() == [0]
    rebuilt, _ = encode.encoded(**given(encode.PART, "Half a digit"))
    assert float(rebuilt[..., 14:].sum()) < 0.3 * float(rebuilt[..., :14].sum())


def test_what_the_presets_of_beta_say():
    measured = {b: checkpoints.read_json(beta.name_of(b), "metrics.json") for b in beta.BETAS}
    assert measured[16.0]["active_dimensions"] == 5
    assert f"{measured[16.0]['rate']:.1f}" == "1.9"
    rebuilt = torch.cat(
        [beta.reconstruction(vae.load(beta.name_of(16.0)), beta.digit_picture(str(k))) for k in range(10)]
    )
    assert (read(rebuilt) == read(rebuilt).mode().values).sum() >= 8
    assert max(measured, key=lambda b: measured[b]["elbo"]) == 1.0
    assert min(measured, key=lambda b: measured[b]["distortion"]) == 0.25
