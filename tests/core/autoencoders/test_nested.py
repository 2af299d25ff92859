"""Laws of the ordered autoencoder: what is kept, what is not there is 0, and PCA of patches beside it."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA

from genai_core.autoencoders import nested
from genai_core.autoencoders.nested import NestedAutoencoder, NestedConfig
from genai_core.common.training import seeded
from genai_core.data import scenes

CONFIG = NestedConfig(codes=6, channels=(8, 8, 8))


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return scenes.render([scenes.scene("train", i) for i in range(6)])


@pytest.fixture(scope="module")
def model(x) -> NestedAutoencoder:
    """An untrained one, whose layers all do something."""
    model = seeded(0, lambda: NestedAutoencoder(CONFIG)).eval().requires_grad_(False)
    for i, p in enumerate(model.parameters()):
        p.copy_(0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(i)))
    model.fit(x)
    return model


def test_each_picture_keeps_its_first_channels_alone():
    z = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    kept = nested.keep(z, torch.tensor([1, 4, 2]))
    assert torch.equal(kept[0, :1], z[0, :1])
    assert torch.equal(kept[1], z[1])
    assert torch.equal(kept[2, :2], z[2, :2])
    assert not kept[0, 1:].any()
    assert not kept[2, 2:].any()


def test_channels_that_are_not_there_are_decoded_as_0(model, x):
    z = model.encode(x)
    for k in (1, 3, 6):
        torch.testing.assert_close(model.encode(x, k), z[:, :k])
        kept = nested.keep(z, torch.full((len(x),), k))
        torch.testing.assert_close(model.decode(z[:, :k]), model.decode(kept))


def test_no_gradient_reaches_a_channel_that_is_dropped(x):
    model = seeded(0, lambda: NestedAutoencoder(CONFIG))
    nested.loss(model, x, torch.full((len(x),), 2))["loss"].backward()
    rows = model.encoder[-1].weight.grad.flatten(1).norm(dim=1)  # of the layer that gives the code
    assert (rows[:2] > 0).all()
    assert (rows[2:] == 0).all()


def test_PCA_of_patches_is_that_of_scikit_learn(model, x):
    patches = F.pixel_unshuffle(x, nested.PATCH).movedim(1, -1).flatten(0, 2)
    for k in (1, 4):
        fitted = PCA(k, svd_solver="full").fit(patches.double().numpy())
        flat = torch.tensor(fitted.inverse_transform(fitted.transform(patches.double().numpy())))
        wanted = F.pixel_shuffle(flat.view(len(x), 8, 8, -1).movedim(-1, 1), nested.PATCH).float().clamp(0, 1)
        torch.testing.assert_close(model.pca(x, k), wanted, atol=1e-4, rtol=0)


def test_more_components_never_rebuild_worse(model, x):
    errors = [float((model.pca(x, k) - x).square().mean()) for k in range(1, 7)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("k", [0, 7, 1.5])
def test_a_number_of_channels_that_there_is_not_is_refused(model, x, k):
    with pytest.raises(ValueError, match="channels"):
        model.encode(x, k)
    with pytest.raises(ValueError, match="channels"):
        model.pca(x, k)


def test_pictures_and_codes_of_another_shape_are_refused(model):
    for call, shape in ((model.encode, (1, 3, 32, 32)), (model.decode, (1, 3, 4, 4)), (model.decode, (1, 7, 8, 8))):
        with pytest.raises(ValueError, match=r"channels|must"):
            call(torch.zeros(shape))
