"""Model: noise on its way through both networks of a GAN, every value of it, and what each of the two losses wants."""

import functools
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from demos._ui import graph, images
from demos._ui.graph import Graph, Node
from demos._ui.settings import Setting, choice, seed
from demos._ui.tab import Answer, Part, Preset
from genai_core import diffusion, gan
from genai_core.common import checkpoints
from genai_core.gan import cgan, losses

NAME = "cgan-mnist"
STUDENT = "ddpm-mnist-fewstep"  # draws the digits that stand for real ones
CLASSES = [str(k) for k in range(gan.CLASSES)]
KINDS = {"class": "a digit of the class", "next": "one of the next class", "noise": "noise"}

GRAPH = Graph(
    (
        Node(
            "z",
            "z",
            "bars",
            (0, 1.5),
            "Noise from N(0, 1), drawn anew for each picture: all that the generator is given, beside the class.",
            "z ~ N(0, I)",
            gan.latents,
            normal=True,
        ),
        Node(
            "generator",
            "G",
            "widens",
            (1, 1.5),
            "The generator, learned: from noise and a class to a picture. It never sees a real one.",
            "G(z)",
            cgan.Generator,
            "made",
        ),
        Node("fake", "G(z)", "picture", (2, 1.5), "The generated picture.", "x̂ = G(z)", gan.GAN.generate, "made"),
        Node(
            "real",
            "x",
            "picture",
            (2, 0),
            "A picture in the place of a real one. In training it comes from the data set, which is not shipped; here "
            "our diffusion model draws it, or it is noise.",
            "x",
            ink="real",
        ),
        Node(
            "discriminator",
            "D",
            "narrows",
            (3, 0.75),
            "The discriminator, learned: from a picture and the class that it should be to one number, the score. "
            "It is given both pictures, one after the other.",
            "D(x) = ψ(φ(x)) + ⟨embedding of the class, φ(x)⟩",
            cgan.Discriminator,
            "real",
        ),
        Node(
            "score_real",
            "D(x)",
            "number",
            (4, 0.25),
            "The score of x. D is trained to make it high: at least 1, beyond which this loss asks for no more.",
            "D(x)",
            gan.discriminate,
            "real",
        ),
        Node(
            "score_fake",
            "D(G(z))",
            "number",
            (4, 1.25),
            "The score of G(z). D is trained to make it low, at most −1, and G to make it high: the game.",
            "D(G(z))",
            gan.discriminate,
            "made",
        ),
        Node(
            "loss_d",
            "loss of D",
            "number",
            (5, 0.25),
            "What training D makes small, with G held fixed: 0 if it tells both pictures with a margin, 2 if it gives "
            "both the same score and so cannot tell them.",
            "max(0, 1 − D(x)) + max(0, 1 + D(G(z)))",
            losses.discriminator_loss,
            "real",
            line="relu(1 - real)",
        ),
        Node(
            "loss_g",
            "loss of G",
            "number",
            (5, 1.25),
            "What training G makes small, with D held fixed: its gradient flows back through D into G. x has no part "
            "in it.",
            "−D(G(z))",
            losses.generator_loss,
            "made",
            line="return -fake.mean()",
        ),
    ),
    (
        ("z", "generator"),
        ("generator", "fake"),
        ("fake", "discriminator"),
        ("real", "discriminator"),
        ("discriminator", "score_real"),
        ("discriminator", "score_fake"),
        ("score_real", "loss_d"),
        ("score_fake", "loss_d"),
        ("score_fake", "loss_g"),
    ),
    held=(("score_fake", "loss_d"),),  # its box shows the gradient of the other loss
)


@functools.lru_cache(maxsize=32)
def shown_as_real(kind: str, label: str) -> Tensor:
    """The picture in the place of a real one, [1, 1, 28, 28] in [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    if kind == "noise":
        return torch.rand(1, 1, 28, 28, generator=generator)
    k = (int(label) + (kind == "next")) % len(CLASSES)
    return diffusion.sample(diffusion.load(STUDENT), 1, generator=generator, labels=torch.tensor([k])).cpu()


@torch.inference_mode()
def values(kind: str, label: str, seed: int) -> dict[str, Tensor]:
    """Every value of the graph, on the CPU."""
    model, labels, real = gan.load(NAME), torch.tensor([int(label)]), shown_as_real(kind, label)
    z = gan.latents(model, 1, generator=torch.Generator().manual_seed(seed))
    fake = gan.decode(model, z, labels).cpu()
    on_real, on_fake = (gan.discriminate(model, x, labels).cpu() for x in (real, fake))
    return {
        "z": z[0],
        "fake": fake[0],
        "real": real[0],
        "score_real": on_real[0],
        "score_fake": on_fake[0],
        "loss_d": losses.discriminator_loss(model.config.loss, on_real, on_fake),
        "loss_g": losses.generator_loss(model.config.loss, on_fake),
    }


def path(kind: str, label: str, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Both losses, and what they depend on by each box: z, G(z) and D(G(z)) that of G, x and D(x) that of D."""
    model, device = gan.load(NAME), checkpoints.default_device()
    labels = torch.tensor([int(label)], device=device)
    z = gan.latents(model, 1, generator=torch.Generator().manual_seed(seed)).to(device).requires_grad_()
    real = shown_as_real(kind, label).clone().to(device).requires_grad_()
    fake = model.generate(z, labels)
    on_real, on_fake = model.score(real, labels), model.score(fake, labels)
    loss_d = losses.discriminator_loss(model.config.loss, on_real, on_fake.detach())
    loss_g = losses.generator_loss(model.config.loss, on_fake)
    scores = {"score_real": on_real, "score_fake": on_fake}
    return loss_d + loss_g, {"z": z, "fake": fake, "real": real, **scores, "loss_d": loss_d, "loss_g": loss_g}


