"""Model: a picture on its way through the VAE, every value of it, and the two terms of its loss."""

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from demos._ui import digits, graph, images
from demos._ui.graph import Graph, Node
from demos._ui.settings import Setting
from demos._ui.tab import Answer, Part, Preset
from demos.vae import encode
from demos.vae._models import MODEL, NAMES, SEED
from genai_core import vae
from genai_core.common import checkpoints
from genai_core.vae import VAE

GRAPH = Graph(
    (
        Node("x", "x", "picture", (0, 1), "The picture: pixels in [0, 1].", "x", ink="real"),
        Node(
            "encoder",
            "encoder",
            "narrows",
            (1, 1),
            "Convolutions, learned, that squeeze 784 pixels into two numbers for each latent.",
            "q(z|x) = N(μ, σ²)",
            VAE.encode,
            "real",
        ),
        Node(
            "mu",
            "μ",
            "bars",
            (2, 0),
            "The mean of each latent, over one and two standard deviations of the prior N(0, 1). Where μ is near 0 and "
            "σ near 1, the latent tells nothing of this picture.",
            "μ = encoder(x), first half",
            VAE.encode,
            "real",
            normal=True,
            line="chunk",
        ),
        Node(
            "sigma",
            "σ",
            "bars",
            (2, 1),
            "The width of each latent: small where the encoder is sure, 1 where it leaves the prior as it is.",
            "log σ² = encoder(x), second half",
            VAE.encode,
            "real",
            line="chunk",
        ),
        Node(
            "epsilon",
            "ε",
            "bars",
            (2, 2),
            "Noise from N(0, 1), drawn anew each time. It comes from outside, so that gradients reach μ and σ.",
            "ε ~ N(0, I)",
            normal=True,
        ),
        Node(
            "z",
            "z",
            "bars",
            (3, 1),
            "The code: one draw from q(z|x), all that the decoder is given.",
            "z = μ + σ ε",
            vae.loss,
            "accent",
            normal=True,
            line="z = mu",
        ),
        Node(
            "decoder",
            "decoder",
            "widens",
            (4, 1),
            "Convolutions, learned, from a code to the probability that each pixel is white.",
            "p(x|z)",
            VAE.logits,
            "made",
        ),
        Node(
            "x_hat",
            "x̂",
            "picture",
            (5, 1),
            "The reconstruction: the probabilities that the decoder gives.",
            "x̂ = sigmoid(decoder(z))",
            VAE.decode,
            "made",
            by="logits",
        ),
        Node(
            "kl",
            "KL",
            "number",
            (6, 0.4),
            "The rate: how far q(z|x) is from the prior. The loss wants it small, so that draws from the prior decode "
            "to pictures.",
            "KL(q(z|x) || N(0, I)) = ½ Σ (μ² + σ² − 1 − log σ²)",
            vae.kl,
            "real",
            "nat",
        ),
        Node(
            "reconstruction",
            "−log p(x|z)",
            "number",
            (6, 1.6),
            "The distortion: how badly x̂ explains x. The loss wants it small, so that codes tell pictures apart.",
            "−Σ x log x̂ + (1 − x) log(1 − x̂)",
            vae.log_likelihood,
            "made",
            "nat",
        ),
        Node(
            "loss",
            "loss",
            "number",
            (7, 1),
            "Both together, the negative ELBO: what training makes small, by gradients that flow all the way back.",
            "−ELBO = −log p(x|z) + KL",
            vae.loss,
            "accent",
            "nat",
            line="reconstruction + beta * rate",
        ),
    ),
    (
        ("x", "encoder"),
        ("encoder", "mu"),
        ("encoder", "sigma"),
        ("mu", "z"),
        ("sigma", "z"),
        ("epsilon", "z"),
        ("z", "decoder"),
        ("decoder", "x_hat"),
        ("x_hat", "reconstruction"),
        ("x", "reconstruction"),
        ("mu", "kl"),
        ("sigma", "kl"),
        ("kl", "loss"),
        ("reconstruction", "loss"),
    ),
)


def computed(model: str, seed: int, pixels: str) -> dict[str, Tensor]:
    """All that the loss is computed from, on the CPU, for one draw of ε; of x̂ the logits."""
    own, x = vae.load(model), digits.drawing(pixels).requires_grad_(torch.is_grad_enabled())
    mu, logvar = (t.cpu() for t in own.encode(x.to(checkpoints.default_device())))
    epsilon = torch.randn(mu.shape, generator=torch.Generator().manual_seed(seed))
    sigma = (0.5 * logvar).exp()
    z = mu + sigma * epsilon
    logits = own.logits(z.to(checkpoints.default_device())).cpu()
    # from σ, and not from log σ², so that the gradient by σ is that of the whole loss
    rate, distortion = vae.kl(mu, 2 * sigma.log()).sum(), -vae.log_likelihood(logits, x)[0]
    vectors = {"mu": mu, "sigma": sigma, "epsilon": epsilon, "z": z}
    terms = {"kl": rate, "reconstruction": distortion, "loss": rate + distortion}
    return {"x": x, "x_hat": logits, **vectors, **terms}


