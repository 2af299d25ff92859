"""What lies together stays together in the plane, neighbours vote as scikit-learn's, clusters agree as they should."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.manifold import trustworthiness
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from genai_core.contrastive import structure


@pytest.fixture
def apart(generator):
    """Sixty points in three directions of eight dimensions, and which of these each is from."""
    labels = torch.arange(60) % 3
    return 5 * torch.eye(8)[labels] + 0.3 * torch.randn(60, 8, generator=generator), labels


@pytest.fixture
def noise(generator):
    return torch.randn(80, 6, generator=generator), torch.randint(4, (80,), generator=generator)


@pytest.mark.parametrize("method", structure.METHODS)
def test_a_plane_keeps_what_is_apart_apart(apart, method):
    x, labels = apart
    at = structure.plane(x, method)
    assert at.shape == (60, 2)
    assert structure.leave_one_out(at, labels, 5) == 1
    assert torch.equal(at, structure.plane(x * 2 ** (torch.arange(60) % 5)[:, None], method))  # unit vectors count


def test_the_plane_of_pca_has_the_shares_of_the_variance(noise):
    x, _ = noise
    at = structure.plane(x, "pca").double()
    unit = F.normalize(x.double(), dim=1)
    total = (unit - unit.mean(0)).square().sum()
    assert torch.allclose(at.square().sum(0) / total, torch.tensor(structure.variance_shares(x)).double(), atol=1e-5)
    assert at.mean(0).abs().max() < 1e-6
    assert abs(float(at[:, 0] @ at[:, 1])) < 1e-4


def test_t_sne_keeps_more_neighbours_than_two_principal_components(noise):
    x = F.normalize(noise[0], dim=1).numpy()
    pca, tsne = (trustworthiness(x, structure.plane(noise[0], method), n_neighbors=5) for method in structure.METHODS)
    assert tsne > pca


@pytest.mark.parametrize("k", [1, 7, 20])
def test_neighbours_vote_as_scikit_learns_do(noise, k):
    x, labels = noise
    theirs = cross_val_score(KNeighborsClassifier(k), x.numpy(), labels.numpy(), cv=LeaveOneOut()).mean()
    assert structure.leave_one_out(x, labels, k) == pytest.approx(theirs)


def test_the_commonest_label_is_as_often_right_as_it_is_there():
    assert structure.commonest(torch.tensor([0, 2, 2, 1, 2])) == 0.6


def test_clusters_find_what_is_apart_and_say_how_far_a_point_is(apart):
    x, labels = apart
    found = structure.k_means(x, 3)
    assert structure.agreement(labels, found.labels) == pytest.approx((1, 1))
    unit = F.normalize(x, dim=1)
    for cluster in range(3):
        of = found.labels == cluster
        far = (unit[of] - unit[of].mean(0)).norm(dim=1)
        assert torch.allclose(found.distances[of], far, atol=1e-4)


def test_names_of_clusters_do_not_count_and_chance_grouping_has_no_ari(generator):
    labels = torch.randint(5, (400,), generator=generator)
    assert structure.agreement(labels, (labels + 2) % 5) == pytest.approx((1, 1))
    runs = [structure.agreement(labels, torch.randint(20, (400,), generator=generator)) for _ in range(20)]
    nmi, ari = (sum(values) / len(runs) for values in zip(*runs, strict=True))
    assert abs(ari) < 0.01 < nmi  # NMI grows with the number of groups, whatever they are


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, _: structure.plane(x, "umap"),
        lambda x, _: structure.plane(x[:3], "pca"),
        lambda x, labels: structure.leave_one_out(x, labels, len(x)),
        lambda x, _: structure.k_means(x, 0),
        lambda x, _: structure.k_means(x, len(x) + 1),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(noise, wrong):
    with pytest.raises(ValueError, match=r"^[A-Zk].*\.$"):
        wrong(*noise)
