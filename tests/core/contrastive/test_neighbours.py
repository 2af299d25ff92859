"""Neighbours: the nearest by cosine, a score of how far they are, its rank, and what they share with a query."""

import pytest
import torch
import torch.nn.functional as F

from genai_core.contrastive import singles
from genai_core.contrastive.neighbours import Gallery, agreement

K = 4


@pytest.fixture
def x():
    return torch.randn(700, 12, generator=torch.Generator().manual_seed(0)) + 0.5  # more than one part


def test_neighbours_are_those_of_the_highest_cosine_and_the_score_is_one_less_their_mean(x):
    query = torch.randn(12, generator=torch.Generator().manual_seed(1))
    found = Gallery.of(x, K).find(query)
    cosines = F.cosine_similarity(x, query[None]).sort(descending=True)
    assert found.rows.tolist() == cosines.indices[:K].tolist()
    assert torch.allclose(found.cosines, cosines.values[:K].double(), atol=1e-6)
    assert found.score == pytest.approx(1 - float(cosines.values[:K].mean()), abs=1e-6)


@pytest.mark.parametrize("row", [0, 249, 250, 699])
def test_a_picture_of_the_gallery_is_no_neighbour_of_itself_and_ranks_as_it_was_scored(x, row):
    gallery = Gallery.of(x, K)
    found = gallery.find(x[row], without=row)
    assert row not in found.rows
    scores = torch.stack([torch.tensor(gallery.find(one, without=k).score) for k, one in enumerate(x)])
    assert torch.allclose(gallery.scores, scores.sort().values.double(), atol=1e-6)
    assert found.rank == pytest.approx(float((scores < found.score - 1e-5).float().mean()), abs=2 / len(x))


def test_length_does_not_matter_and_what_is_like_nothing_ranks_highest(x):
    gallery = Gallery.of(x, K)
    found, longer = gallery.find(x[3], 3), Gallery.of(7 * x, K).find(0.1 * x[3], 3)
    assert found.rows.tolist() == longer.rows.tolist()
    assert found.score == pytest.approx(longer.score, abs=1e-5)
    assert gallery.find(-x.mean(0)).rank == 1
    assert gallery.find(gallery.vectors[:2].mean(0)).rank < 1
    assert gallery.find(torch.zeros(12)).score == 1  # no direction, no similarity


def test_ranks_tell_pictures_apart_that_are_all_nearly_alike(x):
    """As an untrained network makes them: cosines of 1 but for some millionths."""
    alike = torch.ones(12) + 3e-3 * x
    ranks = [Gallery.of(alike, K).find(one, k).rank for k, one in enumerate(alike)]
    assert len(set(ranks)) > len(x) / 2
    assert sum(ranks) / len(x) == pytest.approx(0.5, abs=0.02)


def test_agreement_by_chance_is_that_of_neighbours_drawn_at_random():
    scenes = singles.draw("test", 0, 60)
    truth = singles.attributes(scenes)
    query = {name: int(values[7]) for name, values in truth.items()}
    others = torch.tensor([row for row in range(60) if row != 7])
    everyone = agreement(truth, query, others, without=7)
    for name, found in everyone.items():
        assert found.count == pytest.approx(found.chance)  # of all, a share of them is all of them
        assert found.count == sum(int(truth[name][row] == query[name]) for row in others)
    alone = agreement(truth, query, torch.tensor([7]))
    assert all(found.count == 1 for found in alone.values())


@pytest.mark.parametrize("k", [0, 3, 2.5])
def test_more_neighbours_than_there_are_are_refused(k):
    with pytest.raises(ValueError, match=r"^k must be a whole number.*\.$"):
        Gallery.of(torch.eye(3), k)
