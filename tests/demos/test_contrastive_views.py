"""The part Views: the views it makes, its cosines and losses, its presets on the trained networks, and bad requests."""

import base64
import io

import pytest
import torch
from PIL import Image

from demos._ui import errors
from demos._ui.validation import InputError
from demos.contrastive import _models, views
from demos.contrastive._api import contrastive_views
from genai_core.contrastive import singles

PART = views.PART


def preset(label):
    (found,) = (one for one in PART.presets if one.label == label)
    return PART.parse(found.given())


def of_pictures(label, count=20):
    """Mean cosines by every reader of a preset's two views, over scenes of which it shows the first."""
    settings = preset(label)
    found = [
        views.cosines(scene=i, picture="", first=settings["first"], second=settings["second"]) for i in range(count)
    ]
    return found[0], {name: sum(one[name] for one in found) / count for name in views.READERS}


def test_without_jitter_another_hue_is_another_picture():
    for found in of_pictures("Another colour"):
        assert min(_models.SCENES, key=found.__getitem__) == "simclr-scenes-no-jitter"


def test_without_crops_another_part_is_another_picture():
    for found in of_pictures("Another part"):
        assert min(_models.SCENES, key=found.__getitem__) == "simclr-scenes-no-crop"


def test_at_temperature_1_even_the_most_similar_gets_less_than_a_half():
    settings = preset("Temperature 1")
    rest = {name: value for name, value in settings.items() if name != "temperature"}
    row = views.matrix(**rest)[0]
    others = [k for k in range(len(row)) if k not in (0, views.BATCH)]
    assert row[views.BATCH] > row[others].max()
    assert float(views.of_rows(1.0, **rest)[0].neg().exp()) < 0.5
    assert float(views.of_rows(0.05, **rest)[0].neg().exp()) > 0.9


def test_unchanged_views_are_the_picture_and_agree():
    x = views.pair(3, "", views.UNCHANGED, views.UNCHANGED)
    assert torch.allclose(x[0], _models.original(3, ""), atol=1e-5)
    assert views.cosines(scene=3, picture="", first=views.UNCHANGED, second=views.UNCHANGED) == pytest.approx(
        dict.fromkeys(views.READERS, 1.0)
    )


def test_the_matrix_is_symmetric_and_its_rows_have_the_loss_of_the_core():
    settings = PART.parse({"temperature": 0.3, "model": "pixels"})
    matrix = torch.tensor(PART.value(settings)["matrix"])
    assert matrix.shape == (2 * views.BATCH, 2 * views.BATCH)
    assert torch.allclose(matrix, matrix.T, atol=1e-4)
    logits = (matrix / 0.3).masked_fill(torch.eye(len(matrix), dtype=torch.bool), -torch.inf)
    mates = torch.arange(len(matrix)).roll(views.BATCH)
    by_hand = torch.nn.functional.cross_entropy(logits, mates, reduction="none")
    assert torch.allclose(views.of_rows(**settings), by_hand, atol=1e-3)


def test_a_crop_stays_within_the_picture():
    assert views._view([0.8, 0.7, 0.5, 0.6, *views.UNCHANGED[4:]], {})[:4] == [0.5, 0.4, 0.5, 0.6]


def test_drawn_views_are_of_their_seed_and_of_the_training():
    one, again, other = (views.drawn(PART.parse({}) | {"draw": seed}) for seed in (1, 1, 2))
    assert one == again != other
    assert one["first"] != one["second"]
    assert one["first"][2] * one["first"][3] >= 0.39  # of the area, 0.4 at least
    assert not one["first"][views.SWITCHES.index("flip") + 4]


def test_an_own_picture_is_shown_and_has_a_program_that_says_the_same(capsys):
    file = io.BytesIO()
    Image.new("RGB", (90, 60), "teal").save(file, "PNG")
    picture = views._models.own({"picture": base64.b64encode(file.getvalue()).decode()})
    for more in ({}, {"model": "pixels"}, {"model": "simclr-scenes-no-crop", "scene": 4}):
        settings = PART.parse({"picture": picture} | more)
        exec(compile(PART.code(**settings), "views", "exec"), {})
        assert capsys.readouterr().out.strip() == PART.says(**settings)
    assert PART.parse(PART.table.to_text(settings)) == settings


def test_scenes_of_the_page_are_not_those_of_the_training():
    assert _models.STREAM not in ("train", "probe/train", "train/0")
    assert singles.draw(_models.STREAM, 5, 1)[0] == _models.scene(5)


def test_a_program_asks_for_cosines_and_losses():
    found = contrastive_views(temperature=0.2, model="simclr-scenes", scene=2)
    assert set(found["cosines"]) == set(views.READERS)
    assert len(found["losses"]) == 2 * views.BATCH


@pytest.mark.parametrize(
    "bad",
    [
        {"scene": -1},
        {"scene": "x"},
        {"picture": "x"},
        {"picture": base64.b64encode(b"no picture").decode()},
        {"first": "1,2"},
        {"first": [float("nan")] * 11},
        {"second": [5.0] * 11},
        {"second": "a" * 10_000},
        {"model": "x"},
        {"temperature": 0},
    ],
)
def test_bad_settings_get_a_sentence(bad):
    with pytest.raises(InputError, match=r"^[A-Z].*\.$"):
        PART.parse(bad)


@pytest.mark.parametrize("bad", [None, [], {}, {"picture": 5}, {"picture": ""}, {"draw": -1}, {"draw": "x"}])
def test_bad_requests_get_a_sentence(bad):
    for function in PART.functions:
        answer = errors.guarded(function)(bad)
        assert list(answer) == ["error"]
        assert answer["error"] != errors.UNKNOWN
