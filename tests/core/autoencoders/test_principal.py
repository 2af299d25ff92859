"""Principal components: orthonormal, in order, and the best linear code."""

import pytest
import torch

from genai_core.autoencoders import principal


@pytest.fixture
def fitted(generator):
    x = torch.rand(300, 1, 28, 28, generator=generator) * torch.linspace(0, 1, 28)
    model = principal.PCA(principal.PCAConfig(components=5))
    model.fit(x)
    return model, x


def test_components_are_orthonormal_and_variances_fall(fitted):
    model, x = fitted
    torch.testing.assert_close(model.components @ model.components.T, torch.eye(5), atol=1e-5, rtol=0)
    assert (model.variances.diff() <= 0).all()
    torch.testing.assert_close(model.encode(x).var(0, correction=0), model.variances, atol=1e-4, rtol=1e-3)


def test_they_are_those_of_the_singular_value_decomposition(fitted):
    model, x = fitted
    flat = x.flatten(1).double()
    *_, v = torch.linalg.svd(flat - flat.mean(0), full_matrices=False)
    agreement = (model.components.double() * v[:5]).sum(1).abs()
    torch.testing.assert_close(agreement, torch.ones(5, dtype=torch.float64), atol=1e-4, rtol=0)


def test_no_other_subspace_rebuilds_the_pictures_better(fitted, generator):
    model, x = fitted
    flat = x.flatten(1)
    error = (model.linear(model.encode(x)) - x).square().mean()
    for _ in range(5):
        near = model.components + 0.01 * torch.randn(5, 784, generator=generator)
        basis = torch.linalg.qr(near.T).Q
        rebuilt = model.mean + (flat - model.mean) @ basis @ basis.T
        assert (rebuilt - flat).square().mean() > error


def test_more_codes_never_rebuild_worse(fitted):
    model, x = fitted
    errors = [principal.reconstruction_error(model, x, k) for k in range(1, 6)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("codes", [0, 6, -1, 1.5])
def test_a_wrong_number_of_codes_is_one_sentence(codes, fitted):
    with pytest.raises(ValueError, match=r"^The number of codes must be a whole number from 1 to 5, and is [^.]*"):
        fitted[0].encode(fitted[1], codes)
