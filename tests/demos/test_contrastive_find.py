"""The part Find: neighbours by every embedding, their scores and what they share, its presets, and bad requests."""

import base64
import io

import pytest
import torch
from PIL import Image

from demos._ui import errors
from demos._ui.validation import InputError
from demos.contrastive import _models, find
from demos.contrastive._api import contrastive_find
from genai_core import contrastive
from genai_core.contrastive import evaluation, simclr, singles

PART = find.PART
SCENES = 20  # over which a mean is taken


def preset(label):
    (found,) = (one for one in PART.presets if one.label == label)
    return PART.parse(found.given())


def asked(settings):
    return {name: settings[name] for name in ("kind", "scene", "picture")}


def agree(settings, attribute):
    """{reader: how many of the eight, and how many by chance}"""
    near = find.found(**settings)
    found = {name: find.agreements(one, **asked(settings))[attribute] for name, one in near.items()}
    return {name: (one.count, one.chance) for name, one in found.items()}


def mean(settings, attribute):
    """The same over the first scenes."""
    rows = [agree(settings | {"scene": scene}, attribute) for scene in range(SCENES)]
    return {name: tuple(sum(row[name][k] for row in rows) / SCENES for k in (0, 1)) for name in find.READERS}


def test_without_jitter_neighbours_have_the_same_colour():
    settings = preset("Same colour or same shape?")
    counts = {name: count for name, (count, _) in agree(settings, "colour").items()}
    assert counts.pop("simclr-scenes-no-jitter") >= 7
    assert max(counts.values()) < 7
    assert agree(settings, "colour")["pixels"][1] == pytest.approx(1, abs=0.2)
    means = mean(settings, "colour")
    assert max(means, key=lambda name: means[name][0]) == "simclr-scenes-no-jitter"


def test_neighbours_by_pixels_share_place_and_background_and_hardly_the_shape():
    settings = preset("Pixels against SimCLR")
    for attribute in ("place", "background"):
        for found in (agree(settings, attribute), mean(settings, attribute)):
            count, chance = found["pixels"]
            assert count > 2 * chance
    for found in (agree(settings, "shape"), mean(settings, "shape")):
        count, chance = found["pixels"]
        assert count <= chance + 1


@pytest.mark.parametrize("seed", range(5))
def test_every_embedding_finds_noise_stranger_than_nearly_all_scenes(seed):
    for near in find.found(**preset("Not of this world") | {"scene": seed}).values():
        assert near.rank >= 0.99


@pytest.mark.parametrize("seed", range(5))
def test_two_things_are_less_strange_than_noise_in_every_embedding(seed):
    two = find.found(**preset("Two things") | {"scene": seed})
    noise = find.found(**PART.parse({"kind": find.NOISE, "scene": seed}))
    assert all(two[name].score < noise[name].score for name in find.READERS)


def test_neighbours_are_those_of_the_features_of_each_network():
    """Against a search without a gallery."""
    shown = singles.render(singles.draw(_models.STREAM, 0, find.SCENES), _models.SIZE)
    for vector, of in (("h", evaluation.features), ("z", evaluation.projections)):
        near = find.found(find.SCENE, 7, "", vector)
        for name in (_models.UNTRAINED, "simclr-scenes-no-crop"):
            model = simclr.untrained(simclr.SCENES) if name == _models.UNTRAINED else contrastive.load(name)
            every = of(model, shown).double()
            cosines = torch.cosine_similarity(every[7], every, dim=1)
            cosines[7] = -1
            best = cosines.topk(find.K).values
            assert torch.allclose(near[name].cosines, best, atol=1e-5)
            assert 7 not in near[name].rows


def test_a_press_on_a_neighbour_looks_for_the_scene_that_was_shown():
    """The number of a row is that of a scene, in the gallery and as a query."""
    value = PART.value(PART.parse({"scene": 3}))
    for row in value["rows"]:
        for number, words in zip(row["scenes"], row["words"], strict=True):
            assert find.about(find.SCENE, number, "") == f"scene {number}: {words}"
            assert torch.equal(find.query(find.SCENE, number, ""), find.held_out()[1][number])


def test_what_a_neighbour_shares_is_what_its_words_say():
    settings = PART.parse({"scene": 5})
    value = PART.value(settings)
    mine = _models.words(_models.scene(5))
    for row in value["rows"]:
        for attribute in ("background", "place"):
            part = (lambda words: words.split(", ")[-1]) if attribute == "background" else lambda w: w.split(", ")[1]
            same = sum(part(words) == part(mine) for words in row["words"])
            assert row["agree"][attribute][0] == same


def test_scenes_beyond_the_gallery_and_pictures_without_truth_are_found_neighbours_too():
    outside = PART.value(PART.parse({"scene": find.SCENES + 5}))
    assert outside["rows"][0]["agree"]
    assert find.itself(find.SCENE, find.SCENES + 5, "") is None
    for kind in (find.TWO, find.NOISE, find.GREY):
        assert not any(row["agree"] for row in PART.value(PART.parse({"kind": kind}))["rows"])
    assert not torch.equal(find.query(find.NOISE, 0, ""), find.query(find.NOISE, 1, ""))
    assert len(singles.crowd(_models.STREAM, 3, 2).things) == 2


def test_requests_leave_the_global_generator_as_it_is():
    before = torch.get_rng_state()
    _models.untrained.cache_clear()
    find.found(**PART.parse({"kind": find.NOISE, "scene": 1}))
    assert torch.equal(torch.get_rng_state(), before)


def own(ink="teal"):
    file = io.BytesIO()
    Image.new("RGB", (90, 60), ink).save(file, "PNG")
    return _models.own({"picture": base64.b64encode(file.getvalue()).decode()})


def test_it_is_saved_as_a_picture_and_answers_programs():
    settings = PART.parse({"scene": 4})
    assert PART.picture(**settings).width > 400
    found = contrastive_find(scene=4)
    assert set(found) == set(find.READERS)
    near = find.found(**settings)
    for name, row in found.items():
        assert row["scenes"] == near[name].rows.tolist()
        assert row["score"] == pytest.approx(1 - sum(row["cosines"]) / find.K, abs=2e-4)
        assert set(row["agree"]) == set(singles.ATTRIBUTES)
        assert 0 <= row["above"] <= 1


@pytest.mark.parametrize(
    "bad",
    [{"kind": "x"}, {"vector": "x"}, {"scene": -1}, {"scene": "x"}, {"picture": "x"}, {"kind": "🙂" * 5000}],
)
def test_bad_settings_get_a_sentence(bad):
    with pytest.raises(InputError, match=r"^[A-Z].*\.$"):
        PART.parse(bad)


@pytest.mark.parametrize("bad", [None, [], {}, {"picture": 5}, {"picture": ""}])
def test_bad_requests_get_a_sentence(bad):
    for function in PART.functions:
        answer = errors.guarded(function)(bad)
        assert list(answer) == ["error"]
        assert answer["error"] != errors.UNKNOWN


@pytest.fixture
def small(monkeypatch):
    """A gallery that programs of the page embed quickly."""
    cached = (find.held_out, find.features, find._gallery)
    monkeypatch.setattr(find, "SCENES", 200)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "more", [{"picture": own()}, {"kind": "two", "vector": "z"}, {"kind": "noise"}, {"kind": "grey"}]
)
def test_its_program_says_what_it_says(more, capsys):
    settings = PART.parse({"scene": 4, **more})
    exec(compile(PART.code(**settings), "find", "exec"), {})
    assert capsys.readouterr().out.strip() == PART.says(**settings)
    assert PART.parse(PART.table.to_text(settings)) == settings
