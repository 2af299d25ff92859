"""Draw or upload a picture: its posterior q(z|x) against the prior, its reconstruction, and where that errs."""

import base64

import torch
from PIL import Image

from demos._ui import digits, images, validation
from demos._ui.settings import Setting
from demos._ui.tab import Answer, Part, Preset
from demos.vae import _models
from demos.vae._models import MODEL, NAMES, SEED
from genai_core import vae
from genai_core.common import checkpoints


@torch.inference_mode()
def posterior(model: vae.VAE, x: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One picture [1, 1, 28, 28] -> mu, logvar [1, latents], and the decoded mean (seed 0) or a draw (others)."""
    mu, logvar = (t.cpu() for t in model.encode(x.to(checkpoints.default_device())))
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(seed)) if seed else torch.zeros_like(mu)
    return mu, logvar, _models.decode(model, mu + (0.5 * logvar).exp() * noise)


def encoded(model: str, seed: int, pixels: str) -> tuple[torch.Tensor, dict]:
    """The reconstruction [1, 1, 28, 28], and figures of the posterior."""
    x = digits.drawing(pixels)
    mu, logvar, rebuilt = posterior(vae.load(model), x, seed)
    return rebuilt, {
        "mu": mu[0].tolist(),
        "sigma": (0.5 * logvar).exp()[0].tolist(),
        "kl": vae.kl(mu, logvar)[0].tolist(),
        "log_likelihood": float(vae.log_likelihood(torch.logit(rebuilt, 1e-6), x)),
    }


def encode(request: dict) -> dict:
    """The part's settings -> what the encoder makes of the picture. Seed 0 means epsilon = 0."""
    settings = PART.parse(request)
    rebuilt, figures = encoded(**settings)
    error = images.signed((rebuilt - digits.drawing(settings["pixels"]))[0, 0])
    return figures | {"rebuilt": _models.png(rebuilt), "error": images.png(error)}


def generated(model: str, seed: int) -> str:
    """A picture that the model itself draws, 784 bytes in base64."""
    return digits.packed(vae.sample(vae.load(model), 1, generator=torch.Generator().manual_seed(seed)))


def example(request: dict) -> str:
    """{"model", "seed"} -> a picture that the model itself draws, 784 bytes in base64."""
    request = validation.json_object(request)
    settings = PART.parse({key: request.get(key) for key in ("model", "seed")})
    return generated(settings["model"], settings["seed"])


def show(model: str, seed: int, pixels: str) -> dict:
    """A picture for the pad, 784 bytes in base64."""
    return {"models": NAMES, "dims": {name: _models.dimensions(name) for name in NAMES}}


def picture(model: str, seed: int, pixels: str) -> Image.Image:
    """The picture, its reconstruction and the error, side by side."""
    x = digits.drawing(pixels)
    _, _, rebuilt = posterior(vae.load(model), x, seed)
    sheet = Image.new("RGB", (3 * 280 + 2 * 20, 280), "white")
    for k, part in enumerate((images.tile(x, 1), images.tile(rebuilt, 1), images.signed((rebuilt - x)[0, 0]))):
        sheet.paste(part.convert("RGB").resize((280, 280), Image.Resampling.NEAREST), (k * 300, 0))
    return sheet


def says(model: str, seed: int, pixels: str) -> str:
    mu, logvar, _ = posterior(vae.load(model), digits.drawing(pixels), seed)
    return f"KL of each latent in nat: {[round(v, 3) for v in vae.kl(mu, logvar)[0].tolist()]}"


def code(model: str, seed: int, pixels: str) -> str:
    noise = f"torch.randn(mu.shape, generator=torch.Generator().manual_seed({seed}))" if seed else "0"
    return f'''import base64

import torch
from torchvision.transforms.functional import to_pil_image

from genai_core import vae

pixels = base64.b64decode(
    "{pixels}"
)
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 1, 28, 28) / 255
model = vae.load("{model}")
with torch.inference_mode():
    mu, logvar = model.encode(x)
    x_hat = model.decode(mu + (0.5 * logvar).exp() * {noise})
to_pil_image((x_hat[0] * 255).round().byte()).save("reconstruction.png")
print("KL of each latent in nat:", [round(v, 3) for v in vae.kl(mu, logvar)[0].tolist()])
'''


def moved() -> dict:
    """A digit at the right edge."""
    return {"pixels": digits.packed(digits.drawing(generated("vae-mnist", 2)).roll(7, 3))}


def half() -> dict:
    """The left half of a 0."""
    x = digits.drawing(generated("vae-mnist", 11)).clone()
    x[..., 14:] = 0
    return {"pixels": digits.packed(x)}


PART = Part(
    id="encode",
    title="Encode",
    lead="<b>Draw a digit</b>: the encoder answers with a mean and a width for each latent. Look for what it is sure "
    "of, and for what the reconstruction corrects.",
    stage="vae/encode",
    settings=(
        MODEL,
        SEED,
        Setting("pixels", digits.DRAWING, lambda others: generated(others["model"], 2), "The drawing"),
    ),
    presets=(
        Preset(
            "An empty picture",
            "Nothing is drawn. What does the VAE make of it?",
            lambda: {"pixels": base64.b64encode(bytes(784)).decode()},
            "A digit, with strokes that were never there. Look at the widths: the encoder is unsure of most latents.",
            (
                Answer(
                    "Nothing: black in, black out.", "No picture in training was black, and the decoder draws digits."
                ),
                Answer("A digit."),
                Answer("Noise.", "The decoder was trained on codes near the prior, and this code is not far from it."),
            ),
        ),
        Preset(
            "At the edge",
            "A digit that it knows well, moved to the right edge. Is it reconstructed as well as in the middle?",
            moved,
            "The error is many times as large, and KL has doubled. All digits it was trained on are centred.",
            (
                Answer(
                    "As well: convolutions do not care where.",
                    "Convolutions do not, but the linear layer between them and the code does.",
                ),
                Answer("Far worse."),
                Answer("A little worse.", "It never saw a stroke there, and has no code for one."),
            ),
        ),
        Preset(
            "Half a digit",
            "The right half of a 0 is erased. Does the VAE draw it again?",
            half,
            "It leaves most of it black: an erased pixel is a black pixel, and those count as seen.",
            (
                Answer(
                    "Yes: half a 0 can only be a 0.", "It is not told which pixels are missing, and explains them all."
                ),
                Answer("It draws another whole digit.", "That would put ink where the picture has none."),
                Answer("Hardly: the half stays empty."),
            ),
        ),
    ),
    functions=(encode, example, digits.open_picture, digits.centre),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
