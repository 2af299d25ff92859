"""Model: a picture on its way through both scales of a flow to noise, and the account of its likelihood."""

from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from demos._ui import digits, graph, images
from demos._ui.graph import Graph, Node
from demos._ui.settings import Setting, choice, seed
from demos._ui.tab import Answer, Part, Preset
from demos.flow import _pictures
from genai_core.common import checkpoints
from genai_core.flows import base, layers, variants
from genai_core.flows.base import DIMENSIONS, ImageFlow

MODELS = {"realnvp-mnist": "RealNVP, digits", "glow-mnist": "Glow, digits", "realnvp-fashion": "RealNVP, garments"}
BLACK = "black"
PICTURES = {
    **{str(k): str(k) for k in range(_pictures.CLASSES)},
    "garment": "a garment",
    "noise": "noise",
    BLACK: "all black",
}

GRAPH = Graph(
    (
        Node(
            "v",
            "v",
            "picture",
            (0, 0.5),
            "The picture as real numbers: each of its 256 grey levels is spread over an interval by uniform noise u.",
            "v = (255 x + u) / 256",
            base.dequantise,
            "real",
        ),
        Node(
            "fine",
            "f₁, fine",
            "network",
            (1, 0.5),
            "The fine scale: invertible layers at 28 × 28 and at 14 × 14, learned. Half of the 784 numbers that they "
            "give are latent already, the others go on.",
            "h = f₁(v)",
            layers.Chain,
            "real",
            line="layer(x)",
        ),
        Node(
            "z_fine",
            "z, fine",
            "matrix",
            (2, 0),
            "The latents of the fine scale: the numbers of every other row of pixels. If the flow knows pictures of "
            "this kind, they are like draws from N(0, 1), and nothing of the picture is left to see.",
            "z₁, half of the channels of h",
            layers.factor_out,
            "noise",
            line="chunk",
        ),
        Node(
            "on",
            "goes on",
            "matrix",
            (2, 1),
            "The numbers of the other rows, in which something of the picture can still be seen.",
            "h₁, half of the channels of h",
            layers.factor_out,
            "real",
            line="chunk",
        ),
        Node(
            "coarse",
            "f₂, coarse",
            "network",
            (3, 1),
            "The coarse scale: invertible layers at 7 × 7, learned.",
            "z₂ = f₂(h₁)",
            layers.Chain,
            "real",
            line="layer(x)",
        ),
        Node(
            "z_coarse",
            "z, coarse",
            "matrix",
            (4, 1),
            "The latents of the coarse scale, each at its pixel. With those of the fine scale they are as many "
            "numbers as the picture has, so that the way back is exact.",
            "z₂",
            ImageFlow.encode,
            "noise",
            line="latents, h",
        ),
        Node(
            "prior",
            "log p(z)",
            "number",
            (5, 0.5),
            "How likely the latents are as draws from N(0, 1), all 784 of them.",
            "log N(z; 0, I) = −½ Σ (z² + log 2π)",
            ImageFlow.log_prior,
            "noise",
            "nat",
            line="square()",
        ),
        Node(
            "det_fine",
            "log |det| of f₁",
            "number",
            (2, 2),
            "How much the layers of the fine scale stretch space at v: more than 0 where they spread it.",
            "log |det ∂f₁/∂v|, the sum over its layers",
            layers.Chain,
            "accent",
            "nat",
            line="total + log_det",
        ),
        Node(
            "det_coarse",
            "log |det| of f₂",
            "number",
            (4, 2),
            "The same of the coarse scale.",
            "log |det ∂f₂/∂h₁|, the sum over its layers",
            layers.Chain,
            "accent",
            "nat",
            line="total + log_det",
        ),
        Node(
            "log_prob",
            "log p(v)",
            "number",
            (6, 1.2),
            "The sum, by the change of variables: the exact log-density of v. Training makes it large, averaged over "
            "training pictures.",
            "log p(v) = log p(z) + log |det| of f₁ + log |det| of f₂",
            ImageFlow.log_prob,
            "accent",
            "nat",
            line="log_prior(latents) + log_det",
        ),
        Node(
            "bits",
            "loss",
            "number",
            (7, 1.2),
            "The same as bits per dimension, what training makes small: 8 for a uniform density, less where the flow "
            "knows better.",
            "8 − log₂ p(v) / 784",
            base.bits_per_dimension,
            "accent",
            "bit",
        ),
    ),
    (
        ("v", "fine"),
        ("fine", "z_fine"),
        ("fine", "on"),
        ("fine", "det_fine"),
        ("on", "coarse"),
        ("coarse", "z_coarse"),
        ("coarse", "det_coarse"),
        ("z_fine", "prior"),
        ("z_coarse", "prior"),
        ("prior", "log_prob"),
        ("det_fine", "log_prob"),
        ("det_coarse", "log_prob"),
        ("log_prob", "bits"),
    ),
)