@torch.inference_mode()
def values(model: str, seed: int, pixels: str) -> dict[str, Tensor]:
    """Every value of the graph."""
    found = computed(model, seed, pixels)
    vectors = {name: found[name][0] for name in ("x", "mu", "sigma", "epsilon", "z")}
    return {**found, **vectors, "x_hat": found["x_hat"][0].sigmoid()}


def path(**settings: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss, and what it depends on by each box that learns."""
    found = computed(**settings)
    return found["loss"], {name: tensor for name, tensor in found.items() if name != "epsilon"}


def show(model: str, seed: int, pixels: str) -> dict[str, Any]:
    return {"models": NAMES, "values": graph.values(GRAPH, values(model, seed, pixels))}


def picture(model: str, seed: int, pixels: str) -> Image.Image:
    """The picture and its reconstruction, side by side."""
    found = values(model, seed, pixels)
    return images.tile(torch.stack([found["x"], found["x_hat"]]), 2, gap=2, zoom=10)


def says(model: str, seed: int, pixels: str) -> str:
    found = values(model, seed, pixels)
    return f"KL {float(found['kl']):.2f}, -log p(x|z) {float(found['reconstruction']):.2f} nat"


def code(model: str, seed: int, pixels: str) -> str:
    return f'''import base64

import torch

from genai_core import vae

pixels = base64.b64decode(
    "{pixels}"
)
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 1, 28, 28) / 255
model = vae.load("{model}")
with torch.inference_mode():
    mu, logvar = model.encode(x)
    sigma = (0.5 * logvar).exp()
    epsilon = torch.randn(mu.shape, generator=torch.Generator().manual_seed({seed}))
    z = mu + sigma * epsilon
    logits = model.logits(z)  # of x_hat
kl, reconstruction = vae.kl(mu, logvar).sum(), -vae.log_likelihood(logits, x)[0]
print(f"KL {{kl:.2f}}, -log p(x|z) {{reconstruction:.2f}} nat")
'''


PART = Part(
    id="model",
    title="Model",
    lead="<b>Draw a digit</b> and follow it from left to right. <b>Click a box</b> for its equation and its source. "
    "Look for the two terms of the loss.",
    stage="vae/model",
    settings=(
        MODEL,
        SEED,
        Setting("pixels", digits.DRAWING, lambda others: encode.generated(others["model"], 2), "The drawing"),
    ),
    presets=(
        Preset(
            "Another ε",
            "The same picture, another draw of the noise. What of x̂ changes?",
            {"seed": 1},
            "Little: σ is small where a latent matters, so z moves only where the decoder does not mind.",
            (
                Answer("Hardly anything."),
                Answer("It becomes another digit.", "z stays near μ, and the decoder draws near codes alike."),
                Answer(
                    "Nothing at all: the encoder is deterministic.",
                    "μ and σ are; z is a draw, and the decoder is given z.",
                ),
            ),
        ),
        Preset(
            "Two latents",
            "Two numbers in place of sixteen. Which of the two terms of the loss pays for it?",
            lambda: {"model": "vae-mnist-2d", "pixels": encode.generated("vae-mnist", 2)},
            "The reconstruction: KL gets smaller, as there is less to tell, and −log p(x|z) larger.",
            (
                Answer("KL: it gets larger.", "There is less to tell in two numbers, and KL is what telling costs."),
                Answer("The reconstruction: it gets worse."),
                Answer(
                    "Neither: training finds a code as good.",
                    "Digits differ in more than two ways, and what the code cannot tell, the decoder cannot draw.",
                ),
            ),
        ),
        Preset(
            "Not a digit",
            "A garment, for a VAE that was trained on digits. What does it make of it?",
            lambda: {"pixels": encode.generated("vae-fashion", 2)},
            "Strokes: the decoder can say nothing else, and −log p(x|z) is far above that of a digit.",
            (
                Answer(
                    "It copies the garment, only blurred.",
                    "The decoder has never drawn a sleeve: no code leads to one.",
                ),
                Answer(
                    "It gives up: −log p(x|z) becomes infinite.",
                    "Each pixel keeps some probability, so that the distortion is large, and finite.",
                ),
                Answer("It draws the strokes of a digit."),
            ),
        ),
    ),
    functions=(
        graph.description(GRAPH),
        graph.backward(GRAPH, path, lambda request: PART.parse(request)),
        encode.example,
        digits.open_picture,
        digits.centre,
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
