import base64
import io
import json
import math

import pytest
import torch
from PIL import Image

from demos import _checks
from demos.clip import _map, _measure, _models, _words, atlas, classify, probes
from genai_core import checkpoints, clip_evaluation, clip_explain, gallery, scenes
from genai_core.scenes.world import COLOURS, SHAPES

NAME = "clip-scenes"
PARTS = (classify.classify, atlas.atlas, probes.probe)


def uploaded(colour="red", side=300):
    buffer = io.BytesIO()
    Image.new("RGB", (side, side // 2), colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


# --- a classifier made of words ---------------------------------------------------------------------------------------


def test_the_cosines_are_those_of_the_ensemble_and_its_probabilities_sum_to_one():
    value = classify.classify({"scene": 40, "labels": "circle\nheart", "templates": "a {}\na picture of a {}"})
    model = _models.load(NAME)
    picture = model.encode_image(gallery.pictures([40]))
    texts = clip_explain.ensemble(model, ["circle", "heart"], ["a {}", "a picture of a {}"])
    assert [row["cosine"] for row in value["rows"]] == pytest.approx((picture @ texts.T)[0].tolist(), abs=1e-4)
    p = clip_explain.probabilities(picture, texts, value["learnt"])
    assert float(p.sum()) == pytest.approx(1)
    assert value["low"] < value["learnt"] < value["high"]
    assert value["learnt"] == pytest.approx(1 / float(model.scale))


def test_an_ensemble_of_one_template_is_that_template():
    value = classify.classify({"scene": 3, "templates": "a {} object"})
    for row in value["rows"]:
        alone = _models.of_text(NAME, f"a {row['label']} object") @ _models.of_scene(NAME, 3)
        assert row["cosine"] == pytest.approx(float(alone), abs=1e-4)


def test_the_truth_of_a_label_is_that_of_the_scene():
    for i in range(12):
        things = gallery.world(12)[i].things
        rows = classify.classify({"scene": i})["rows"]
        assert {row["label"] for row in rows if row["right"]} == {thing.kind.colour for thing in things}
        value = classify.classify({**classify.STATES["How many?"], "scene": i})
        assert [row["right"] for row in value["rows"]] == [len(things) == n for n in (1, 2, 3, 4)]


def test_a_label_whose_words_say_nothing_is_neither_right_nor_wrong_and_named():
    rows = classify.classify({"labels": "a zebra\nred\na red circle", "templates": "{}", "scene": 17})["rows"]
    assert [row["right"] for row in rows] == [None, True, False]
    assert [row["unknown"] for row in rows] == [["zebra"], [], []]
    assert classify.classify({"templates": "an etching of {}"})["strange"] == ["etching"]
    assert _words.meaning("red", ("it looks {}",)) == scenes.parse("red")
    assert _words.meaning("circle", ("a {}", "no {}")) is None  # two templates that say different things


def test_the_accuracy_is_counted_over_scenes_with_exactly_one_true_label():
    found = classify.accuracy({})
    assert found["chance"] == 1 / 8
    assert found["alone"] is None
    assert found["n"] == _measure.COUNTED
    world, right, counted = gallery.world(_measure.LOOKED), 0, 0
    texts = _models.load(NAME).encode_text([f"a {colour} object" for colour in COLOURS])
    guesses = (gallery.load(NAME)[: _measure.LOOKED] @ texts.T).argmax(1).tolist()
    for scene, guess in zip(world, guesses, strict=True):
        colours = {thing.kind.colour for thing in scene.things}
        if len(colours) == 1 and counted < found["n"]:
            counted += 1
            right += colours == {COLOURS[guess]}
    assert found["right"] == pytest.approx(right / counted)
    several = classify.accuracy({"templates": "a {} object\na picture of a {} thing"})
    assert several["alone"] == found["right"]
    assert classify.accuracy({"labels": "a zebra\nred"}) is None
    assert classify.accuracy({"labels": "red"}) is None
    assert classify.accuracy({"labels": "four red circles\nno object", "templates": "{}"}) is None  # too few


def test_another_picture_has_one_right_answer_and_the_same_seed_gives_it_again():
    first = classify.another({"seed": 5})
    assert [row["right"] for row in first["rows"]].count(True) == 1
    assert classify.another({"seed": 5}) == first != classify.another({"seed": 6})


def test_an_own_picture_is_looked_at_and_fits_into_a_link():
    picture = classify.own({"picture": uploaded("red")})
    assert len(picture) < classify.KEPT
    value = classify.classify({"picture": picture})
    assert value["caption"] == ""
    assert all(row["right"] is None for row in value["rows"])
    noise = Image.effect_noise((200, 200), 200).convert("RGB")
    buffer = io.BytesIO()
    noise.save(buffer, "PNG")
    assert len(classify.own({"picture": base64.b64encode(buffer.getvalue()).decode()})) < classify.KEPT
    again = classify.restore({"png": classify.save({"picture": picture})})
    assert again == value


# --- the map ----------------------------------------------------------------------------------------------------------


def test_the_map_shows_the_pictures_it_says_with_their_true_classes():
    value = atlas.atlas({})
    world = gallery.world(_measure.LOOKED)
    assert len(value["points"]) == len(value["scenes"]) == len(value["classes"]) == _map.POINTS
    for i, c in zip(value["scenes"], value["classes"], strict=True):
        assert len(world[i].things) == 1
        assert value["names"][c] == world[i].things[0].kind.colour
    several = atlas.atlas({"which": "all", "attribute": "shape"})
    assert several["scenes"] == list(range(_map.POINTS))
    for i, c in zip(several["scenes"], several["classes"], strict=True):
        shapes = {thing.kind.shape for thing in world[i].things}
        assert (c == len(SHAPES)) == (len(shapes) > 1)
    for attribute, names in _map.ATTRIBUTES.items():
        assert len(_map.COLOURS[attribute]) == len(names)
        assert max(_map.groups("all")[attribute]) <= len(names)


def test_moved_together_both_kinds_have_one_centre_and_apart_they_do_not():
    together, apart = (atlas.atlas({"axes": "both", "together": t}) for t in (1, 0))
    centres = [[torch.tensor(v[key]).mean(0) for key in ("points", "diamonds")] for v in (together, apart)]
    torch.testing.assert_close(*centres[0], atol=1e-3, rtol=0)
    assert (centres[1][0] - centres[1][1]).norm() > 0.5 * apart["gap"]["apart"] > 0
    for value in (together, apart):
        assert 0 < sum(value["share"]) <= 1
        assert value["share"] == sorted(value["share"], reverse=True)


def test_neighbours_of_one_class_are_counted_as_one_would_by_hand():
    x = torch.tensor([[0.0, 0], [0, 1], [9, 9], [9, 8], [0, 2], [9, 7], [1, 1], [8, 8], [1, 0], [8, 9], [1, 2], [8, 7]])
    assert _map.alike(x, [0, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1]) == 1
    assert _map.alike(x, list(range(12))) == 0
    assert _map.chance([0, 0, 1, 1]) == pytest.approx(1 / 3)


def test_a_picture_names_its_nearest_texts():
    found = atlas.look({"scene": 5})
    texts = atlas.FIRST["texts"].split("\n")
    cosines = _models.load(NAME).encode_text(texts) @ _models.of_scene(NAME, 5)
    assert [k for k, _ in found["nearest"]] == cosines.topk(3).indices.tolist()
    assert found["caption"] == scenes.say(scenes.complete(gallery.world(6)[5]))
    assert len(atlas.look({"scene": 5, "texts": "red"})["nearest"]) == 1
    tiles = _map.sheet("single")
    assert tiles.size == (20 * _map.TILE, 20 * _map.TILE)


# --- where it fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", clip_evaluation.PROBES)
def test_each_case_is_a_picture_of_the_true_caption_and_not_of_the_false(kind):
    value = probes.probe({"probe": kind, "seed": 3})
    some = probes.cases(kind, 3)
    assert len(value["cases"]) == probes.CASES
    for shown, (true, false, scene) in zip(value["cases"], some, strict=True):
        assert (shown["true"], shown["false"]) == (true, false)
        assert scenes.holds(scene, scenes.parse(true))
        assert not scenes.holds(scene, scenes.parse(false))
        for name, pair in shown["cosines"].items():
            model = _models.load(name)
            expected = (model.encode_image(scenes.render([scene])) @ model.encode_text([true, false]).T)[0]
            assert pair == pytest.approx(expected.tolist(), abs=1e-4)
    assert probes.probe({"probe": kind, "seed": 4})["cases"] != value["cases"]


def test_the_measured_share_is_that_of_the_card_or_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    assert probes.measured("binding") == {}
    for name, share in zip(_models.MODELS, (0.75, 0.5), strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "metrics.json").write_text(json.dumps({"probe_binding": share}))
    assert list(probes.measured("binding").values()) == [0.75, 0.5]
    assert probes.measured("order") == {}


def test_captions_of_ones_own_are_drawn_and_must_differ_in_truth():
    ask = {"probe": "own", "true": "a red star above a circle", "false": "a red star below a circle", "seed": 2}
    value = probes.probe(ask)
    assert len(value["cases"]) == 1
    assert value["measured"] == {}
    _, _, scene = probes.own_case(ask["true"], ask["false"], 2)
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
        with pytest.raises(_checks.InputError, match=sentence):
            probes.probe({**ask, **changes})


# --- what all three keep ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [classify, atlas, probes], ids=lambda part: part.__name__)
def test_presets_a_start_links_and_saved_pictures(part):
    call = {classify: classify.classify, atlas: atlas.atlas, probes: probes.probe}[part]
    assert set(part.STATES) == set(part.PRESETS)
    assert part.start({}) == call({})
    for state in part.STATES.values():
        value = call(state)
        json.dumps(value, allow_nan=False)
        link = {key: str(v) for key, v in value["settings"].items()}
        assert call(link) == value
    settings = value["settings"]
    png = part.save(settings)
    assert part.restore({"png": png}) == value
    other = {classify: atlas, atlas: probes, probes: classify}[part]
    with pytest.raises(_checks.InputError, match="another part"):
        other.restore({"png": png})


BAD = {
    classify.classify: {
        "model": [None, "clip", 5, ["clip-scenes"]],
        "scene": [-1, 10_000, 0.5, None, "x", math.nan],
        "labels": [None, "", " \n ", "\n".join(map(str, range(17))), "x" * 81, "\ud800", 5, "y" * 20_000],
        "templates": [None, "", "a picture", "{} and {}", "\n".join(f"{{}} {k}" for k in range(9))],
        "temperature": [0, -1, math.inf, math.nan, "warm", None, True, 5],
        "picture": ["x", 5, base64.b64encode(b"no picture").decode(), "A" * 20_000],
    },
    atlas.atlas: {
        "model": [None, "clip", "lenet-mnist"],
        "texts": [None, "", "\n".join(map(str, range(13))), "\ud800"],
        "which": [None, "none", 1],
        "attribute": ["smell", None],
        "axes": ["z", None],
        "together": [2, "yes", None, 0.5],
        "drawn": ["words", None],
    },
    probes.probe: {
        "probe": [None, "smell", ["binding"]],
        "seed": [-1, 0.5, "x", None, 2**40],
        "true": [None, "", "?!", "x" * 301, "\ud800"],
        "false": [None, "", 7],
    },
}


@pytest.mark.parametrize(
    ("call", "field", "bad"), [(c, f, b) for c, fields in BAD.items() for f, bads in fields.items() for b in bads]
)
def test_tampered_requests_get_one_sentence(call, field, bad):
    answer = _checks.guarded(call)({field: bad})
    assert list(answer) == ["error"]
    assert answer["error"] != _checks.UNKNOWN
    assert len(answer["error"]) < 400


@pytest.mark.parametrize("bad", [None, 5, "x", []])
def test_what_is_no_request_gets_one_sentence(bad):
    for call in (*PARTS, classify.another, classify.own, classify.accuracy, atlas.look, atlas.sheet, probes.restore):
        answer = _checks.guarded(call)(bad)
        assert list(answer) == ["error"]
        assert answer["error"] != _checks.UNKNOWN
