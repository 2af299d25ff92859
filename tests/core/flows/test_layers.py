"""Laws of invertible layers: there and back, and a log-determinant that is the Jacobian's."""

import math

import pytest
import torch
from torch import Tensor, nn

from genai_core.common.training import seeded
from genai_core.flows import couplings, layers, networks
from genai_core.flows.couplings import MASKS, AdditiveCoupling, AffineCoupling, MixtureCoupling

IMAGE, SQUEEZED = (1, 4, 6), (4, 4, 4)
SHAPES = {"columns": (2, 4, 4), "checkerboard": (1, 4, 6), "channels": (4, 3, 4)}


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def random(layer: nn.Module) -> nn.Module:
    """The layer with weights that do something: nothing is left at zero."""
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=seed(p.numel())))
    return layer


def network(mask: str, outputs: int) -> nn.Module:
    c = couplings.split(torch.zeros(1, *SHAPES[mask]), mask)[0].shape[1]
    return nn.Sequential(nn.Conv2d(c, 8, 3, padding=1), nn.Tanh(), nn.Conv2d(8, outputs * c, 3, padding=1))


def coupling(kind: str, mask: str, flip: bool) -> layers.Layer:
    def build():
        if kind == "mixture":
            return MixtureCoupling(network(mask, 2 + 3 * 3), mask, flip, components=3)
        return {"additive": AdditiveCoupling, "affine": AffineCoupling}[kind](
            network(mask, 1 if kind == "additive" else 2), mask, flip
        )

    return random(seeded(0, build))


def values(*shape: int) -> Tensor:
    """Pictures in (0, 1), half of their pixels black, as `Gaussianise` and `Logit` take them."""
    x = torch.rand((2, *shape), generator=seed(1))
    return torch.where(x < 0.5, x / 128, x).clamp(1e-3, 0.999)


CASES = {
    **{
        f"{kind}-{mask}{'-flip' * flip}": (
            lambda kind=kind, mask=mask, flip=flip: coupling(kind, mask, flip),
            SHAPES[mask],
        )
        for kind in ("additive", "affine", "mixture")
        for mask in MASKS
        for flip in (False, True)
    },
    "affine-squeezed": (
        lambda: random(AffineCoupling(nn.Conv2d(4, 8, 3, padding=1), "channels", squeezed=True)),
        (2, 4, 4),
    ),
    "logit": (lambda: layers.Logit(0.05), IMAGE),
    "histogram": (layers.Gaussianise, IMAGE),
    "squeeze": (layers.Squeeze, IMAGE),
    "actnorm": (lambda: random(layers.ActNorm(4)), SQUEEZED),
    "scale": (lambda: random(layers.Scale(*SQUEEZED)), SQUEEZED),
    "convolution": (lambda: random(seeded(0, lambda: layers.InvertibleConv(4))), SQUEEZED),
    "chain": (
        lambda: layers.Chain(
            layers.Squeeze(), random(layers.ActNorm(4)), random(seeded(0, lambda: layers.InvertibleConv(4)))
        ),
        IMAGE,
    ),
}
each = pytest.mark.parametrize(("build", "shape"), CASES.values(), ids=CASES)


def check(layer: layers.Layer, x: Tensor) -> None:
    """The law of every layer, in float64: inverse undoes forward, and log_det is autograd's."""
    layer, x = layer.double(), x.double()
    z, log_det = layer(x)
    assert log_det.shape == (len(x),)
    assert z.numel() == x.numel()
    torch.testing.assert_close(layer.inverse(z), x, atol=1e-5, rtol=1e-5)
    for one, told in zip(x, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda v: layer(v[None])[0].flatten(), one, vectorize=True)
        torch.testing.assert_close(torch.linalg.slogdet(jacobian.flatten(1)).logabsdet, told, atol=2e-4, rtol=1e-4)


@each
def test_back_is_back_and_log_det_is_that_of_autograd(build, shape):
    check(build(), values(*shape))


