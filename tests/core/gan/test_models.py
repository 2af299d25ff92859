"""The picture GANs: what training moves, what the labels do, what a seed fixes."""

import dataclasses
import io

import pytest
import torch
from torch.nn.utils import parametrize

from genai_core import gan
from genai_core.common import checkpoints
from genai_core.gan import base, cgan, dcgan, mlp, wgan
from genai_core.train import history_steps, history_strip

SMALL = {
    "mlp": mlp.MLPConfig(latents=8, hidden=32, d_hidden=16, batch=16, lr_g=2e-3, lr_d=2e-3),
    "dcgan": dcgan.DCGANConfig(latents=8, channels=(8, 8), batch=16, lr_g=2e-3, lr_d=2e-3),
    "cgan": cgan.CGANConfig(latents=8, channels=(8, 8), features=16, batch=16, lr_g=2e-3, lr_d=2e-3),
    "wgan": wgan.WGANConfig(latents=8, channels=(8, 8), batch=16, d_steps=2, lr_g=2e-3, lr_d=2e-3),
}
each = pytest.mark.parametrize("config", SMALL.values(), ids=SMALL)


def toy(n: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Bars: label y is a bright bar at column 2 y, on dark ground."""
    labels = torch.arange(n) % 10
    pictures = 0.05 * torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(9))
    for picture, label in zip(pictures, labels, strict=True):
        picture[..., 2 * label : 2 * label + 6] = 0.95
    return pictures, labels


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_truncation_is_that_of_torch_and_keeps_order():
    """Every value is drawn again until it lies within: a normal distribution cut off on both sides."""
    z = torch.randn(200_000, generator=seed(0))
    cut = gan.truncated(z, 0.7)
    reference = torch.nn.init.trunc_normal_(torch.empty(200_000), a=-0.7, b=0.7, generator=seed(1))
    at = torch.linspace(0, 1, 21)
    assert torch.allclose(cut.quantile(at), reference.quantile(at), atol=0.01)
    assert cut.abs().max() <= 0.7
    assert torch.equal(cut[z.argsort()], cut.sort().values)
    assert torch.allclose(gan.truncated(z[:1000], 9.0), z[:1000], atol=1e-5)
    assert not gan.truncated(z[:10], 0.0).any()
    with pytest.raises(ValueError, match="at least 0"):
        gan.truncated(z, -1.0)


def play(config, steps: int, **options):
    *_, last = gan.train(config, toy(), steps=steps, **options)
    return last


def labels_for(model, n: int):
    return torch.arange(n) % 10 if model.conditional else None


@each
def test_the_discriminator_learns_to_tell(config):
    """With the generator held still, real and generated scores move apart and the loss falls."""
    game_steps = list(gan.train(dataclasses.replace(config, lr_g=0.0), toy(), steps=25))
    first, last = game_steps[0].losses, game_steps[-1].losses
    assert last["real"] - last["fake"] > first["real"] - first["fake"]
    assert last["discriminator"] < first["discriminator"]


@each
def test_the_generator_learns_to_please(config):
    """With the discriminator held still, the scores of what is generated rise."""
    still = dataclasses.replace(config, lr_d=0.0, ema=0.0)
    before, after = play(still, 1).model, play(still, 25).model
    scores = []
    for model in (before, after):
        y = labels_for(model, 50)
        scores.append(gan.discriminate(after, gan.sample(model, 50, generator=seed(1), labels=y), y).mean())
    assert scores[1] > scores[0]


def test_labels_are_respected():
    """Trained on bars of two labels, each label's picture is brightest at its own place, for every latent."""
    x, y = toy(320)
    two = (y == 1) | (y == 8)
    config = dataclasses.replace(SMALL["cgan"], batch=32, lr_g=4e-3, lr_d=4e-3, ema=0.9)
    *_, last = gan.train(config, (x[two], y[two]), steps=100)
    made = gan.across_classes(last.model, gan.latents(last.model, 20, generator=seed(3)))  # [20, 10, 1, 28, 28]
    left, right = made[..., 2:8].mean((2, 3, 4)), made[..., 16:22].mean((2, 3, 4))  # [20, 10] each
    assert (left - right)[:, 1].min() > 0.2
    assert (right - left)[:, 8].min() > 0.2


def test_the_projection_is_linear_in_the_embedding():
    network = cgan.Discriminator(SMALL["cgan"]).eval()
    parametrize.remove_parametrizations(network.embedding, "weight")  # the bare projection, not its normalisation
    x, y = torch.rand(6, 1, 28, 28), torch.arange(6)
    first, second = torch.randn(2, 10, 16)

    @torch.no_grad()
    def score(embedding: torch.Tensor) -> torch.Tensor:
        network.embedding.weight.copy_(embedding)
        return network(x, y)

    without = score(torch.zeros(10, 16))  # psi(phi(x)), the part that knows no label
    assert torch.allclose(without, network.psi(network.phi(x))[:, 0])
    together = score(2 * first - 3 * second) - without
    assert torch.allclose(together, 2 * (score(first) - without) - 3 * (score(second) - without), atol=1e-5)


def test_spectral_normalisation_holds_the_largest_singular_value_at_one():
    network = play(SMALL["cgan"], 30).model.discriminator
    layers = [m for m in network.modules() if parametrize.is_parametrized(m)]
    assert len(layers) == 7
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.25)


