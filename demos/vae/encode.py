"""Draw or upload a picture: its posterior q(z|x) against the prior, its reconstruction, and where that errs."""

import base64

import torch
from PIL import Image

from demos import _checks, _common, _keep, _pictures
from demos.vae import _models
from demos.vae._models import MODELS, NAMES
from genai_core import checkpoints, vae


@torch.inference_mode()
def posterior(model: vae.VAE, x: torch.Tensor, seed: int) -> dict:
    """One picture [1, 1, 28, 28] -> mu, sigma, KL per dimension, and the decoded mean (seed 0) or a draw (others)."""
    mu, logvar = (t.cpu() for t in model.encode(x.to(checkpoints.default_device())))
    sigma = (0.5 * logvar).exp()
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(seed)) if seed else torch.zeros_like(mu)
    rebuilt = _models.decode(model, mu + sigma * noise)
    return {
        "mu": mu[0].tolist(),
        "sigma": sigma[0].tolist(),
        "kl": vae.kl(mu, logvar)[0].tolist(),
        "log_likelihood": float(vae.log_likelihood(torch.logit(rebuilt, 1e-6), x)),
        "rebuilt": _common.png(_common.tile(rebuilt, 1)),
        "error": _common.png(_common.signed((rebuilt - x)[0, 0])),
    }


def encode(request: dict) -> dict:
    """{"model", "pixels": 784 bytes in base64, "seed"} -> see `posterior`. Seed 0 means epsilon = 0."""
    request = _checks.record(request)
    _, model = _models.model_of(request)
    return posterior(model, _pictures.drawing(request.get("pixels")), _checks.seed(request.get("seed", 0)))


def example(request: dict) -> str:
    """{"model", "seed"} -> a picture that the model itself made, 784 bytes in base64."""
    request = _checks.record(request)
    _, model = _models.model_of(request)
    seed = _checks.seed(request.get("seed"))
    return _pictures.packed(vae.sample(model, 1, generator=torch.Generator().manual_seed(seed)))


def state(name: str, pixels: str, seed: int = 0, source: str = "example") -> dict:
    """The control's value: a picture as 784 bytes in base64, for the model `name`; source: "example" or "hand"."""
    dims = {m: _models.dimensions(m) for m in MODELS}
    return {"models": NAMES, "chosen": name, "pixels": pixels, "seed": seed, "from": source, "dims": dims}


def start(_request: dict) -> dict:
    """The control's value at first: a picture made by the first model, so that there is something to see."""
    return state(MODELS[0], example({"model": MODELS[0], "seed": 2}))


def settings_of(request: dict) -> tuple[str, str, int]:
    """Model, pixels and seed from a link or a saved picture."""
    name, _ = _models.model_of(request)
    return name, _pictures.packed(_pictures.drawing(request.get("pixels"))), _keep.seed(request.get("seed", 0))


def save(request: dict) -> str:
    """{"model", "pixels", "seed"} -> picture, reconstruction and error side by side, PNG in base64 with settings."""
    name, pixels, seed = settings_of(_checks.record(request))
    x = _pictures.drawing(pixels)
    found = posterior(vae.load(name), x, seed)
    parts = [_common.tile(x, 1), *(_checks.picture(base64.b64decode(found[key])) for key in ("rebuilt", "error"))]
    sheet = Image.new("RGB", (3 * 280 + 2 * 20, 280), "white")
    for k, part in enumerate(parts):
        sheet.paste(part.convert("RGB").resize((280, 280), Image.Resampling.NEAREST), (k * 300, 0))
    return _keep.saved(sheet, {"tab": _models.TAB, "part": "encode", "model": name, "pixels": pixels, "seed": seed})


def restored(settings: dict) -> dict:
    """Settings of a link or a saved picture -> the control's value."""
    name, pixels, seed = settings_of(settings)
    return state(name, pixels, seed, "hand")


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value with its settings."""
    return restored(_keep.opened(request, _models.TAB, "encode"))


def build():
    """The pad, the posterior and the reconstruction, in one control."""
    _common.lead(
        "<b>Draw a digit</b>: the encoder answers with a mean and a width for each latent. Look for what it is sure "
        "of, and for what the reconstruction corrects."
    )
    return _common.control(
        "encode", None, [start, encode, _pictures.open_picture, _pictures.centre, example, save, restore]
    )
