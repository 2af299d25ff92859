"""What the parts of the VAE tab share: its checkpoints, the state of a point in latent space, its settings."""

import functools

import torch

from demos import _checks, _common, _interpolate, _keep
from genai_core import checkpoints, lenet, metrics, vae

TAB = "vae"
MODELS = ("vae-mnist", "vae-fashion", "vae-mnist-2d")
LIMIT = 3.0  # standard deviations of the prior that a slider spans; settings may go to twice that
NAMES = {"vae-mnist": "digits, 16 latents", "vae-fashion": "garments, 16 latents", "vae-mnist-2d": "digits, 2 latents"}


def model_of(request: dict) -> tuple[str, vae.VAE]:
    name = _checks.choice(request.get("model"), "The model", MODELS)
    return name, vae.load(name)


def codes(z: list[float], model: vae.VAE) -> torch.Tensor:
    """One code from a request, checked: [1, latents]."""
    clean = _checks.numbers(z, "z", model.config.latents, -2 * LIMIT, 2 * LIMIT)
    return torch.tensor([clean])


@torch.inference_mode()
def decode(model: vae.VAE, z: torch.Tensor) -> torch.Tensor:
    """Codes [N, latents] on the CPU -> pictures [N, 1, 28, 28] on the CPU."""
    return model.decode(z.to(checkpoints.default_device())).cpu()


def dimensions(name: str) -> list[dict]:
    """The latent dimensions, strongest first: index, name, mean KL in nat over the test split, whether it collapsed."""
    kl = checkpoints.read_json(name, "metrics.json")["kl_per_dimension"]
    order = sorted(range(len(kl)), key=lambda i: -kl[i])
    return [
        {
            "i": i,
            "name": f"z{i + 1}",
            "weight": kl[i],
            "off": kl[i] < vae.ACTIVE,
            "title": "Collapsed: the encoder ignores it and the decoder has learned not to listen"
            if kl[i] < vae.ACTIVE
            else f"carries {kl[i]:.2f} nat on average",
        }
        for i in order
    ]


def draw(name: str, seed: int) -> list[float]:
    """A code from the prior."""
    n = vae.load(name).config.latents
    z = torch.randn(n, generator=torch.Generator().manual_seed(seed)).clamp(-LIMIT, LIMIT)
    return rounded(z)


def rounded(z: torch.Tensor) -> list[float]:
    """A code [latents] as numbers with two decimals, as the sliders and links hold it."""
    return [round(v, 2) for v in z.tolist()]


@functools.cache
def reading(digit: int) -> torch.Tensor:
    """Of 400 draws from the prior of `vae-mnist`, the code whose picture the LeNet reads most surely as `digit`."""
    model = vae.load("vae-mnist")
    z = torch.randn((400, model.config.latents), generator=torch.Generator().manual_seed(0)).clamp(-LIMIT, LIMIT)
    return z[metrics.read(lenet.judge("mnist"), decode(model, z))[:, digit].argmax()]


def state(name: str, z: list[float], seed: int, note: str = "") -> dict:
    """The value of the slider control: a point in latent space and its picture."""
    model = vae.load(name)
    picture = _common.tile(decode(model, codes(z, model)), 1)
    return {
        "tab": TAB,
        "part": "sliders",
        "model": name,
        "z": z,
        "seed": seed,
        "dims": dimensions(name),
        "src": _common.data_uri(picture),
        "note": note,
        "limit": LIMIT,
        "heading": "Latent variables, strongest first",
        "unit": "KL in nat",
        "prior": True,
        "classes": None,
    }


def settings_of(request: dict) -> tuple[str, list[float], int]:
    """Model, z and seed from a link or a saved picture."""
    name, model = model_of(request)
    clean = codes(_keep.listed(request.get("z", ""), "z"), model)[0]
    return name, rounded(clean), _keep.seed(request.get("seed", 0))


SPACE = _interpolate.Space(
    TAB,
    NAMES,
    lambda name, seed: torch.tensor(draw(name, seed)),
    lambda name, z, _label: decode(vae.load(name), z),
)