@each
def test_a_picture_does_not_depend_on_its_batch(build, shape):
    layer, x = build(), values(*shape)
    (z, log_det), (one, its) = layer(x), layer(x[1:2])
    torch.testing.assert_close(z[1:2], one, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(log_det[1:2], its, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("mask", MASKS)
def test_halves_are_split_and_joined(mask, flip):
    x = torch.rand(2, *SHAPES[mask], generator=seed(0))
    a, b = couplings.split(x, mask, flip)
    assert a.shape == b.shape
    assert torch.equal(couplings.join(a, b, mask, flip), x)


def test_the_checkerboard_is_one():
    changed = AdditiveCoupling(nn.Identity(), "checkerboard").changed((2, 4, 6))
    squares = torch.arange(4)[:, None] + torch.arange(6)
    assert torch.equal(changed, (squares % 2).float().expand(2, 4, 6))


@pytest.mark.parametrize("mask", MASKS)
def test_a_mask_says_what_changes(mask):
    layer, x = coupling("affine", mask, False), values(*SHAPES[mask])
    moved = (layer(x)[0] != x).any(0)
    assert torch.equal(moved, layer.changed(SHAPES[mask]).bool())


def test_an_unknown_mask_is_told_the_known_ones():
    with pytest.raises(ValueError, match=r"no mask 'stripes'.*checkerboard"):
        couplings.split(torch.zeros(1, 2, 2, 2), "stripes")
    with pytest.raises(ValueError, match="alpha"):
        layers.Logit(0.5)


def test_actnorm_gives_its_first_batch_mean_0_and_variance_1():
    norm, x = layers.ActNorm(3), 5 + 2 * torch.randn(16, 3, 8, 8, generator=seed(0))
    norm.initialise(x)
    z, _ = norm(x)
    variance, mean = torch.var_mean(z, (0, 2, 3), correction=0)
    torch.testing.assert_close(mean, torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(variance, torch.ones(3), atol=1e-4, rtol=0)


def test_the_convolution_starts_as_a_rotation_and_knows_det():
    layer = seeded(0, lambda: layers.InvertibleConv(6))
    weight = layer.weight()
    torch.testing.assert_close(weight @ weight.T, torch.eye(6), atol=1e-5, rtol=0)
    random(layer)
    torch.testing.assert_close(torch.linalg.slogdet(layer.weight()).logabsdet, layer.log_s.sum())


def test_factoring_out_loses_nothing():
    x = torch.rand(2, 8, 3, 3, generator=seed(0))
    assert torch.equal(layers.factor_in(*layers.factor_out(x)), x)


def test_black_becomes_a_bell_and_ink_is_spread_evenly():
    """Pixels with the histogram that it was set by: N(0, 1) cut at EDGE for black, uniform beyond for ink."""
    black = torch.rand(400_000, generator=seed(0)) < 0.8
    levels = torch.randint(1, 256, black.shape, generator=seed(1)).square() // 256 + 1
    level = torch.where(black, 0, levels.clamp(max=255))
    layer = layers.Gaussianise()
    layer.initialise(level / 255)
    v = (level + torch.rand(level.shape, generator=seed(2)).clamp(1e-3, 0.999)) / 256
    z = layer(v[:, None])[0][:, 0]
    cut = torch.randn(200_000, generator=seed(3))
    cut = cut[cut < layer.EDGE]
    assert float(z[black].mean()) == pytest.approx(float(cut.mean()), abs=0.01)
    assert float(z[black].std()) == pytest.approx(float(cut.std()), abs=0.01)
    even = layer.EDGE + layer.INK * torch.linspace(0.1, 0.9, 9)
    torch.testing.assert_close(z[~black].quantile(torch.linspace(0.1, 0.9, 9)), even, atol=0.05, rtol=0)


def test_a_mixture_of_one_logistic_is_its_logit():
    """logit F(x) = (x - mean) / width, and the way back meets the quantile."""
    x = torch.linspace(-9, 9, 50).double()
    one = torch.zeros(50, 1).double()
    z, log_slope = couplings.mixture_logit(x, one, one + 0.5, one + math.log(2))
    torch.testing.assert_close(z, (x - 0.5) / 2)
    torch.testing.assert_close(log_slope, torch.full_like(x, -math.log(2)))
    torch.testing.assert_close(couplings.inverse_mixture_logit(z, one, one + 0.5, one + math.log(2)), x)


def test_a_mixture_far_out_is_inverted_too():
    """Narrow bells far apart, where Newton's steps alone would run away."""
    log_weights = torch.tensor([[0.999, 0.001]]).log().double()
    means, log_widths = torch.tensor([[-8.0, 8.0]]).double(), torch.tensor([[-5.0, -5.0]]).double()
    z = torch.linspace(-14, 14, 57).double()
    arguments = [part.expand(57, 2) for part in (log_weights, means, log_widths)]
    x = couplings.inverse_mixture_logit(z, *arguments)
    torch.testing.assert_close(couplings.mixture_logit(x, *arguments)[0], z, atol=1e-3, rtol=0)


def test_a_number_is_inverted_as_if_it_were_alone():
    """Those that are found early wait for the others, and are not changed by them."""
    g = torch.Generator().manual_seed(0)
    z = 4 * torch.randn(20, 5, generator=g)
    log_weights, means, log_widths = (2 * torch.randn(20, 3, 5, generator=g) for _ in range(3))
    arguments = (log_weights.log_softmax(1), 4 * means, log_widths)
    x = couplings.inverse_mixture_logit(z, *arguments)
    for k in range(20):
        alone = couplings.inverse_mixture_logit(z[k : k + 1], *(part[k : k + 1] for part in arguments))
        torch.testing.assert_close(alone[0], x[k], atol=1e-6, rtol=1e-6)
    exact = couplings.inverse_mixture_logit(z.double(), *(part.double() for part in arguments))
    torch.testing.assert_close(couplings.mixture_logit(exact, *map(torch.Tensor.double, arguments))[0], z.double())


def test_a_coupling_starts_as_the_identity():
    layer = AffineCoupling(networks.ResidualNet(2, 4, side=3, width=8, blocks=1), "channels")
    x = torch.rand(3, 4, 3, 3, generator=seed(0))
    z, log_det = layer(x)
    assert torch.equal(z, x)
    assert not log_det.any()