def test_the_critic_is_held_to_its_slope():
    """A heavy penalty brings the mean slope between real and generated pictures towards 1."""
    steep = dataclasses.replace(SMALL["wgan"], penalty=100.0, d_steps=4)
    slopes = [step.losses["slope"] for step in gan.train(steep, toy(64), steps=30)]
    assert sum(slopes[-5:]) / 5 == pytest.approx(1, abs=0.3)


@each
def test_an_interrupted_run_ends_as_the_uninterrupted_one(config):
    whole = play(config, 6)
    for step in gan.train(config, toy(), steps=6):
        if step.step == 3:
            file = io.BytesIO()
            torch.save(step.state(), file)
            break
    file.seek(0)
    rest = play(config, 6, resume=torch.load(file, weights_only=True))
    assert rest.losses == whole.losses
    for name, value in whole.model.state_dict().items():
        assert torch.equal(rest.model.state_dict()[name], value), name


@each
def test_the_same_seed_gives_the_same_sample(config):
    model = play(config, 2).model
    first, again, other = (gan.sample(model, 5, generator=seed(s)) for s in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-3)
    assert first.shape == (5, 1, 28, 28)
    assert 0 <= first.min() <= first.max() <= 1


@each
def test_a_picture_does_not_depend_on_its_batch(config):
    model = play(config, 3).model
    z, y = gan.latents(model, 6, generator=seed(0)), labels_for(model, 6)
    x = gan.decode(model, z, y)
    assert torch.allclose(x, gan.decode(model, z, y, batch=2), atol=1e-5)
    one = gan.discriminate(model, x[:1], None if y is None else y[:1])
    assert torch.allclose(gan.discriminate(model, x, y)[:1], one, atol=1e-4)


def test_truncation_to_nothing_leaves_one_picture():
    model = play(SMALL["dcgan"], 2).model
    x = gan.sample(model, 4, generator=seed(0), truncation=0.0)
    assert torch.allclose(x, x[:1].expand_as(x), atol=1e-6)
    wide, narrow = (gan.sample(model, 64, generator=seed(0), truncation=t).var(0).sum() for t in (1.0, 0.3))
    assert narrow < wide


@each
def test_directions_move_the_first_layer_most(config):
    model = play(config, 1).model
    found = gan.directions(model, 3)
    assert torch.allclose(found @ found.T, torch.eye(3), atol=1e-5)
    weight = model.generator.first.weight
    moves = (found @ weight.T).norm(dim=1)
    anyhow = torch.nn.functional.normalize(torch.randn(200, config.latents, generator=seed(0)), dim=1)
    assert (moves.diff() <= 0).all()
    assert moves[0] >= (anyhow @ weight.T).norm(dim=1).max()


def test_labels_are_asked_for_and_refused():
    plain, conditional = game_model("dcgan"), game_model("cgan")
    x, y = torch.rand(2, 1, 28, 28), torch.tensor([1, 2])
    with pytest.raises(ValueError, match="does not take labels"):
        gan.sample(plain, 2, generator=seed(0), labels=y)
    with pytest.raises(ValueError, match="needs labels"):
        gan.discriminate(conditional, x)


def game_model(variant: str) -> base.GAN:
    return gan.MODELS[type(SMALL[variant])](SMALL[variant]).eval()


@each
def test_a_checkpoint_gives_back_both_networks(config, tmp_path, monkeypatch):
    name = next(name for name, recipe in gan.RECIPES.items() if type(recipe.config) is type(config))
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    model = play(config, 3).model
    checkpoints.save(name, model, config)
    loaded = gan.load(name)
    assert loaded.config == config
    y = labels_for(model, 4)
    x = gan.sample(model, 4, generator=seed(0), labels=y)
    assert torch.allclose(gan.sample(loaded, 4, generator=seed(0), labels=y).cpu(), x, atol=0.01)
    assert torch.allclose(gan.discriminate(loaded, x, y).cpu(), gan.discriminate(model, x, y), atol=0.02, rtol=0.02)


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(checkpoints.CheckpointError, match=r"no GAN 'gan-cats'.*dcgan-mnist"):
        gan.load("gan-cats")


@pytest.mark.parametrize("name", gan.RECIPES)
def test_a_recipe_builds_a_small_checkpoint(name):
    config = gan.RECIPES[name].config
    model = gan.MODELS[type(config)](config)
    assert 2 * sum(value.numel() for value in model.state_dict().values()) < 4 * 2**20  # float16


def test_a_history_has_twelve_steps_and_one_strip():
    assert history_steps(6000)[-3:] == [1500, 3000, 6000]
    assert len(history_steps(6000)) == 12
    assert history_steps(1) == [1]
    model = game_model("cgan")
    early, late = gan.preview(model), gan.preview(model)
    assert torch.equal(early, late)
    strip = history_strip([torch.zeros(36, 1, 28, 28), late])
    assert strip.shape == (1, 6 * 28, 2 * 6 * 28)
    assert strip[:, :, : 6 * 28].max() == 0
    assert torch.equal(strip[0, :28, 6 * 28 : 7 * 28], late[0, 0])
