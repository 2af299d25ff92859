"""The reader's targets, its matching and its shares, by what they should say of a truth that is known."""

import math
from dataclasses import replace
from itertools import combinations

import pytest
import torch

from genai_core.common.training import seeded
from genai_core.data import scenes
from genai_core.data.scenes.queries import FIELDS
from genai_core.evaluation import scene_reader
from genai_core.evaluation.scene_reader import NEAR, Found, SceneReader, SceneReaderConfig

SHOWN = [scenes.scene("test", i) for i in range(40)]


class Oracle:
    """Reads what it is told."""

    def __init__(self, found: list[list[Found]]):
        self.found = found

    def read(self, x: torch.Tensor, threshold: float) -> list[list[Found]]:
        return self.found


def truth() -> list[list[Found]]:
    return [[Found(thing.kind, thing.x, thing.y, 0.9) for thing in scene.things] for scene in SHOWN]


def accuracy(found: list[list[Found]]) -> dict[str, float]:
    return scene_reader.accuracy(Oracle(found), torch.zeros(len(SHOWN), 3, 64, 64), SHOWN)


def test_reading_the_truth_is_right_in_every_respect():
    shares = accuracy(truth())
    assert shares.pop("invented") == 0
    assert set(shares) == {"objects", "found", "shape", "colour", "fill", "size", "scenes"}
    assert all(share == 1 for share in shares.values())


def test_each_error_lowers_the_share_that_it_concerns():
    total = sum(len(scene.things) for scene in SHOWN)
    missed, wrong, invented = truth(), truth(), truth()
    missed[0] = missed[0][1:]
    assert accuracy(missed)["objects"] == accuracy(missed)["found"] == pytest.approx(1 - 1 / total)
    assert accuracy(missed)["scenes"] == pytest.approx(1 - 1 / len(SHOWN))
    one = wrong[0][0]
    wrong[0][0] = replace(one, kind=one.kind._replace(colour="red" if one.kind.colour != "red" else "blue"))
    assert accuracy(wrong)["objects"] == accuracy(wrong)["colour"] == pytest.approx(1 - 1 / total)
    assert accuracy(wrong)["found"] == accuracy(wrong)["shape"] == 1
    invented[0].append(Found(one.kind, 0.0, 0.0, 0.5))
    assert accuracy(invented)["invented"] == pytest.approx(1 / total)
    assert accuracy(invented)["objects"] == 1


def test_nothing_read_lies_near_two_things():
    gaps = [math.hypot(a.x - b.x, a.y - b.y) for scene in SHOWN for a, b in combinations(scene.things, 2)]
    assert min(gaps) > 2 * NEAR


def test_a_reading_too_far_away_is_no_things():
    thing = SHOWN[0].things[0]
    for gap, found in ((NEAR - 1e-3, True), (NEAR + 1e-3, False)):
        assert bool(scene_reader.matches([thing], [Found(thing.kind, thing.x + gap, thing.y, 1.0)])[0]) == found
    assert scene_reader.matches([thing], []) == [None]


@pytest.mark.parametrize("grid", [8, 16])
def test_perfect_answers_owe_nothing(grid):
    goal = scene_reader.targets(SHOWN, 0.8, grid)
    kind = goal["kind"][goal["thing"]].movedim(-1, 1)  # [N, 4, G, G]
    axis = torch.arange(grid) + 0.5
    cell = torch.stack([axis.expand(grid, grid), axis[:, None].expand(grid, grid)])
    offset = goal["at"][goal["thing"]].movedim(-1, 1) - cell
    logits = {
        field: 50 * torch.nn.functional.one_hot(kind[:, i], len(FIELDS[field])).movedim(-1, 1).float()
        for i, field in enumerate(FIELDS)
    }
    centre = torch.where(goal["centre"] == 1, 50.0, -50.0)
    terms = scene_reader.detection(centre, offset, logits, goal)
    assert terms.pop("accuracy") == 1
    assert all(float(term) == pytest.approx(0, abs=1e-4) for term in terms.values())
    assert (goal["centre"] == 1).sum() == sum(len(scene.things) for scene in SHOWN)


def test_the_answers_are_read_where_they_are():
    """A network that answers the targets, whatever it sees, reads the scenes."""
    goal = scene_reader.targets(SHOWN, 0.8)
    model = seeded(0, lambda: SceneReader(SceneReaderConfig(channels=(4, 4, 4))))
    kind = goal["kind"][goal["thing"]]
    axis = torch.arange(16) + 0.5
    cell = torch.stack([axis.expand(16, 16), axis[:, None].expand(16, 16)])
    offset = goal["at"][goal["thing"]].movedim(-1, 1) - cell
    logits = {
        field: torch.nn.functional.one_hot(kind[..., i], len(FIELDS[field])).movedim(-1, 1).float()
        for i, field in enumerate(FIELDS)
    }
    model.forward = lambda x: (torch.logit(goal["centre"], 1e-4), offset, logits, None)
    shares = scene_reader.accuracy(model, torch.zeros(len(SHOWN), 3, 64, 64), SHOWN)
    assert shares["objects"] == shares["scenes"] == 1


def test_a_wrong_shape_or_threshold_is_refused():
    model = seeded(0, lambda: SceneReader(SceneReaderConfig(channels=(4, 4, 4)))).eval()
    with pytest.raises(ValueError, match="Pictures must be N x 3 x 64 x 64 numbers"):
        model.read(torch.zeros(1, 1, 28, 28))
    with pytest.raises(ValueError, match="The threshold must be a number from 0 to 1"):
        model.read(torch.zeros(1, 3, 64, 64), threshold=2)
    with pytest.raises(ValueError, match="scenes"):
        scene_reader.accuracy(model, torch.zeros(2, 3, 64, 64), SHOWN[:1])
