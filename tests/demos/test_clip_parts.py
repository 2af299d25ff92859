"""The parts Classify, Map and Fail of the CLIP tab, without a server. What holds for all parts is in test_tabs.py."""

import base64
import contextlib
import io
import json
import math

import pytest
import torch
from PIL import Image

from demos._ui import errors, sharing, tab, validation
from demos.clip import TAB, _accuracy, _models, _projection, _words, classify, fail
from demos.clip import map as map_part
from genai_core.clip import evaluation, explain, gallery
from genai_core.common import checkpoints
from genai_core.data import scenes
from genai_core.data.scenes.world import COLOURS, SHAPES

NAME = "clip-scenes"


def shown(part, **settings):
    """The stage's value for these settings."""
    return part.value(part.parse(settings))


def executed(part, **settings):
    """What the part's program prints, and its variables."""
    names = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(part.code(**part.parse(settings)), part.id, "exec"), names)
    return out.getvalue().removesuffix("\n"), names


def uploaded(colour="red", side=300):
    buffer = io.BytesIO()
    Image.new("RGB", (side, side // 2), colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


# --- a classifier made of words ---------------------------------------------------------------------------------------


def test_the_cosines_are_those_of_the_ensemble_and_its_probabilities_sum_to_one():
    value = shown(classify.PART, scene=40, labels="circle\nheart", templates="a {}\na picture of a {}")
    model = _models.load(NAME)
    picture = model.encode_image(gallery.pictures([40]))
    texts = explain.ensemble(model, ["circle", "heart"], ["a {}", "a picture of a {}"])
    assert [row["cosine"] for row in value["rows"]] == pytest.approx((picture @ texts.T)[0].tolist(), abs=1e-4)
    expected = explain.probabilities(picture, texts, value["learned"])[0].tolist()
    assert classify.shares(**value["settings"])[0] == pytest.approx(expected, abs=1e-4)
    assert sum(expected) == pytest.approx(1)
    assert value["low"] < value["learned"] < value["high"]
    assert value["learned"] == pytest.approx(1 / float(model.scale))


def test_an_ensemble_of_one_template_is_that_template():
    value = shown(classify.PART, scene=3, templates="a {} object")
    for row in value["rows"]:
        alone = _models.of_text(NAME, f"a {row['label']} object") @ _models.of_scene(NAME, 3)
        assert row["cosine"] == pytest.approx(float(alone), abs=1e-4)


def test_the_truth_of_a_label_is_that_of_the_scene():
    how_many = next(preset for preset in classify.PART.presets if preset.label == "How many?").given()
    for i in range(12):
        things = gallery.world(12)[i].things
        rows = shown(classify.PART, scene=i)["rows"]
        assert {row["label"] for row in rows if row["right"]} == {thing.kind.colour for thing in things}
        value = shown(classify.PART, **{**how_many, "scene": i})
        assert [row["right"] for row in value["rows"]] == [len(things) == n for n in (1, 2, 3, 4)]


def test_a_label_whose_words_say_nothing_is_neither_right_nor_wrong_and_named():
    rows = shown(classify.PART, labels="a zebra\nred\na red circle", templates="{}", scene=17)["rows"]
    assert [row["right"] for row in rows] == [None, True, False]
    assert [row["unknown"] for row in rows] == [["zebra"], [], []]
    assert shown(classify.PART, templates="an etching of {}")["unknown"] == ["etching"]
    assert _words.meaning("red", ("it looks {}",)) == scenes.parse("red")
    assert _words.meaning("circle", ("a {}", "no {}")) is None  # two templates that say different things


def test_the_accuracy_is_counted_over_scenes_with_exactly_one_true_label():
    found = classify.accuracy({})
    assert found["chance"] == 1 / 8
    assert found["alone"] is None
    assert found["n"] == _accuracy.COUNTED
    world, right, counted = gallery.world(_accuracy.LOOKED), 0, 0
    texts = _models.load(NAME).encode_text([f"a {colour} object" for colour in COLOURS])
    guesses = (gallery.load(NAME)[: _accuracy.LOOKED] @ texts.T).argmax(1).tolist()
    for scene, guess in zip(world, guesses, strict=True):
        colours = {thing.kind.colour for thing in scene.things}
        if len(colours) == 1 and counted < found["n"]:
            counted += 1
            right += colours == {COLOURS[guess]}
    assert found["right"] == pytest.approx(right / counted)
    several = classify.accuracy({"templates": "a {} object\na picture of a {} thing"})
    assert several["alone"] == found["right"]
    assert "first template alone 100 %" in several["sentence"]
    assert classify.accuracy({"labels": "a zebra\nred"}) is None
    assert classify.accuracy({"labels": "red"}) is None
    assert classify.accuracy({"labels": "four red circles\nno object", "templates": "{}"}) is None  # too few


def test_a_share_that_is_chance_is_said_to_be_chance():
    presets = {preset.label: classify.accuracy(preset.given()) for preset in classify.PART.presets[:-1]}
    assert "That is chance" in presets["Where?"]["sentence"]
    assert "worse than chance" in presets["A template of “no”"]["sentence"]
    assert "chance:" not in presets["Which colour?"]["sentence"].replace("by chance", "")
    assert "That is" not in presets["How many?"]["sentence"]
    assert _accuracy.sentence(None) == ""


def test_the_template_of_no_chooses_what_is_there():
    preset = next(preset for preset in classify.PART.presets if "no" in preset.label.split("“")[-1])
    rows = shown(classify.PART, **preset.given())["rows"]
    best = max(rows, key=lambda row: row["cosine"])
    assert [row["right"] for row in rows].count(True) == 1
    assert not best["right"]
    assert classify.accuracy({**preset.given(), "templates": "a {}"})["right"] > 0.95


def test_another_picture_has_one_right_answer_and_the_same_seed_gives_it_again():
    first = classify.another({"seed": 5})
    assert [row["right"] for row in shown(classify.PART, **first)["rows"]].count(True) == 1
    assert classify.another({"seed": 5}) == first != classify.another({"seed": 6})


def test_an_own_picture_is_looked_at_and_fits_into_a_link_and_a_saved_picture():
    picture = classify.own({"picture": uploaded("red")})
    value = shown(classify.PART, picture=picture)
    assert value["caption"] == ""
    assert all(row["right"] is None for row in value["rows"])
    png = sharing.saved(TAB, classify.PART, {"settings": {"picture": picture}})
    assert sharing.opened(TAB, classify.PART, {"png": png})["value"] == value
    noise = Image.effect_noise((200, 200), 200).convert("RGB")
    buffer = io.BytesIO()
    noise.save(buffer, "PNG")
    assert len(classify.own({"picture": base64.b64encode(buffer.getvalue()).decode()})) < classify.KEPT


@pytest.mark.parametrize(("written", "temperature"), [("learnt", "learned"), ("learned", "learned"), ("0.05", 0.05)])
def test_links_of_older_versions_still_open(written, temperature):
    link = {"tab": "clip", "part": "classify", "scene": "17", "labels": "red\nblue", "temperature": written}
    opened = tab.opened([TAB], link)
    assert opened["settings"]["temperature"] == temperature
    assert opened["value"] == shown(classify.PART, scene=17, labels="red\nblue", temperature=temperature)


@pytest.mark.parametrize("settings", [{"temperature": 0.05, "templates": "a {}\n{}"}, {"picture": "red"}])
def test_the_program_of_a_classifier_prints_its_shares(settings):
    if "picture" in settings:
        settings = {"picture": classify.own({"picture": uploaded(settings["picture"])})}
    assert executed(classify.PART, **settings)[0] == classify.says(**classify.PART.parse(settings))


# --- the map ----------------------------------------------------------------------------------------------------------


def test_the_map_shows_the_pictures_it_says_with_their_true_classes():
    value = shown(map_part.PART)
    world = gallery.world(_accuracy.LOOKED)
    assert len(value["points"]) == len(value["scenes"]) == len(value["classes"]) == _projection.POINTS
    for i, c in zip(value["scenes"], value["classes"], strict=True):
        assert len(world[i].things) == 1
        assert value["names"][c] == world[i].things[0].kind.colour
    several = shown(map_part.PART, which="all", attribute="shape")
    assert several["scenes"] == list(range(_projection.POINTS))
    for i, c in zip(several["scenes"], several["classes"], strict=True):
        shapes = {thing.kind.shape for thing in world[i].things}
        assert (c == len(SHAPES)) == (len(shapes) > 1)
    for attribute, names in _projection.ATTRIBUTES.items():
        assert len(_projection.COLOURS[attribute]) == len(names)
        assert max(_projection.groups("all")[attribute]) <= len(names)


def test_moved_together_both_kinds_have_one_centre_and_apart_they_do_not():
    together, apart = (shown(map_part.PART, axes="both", together=t) for t in (1, 0))
    centres = [[torch.tensor(v[key]).mean(0) for key in ("points", "diamonds")] for v in (together, apart)]
    torch.testing.assert_close(*centres[0], atol=1e-3, rtol=0)
    assert (centres[1][0] - centres[1][1]).norm() > 0.5 * apart["gap"]["apart"] > 0
    for value in (together, apart):
        assert 0 < sum(value["share"]) <= 1
        assert value["share"] == sorted(value["share"], reverse=True)


def test_axes_of_the_texts_need_both_kinds_in_one_place():
    assert map_part.PART.parse({"together": "0", "axes": "texts"})["axes"] == "both"
    assert map_part.PART.parse({"together": "1", "axes": "texts"})["axes"] == "texts"
    settings = map_part.PART.parse({"together": 0, "which": "all", "texts": "a star\na heart"})
    assert executed(map_part.PART, **settings)[0] == map_part.says(**settings)


def test_neighbours_of_one_class_are_counted_as_one_would_by_hand():
    x = torch.tensor([[0.0, 0], [0, 1], [9, 9], [9, 8], [0, 2], [9, 7], [1, 1], [8, 8], [1, 0], [8, 9], [1, 2], [8, 7]])
    assert _projection.alike(x, [0, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1]) == 1
    assert _projection.alike(x, list(range(12))) == 0
    assert _projection.chance([0, 0, 1, 1]) == pytest.approx(1 / 3)


def test_a_picture_names_its_nearest_texts():
    found = map_part.look({"scene": 5})
    texts = map_part.COLOUR_TEXTS.split("\n")
    cosines = _models.load(NAME).encode_text(texts) @ _models.of_scene(NAME, 5)
    assert [k for k, _ in found["nearest"]] == cosines.topk(3).indices.tolist()
    assert found["caption"] == scenes.say(scenes.complete(gallery.world(6)[5]))
    assert len(map_part.look({"scene": 5, "texts": "red"})["nearest"]) == 1
    tiles = _projection.sheet("single")
    assert tiles.size == (20 * _projection.TILE, 20 * _projection.TILE)


# --- where it fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", evaluation.PROBES)
def test_each_case_is_a_picture_of_the_true_caption_and_not_of_the_false(kind):
    value = shown(fail.PART, probe=kind, seed=3)
    some = fail.cases(kind, 3)
    assert len(value["cases"]) == fail.CASES
    for case, (true, false, scene) in zip(value["cases"], some, strict=True):
        assert (case["true"], case["false"]) == (true, false)
        assert scenes.holds(scene, scenes.parse(true))
        assert not scenes.holds(scene, scenes.parse(false))
        for name, pair in case["cosines"].items():
            model = _models.load(name)
            expected = (model.encode_image(scenes.render([scene])) @ model.encode_text([true, false]).T)[0]
            assert pair == pytest.approx(expected.tolist(), abs=1e-4)
    assert shown(fail.PART, probe=kind, seed=4)["cases"] != value["cases"]


def test_the_measured_share_is_that_of_the_card_or_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    assert fail.measured("binding") == {}
    for name, share in zip(_models.MODELS, (0.75, 0.5), strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "metrics.json").write_text(json.dumps({"probe_binding": share}))
    assert list(fail.measured("binding").values()) == [0.75, 0.5]
    assert fail.measured("order") == {}


def test_captions_of_ones_own_stay_out_of_the_other_probes():
    own = {"true": "a red star above a circle", "false": "a red star below a circle", "seed": 2}
    others = [fail.PART.parse({**own, "probe": kind}) for kind in evaluation.PROBES]
    assert all("star" not in sharing.described(fail.PART, settings) for settings in others)
    assert "a red star below a circle" in sharing.described(fail.PART, fail.PART.parse({**own, "probe": fail.OWN}))


def test_captions_of_ones_own_are_drawn_and_must_differ_in_truth():
    ask = {"probe": "own", "true": "a red star above a circle", "false": "a red star below a circle", "seed": 2}
    value = shown(fail.PART, **ask)
    assert len(value["cases"]) == 1
    assert value["measured"] == {}
    _, _, scene = fail.own_case(ask["true"], ask["false"], 2)
    assert scenes.holds(scene, scenes.parse(ask["true"]))
    assert not scenes.holds(scene, scenes.parse(ask["false"]))
    for changes, sentence in (
        ({"false": "a star and a circle"}, "true of that picture, too"),
        ({"true": "a circle and no circle"}, "cannot be drawn"),
        ({"true": "a zebra"}, "The true caption cannot be read"),
        ({"false": "a zebra"}, "The false caption cannot be read"),
        ({"true": "on a navy background"}, "cannot be drawn"),
        ({"false": ""}, "The false caption is empty"),
    ):
        with pytest.raises(validation.InputError, match=sentence):
            shown(fail.PART, **{**ask, **changes})


def test_the_program_draws_the_picture_that_is_shown():
    captions = {"true": "one star", "false": "a red star"}
    query = scenes.parse(captions["false"])
    for seed in range(12):
        text, names = executed(fail.PART, probe="own", seed=seed, **captions)
        (case,) = names["cases"]
        assert case == fail.own_case(*captions.values(), seed)
        assert not scenes.holds(case[2], query)
        assert text == fail.says(probe="own", seed=seed, **captions)


# --- what the presets say ---------------------------------------------------------------------------------------------


def preset(part, label, **changes):
    """The stage's value of a preset."""
    (found,) = (one for one in part.PART.presets if one.label == label)
    return shown(part.PART, **{**found.given(), **changes})


def test_presets_of_the_classifier_come_true():
    p, t, value = classify.shares(**preset(classify, "Which colour?")["settings"])
    assert max(p) > 0.95
    assert value["rows"][p.index(max(p))]["right"]
    assert t < 0.05

    settings = preset(classify, "How many?")["settings"]
    assert classify.counted(**settings)["right"] > 0.99
    assert 0.7 < fail.measured("counting")[NAME] < 0.8

    p, _, value = classify.shares(**preset(classify, "Where?")["settings"])
    assert [row["right"] for row in value["rows"]].count(True) == 2
    assert p == pytest.approx([1 / 4] * 4, abs=0.05)

    p, _, value = classify.shares(**preset(classify, "Your own words")["settings"])
    share = {row["label"]: v for row, v in zip(value["rows"], p, strict=True)}
    assert value["rows"][2]["right"]
    assert share["a red thing"] > share["a zebra"] > share["no circle"] > 0


def test_presets_of_the_map_come_true():
    colours = preset(map_part, "Words turn the map")["alike"]
    assert colours["plane"] == pytest.approx(4 / 5, abs=0.05)
    assert colours["chance"] == pytest.approx(1 / 8, abs=0.01)

    shapes = preset(map_part, "The same by shape")
    assert shapes["alike"]["plane"] > 0.95
    assert preset(map_part, "The same by shape", attribute="colour")["alike"]["plane"] < 0.3

    parts = {name: part_of_axes("What varies most", name) for name in ("shape", "colour", "fill", "size", "background")}
    assert min(parts["shape"]) > 0.4
    assert max(max(parts[name]) for name in ("size", "fill")) < 0.1
    assert all(sum(parts["shape"]) > sum(part) for name, part in parts.items() if name != "shape")

    gap = preset(map_part, "The gap")
    points, diamonds = (torch.tensor(gap[key])[:, 0] for key in ("points", "diamonds"))
    assert diamonds.max() < points.min() or points.max() < diamonds.min()

    backgrounds = preset(map_part, "Backgrounds")["alike"]
    assert backgrounds["plane"] == pytest.approx(0.9, abs=0.05)
    assert backgrounds["space"] == pytest.approx(0.3, abs=0.05)


def part_of_axes(label, attribute):
    """The share of the variance along each axis of a preset's map that is between the classes of an attribute."""
    value = preset(map_part, label, attribute=attribute)
    x, classes = torch.tensor(value["points"]), torch.tensor(value["classes"])
    middle = x.mean(0)
    between = sum((classes == k).sum() * (x[classes == k].mean(0) - middle).square() for k in classes.unique())
    return (between / (x - middle).square().sum(0)).tolist()


def test_presets_of_the_probes_come_true():
    own, plain = _models.MODELS
    found = {label: preset(fail, label) for label in ("Binding", "Order", "Counting", "Negation", "Your own")}
    share = {label: value["measured"] for label, value in found.items() if value["measured"]}
    assert share["Binding"][own] == 1
    assert share["Binding"][plain] == pytest.approx(0.63, abs=0.01)
    assert share["Order"][own] == pytest.approx(0.56, abs=0.01)
    assert share["Order"][plain] == pytest.approx(0.51, abs=0.01)
    assert max(share["Negation"].values()) < 0.2

    def right(name):
        pairs = [case["cosines"][name] for case in found["Counting"]["cases"]]
        return sum(true > false for true, false in pairs)

    assert (right(own), right(plain)) == (6, 4)
    (case,) = found["Your own"]["cases"]
    differences = {name: true - false for name, (true, false) in case["cosines"].items()}
    assert differences[own] > 0.2
    assert abs(differences[plain]) < 0.02


# --- bad requests -----------------------------------------------------------------------------------------------------


BAD = {
    "classify": {
        "model": [None, "clip", 5, ["clip-scenes"]],
        "scene": [-1, 10_000, 0.5, None, "x", math.nan],
        "labels": [None, "", " \n ", "\n".join(map(str, range(17))), "x" * 81, "\ud800", 5, "y" * 20_000],
        "templates": [None, "", "a picture", "{} and {}", "\n".join(f"{{}} {k}" for k in range(9))],
        "temperature": [0, -1, math.inf, math.nan, "warm", None, True, 5],
        "picture": ["x", 5, base64.b64encode(b"no picture").decode(), "A" * 20_000],
    },
    "map": {
        "model": [None, "clip", "lenet-mnist"],
        "texts": [None, "", "\n".join(map(str, range(13))), "\ud800"],
        "which": [None, "none", 1],
        "attribute": ["smell", None],
        "axes": ["z", None],
        "together": [2, "yes", None, 0.5],
        "drawn": ["words", None],
    },
    "fail": {
        "probe": [None, "smell", ["binding"]],
        "seed": [-1, 0.5, "x", None, 2**40],
        "true": [None, "", "?!", "x" * 301, "\ud800"],
        "false": [None, "", 7],
    },
}


@pytest.mark.parametrize(
    ("part", "field", "bad"), [(p, f, b) for p, fields in BAD.items() for f, bads in fields.items() for b in bads]
)
def test_tampered_settings_get_one_sentence(part, field, bad):
    answer = errors.guarded(TAB.part(part).parse)({field: bad})
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN
    assert len(answer["error"]) < 400


@pytest.mark.parametrize(
    ("call", "requests"),
    [
        (classify.another, [{}, {"seed": -1}, {"seed": "x"}, {"seed": 0.5}, {"seed": 1, "labels": ""}]),
        (classify.own, [{}, {"picture": 5}, {"picture": "x"}, {"picture": base64.b64encode(b"GIF89a").decode()}]),
        (classify.accuracy, [{"model": "clip"}, {"templates": "a picture"}]),
        (map_part.look, [{}, {"scene": -1}, {"scene": 10_000}, {"scene": "../1"}, {"scene": 1, "texts": ""}]),
        (map_part.sheet, [{}, {"which": "none"}, {"which": ["all"]}]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_bad_requests_get_one_sentence(call, requests):
    for bad in [*requests, None, 5, "x", []]:
        answer = errors.guarded(call)(bad)
        assert list(answer) == ["error"], bad
        assert answer["error"] != errors.UNKNOWN, bad
        assert len(answer["error"]) < 400