def drawn(picture: str) -> Tensor:
    """The picture that is chosen, [1, 1, 28, 28] in [0, 1]; none depends on the flow."""
    if picture == BLACK:
        return torch.zeros(1, 1, 28, 28)
    if picture in ("garment", "noise"):
        return digits.drawing(_pictures.drawn(picture, 0, next(iter(MODELS))))
    return digits.drawing(_pictures.own_digit(int(picture)))


def at_pixels(z: Tensor) -> Tensor:
    """Half of the channels, [2, 14, 14] or [8, 7, 7], each number in the row and the column of its pixel: [14, 28].

    The rows are every other one of the picture: the half that goes on are the even ones, the latent half the odd ones.
    """
    squeezed = F.pixel_shuffle(z, 2) if len(z) == 8 else z
    return squeezed.permute(1, 2, 0).flatten(1)


def computed(model: str, example: str, seed: int) -> dict[str, Tensor]:
    """All that the bits are computed from, a picture at a time."""
    flow = variants.load(model)
    v = base.dequantise(drawn(example).clone(), generator=torch.Generator().manual_seed(seed))
    v = v.to(checkpoints.default_device()).requires_grad_(torch.is_grad_enabled())
    fine, coarse = flow.scales
    h, det_fine = fine(v)
    on, z_fine = layers.factor_out(h)
    z_coarse, det_coarse = coarse(on)
    prior = flow.log_prior([z_fine, z_coarse])
    log_prob = prior + det_fine + det_coarse
    maps = {"v": v, "z_fine": z_fine, "on": on, "z_coarse": z_coarse}
    numbers = {"prior": prior, "det_fine": det_fine, "det_coarse": det_coarse, "log_prob": log_prob}
    return {**maps, **numbers, "bits": base.bits_per_dimension(log_prob)}


MAPS = dict.fromkeys(("z_fine", "on", "z_coarse"), lambda z: at_pixels(z[0]))


@torch.inference_mode()
def values(model: str, example: str, seed: int) -> dict[str, Tensor]:
    """Every value of the graph, on the CPU."""
    found = {name: value.cpu() for name, value in computed(model, example, seed).items()}
    return {name: MAPS[name](value) if name in MAPS else value[0] for name, value in found.items()}


