"""A sheet of samples with the discriminator's score of each, truncation, and the nearest training pictures."""

import functools

import gradio as gr
import torch

from demos import _checks, _common, _keep
from demos.gan import _models
from demos.gan._models import COUNT, MODELS, NAMES, SIDE, TAB
from genai_core import data, gan

PRESETS = {
    "Surer": "ψ = 0.4. What do you expect of the sheet's variety?",
    "Wilder": "ψ = 1.5, further out than training ever went. Which digits hold on longest?",
    "Only sevens": "One class, 36 latents. How many ways are there to write a 7?",
    "The first GAN": "Goodfellow's networks of 2014 on the same digits. What do its failures look like?",
    "Garments": "The same recipe on Fashion-MNIST: what does it draw well, and what not?",
}
STATES = {
    "Surer": ({"model": "cgan-mnist", "truncation": 0.4}, "Cleaner on the whole, and more alike: variety was traded."),
    "Wilder": ({"model": "cgan-mnist", "truncation": 1.5}, "Look at the last row: far from the middle, strokes break."),
    "Only sevens": ({"model": "cgan-mnist", "label": 7}, "With and without a bar, steep and flat: style is in z."),
    "The first GAN": (
        {"model": "gan-mnist"},
        "No convolutions: single specks, and strokes that do not add up to a digit.",
    ),
    "Garments": ({"model": "cgan-fashion"}, "Outlines are sure, prints are guessed: texture is the hard part."),
}
MIXED = -1  # the class of a sheet that has some of each
NEAREST = 5


def settings_of(request: dict) -> dict:
    """Model, seed, truncation and class of a request, a link or a saved picture."""
    name, _, start = _models.base({**_checks.record(request), "index": 0})
    label = MIXED
    if _models.classes(name):
        given = _keep.from_link(request.get("label", MIXED), "The class")
        label = _checks.whole(given, "The class (-1 for some of each)", MIXED, 9)
    return {"model": name, "seed": start["seed"], "truncation": start["truncation"], "label": label}


def labels_of(settings: dict) -> torch.Tensor | None:
    """[COUNT], or None for a model without classes."""
    if _models.classes(settings["model"]) is None:
        return None
    return torch.arange(COUNT) % 10 if settings["label"] == MIXED else torch.full((COUNT,), settings["label"])


def pictures(settings: dict) -> torch.Tensor:
    """The sheet's pictures [COUNT, 1, 28, 28]."""
    z = _models.latents(settings["model"], settings["seed"], settings["truncation"])
    return gan.decode(gan.load(settings["model"]), z, labels_of(settings)).cpu()


def draw(request: dict) -> dict:
    """{"model", "seed", "truncation", "label"} -> the control's value: COUNT pictures and their scores."""
    settings = settings_of(request)
    x = pictures(settings)
    scores = gan.discriminate(gan.load(settings["model"]), x, labels_of(settings)).cpu()
    return {
        "tab": TAB,
        "part": "samples",
        **settings,
        "sheet": _common.png(_common.tile(x, SIDE)),
        "side": SIDE,
        "scores": [round(float(s), 2) for s in scores],
        "labels": None if labels_of(settings) is None else labels_of(settings).tolist(),
        "models": NAMES,
        "classes": _models.classes(settings["model"]),
    }


@functools.lru_cache(maxsize=2)
def training_set(dataset: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Training pictures as bytes [N, 784], their squared norms [N], their labels. Raises: DataError."""
    x, y = data.load(dataset, "train")
    flat = x.flatten(1)
    return (flat * 255).round().byte(), flat.square().sum(1), y


def distances(x: torch.Tensor, dataset: str) -> torch.Tensor:
    """Euclidean distances in pixels of pictures [M, 1, 28, 28] to every training picture: [M, N]."""
    flat, norms, _ = training_set(dataset)
    x = x.flatten(1)
    dots = torch.cat([part.float() @ x.T for part in flat.split(5000)]).T / 255
    return (x.square().sum(1)[:, None] + norms - 2 * dots).clamp(min=0).sqrt()


@functools.lru_cache(maxsize=2)
def usual(dataset: str) -> float:
    """The median distance of 100 test pictures to their nearest training picture: how near a picture is by nature."""
    return float(distances(data.load(dataset, "test")[0][:100], dataset).amin(1).median())


def nearest(request: dict) -> dict:
    """The same request and "index" -> the nearest training pictures, their distances, and what is usual."""
    settings = settings_of(request)
    index = _checks.whole(request.get("index"), "The index", 0, COUNT - 1)
    dataset = _models.dataset(settings["model"])
    found = distances(pictures(settings)[index : index + 1], dataset)[0].topk(NEAREST, largest=False)
    flat, _, y = training_set(dataset)
    return {
        "pictures": [_common.png(_common.tile(flat[i].view(1, 1, 28, 28) / 255, 1)) for i in found.indices],
        "distances": [round(float(d), 2) for d in found.values],
        "names": [data.CLASSES[dataset][y[i]] for i in found.indices],
        "usual": round(usual(dataset), 2),
    }


def save(request: dict) -> str:
    """The sheet at 4x, PNG in base64, its settings inside."""
    settings = settings_of(request)
    return _keep.saved(
        _common.tile(pictures(settings), SIDE, gap=4, zoom=4), {"tab": TAB, "part": "samples", **settings}
    )


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value with its settings."""
    return draw(_keep.opened(request, TAB, "samples"))


@_checks.handler
def to_directions(value: dict):
    """A click on "Drive it with sliders" -> the sliders' value for the chosen picture, and its model."""
    value = _checks.record(value)
    settings = settings_of(value)
    index = _checks.whole(value.get("chosen"), "The chosen picture", 0, COUNT - 1)
    labels = labels_of(settings)
    label = 0 if labels is None else int(labels[index])
    state = _models.state({**settings, "index": index, "label": label}, note="Set from the sheet of samples.")
    return state, state["model"]


@_checks.handler
def preset(event: gr.EventData) -> dict:
    """The chosen preset -> the control's value."""
    settings, note = STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))]
    return draw({"seed": 0, **settings}) | {"note": note}


def start(_request: dict) -> dict:
    return draw({"model": MODELS[0], "seed": 0})


def build():
    _common.lead(
        "<b>Draw samples</b> and read the discriminator's score under each, best first. Lower the truncation: look for "
        "what gets better, and for what is lost."
    )
    pills = _common.presets(PRESETS)
    sheet = _common.control("samples", None, [start, draw, nearest, save, restore])
    pills.click(preset, None, sheet, **_common.LIGHT, **_common.QUIET)
    return sheet
