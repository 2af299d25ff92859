"""Model: a picture through an autoencoder, and through PCA with as many numbers: codes, reconstructions and errors."""

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from demos._ui import digits, graph, images
from demos._ui.graph import Graph, Node
from demos._ui.settings import Setting, choice
from demos._ui.tab import Answer, Part, Preset
from demos.autoencoder import _models, squeeze
from demos.autoencoder._models import NAMES, OWN, PCA
from genai_core.autoencoders import ae, principal
from genai_core.autoencoders.ae import AE
from genai_core.common import checkpoints

MODELS = {name: title for name, title in NAMES.items() if name != PCA}
CROSS = "cross"
PICTURES = {**{str(k): str(k) for k in range(OWN)}, CROSS: "a cross"}

GRAPH = Graph(
    (
        Node("x", "x", "picture", (0, 1.25), "The picture: 784 pixels in [0, 1].", "x", ink="real"),
        Node(
            "encoder",
            "encoder",
            "narrows",
            (1, 0.5),
            "Convolutions, learned, that turn 784 pixels into a few numbers.",
            "z = f(x)",
            AE.encode,
            "real",
        ),
        Node(
            "code",
            "code z",
            "bars",
            (2, 0.5),
            "All that the decoder is told of the picture. The numbers have no order, and no scale of their own.",
            "z = f(x)",
            AE.encode,
            "real",
        ),
        Node(
            "decoder",
            "decoder",
            "widens",
            (3, 0.5),
            "Convolutions, learned together with the encoder, that rebuild the picture from its code.",
            "x̂ = g(z)",
            AE.decode,
            "made",
        ),
        Node("x_hat", "x̂", "picture", (4, 0.5), "The reconstruction.", "x̂ = g(f(x))", AE.decode, "made", by="output"),
        Node(
            "error",
            "x̂ − x",
            "matrix",
            (5, 0.5),
            "Where the reconstruction errs: orange where it is too bright, blue where it is too dark, in full colour "
            "at the largest error.",
            "x̂ − x",
            ae.reconstruction_error,
            "made",
            line="(out",
        ),
        Node(
            "loss",
            "loss",
            "number",
            (6, 0),
            "What training made small, by gradients that flow back through decoder and encoder: the squared error, or "
            "the cross-entropy in nats, summed over the pixels.",
            "Σ (x̂ − x)²   or   −Σ x log x̂ + (1 − x) log(1 − x̂)",
            ae.loss,
            "accent",
            line="errors.sum",
        ),
        Node(
            "mse",
            "MSE",
            "number",
            (6, 1),
            "The mean squared error of a pixel, whatever the loss was: to be compared with PCA’s.",
            "Σ (x̂ − x)² / 784",
            ae.loss,
            "made",
            line="decoded.detach()",
        ),
        Node(
            "components",
            "PCA",
            "narrows",
            (1, 2),
            "The first principal components of MNIST’s digits, as many as there are codes: fixed patterns, found in "
            "closed form.",
            "z = Uᵀ (x − m)",
            principal.PCA.encode,
        ),
        Node(
            "coordinates",
            "coordinates",
            "bars",
            (2, 2),
            "How much of each component there is in the picture. The first component varies most from digit to digit.",
            "z = Uᵀ (x − m)",
            principal.PCA.encode,
        ),
        Node(
            "sum",
            "sum",
            "widens",
            (3, 2),
            "The mean picture m and the components, each times its coordinate: the best linear decoder there is.",
            "x̂ = m + U z",
            principal.PCA.linear,
        ),
        Node(
            "x_hat_pca",
            "x̂ of PCA",
            "picture",
            (4, 2),
            "The reconstruction by PCA, clipped to [0, 1].",
            "x̂ = m + U z",
            principal.PCA.decode,
        ),
        Node(
            "error_pca",
            "x̂ − x",
            "matrix",
            (5, 2),
            "Where PCA errs, before its reconstruction is clipped, in full colour at the largest error.",
            "x̂ − x",
            principal.PCA.linear,
        ),
        Node(
            "mse_pca",
            "MSE of PCA",
            "number",
            (6, 2),
            "The mean squared error of a pixel. On training pictures no linear code of this size has a smaller one.",
            "Σ (x̂ − x)² / 784",
            principal.PCA.linear,
        ),
    ),
    (
        ("x", "encoder"),
        ("encoder", "code"),
        ("code", "decoder"),
        ("decoder", "x_hat"),
        ("x_hat", "error"),
        ("x", "error"),
        ("error", "loss"),
        ("x", "loss"),
        ("error", "mse"),
        ("x", "components"),
        ("components", "coordinates"),
        ("coordinates", "sum"),
        ("sum", "x_hat_pca"),
        ("x_hat_pca", "error_pca"),
        ("x", "error_pca"),
        ("error_pca", "mse_pca"),
    ),
)


def drawn(picture: str) -> Tensor:
    """The picture that is chosen, [1, 1, 28, 28] in [0, 1]."""
    return digits.drawing(squeeze.crossed()["pixels"] if picture == CROSS else _models.own_digit(int(picture)))


