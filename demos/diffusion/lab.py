"""Diffusion in two dimensions: a denoiser trained while you watch, its score field beside the perfect one."""

import base64
import time
from collections.abc import Iterator

import gradio as gr
import numpy as np
import torch
from PIL import Image, ImageDraw

from demos import _checks, _common, _keep, _live, _points
from demos._common import LIGHT, QUIET
from demos.diffusion._models import TAB
from genai_core import points
from genai_core.diffusion import lab
from genai_core.diffusion.lab import Frame

WAYS = {"ODE, smooth": "ode", "SDE, shaken": "sde"}
REAL = 400  # real points that are shown
SENT = 160  # of the particles
SKIP = 2  # of the flow's steps, every second one is sent
LONGEST = 2.5  # arrows are sent as bytes from -LONGEST to LONGEST
STEPS = 2000
SIZE = 640
PRESETS = {
    "Moons": "Train, then drag the noise level: where do the arrows change first, near or far?",
    "Ring of 8": "Eight points. How sharp is the border between two of them at little noise?",
    "Grid of 25": "Twenty-five modes, which a plain GAN loses. How many will this keep?",
    "A spiral, by the SDE": "The same field, walked with fresh noise at every step. Does it end elsewhere?",
}
STATES = {
    "Moons": ("two moons", "ODE, smooth"),
    "Ring of 8": ("ring of 8", "ODE, smooth"),
    "Grid of 25": ("grid of 25", "ODE, smooth"),
    "A spiral, by the SDE": ("spiral", "SDE, shaken"),
}


def _bytes(array: np.ndarray, limit: float, kind: type) -> str:
    top = np.iinfo(kind).max
    whole = np.nan_to_num(np.clip(array / limit, -1, 1) * top).round().astype(kind)
    return base64.b64encode(whole.tobytes()).decode()


def shown(frame: Frame, number: int, drawing: list | None = None) -> dict:
    """A frame as the control's value: bytes for arrows, 16 bits for places."""
    return {
        "number": number,
        "step": frame.step,
        "steps": frame.steps,
        "loss": None if np.isnan(frame.loss) else round(frame.loss, 4),
        "error": [round(float(e), 4) for e in frame.error],
        "learned": _bytes(frame.learned, LONGEST, np.int8),
        "perfect": _bytes(frame.perfect, LONGEST, np.int8),
        "longest": LONGEST,
        "arrows": lab.ARROWS,
        "flow": _bytes(frame.flow[::SKIP, :SENT], 2 * lab.PLANE, np.int16),
        "particles": SENT,
        "levels": lab.LEVELS,
        "plane": lab.PLANE,
        "drawn": drawing,
    }


def empty(data: str, number: int = 0) -> dict:
    """The control's value before a training: the data alone."""
    kind = _points.DATA[_checks.choice(data, "The distribution", tuple(_points.DATA))]
    if kind == "drawn":
        return {"number": number, "real": [], "plane": lab.PLANE, "drawn": [], "drawing": True}
    x = points.distribution(kind).draw(REAL, torch.Generator().manual_seed(0))
    return {"number": number, "real": (x * 1000).round().int().flatten().tolist(), "plane": lab.PLANE}


def frames(function: str, number: int, drawing: list | None, **settings) -> Iterator[tuple]:
    """The control's value and the state, (training's number, bytes), frame by frame. Raises: InputError."""
    return _live.frames(
        f"genai_core.diffusion.play:{function}",
        lambda value: (shown(value[0], number, drawing), (number, value[1])),
        **settings,
    )


@_checks.stream_handler
def train(number, state, view, data, way, seed) -> Iterator:
    """Train from the beginning, or go on where a stopped training was left."""
    clean = settings(number, view, data, way, seed)
    source = _points.data_of(data, view)
    yield from frames(
        "play",
        number,
        source if isinstance(source, list) else None,
        settings={"steps": STEPS},
        data=source,
        seed=clean["seed"],
        state=state[1] if state and state[0] == number else None,
        per_frame=50,
        way=WAYS[way],
    )


@_checks.stream_handler
def walk(number, state, view, way) -> Iterator:
    """Another way back for the particles of the training as it stands; nothing before there is one."""
    way = WAYS[_checks.choice(way, "The way", tuple(WAYS))]
    if state and state[0] == number:
        drawing = view.get("drawn") if isinstance(view, dict) else None
        yield from frames("look", number, drawing, state=state[1], way=way)
    else:
        yield gr.skip(), gr.skip()


