"""Home: what there is to touch, one card a technique, each with a picture that its own model makes."""

import functools

import gradio as gr
import torch

from demos import _checks, _common, _side
from genai_core import diffusion, distillation, gallery, ngram, text_sampling, vae
from genai_core.gan import lab
from genai_core.text_sampling import Temperature

TITLE = "Home"
NEIGHBOUR = 3  # the drawing on the card of the CLIP tab


def thirty_digits() -> dict:
    """Thirty digits from the VAE's prior."""
    made = vae.sample(vae.load("vae-mnist"), 30, generator=torch.Generator().manual_seed(0))
    return {"image": _common.png(_common.tile(made.cpu(), 10, gap=2)), "alt": "Thirty digits"}


def opening() -> dict:
    """The 2-D game before its first move: real points in blue, the untrained generator's in orange."""
    random, config = torch.Generator().manual_seed(0), lab.LabConfig()
    with torch.inference_mode():  # no whole Lab: its optimisers would cost a second of imports
        made = lab.mlp(config.latents, 2, config, random)(torch.randn((240, config.latents), generator=random))
    real = lab.distribution("grid").draw(240, random)
    dots = [
        [round(150 + 110 * x), round(46 - 36 * y), ink]
        for points, ink in ((real, "--real"), (made, "--made"))
        for x, y in points.tolist()
        if max(abs(x), abs(y)) < lab.WINDOW
    ]
    return {"dots": dots, "alt": "Real and generated points"}


def noise_to_digits() -> dict:
    """Ten digits at three moments of their denoising."""
    steps = list(
        diffusion.sample_steps(
            diffusion.load("ddpm-mnist-fewstep"),
            10,
            generator=torch.Generator().manual_seed(5),
            labels=torch.arange(10),
            steps=4,
        )
    )
    states = torch.cat([diffusion.picture(x) for x in (steps[0].x, steps[2].x, steps[-1].after)]).cpu()
    return {"image": _common.png(_common.tile(states, 10, gap=2)), "alt": "Noise becoming ten digits"}


def four_lines() -> dict:
    """What the n-gram model says in the manner of Shakespeare, each letter the paler the less it was expected."""
    model, random = ngram.load("ngram-shakespeare"), torch.Generator().manual_seed(3)
    ids = model.tokenizer.encode("\nKING:\n")
    steps = text_sampling.generate_steps(model, ids, chain=[Temperature(0.7)], max_tokens=170, generator=random)
    return {"words": [[model.tokenizer.decode([s.token]), round(0.4 + 0.6 * s.probability, 2)] for s in steps]}


def neighbours() -> dict:
    """A drawing, and the nineteen that CLIP finds nearest to it among two thousand, by embeddings that are stored."""
    vectors = gallery.load("clip-scenes")[:2000]
    nearest = (vectors @ vectors[NEIGHBOUR]).topk(20).indices.tolist()
    sheet = _common.tile(gallery.pictures(nearest), 10, gap=4, between=255)
    return {"image": _common.png(sheet), "alt": "A drawing and those that are most like it"}


def second_thoughts() -> dict:
    """Ten generated digits, and what the teacher would call each if it were not the first."""
    x, _ = distillation.synthetic.digits(10, seed=4)
    second = distillation.logits(distillation.load("distill-teacher"), x).topk(2).indices[:, 1]
    image = _common.png(_common.tile(x, 10, gap=2))
    return {"image": image, "alt": "Ten digits and their second class", "below": [f"or {i}" for i in second.tolist()]}


# title of a tab -> its picture, headline, text
CARDS = {
    "VAE": (
        thirty_digits,
        "Thirty digits that no one wrote",
        "A variational autoencoder squeezes a picture into sixteen numbers. Drag them, and watch the digit follow.",
    ),
    "GAN": (
        opening,
        "Two networks, one game",
        "A generator learns to fool a discriminator, in two dimensions where all of it is seen. Watch it collapse, "
        "find what helps, then drive six trained ones.",
    ),
    "Diffusion": (
        noise_to_digits,
        "Noise, step by step a picture",
        "One network that tells noise from picture, asked again and again. Watch what it sees at every step, race six "
        "samplers, and let it fill what you paint over.",
    ),
    "Text": (
        four_lines,
        "One letter after the other",
        "An n-gram, an LSTM and a GPT write in the manner of Shakespeare. Click any letter: see what else could have "
        "come, what each filter removed, and the draw that decided.",
    ),
    "CLIP": (
        neighbours,
        "Pictures and words in one space",
        "Search ten thousand drawings by words, by pictures, by sums of both, and see which words decided. Then find "
        "out what it cannot tell apart.",
    ),
    "Distillation": (
        second_thoughts,
        "A 7, or else a 1",
        "What a large network thinks of a digit teaches a small one more than its label does. Raise the temperature, "
        "and see the teacher's second thoughts.",
    ),
}


@functools.cache
def _made(title: str) -> dict:
    return CARDS[title][0]()


def picture(request: dict) -> dict:
    """{"title"} of a card -> its picture: {"image" (PNG in base64)}, {"words"} or {"dots"}. Made once a server."""
    return _made(_checks.choice(_checks.record(request).get("title"), "The card", tuple(CARDS)))


def build_tab() -> gr.HTML:
    """One card a technique; a click gives the tab's title as `event.tab`."""
    _common.lead(
        "Every model here was trained by this project and runs on your machine, with no network. <b>Open a "
        "technique</b>, touch it, and read the very source that runs."
    )
    cards = [{"title": title, "headline": headline, "text": text} for title, (_, headline, text) in CARDS.items()]
    doors = _common.control("home", cards, [picture])
    _side.build()
    return doors
