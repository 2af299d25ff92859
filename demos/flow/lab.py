"""Four flows of points, trained while you watch: the grid of latent space bent by each layer, and the exact density."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image

from demos._server import lanes
from demos._ui import distributions, live, validation
from demos._ui.settings import Setting, choice, choice_by, integer, number, seed
from demos._ui.tab import Action, Answer, Part, Preset
from demos.flow import _frames
from genai_core.data.plane import Distribution, distribution
from genai_core.data.plane import drawn as around
from genai_core.flows.plane import lab
from genai_core.flows.plane.lab import Lab

MODELS = {"RealNVP": "realnvp", "Glow": "glow", "FFJORD": "ffjord", "flow matching": "matching"}
ODES = ("FFJORD", "flow matching")
SOLVERS = {"Heun": "heun", "Euler": "euler"}
TRACES = {"exact": "exact", "Hutchinson's estimator": "hutchinson"}
REAL = 400  # data points that are shown


def solvers(model: str) -> tuple[str, ...]:
    """The samplers of a flow; a chain of layers has none, and the field is not shown."""
    return tuple(SOLVERS) if model in ODES else ("Heun",)


def traces(model: str) -> tuple[str, ...]:
    return tuple(TRACES) if model == "FFJORD" else ("exact",)


def config(model: str, couplings: int, sigma: float, trace: str) -> dict[str, Any]:
    """The part's settings as fields of LabConfig: those that this model has."""
    own = {"realnvp": {"couplings": couplings}, "glow": {"couplings": couplings}, "ffjord": {"trace": TRACES[trace]}}
    return {"model": MODELS[model], "sigma": sigma, **own.get(MODELS[model], {})}


def data_points(data: str, drawn: str, sigma: float) -> np.ndarray:
    """Points to show beside the samples, in the lab's plane: of the distribution, or those that were drawn."""
    if distributions.DATA[data] == "drawn":
        return lab.SCALE * distributions.sample(data, drawn, REAL)
    shown = distribution(distributions.DATA[data]).scaled(lab.SCALE, sigma)
    return shown.draw(REAL, torch.Generator().manual_seed(0)).numpy()


@functools.lru_cache(maxsize=64)
def untrained(data: str, drawn: str, seed: int, solver: str, solver_steps: int, **settings: Any) -> dict:
    """The stage's frame before the first step."""
    source: Distribution
    if distributions.DATA[data] == "drawn":
        source = around(distributions.points_of(drawn) or [[0.0, 0.0]])
    else:
        source = distribution(distributions.DATA[data])
    value = _frames.frame_value(
        Lab(lab.configured(**config(**settings)), source, seed).frame(SOLVERS[solver], solver_steps)
    )
    if distributions.DATA[data] == "drawn" and not drawn:  # there are no data yet
        unknown = dict.fromkeys(("nll", "hutchinson", "exact", "quality"))
        value |= {"entropy": None, "measures": value["measures"] | unknown}
    return value


def show(data: str, drawn: str, **settings: Any) -> dict:
    """The flow before a training, and the data."""
    return untrained(data, drawn, **settings) | {
        "real": distributions.packed(data_points(data, drawn, settings["sigma"]), _frames.LIMIT),
        "plane": lab.PLANE,
        "scale": lab.SCALE,
        "drawing": distributions.DATA[data] == "drawn",
    }


def train(
    state: bytes | None,
    action: str,
    data: str,
    drawn: str,
    seed: int,
    solver: str,
    solver_steps: int,
    request: dict | None = None,
    **settings: Any,
) -> Iterator:
    """Train from the beginning, or go on where a stopped training was left; "look": other samples alone."""
    validation.choice(action, "The action", ("run", "look"))
    sampler = {"solver": SOLVERS[solver], "solver_steps": solver_steps}
    if action == "look":
        if state is not None:
            shown = {"state": state, **sampler}
            yield from live.frames(
                "genai_core.flows.plane.live:look", lambda v: (_frames.frame_value(v[0]), v[1]), **shown
            )
        return
    frames = live.frames(
        "genai_core.flows.plane.live:train",
        lambda v: (_frames.frame_value(v[0], v[2]), v[1]),
        settings=config(**settings),
        data=distributions.source(data, drawn),
        seed=seed,
        state=state,
        **sampler,
    )
    yield from live.one_in_flight(frames, (request or {}).get("run"))


def picture(data: str, drawn: str, sigma: float, shown: dict | None = None, **_settings: Any) -> Image.Image:
    """The plane as it is on the stage."""
    return _frames.picture(data_points(data, drawn, sigma), shown)


def at_x(frame: dict) -> dict:
    """Of a frame with measures what `picture` draws: its end, where the samples are."""
    samples = distributions.unpacked(frame["samples"], "The samples", 10**6, _frames.LIMIT)[-lab.SAMPLES :]
    return {"density": frame["measures"]["density"], "samples": distributions.packed(samples, _frames.LIMIT)}


def measured(shown: dict | None) -> dict:
    """The measures of what is on the stage, if there are any. Raises: InputError."""
    shown = validation.json_object(shown or {}, "The stage")
    return validation.json_object(shown.get("measures") or {}, "The measures")