def path(**settings: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """The bits per dimension, which training makes small, and what they depend on by each box."""
    found = computed(**settings)
    return found["bits"][0], found


def show(**settings: Any) -> dict[str, Any]:
    found = values(**settings)
    z = torch.cat([found[name].flatten() for name in ("z_fine", "z_coarse")])
    note = f"The {DIMENSIONS} latents have mean {float(z.mean()):.2f} and standard deviation {float(z.std()):.2f}."
    return {"values": graph.values(GRAPH, found), "note": note.replace("-", "−")}


def picture(**settings: Any) -> Image.Image:
    """v and the latents of both scales, signed, side by side."""
    found, size = values(**settings), (224, 224)
    maps = [images.signed(found[name] / found[name].abs().max()) for name in ("z_fine", "z_coarse")]
    sheet = Image.new("RGB", (3 * size[0] + 16, size[1]), "white")
    for k, one in enumerate([images.tile(found["v"][None], 1), *maps]):
        sheet.paste(one.convert("RGB").resize(size, Image.Resampling.NEAREST), (k * (size[0] + 8), 0))
    return sheet


def says(**settings: Any) -> str:
    found = {name: float(value) for name, value in values(**settings).items() if value.ndim == 0}
    return (
        f"log p(z) {found['prior']:.1f}, log |det| {found['det_fine']:.1f} and {found['det_coarse']:.1f} nat\n"
        f"{found['bits']:.3f} bits per dimension"
    )


def code(model: str, example: str, seed: int) -> str:
    return f'''import base64

import torch

from genai_core.flows import base, layers, variants

pixels = base64.b64decode(
    "{digits.packed(drawn(example))}"
)
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 1, 28, 28) / 255
flow = variants.load("{model}")
v = base.dequantise(x, generator=torch.Generator().manual_seed({seed}))
fine, coarse = flow.scales
with torch.inference_mode():
    h, det_fine = fine(v)
    on, z_fine = layers.factor_out(h)
    z_coarse, det_coarse = coarse(on)
    prior = flow.log_prior([z_fine, z_coarse])
bits = base.bits_per_dimension(prior + det_fine + det_coarse)
print(f"log p(z) {{prior.item():.1f}}, log |det| {{det_fine.item():.1f}} and {{det_coarse.item():.1f}} nat")
print(f"{{bits.item():.3f}} bits per dimension")
'''


PART = Part(
    id="model",
    title="Model",
    lead="<b>Choose a picture</b> and follow it to the noise that the flow makes of it. <b>Click a box</b> for its "
    "equation and its source. Which numbers add up to its likelihood?",
    stage="model",
    settings=(
        Setting("model", choice(MODELS), "realnvp-mnist", "Flow"),
        Setting("example", choice(PICTURES), "3", "Picture"),
        Setting("seed", seed(), 0, "Seed of the noise u"),
    ),
    presets=(
        Preset(
            "All black",
            "A picture without a digit, for a flow of digits. Are its bits more or fewer than those of the 3?",
            {"example": BLACK},
            "Far fewer: less than a tenth. The latents are as likely as before, and what differs is the stretch: black "
            "pixels are what the flow has seen most of.",
            (
                Answer("More: it is no digit.", "A density does not ask what a digit is. Black pixels are common."),
                Answer("As many: z is noise both times.", "It is, but log |det| counts as well."),
                Answer("Fewer."),
            ),
        ),
        Preset(
            "Noise",
            "Noise goes in, each pixel any grey. Are the latents like draws from N(0, 1)?",
            {"example": "noise"},
            "No: those of the fine scale lie around −11, with a standard deviation of 14. This flow makes N(0, 1) of "
            "digits; for noise it gives more than 100 bits, and a uniform density gives 8.",
            (
                Answer("No, far from it."),
                Answer("Yes: a flow turns everything into noise.", "Only what is like its training pictures."),
                Answer("Yes: noise stays noise.", "Each pixel goes through the layers that were made for digits."),
            ),
        ),
        Preset(
            "A flow of garments",
            "It has never seen a digit. A garment costs it 3.4 bits. What does the 3 cost?",
            {"model": "realnvp-fashion", "example": "3"},
            "Less, 2.0 bits, by a larger log |det|: it finds this digit likelier than that garment. A high likelihood "
            "does not say that a picture is of the kind it knows.",
            (
                Answer("More: it does not know digits.", "Dark and smooth pictures are likely, whatever they show."),
                Answer("Less."),
                Answer("As much: neither is noise.", "How much space is stretched depends on the picture."),
            ),
        ),
        Preset(
            "Another u",
            "The same 3 with other noise u below the grey levels. What of the graph changes?",
            {"seed": 1},
            "All of it, but the bits by less than a twentieth. The latents of the fine scale change most: they hold "
            "that noise.",
            (
                Answer("Nothing: the picture is the same.", "The flow is given v, and v has other noise now."),
                Answer("Only the bits.", "They are the sum of the others, each of which depends on v."),
                Answer("All of it, but the bits little."),
            ),
        ),
    ),
    form=True,
    wide=True,
    functions=(graph.description(GRAPH), graph.backward(GRAPH, path, lambda request: PART.parse(request), MAPS)),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
