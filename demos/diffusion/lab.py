"""Diffusion in two dimensions: a denoiser trained while you watch, its score field beside the perfect one."""

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

from demos._server import lanes
from demos._ui import distributions, images, live, validation
from demos._ui.settings import Setting, choice, seed
from demos._ui.tab import Action, Answer, Part, Preset
from genai_core.diffusion import lab
from genai_core.diffusion.lab import Frame

SOLVERS = {"deterministic (ODE)": "ode", "stochastic (SDE)": "sde"}
FORMER = {"ODE, smooth": "deterministic (ODE)", "SDE, shaken": "stochastic (SDE)"}
REAL = 400  # real points that are shown
SENT = 160  # of the particles
SKIP = 2  # of the flow's steps, every second one is sent
LONGEST = 2.5  # arrows are sent as bytes from -LONGEST to LONGEST
STEPS = 2000
PER_FRAME = 50
SIZE = 640


def arrows(array: np.ndarray) -> str:
    return images.base64_of(np.nan_to_num(np.clip(array / LONGEST, -1, 1) * 127).round().astype(np.int8))


def frame_value(frame: Frame, timed_out: bool = False) -> dict:
    """A frame as the stage's value: bytes for arrows, 16 bits for positions. The real points are no part of it: they
    stay what they were before the training.
    """
    return {
        "step": frame.step,
        "steps": frame.steps,
        "timed_out": timed_out,
        "loss": None if math.isnan(frame.loss) else round(frame.loss, 4),
        "exact_loss": round(frame.exact_loss, 4),
        "error": [float(f"{e:.6g}") for e in frame.error],
        "learned": arrows(frame.learned),
        "perfect": arrows(frame.perfect),
        "arrows": lab.ARROWS,
        "flow": distributions.packed(frame.flow[::SKIP, :SENT], 2 * lab.PLANE),
        "particles": SENT,
        "times": [round(float(t), 4) for t in frame.times[::SKIP]],
        "levels": lab.LEVELS,
    }


def show(data: str, drawn: str, solver: str, seed: int) -> dict:
    """The plane before a training: the data alone."""
    return {
        "real": distributions.packed(distributions.sample(data, drawn, REAL), 2 * lab.PLANE),
        "plane": lab.PLANE,
        "drawing": distributions.DATA[data] == "drawn",
    }


def train(state: bytes | None, action: str, data: str, drawn: str, solver: str, seed: int) -> Iterator:
    """Train from the beginning, or go on where a stopped training was left; "flow": other trajectories alone."""
    validation.choice(action, "The action", ("run", "flow"))
    if action == "flow":
        if state is not None:
            settings = {"state": state, "solver": SOLVERS[solver]}
            yield from live.frames("genai_core.diffusion.live:look", lambda v: (frame_value(v[0]), v[1]), **settings)
        return
    yield from live.frames(
        "genai_core.diffusion.live:train",
        lambda value: (frame_value(value[0], value[2]), value[1]),
        settings={"steps": STEPS},
        data=distributions.source(data, drawn),
        seed=seed,
        state=state,
        per_frame=PER_FRAME,
        solver=SOLVERS[solver],
    )


