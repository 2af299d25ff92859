"""Train a VAE with two latents, live: loss terms, the latent scatter and the decoded plane as they form.

It learns sprites, or pictures that the learner opens, which the page sends with the run.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from PIL import Image

from demos._server import lanes
from demos._ui import images, live, sprite_data, validation
from demos._ui.settings import Setting, choice, number, seed
from demos._ui.sprite_data import FACTORS
from demos._ui.tab import Action, Answer, Part, Preset
from demos.vae import _own
from genai_core.data import sprites
from genai_core.vae.live import VAEFrame

OWN = "own pictures"
TITLES = sprite_data.TITLES | {OWN: "your own pictures"}
STEPS = 700
COLUMNS = 20  # of a sheet of own pictures


def show(factors: str, beta: float, seed: int) -> dict:
    """Before a training: sprites that vary in these factors; of own pictures, which the page has, nothing."""
    if factors == OWN:
        return {"own": True}
    return {"examples": images.png(sprite_data.sheet(factors))}


def frame_value(frame: VAEFrame) -> dict:
    """A VAEFrame of genai_core.vae.live as the stage's value: numbers, and one small picture."""
    own = frame.factors.shape[1] == 1
    shade, column = sprite_data.shades(frame.factors)
    return {
        "step": frame.step,
        "steps": frame.steps,
        "timed_out": frame.timed_out,
        "losses": frame.losses,
        "xy": images.base64_of(frame.scatter),
        "shade": shade,
        "by": "mean grey" if own else sprites.FACTORS[column],
        "mine": own,
        "held_out": frame.held_out,
        "elbo": frame.elbo,
        "sheet": images.png(Image.fromarray(frame.decoded)),
    }


def frames(factors: str, beta: float, seed: int, shown: Callable[[VAEFrame], Any], pictures: Any = None) -> Iterator:
    """Train for at most a minute; `shown` of each frame, and None where there is none yet.

    pictures: those of the page (see `_own.pictures`), where the data are own ones. Raises: InputError.
    """
    data = {"pictures": _own.pictures(pictures)} if factors == OWN else {"vary": FACTORS[factors]}
    settings = {**data, "beta": beta, "steps": STEPS, "seed": seed}
    yield from live.frames("genai_core.vae.live:train_vae", shown, **settings)


def train(factors: str, beta: float, seed: int, request: dict | None = None) -> Iterator[dict | None]:
    """Train for at most a minute; streams frames. request: of the page, with its "pictures" if there are own ones."""
    yield from frames(factors, beta, seed, frame_value, (request or {}).get("pictures"))


def picture(factors: str, beta: float, seed: int, shown=None) -> Image.Image:
    """What is on the stage: the decoded plane ({"sheet": PNG in base64}), or before a training the data.

    shown: of own pictures before a training {"pictures"}. Raises: InputError where there are none.
    """
    shown = validation.json_object(shown or {}, "The stage")
    if shown.get("sheet") is not None:
        sheet = validation.saved_png(validation.decoded(shown["sheet"], "The stage's picture"))
        return sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST)
    if factors == OWN:
        x = torch.from_numpy(_own.pictures(shown.get("pictures")).copy())[:, None].float() / 255
        return images.tile(x, COLUMNS, gap=2)
    return sprite_data.sheet(factors, zoom=2)


def code(factors: str, beta: float, seed: int) -> str:
    imports, data, line = "", f"vary={FACTORS.get(factors)}", ""
    if factors == OWN:
        imports = "from genai_core.data import uploads\n"
        data = "pictures=pictures"
        line = """# Yours, packed in the order in which you opened them: whole, in grey, [N, 28, 28].
pictures, skipped = uploads.grey(["pictures.zip"])
"""
    return f"""from PIL import Image

{imports}from genai_core.vae.live import train_vae

{line}for frame in train_vae({data}, beta={beta:g}, seed={seed}, steps={STEPS}):
    print(frame.step, frame.losses)
image = Image.fromarray(frame.decoded)  # the plane from -2 to 2
image = image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST)
image.save("picture.png")
"""


PART = Part(
    id="train",
    title="Train",
    lead="<b>Press Train</b> and watch two networks agree on a code: first a cloud, then a map. Look for how the "
    "shapes' factors spread over the plane.",
    stage="vae/train",
    settings=(
        Setting(
            "factors",
            choice(TITLES),
            "position",
            "Data",
            renamed={"turn": "rotation"},
        ),
        Setting("beta", number(0, 16, 0.25), 1.0, "β, the weight of the KL term"),
        Setting("seed", seed(), 0, "Seed"),
    ),
    presets=(
        Preset(
            "A map of positions",
            "Two factors, two latents. Which shape will the scatter unfold into?",
            {"factors": "position"},
            "A square sheet: the code has become a map of the two positions.",
            (
                Answer(
                    "Two clusters, one for each factor.", "The positions change without a gap, and so do their codes."
                ),
                Answer(
                    "A round cloud, like the prior.",
                    "KL pulls towards it, but the reconstruction keeps the corners of the picture apart.",
                ),
                Answer("A square sheet."),
            ),
        ),
        Preset(
            "Too many factors",
            "Five factors compete for two numbers. Which of them get a place in the code?",
            {"factors": "everything"},
            "The two positions, which move the most pixels, take both latents; shape, size and rotation are averaged "
            "away.",
            (
                Answer(
                    "A little of each of the five.",
                    "A latent shared by all tells none well: the loss falls fastest for what moves the most pixels.",
                ),
                Answer("The two positions."),
                Answer("Shape and size.", "They change pixels along an edge; a move changes all of them."),
            ),
        ),
        Preset(
            "β = 16",
            "Every nat of KL counts sixteen times. How many of the two latents survive?",
            {"beta": 16.0},
            "Both, but with less than half of the nats: σ is wider, and the shapes are blurred to where they may lie.",
            (
                Answer("None: the posterior collapses.", "To know the position is worth even sixteen times its nats."),
                Answer("Both, with less to tell."),
                Answer(
                    "One of the two.",
                    "The two positions are alike: what is worth it for one is worth it for the other.",
                ),
            ),
        ),
    ),
    form=True,
    actions=(Action("run", "Train", primary=True), Action("stop", "Stop")),
    run=train,
    functions=(_own.read_pictures,),
    props={"own": OWN},
    lane=lanes.TRAIN,
    again=("factors",),
    long=True,
    show=show,
    picture=picture,
    code=code,
)