@_checks.handler
def reset(number: int, data: str):
    """Another training's number, and the plane with the data alone."""
    return number + 1, empty(data, number + 1)


@_checks.handler
def preset(number: int, event: gr.EventData):
    """The chosen preset -> distribution, way, a new training's number, the plane."""
    data, way = STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))]
    return data, way, number + 1, empty(data, number + 1)


def settings(_number, view, data, way, seed) -> dict:
    """The page's controls, checked, as a link and a saved picture hold them."""
    clean = {
        "data": _checks.choice(data, "The distribution", tuple(_points.DATA)),
        "way": _checks.choice(way, "The way", tuple(WAYS)),
        "seed": _checks.seed(seed),
    }
    source = _points.data_of(data, view)
    return clean | ({"drawn": _points.kept(source)} if isinstance(source, list) else {})


def values(found: dict) -> tuple:
    """Settings of a link or a saved picture -> a new training's number, plane, controls. Raises: InputError."""
    data = _checks.choice(found.get("data", "two moons"), "The distribution", tuple(_points.DATA))
    way = _checks.choice(found.get("way", "ODE, smooth"), "The way", tuple(WAYS))
    number = time.time_ns() // 1_000_000  # newer than any training of this page, whose late frames are then ignored
    view = empty(data, number)
    if "drawing" in view:
        view["drawn"] = _points.restored(data, found.get("drawn", ""))
    return number, view, data, way, _keep.seed(found.get("seed", 0))


def picture(_number, view, data, _way, _seed) -> Image.Image:
    """The particles where they ended, or the data before a training."""
    view = _checks.record(view, "The plane")
    image = Image.new("RGB", (SIZE, SIZE), "white")
    pen = ImageDraw.Draw(image)
    if view.get("flow") is None:
        source = _points.data_of(data, view)
        clouds = [
            (
                (37, 99, 235),
                points.distribution(source).draw(REAL, torch.Generator().manual_seed(0)).tolist()
                if isinstance(source, str)
                else source,
            )
        ]
    else:
        count = (lab.FLOW // SKIP + 1) * SENT * 2
        raw = _checks.decoded(view["flow"], "The flow", limit=2 * count)
        if len(raw) != 2 * count:
            raise _checks.InputError("The flow has not the size that it was sent with.")
        flow = np.frombuffer(raw, np.int16).reshape(-1, SENT, 2) * (2 * lab.PLANE / np.iinfo(np.int16).max)
        clouds = [((148, 163, 184), flow[0].tolist()), ((234, 88, 12), flow[-1].tolist())]
    for ink, cloud in clouds:
        for x, y in cloud:
            across, down = (SIZE * (1 + sign * v / lab.PLANE) / 2 for sign, v in ((1, x), (-1, y)))
            pen.ellipse((across - 3, down - 3, across + 3, down + 3), fill=ink)
    return image


def build() -> list:
    """Returns what `values` fills."""
    _common.lead(
        "<b>Press Train</b>: arrows show where the network would move a noised point, grey ones where a perfect "
        "one would. Then drag the noise level and let the particles flow back."
    )
    pills = _common.presets(PRESETS)
    number, state = gr.State(0), gr.State()
    with gr.Row():
        with gr.Column(scale=4, min_width=280):
            with gr.Row():
                start = gr.Button("Train", variant="primary", min_width=80)
                stop = gr.Button("Stop", min_width=80)
                again = gr.Button("Reset", min_width=80)
            data = gr.Dropdown(list(_points.DATA), value="two moons", label="Real points")
            way = gr.Radio(list(WAYS), value="ODE, smooth", label="The particles' way back")
            seed = gr.Number(0, label="Seed (from the next reset)", precision=0, minimum=0, maximum=_checks.SEEDS)
        with gr.Column(scale=7, min_width=320):
            view = _common.control("field", empty("two moons"))
            kept = [number, view, data, way, seed]
            _keep.bar(TAB, "lab", kept, settings, picture, values)
    job = {"show_progress": "hidden", "api_visibility": "private", **_common.TRAIN}
    run = start.click(train, [number, state, view, data, way, seed], [view, state], **job)
    way.input(walk, [number, state, view, way], [view, state], **job)
    chosen = pills.click(preset, number, [data, way, number, view], **LIGHT, **QUIET)
    runs = [run, chosen.success(train, [number, state, view, data, way, seed], [view, state], **job, **_common.AGAIN)]
    _common.ended_by(runs, stop.click, pills.stop)
    for event in (again.click, data.input):
        event(reset, [number, data], [number, view], cancels=runs, **LIGHT, **QUIET)
    return kept