def picture(data: str, drawn: str, solver: str, seed: int, shown: dict | None = None) -> Image.Image:
    """The particles where they began and ended, of the stage's {"flow"}; or the data before a training."""
    shown = validation.json_object(shown or {}, "The stage")
    image = Image.new("RGB", (SIZE, SIZE), "white")
    pen = ImageDraw.Draw(image)
    clouds = [((37, 99, 235), distributions.sample(data, drawn, REAL))]
    if shown.get("flow"):
        most = (lab.FLOW // SKIP + 1) * SENT
        flow = distributions.unpacked(shown["flow"], "The flow", most, 2 * lab.PLANE)
        if len(flow) != most:
            raise validation.InputError("The flow has not the size that it was sent with.")
        flow = flow.reshape(-1, SENT, 2)
        clouds = [((148, 163, 184), flow[0]), *clouds, ((234, 88, 12), flow[-1])]
    for ink, cloud in clouds:
        for x, y in cloud.tolist():
            across, down = (SIZE * (1 + sign * v / lab.PLANE) / 2 for sign, v in ((1, x), (-1, y)))
            pen.ellipse((across - 3, down - 3, across + 3, down + 3), fill=ink)
    return image


def code(data: str, drawn: str, solver: str, seed: int, shown: dict | None = None) -> str:
    """The training up to the step that is shown."""
    source = distributions.DATA[data]
    points = f"drawn(np.array({distributions.points_of(drawn)}))" if source == "drawn" else f'distribution("{source}")'
    step = validation.integer(validation.json_object(shown or {}).get("step", 0), "The step", 0, STEPS)
    return f'''import numpy as np

from genai_core.data.plane import distribution, drawn
from genai_core.diffusion.lab import Lab, LabConfig

lab = Lab(LabConfig(steps={STEPS}), {points}, seed={seed})
lab.step({step})
frame = lab.frame("{SOLVERS[solver]}")
samples = frame.flow[-1]  # [400, 2]: noise, carried to the data by the learned denoiser
print(f"step {{frame.step}}: errors at the noise levels", *(f"{{e:.3f}}" for e in frame.error))
'''


def says(shown: dict | None = None, **_settings) -> str:
    shown = validation.json_object(shown or {})
    return f"step {shown['step']}: errors at the noise levels {' '.join(f'{e:.3f}' for e in shown['error'])}"


PART = Part(
    id="lab",
    title="Lab",
    lead="<b>Press Train</b>: arrows show where the network would move a noised point, grey ones the exact way. Then "
    "drag the particles from noise to data.",
    stage="diffusion/lab",
    settings=(
        distributions.data_setting("two moons"),
        Setting(
            "solver",
            choice(tuple(SOLVERS)),
            "deterministic (ODE)",
            "The particles' sampler",
            formerly="way",
            renamed=FORMER,
        ),
        Setting("seed", seed(), 0, "Seed", "From the next reset."),
        distributions.DRAWN,
    ),
    presets=(
        Preset(
            "Moons",
            "Train, then drag the noise level: where do the arrows change first, near or far?",
            {"data": "two moons"},
            "Far away they soon point at the whole; near the moons they settle last.",
            (
                Answer(
                    "Near them: there is the detail.",
                    "Where the noise is large, detail is lost in it: only the whole can be pointed at.",
                ),
                Answer("Far away."),
                Answer(
                    "Everywhere at once.", "The field is another one at every noise level, coarse first and fine last."
                ),
            ),
        ),
        Preset(
            "Ring of 8",
            "Eight points. How sharp is the border between two of them at little noise?",
            {"data": "ring of 8"},
            "At little noise the arrows of neighbours meet at a sharp edge; at much noise they agree.",
            (
                Answer("Sharp."),
                Answer(
                    "Smooth: a network is smooth.",
                    "It is, but what it approximates gets as sharp as the noise is small, and it follows.",
                ),
                Answer(
                    "There is none: points attract alike.",
                    "Each place has a nearest mode, which outweighs the others by far at little noise.",
                ),
            ),
        ),
        Preset(
            "Grid of 25",
            "Twenty-five modes, which a plain GAN loses. How many will this keep?",
            {"data": "grid of 25"},
            "All of them: the loss asks for every training point, so no mode can be left out.",
            (
                Answer(
                    "A few: it collapses, as a GAN does.",
                    "A GAN's generator may leave modes out. This loss asks for every training point.",
                ),
                Answer("About half of them.", "Nothing in the loss makes one mode pay for another."),
                Answer("All of them."),
            ),
        ),
        Preset(
            "A spiral, by the SDE",
            "The same field, walked with fresh noise at every step. Does it end elsewhere?",
            {"data": "spiral", "solver": "stochastic (SDE)"},
            "Each trajectory ends elsewhere, the distribution of all of them is the same.",
            (
                Answer("No: it is the same noise at the start.", "That is so for the ODE. Here each step draws anew."),
                Answer("Each one does, but not all together."),
                Answer(
                    "Yes: fresh noise ruins the spiral.", "At each step as much noise goes in as the field takes out."
                ),
            ),
        ),
    ),
    form=True,
    actions=(Action("run", "Train", primary=True), Action("stop", "Stop"), Action("reset", "Reset")),
    run=train,
    stateful=True,
    lane=lanes.LABS,
    again=("data",),
    acts={"solver": "flow"},
    long=True,
    show=show,
    picture=picture,
    code=code,
    says=says,
)