def code(
    data: str,
    drawn: str,
    seed: int,
    solver: str,
    solver_steps: int,
    shown: dict | None = None,
    **settings: Any,
) -> str:
    """The training up to the last step that was measured."""
    source = distributions.DATA[data]
    points = f"drawn(np.array({distributions.points_of(drawn)}))" if source == "drawn" else f'distribution("{source}")'
    fields = ", ".join(f"{name}={value!r}" for name, value in config(**settings).items())
    step = validation.integer(measured(shown).get("step", 0), "The step", 0, 1_000_000)
    return f'''import numpy as np
import torch

from genai_core.data.plane import distribution, drawn
from genai_core.flows.plane.lab import Lab, configured

lab = Lab(configured({fields}), {points}, seed={seed})
lab.step({step})
frame = lab.frame("{SOLVERS[solver]}", {solver_steps})
samples = frame.samples[-1]  # [240, 2]
z, log_det = lab.average.model(torch.tensor([[0.5, 0.5]]))  # a point on its way back, and log |det dz/dx|
print(f"step {{frame.step}}: NLL {{frame.measures.nll:.3f}} nat, integral {{frame.measures.integral:.3f}}")
'''


def says(shown: dict | None = None, **_settings: Any) -> str:
    m = measured(shown)
    nll = "" if m["nll"] is None else f"NLL {m['nll']:.3f} nat, "  # of points that were drawn since, it is not known
    return f"step {m['step']}: {nll}integral {m['integral']:.3f}"


PART = Part(
    id="lab",
    title="Lab",
    lead="<b>Press Train</b>: a round Gaussian and its grid are bent onto the points. Then <b>move the slider</b> from "
    "noise to data, and drag the point: it goes through every layer.",
    stage="flow/lab",
    settings=(
        Setting("model", choice(tuple(MODELS)), "RealNVP", "Flow"),
        distributions.data_setting("two moons"),
        Setting("solver", choice_by("model", tuple(MODELS), solvers), "Heun", "Sampler", only=("model", ODES)),
        Setting("solver_steps", integer(1, 40), 10, "Sampler's steps", only=("model", ODES)),
        Setting(
            "couplings",
            integer(1, 12),
            lab.LabConfig().couplings,
            "Couplings",
            more=True,
            only=("model", tuple(name for name in MODELS if name not in ODES)),
        ),
        Setting("trace", choice_by("model", tuple(MODELS), traces), "exact", "Trace in training", more=True),
        Setting("sigma", number(0.1, 0.4, 0.01), 0.15, "σ, the width of each Gaussian", more=True),
        Setting("seed", seed(), 0, "Seed", more=True),
        distributions.DRAWN,
    ),
    presets=(
        Preset(
            "Tear it in eight",
            "One round island of noise, eight islands of data. Can couplings tear the plane?",
            {"model": "RealNVP", "data": "ring of 8"},
            "Bridges of density stay between the islands: what is continuous both ways thins the plane, and never "
            "tears it.",
            (
                Answer(
                    "Yes, if it is trained for long enough.",
                    "Training chooses among continuous maps, and none of them tears.",
                ),
                Answer("No: the islands stay connected."),
                Answer(
                    "No: it covers one island and gives up the others.",
                    "A point that is left out costs much likelihood, so that none is.",
                ),
            ),
        ),
        Preset(
            "Does it still add up?",
            "Twenty-five modes grow out of one. What happens to the integral of the density meanwhile?",
            {"model": "Glow", "data": "grid of 25"},
            "The density loses between the modes what it gains in them: the integral is 1.00 at every step. log |det "
            "J| keeps the account, trained or not.",
            (
                Answer(
                    "It grows with the peaks.",
                    "A peak rises where the map squeezes space, and what is squeezed covers less of the plane.",
                ),
                Answer(
                    "It is off at first, and training brings it to 1.",
                    "No term of the loss asks for that: the determinant keeps it for every map that can be inverted.",
                ),
                Answer("It stays 1 at every step."),
            ),
        ),
        Preset(
            "Do paths meet?",
            "Every training line is straight, and lines cross. Drag from noise to data: what do the learned paths do?",
            {"model": "flow matching", "data": "two moons"},
            "No two points are ever in one place at a time: where lines cross, the velocity is their mean, and the "
            "paths bend. The grid is bent, and never folded.",
            (
                Answer("They bend, and never meet at the same time."),
                Answer(
                    "They are straight, and cross as the lines do.",
                    "Two points that met would have one velocity from there on, and could not part.",
                ),
                Answer(
                    "They are straight and parallel, so that none cross.",
                    "Parallel paths would only shift the Gaussian, and it would arrive round.",
                ),
            ),
        ),
        Preset(
            "One Euler step",
            "Straight paths ask for few steps. Where do samples land after a single one?",
            {"model": "flow matching", "data": "ring of 8", "solver": "Euler", "solver_steps": 1},
            "At t = 0 every line is still possible, and their mean leads to the mean of the data: all samples land "
            "in the middle. Raise the sampler’s steps and see how many it takes.",
            (
                Answer(
                    "On the ring: a straight line takes one step.",
                    "Each training line is straight, but what is learned bends.",
                ),
                Answer(
                    "Half-way between the noise and the ring.",
                    "One step goes all the way from t = 0 to t = 1, along the first velocity alone.",
                ),
                Answer("In the middle of the ring."),
            ),
        ),
    ),
    form=True,
    actions=(Action("run", "Train", primary=True), Action("stop", "Stop"), Action("reset", "Reset")),
    run=train,
    stateful=True,
    lane=lanes.LABS,
    again=("model", "data", "couplings", "trace", "sigma", "seed"),
    acts={"solver": "look", "solver_steps": "look"},
    long=True,
    functions=(live.drawn,),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