@torch.inference_mode()
def values(model: str, example: str) -> dict[str, Tensor]:
    """Every value of the graph, on the CPU."""
    own, pca, x = ae.load(model), principal.load(PCA), drawn(example).to(checkpoints.default_device())
    z = own.encode(x)
    out = own.output(z) if own.config.loss == "mse" else own.decode(z)  # what the loss compares, not clipped
    terms = ae.loss(own, x)
    coordinates = pca.encode(x, own.config.codes)
    linear = pca.linear(coordinates)
    found = {
        "x": x[0],
        "code": z[0],
        "x_hat": own.decode(z)[0],
        "error": (out - x)[0, 0],
        "loss": terms["loss"],
        "mse": terms["mse"],
        "coordinates": coordinates[0],
        "x_hat_pca": pca.decode(coordinates)[0],
        "error_pca": (linear - x)[0, 0],
        "mse_pca": (linear - x).square().mean(),
    }
    return {name: value.cpu() for name, value in found.items()}


def path(model: str, example: str) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss, and what it depends on by each box; of x̂ what the loss compares."""
    own, x = ae.load(model), drawn(example).to(checkpoints.default_device()).requires_grad_()
    z = own.encode(x)
    out = own.output(z)
    loss = ae.reconstruction_error(own.config, out, x).sum()
    return loss, {"x": x, "code": z, "x_hat": out, "error": None, "loss": loss}


def unit(model: str) -> str:
    return " nat" if ae.load(model).config.loss == "bce" else ""


def show(model: str, example: str) -> dict[str, Any]:
    kind = "the cross-entropy, in nats" if unit(model) else "the squared error"
    return {"values": graph.values(GRAPH, values(model, example)), "note": f"The loss of this autoencoder is {kind}."}


def picture(model: str, example: str) -> Image.Image:
    """The picture, what the autoencoder and what PCA make of it, side by side."""
    found = values(model, example)
    return images.tile(torch.stack([found[name] for name in ("x", "x_hat", "x_hat_pca")]), 3, gap=2, zoom=8)


def says(model: str, example: str) -> str:
    found = {name: float(value) for name, value in values(model, example).items() if value.ndim == 0}
    return f"loss {found['loss']:.2f}{unit(model)}, MSE {found['mse']:.4f}, of PCA {found['mse_pca']:.4f}"


def code(model: str, example: str) -> str:
    return f'''import base64

import torch

from genai_core.autoencoders import ae, principal

pixels = base64.b64decode(
    "{digits.packed(drawn(example))}"
)
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 1, 28, 28) / 255
model, pca = ae.load("{model}"), principal.load("{PCA}")
with torch.inference_mode():
    z = model.encode(x)
    x_hat = model.decode(z)
    terms = ae.loss(model, x)
    x_hat_pca = pca.linear(pca.encode(x, model.config.codes))
mse_pca = (x_hat_pca - x).square().mean()
print(f"loss {{terms['loss']:.2f}}{unit(model)}, MSE {{terms['mse']:.4f}}, of PCA {{mse_pca:.4f}}")
'''


PART = Part(
    id="model",
    title="Model",
    lead="<b>Choose how many numbers</b> the code has, and follow a picture through it. <b>Click a box</b> for its "
    "equation and its source. Compare the two errors.",
    stage="model",
    settings=(
        Setting("model", choice(MODELS), "ae-mnist-mse-8", "Model"),
        Setting("example", choice(PICTURES), "3", "Picture"),
    ),
    presets=(
        Preset(
            "Two numbers",
            "Two numbers in the code instead of eight. Whose error is smaller now?",
            {"model": "ae-mnist-mse-2"},
            "The autoencoder’s, by more than half. Both have grown: two numbers leave a blurred 3 of the one, and "
            "hardly any digit of the other.",
            (
                Answer("PCA’s: nothing is better with two numbers.", "Nothing linear is. This encoder is not linear."),
                Answer("The same: two numbers are two numbers.", "What counts as well is what the decoder can draw."),
                Answer("The autoencoder’s."),
            ),
        ),
        Preset(
            "Thirty-two numbers",
            "Four times as many numbers. Which of the two errors shrinks more, as a factor?",
            {"model": "ae-mnist-mse-32"},
            "The autoencoder’s: it is divided by more than four, PCA’s by less than three.",
            (
                Answer("The autoencoder’s."),
                Answer("PCA’s: it has more to gain.", "It starts higher, but its patterns cannot follow a stroke."),
                Answer("Both by four, as there are four times as many.", "No law ties the error to the number so."),
            ),
        ),
        Preset(
            "A cross",
            "Two numbers, and a picture that is no digit. What comes out of the decoder?",
            {"model": "ae-mnist-mse-2", "example": CROSS},
            "A digit, a 2: with two numbers it can draw nothing else. Here PCA has the smaller error, as haze costs "
            "less than a wrong digit.",
            (
                Answer("A blurred cross.", "Two numbers say where among digits a picture is, and a cross is nowhere."),
                Answer("A digit."),
                Answer("A black picture: the code is empty.", "Every picture has a code, and each code is decoded."),
            ),
        ),
        Preset(
            "Cross-entropy",
            "This one has another loss, in nats, and it is far from 0. How low would it be if x̂ were x itself?",
            {"model": "ae-mnist-bce-32"},
            "51 nat, for this 3. A grey pixel counts as a chance of white, and even the right chance costs its "
            "entropy. What can be learned is only what lies above.",
            (
                Answer("0, as for the squared error.", "Only if every pixel were black or white."),
                Answer("More than 40 nat."),
                Answer("Below 0.", "It is −log of probabilities of whole pixels, which are at most 1."),
            ),
        ),
    ),
    form=True,
    wide=True,
    functions=(graph.description(GRAPH), graph.backward(GRAPH, path, lambda request: PART.parse(request))),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