def show(kind: str, label: str, seed: int) -> dict[str, Any]:
    return {
        "values": graph.values(GRAPH, values(kind, label, seed)),
        "note": f"Both networks are told the class, {label}. Backward shows the gradients of the loss of G by z, G(z) "
        "and D(G(z)), and of the loss of D by x and D(x).",
    }


def picture(kind: str, label: str, seed: int) -> Image.Image:
    """The picture in the place of a real one and the generated one, side by side."""
    found = values(kind, label, seed)
    return images.tile(torch.stack([found["real"], found["fake"]]), 2, gap=2, zoom=10)


def says(kind: str, label: str, seed: int) -> str:
    found = {name: float(value) for name, value in values(kind, label, seed).items() if value.ndim == 0}
    return (
        f"D(x) {found['score_real']:.3f}, D(G(z)) {found['score_fake']:.3f}\n"
        f"loss of D {found['loss_d']:.3f}, loss of G {found['loss_g']:.3f}"
    )


def code(kind: str, label: str, seed: int) -> str:
    if kind == "noise":
        first, real = "gan", "torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))"
    else:
        first, k = "diffusion, gan", (int(label) + (kind == "next")) % len(CLASSES)
        real = f"""diffusion.sample(
    diffusion.load("{STUDENT}"), 1, generator=torch.Generator().manual_seed(0), labels=torch.tensor([{k}])
)"""
    return f"""import torch

from genai_core import {first}
from genai_core.gan import losses

x = {real}
model, labels = gan.load("{NAME}"), torch.tensor([{label}])
z = gan.latents(model, 1, generator=torch.Generator().manual_seed({seed}))
fake = gan.decode(model, z, labels)
on_real, on_fake = (gan.discriminate(model, one, labels) for one in (x, fake))
loss_d = losses.discriminator_loss(model.config.loss, on_real, on_fake)
loss_g = losses.generator_loss(model.config.loss, on_fake)
print(f"D(x) {{on_real.item():.3f}}, D(G(z)) {{on_fake.item():.3f}}")
print(f"loss of D {{loss_d:.3f}}, loss of G {{loss_g:.3f}}")
"""


PART = Part(
    id="model",
    title="Model",
    lead="<b>Draw another z</b> and follow it from left to right. <b>Click a box</b> for its equation and its source. "
    "Look for the number that both losses pull at.",
    stage="model",
    settings=(
        Setting("label", choice(CLASSES), "4", "Class"),
        Setting("kind", choice(KINDS), "class", "In the place of a real picture"),
        Setting("seed", seed(), 0, "Seed of z"),
    ),
    presets=(
        Preset(
            "Another z",
            "The same class, another draw of z. Which boxes change?",
            {"seed": 1},
            "z, G(z), its score and both losses. x and D(x) stay as they are: no weight has changed.",
            (
                Answer("All of them.", "x does not come from z, and D looks at one picture at a time."),
                Answer("z and what comes of it."),
                Answer("z and G(z) alone.", "D gives the new picture a new score, and both losses are made of it."),
            ),
        ),
        Preset(
            "The wrong class",
            "x is a 5, and both networks are told that it is a 4. What does D say?",
            {"kind": "next"},
            "Its score falls well below that of the 4 before: “is it real” and “is it a 4” are one question to this D.",
            (
                Answer(
                    "The same: it only knows real from fake.",
                    "This one was always told the class, and learned to use it.",
                ),
                Answer("It says that it is a 5.", "It has one output, a score, and no word for a class."),
                Answer("A lower score."),
            ),
        ),
        Preset(
            "Noise for real",
            "Noise in the place of a real picture. Which of the two losses grows?",
            {"kind": "noise"},
            "That of D, far above 2: it gives noise a very low score, and is told that it should have been high.",
            (
                Answer("That of D alone."),
                Answer("That of G: its rival got worse.", "x is no part of the loss of G."),
                Answer("Neither: noise tells nothing.", "D is sure that it is no digit, and is told the opposite."),
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
