import pytest
import torch

from genai_core import data, evaluation
from genai_core.common.training import seeded
from genai_core.data.sprites import sprites


@pytest.fixture(scope="module")
def classifier():
    return seeded(0, lambda: evaluation.LeNet(evaluation.LeNetConfig(channels=(8, 8, 8), features=6))).eval()


@pytest.fixture(scope="module")
def pictures():
    return sprites(600, generator=torch.Generator().manual_seed(0))[0]


def test_frechet_distance_is_its_formula_and_zero_for_equal_sets(classifier, pictures):
    a, b = pictures[:300], pictures[300:] ** 2
    assert evaluation.frechet_distance(classifier, a, a) == pytest.approx(0, abs=1e-4)
    f, g = (evaluation.features(classifier, x).double() for x in (a, b))
    root = torch.linalg.eigvals(f.T.cov() @ g.T.cov()).sqrt().real.sum()
    expected = (f.mean(0) - g.mean(0)).square().sum() + f.T.cov().trace() + g.T.cov().trace() - 2 * root
    assert evaluation.frechet_distance(classifier, a, b) == pytest.approx(float(expected), rel=1e-2, abs=1e-4)


def test_a_ratio_in_lots_is_one_for_the_training_pictures_and_higher_for_others(classifier, pictures, monkeypatch):
    monkeypatch.setattr(
        data, "load", lambda dataset, split: (pictures[:300] if split == "test" else pictures[300:], None)
    )
    order = torch.randperm(300, generator=torch.Generator().manual_seed(2))
    assert evaluation.frechet_ratio_in_subsets(classifier, "sprites", pictures[300:][order], size=100) == pytest.approx(
        1
    )
    changed = pictures[300:] ** 2
    apart = [evaluation.frechet_distance(classifier, pictures[:300], part) for part in changed.split(100)]
    reference = [
        evaluation.frechet_distance(classifier, pictures[:300], part) for part in pictures[300:][order].split(100)
    ]
    found = evaluation.frechet_ratio_in_subsets(classifier, "sprites", changed, size=100)
    assert found == pytest.approx(sum(apart) / sum(reference), rel=1e-3)
    assert found > 1


def test_coverage_is_one_for_the_set_itself_and_falls_when_only_one_picture_is_made(classifier, pictures):
    assert evaluation.coverage(classifier, pictures, pictures) == 1
    assert evaluation.coverage(classifier, pictures, pictures[:1].expand(50, -1, -1, -1)) < 0.1


def test_reading(classifier, pictures):
    shares = evaluation.class_shares(classifier, pictures)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    answers = evaluation.read(classifier, pictures).argmax(1)
    assert evaluation.read_as(classifier, pictures, answers) == 1
    assert evaluation.read_as(classifier, pictures, (answers + 1) % 10) == 0


def test_augmented_pictures_stay_close_and_depend_on_the_seed(pictures):
    config = evaluation.LeNetConfig()
    a, b, c = (evaluation.augment(pictures[:50], config, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    still = evaluation.augment(pictures[:50], evaluation.LeNetConfig(degrees=0, zoom=0, shift=0), torch.Generator())
    assert torch.allclose(still, pictures[:50], atol=1e-4)
