"""What programs can ask of the autoencoder tab."""

from collections.abc import Iterator

import torch
from PIL import Image

from demos._server import lanes
from demos._ui import digits, images
from demos._ui.api import Picture, Value, endpoint
from demos.autoencoder import (
    _api_compress,
    _api_denoise,
    _api_sparse,
    _models,
    codebook,
    colour,
    sample,
    squeeze,
    train,
)
from genai_core.autoencoders.live import AEFrame


@endpoint(
    squeeze.PART.table,
    Picture("The reconstruction, 28 x 28"),
    Value("codes, as they are; mse, the mean squared error of a pixel; family, that error for each bottleneck"),
    takes=("pixels", "model"),
    names={"pixels": "picture"},
)
def autoencoder_reconstruct(model: str, pixels: str) -> tuple[Image.Image, dict]:
    """Squeeze a picture through an autoencoder, or through PCA with as many codes, and rebuild it."""
    x = digits.drawing(pixels)
    family = {name: _models.squeeze(name, x) for name in _models.FAMILY}
    one = family[model]
    figures = {"codes": one.codes.tolist(), "mse": one.mse, "family": {name: f.mse for name, f in family.items()}}
    return images.tile(one.rebuilt, 1), figures


@endpoint(
    sample.PART.table,
    Picture("The autoencoder's draws, 28 x 28 each, ten in a row"),
    Picture("The VAE's draws"),
    Value("For each of the two: sure, whether the LeNet sees a digit in each draw, and share, of 250 draws"),
    takes=("model", "source", "n", "seed"),
)
def autoencoder_sample(
    model: str, source: str, n: int, seed: int, holes: bool, at: list[float]
) -> tuple[Image.Image, Image.Image, dict]:
    """Draw from an autoencoder, by a Gaussian fitted to its training codes, and from a VAE's prior."""
    draws = [sample.drawn(name, source, n, seed) for name in (model, sample.VAE)]
    own, vae = (images.tile(x, sample.COLUMNS, gap=2) for _, _, x, _ in draws)
    return own, vae, {name: {"sure": sure, "share": sample.share(name)} for name, _, _, sure in draws}


@endpoint(
    sample.PART.table,
    Picture("The decoded picture, 28 x 28"),
    Picture("What the VAE decodes at the same place of its plane"),
    Value("code: of each of the two"),
    takes=("at", "model"),
    names={"at": "place"},
)
def autoencoder_decode(
    model: str, source: str, n: int, seed: int, holes: bool, at: list[float]
) -> tuple[Image.Image, Image.Image, dict]:
    """Decode a place of the plane of codes, from -1 to 1 in both directions, where test digits lie."""
    found = {name: sample.plane(name).code(torch.tensor([at])) for name in (model, sample.VAE)}
    own, vae = (images.tile(sample.decode(name, z), 1) for name, z in found.items())
    return own, vae, {"code": {name: z[0].tolist() for name, z in found.items()}}


@endpoint(
    train.PART.table,
    Picture("The decoded plane around the codes"),
    Value("step, steps, mse, mse_pca (of PCA with two components), timed_out"),
    lane=lanes.TRAIN,
)
def autoencoder_train(factors: str, loss: str, linear: bool, seed: int) -> Iterator[tuple[Image.Image, dict] | None]:
    """Train an autoencoder with two codes on sprites for at most a minute; streams a picture every ten steps."""

    def shown(frame: AEFrame) -> tuple[Image.Image, dict]:
        figures = {name: getattr(frame, name) for name in ("step", "steps", "mse", "mse_pca", "timed_out")}
        return Image.fromarray(frame.decoded), figures

    yield from train.frames(factors, loss, linear, seed, shown)


ENDPOINTS = (
    autoencoder_reconstruct,
    *colour.ENDPOINTS,
    autoencoder_decode,
    autoencoder_sample,
    *_api_denoise.ENDPOINTS,
    *_api_sparse.ENDPOINTS,
    *_api_compress.ENDPOINTS,
    *codebook.ENDPOINTS,
    autoencoder_train,
)
