"""What programs can ask of the VAE tab."""

from collections.abc import Iterator

from PIL import Image

from demos._server import lanes
from demos._ui import images, interpolation
from demos._ui.api import Picture, Value, endpoint
from demos._ui.validation import InputError
from demos.vae import _models, encode, sliders, train
from genai_core.vae.live import VAEFrame

PICTURE = Picture("The decoded picture, 28 x 28")


def decoded(model: str, z: list[float]) -> Image.Image:
    return images.tile(_models.picture(model, z), 1)


@endpoint(sliders.PART.table, PICTURE, takes=("z", "model"))
def vae_decode(model: str, seed: int, z: list[float]) -> Image.Image:
    """Decode one latent code; a model of 16 latents takes 16 numbers."""
    return decoded(model, z)


@endpoint(sliders.PART.table, PICTURE, Value("z, model and seed"), takes=("seed", "model"))
def vae_sample(model: str, seed: int, z: list[float]) -> tuple[Image.Image, dict]:
    """Draw a latent code from the prior and decode it."""
    return decoded(model, z), {"z": z, "model": model, "seed": seed}


@endpoint(
    encode.PART.table,
    Picture("The reconstruction, 28 x 28"),
    Value("mu, sigma and kl (in nat) of each latent, and log_likelihood (in nat) of the picture"),
    takes=("pixels", "model", "seed"),
    names={"pixels": "picture"},
)
def vae_encode(model: str, seed: int, pixels: str) -> tuple[Image.Image, dict]:
    """Encode a picture: its posterior q(z|x), and the decoded mean (seed 0) or the decoded draw of another seed."""
    rebuilt, figures = encode.encoded(model, seed, pixels)
    return images.tile(rebuilt, 1), figures


vae_interpolate = interpolation.endpoint("vae_interpolate", _models.SPACE)


@endpoint(
    train.PART.table,
    Picture("The decoded latent plane, -2 to 2 in both directions"),
    Value("step, steps, losses (in nat), timed_out"),
    lane=lanes.TRAIN,
)
def vae_train(factors: str, beta: float, seed: int) -> Iterator[tuple[Image.Image, dict] | None]:
    """Train a VAE with two latents on sprites for at most a minute; streams a picture every ten steps.

    Own pictures can be trained on in the page and with genai_core alone.
    """
    if factors == train.OWN:
        raise InputError("Own pictures can be trained on in the page, or with genai_core.vae.live.train_vae.")

    def shown(frame: VAEFrame) -> tuple[Image.Image, dict]:
        figures = {name: getattr(frame, name) for name in ("step", "steps", "losses", "timed_out")}
        return Image.fromarray(frame.decoded), figures

    yield from train.frames(factors, beta, seed, shown)


ENDPOINTS = (vae_decode, vae_encode, vae_sample, vae_interpolate, vae_train)
