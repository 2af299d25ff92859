"""NT-Xent is the paper's formula; collapse has rank 1; points on a sphere push each other apart."""

import math

import pytest
import torch
import torch.nn.functional as F

from genai_core.contrastive import losses


@pytest.fixture
def z(generator):
    return torch.randn(2, 6, 5, generator=generator).double().unbind(0)


def test_nt_xent_is_the_papers_formula(z):
    t, views = 0.3, [*z[0].tolist(), *z[1].tolist()]

    def cosine(a, b):
        return sum(u * v for u, v in zip(a, b, strict=True)) / math.dist(a, [0] * 5) / math.dist(b, [0] * 5)

    def term(i, j):
        others = sum(math.exp(cosine(views[i], views[k]) / t) for k in range(12) if k != i)
        return -math.log(math.exp(cosine(views[i], views[j]) / t) / others)

    by_hand = [term(i, (i + 6) % 12) for i in range(12)]
    assert losses.rows(*z, t).tolist() == pytest.approx(by_hand, abs=1e-6)
    assert float(losses.nt_xent(*z, t)) == pytest.approx(sum(by_hand) / 12, abs=1e-6)


def test_nt_xent_is_a_cross_entropy_of_the_others(z):
    s = losses.similarities(*z) / 0.5
    keep = ~torch.eye(12, dtype=torch.bool)
    logits = s[keep].view(12, 11)  # without the diagonal
    target = torch.tensor([i + 5 if i < 6 else i - 6 for i in range(12)])
    assert torch.allclose(losses.nt_xent(*z, 0.5), F.cross_entropy(logits, target))


def test_the_gradient_by_a_cosine_is_its_share_less_the_right_one_over_t(z):
    """Over 2 N rows; a pair is in two cells, one of each direction, whose gradients add."""
    t, cosines = 0.3, losses.similarities(*z).requires_grad_()
    logits = losses.logits(cosines, t)
    (slope,) = torch.autograd.grad(losses.of_rows(logits).mean(), cosines)
    n = len(cosines)
    right = torch.eye(n).roll(n // 2, 1)
    assert torch.allclose(slope, (logits.detach().softmax(1) - right) / (t * n), atol=1e-6)
    assert torch.allclose(losses.of_rows(logits), losses.rows(*z, t))


def test_nt_xent_is_symmetric_and_knows_no_order_or_length(z):
    a, b = z
    value = losses.nt_xent(a, b, 0.2)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    for c, d in ((b, a), (a[order], b[order]), (3 * a, 0.1 * b)):
        assert torch.allclose(losses.nt_xent(c, d, 0.2), value)
    assert torch.equal(losses.similarities(a, b), losses.similarities(a, b).T)


def test_a_hot_nt_xent_knows_nothing_and_a_cold_one_the_nearest_only(z):
    assert float(losses.nt_xent(*z, 1e5)) == pytest.approx(math.log(11), abs=1e-3)
    s = losses.similarities(*z).masked_fill(torch.eye(12, dtype=torch.bool), -2)
    margin = s.max(1).values - s[torch.arange(12), torch.arange(12).roll(6)]
    assert torch.allclose(1e-3 * losses.rows(*z, 1e-3), margin, atol=3e-3)
    found = torch.eye(6)  # every pair apart from all others: nothing is left to learn
    assert float(losses.nt_xent(found, found, 0.01)) < 1e-6


def test_one_pair_alone_has_no_loss(z):
    assert float(losses.nt_xent(z[0][:1], z[1][:1], 0.2)) == 0


def test_alignment_and_uniformity_are_the_papers(z):
    a, b = (F.normalize(v, dim=1) for v in z)
    assert float(losses.alignment(*z)) == pytest.approx(float((a - b).square().sum(1).mean()), abs=1e-5)
    assert float(losses.alignment(z[0], 2 * z[0])) == pytest.approx(0, abs=1e-6)
    pairs = [math.exp(-2 * float((a[i] - a[j]).square().sum())) for i in range(6) for j in range(i)]
    assert float(losses.uniformity(z[0])) == pytest.approx(math.log(sum(pairs) / 15), abs=1e-5)
    assert float(losses.uniformity(torch.ones(4, 3))) == pytest.approx(0, abs=1e-6)


def test_uniformity_pushes_two_points_apart():
    """Along the sphere, and with the gradient of log exp(-2 (2 - 2 cos angle))."""
    angle = torch.tensor(0.8, requires_grad=True)
    points = torch.stack([torch.stack([torch.ones(()), torch.zeros(())]), torch.stack([angle.cos(), angle.sin()])])
    losses.uniformity(points).backward()
    assert float(angle.grad) == pytest.approx(-4 * math.sin(0.8), rel=1e-4)
    z = torch.tensor([[1.0, 0.0], [0.6, 0.8]], requires_grad=True)
    losses.uniformity(z).backward()
    apart = z[0] - z[1]
    down = -z.grad
    assert float((down[0] - down[1]) @ apart.detach()) > 0
    assert torch.allclose((down * z).sum(1), torch.zeros(2), atol=1e-5)  # no step leaves the sphere


@pytest.mark.parametrize(("rows", "rank"), [(torch.ones(8, 5), 1), (3 * torch.eye(7), 7), (torch.eye(4, 9), 4)])
def test_the_effective_rank_counts_directions(rows, rank):
    assert float(losses.effective_rank(rows)) == pytest.approx(rank, abs=1e-4)


def test_the_effective_rank_of_a_line_and_of_nothing_is_one():
    assert float(losses.effective_rank(torch.arange(-3.0, 4)[:, None] * torch.ones(5))) == pytest.approx(1, abs=1e-4)
    assert float(losses.effective_rank(torch.zeros(4, 3))) == pytest.approx(1)


def test_vicreg_has_its_three_terms(z):
    a, b = z
    terms = losses.vicreg(a, b)
    assert float(terms["invariance"]) == pytest.approx(float((a - b).square().mean()), abs=1e-5)
    by_hand = sum(F.relu(1 - (v.var(0) + 1e-4).sqrt()).mean() for v in z) / 2
    assert float(terms["variance"]) == pytest.approx(float(by_hand), abs=1e-5)
    total = 0.0
    for v in z:
        v = v - v.mean(0)
        total += sum(float((v[:, i] * v[:, j]).sum() / 5) ** 2 for i in range(5) for j in range(5) if i != j) / 5
    assert float(terms["covariance"]) == pytest.approx(total, abs=1e-5)
    weighted = 25 * terms["invariance"] + 25 * terms["variance"] + terms["covariance"]
    assert torch.allclose(terms["loss"], weighted)


def test_vicreg_pays_for_a_collapse():
    terms = losses.vicreg(torch.ones(8, 4), torch.ones(8, 4))
    assert float(terms["invariance"]) == 0
    assert float(terms["variance"]) == pytest.approx(0.99, abs=1e-3)
    whitened = 2 * torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    assert float(losses.vicreg(whitened, whitened)["loss"]) == pytest.approx(0, abs=1e-5)


def test_what_cannot_be_compared_is_refused(z):
    refused = [
        lambda: losses.nt_xent(z[0], z[1][:4], 0.5),
        lambda: losses.nt_xent(z[0][:0], z[1][:0], 0.5),
        lambda: losses.nt_xent(*z, 0.0),
        lambda: losses.uniformity(z[0][:1]),
        lambda: losses.vicreg(z[0][:1], z[1][:1]),
        lambda: losses.vicreg(z[0], z[1][:, :2]),
    ]
    for call in refused:
        with pytest.raises(ValueError, match="must be"):
            call()
