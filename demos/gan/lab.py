"""The game in two dimensions, where generator and discriminator are seen playing."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image

from demos._server import lanes
from demos._ui import distributions, live, validation
from demos._ui.settings import Setting, checked, choice, integer, number, seed
from demos._ui.tab import Action, Answer, Part, Preset
from demos.gan import _frames
from genai_core.gan import lab
from genai_core.gan.lab import PRESETS as RECIPES
from genai_core.gan.lab import LabConfig

LOSSES = {
    "minimax": "minimax",
    "non-saturating": "non_saturating",
    "least squares": "least_squares",
    "hinge": "hinge",
    "Wasserstein, gradient penalty": "wasserstein",
}
# Steps a frame and seconds of rest after it: at least ten frames a second, where a step takes 6 ms.
SPEEDS = {"slow motion": (1, 0.25), "normal": (5, 0.0), "fast": (8, 0.0)}
FRAMES = 10_000
WHO = {"run": "both", "step_d": "discriminator", "step_g": "generator"}
MOONS = LabConfig(loss="wasserstein", penalty=1.0, d_steps=3)
FORMER = {  # what links of older versions name instead of all fields
    "Mode collapse": RECIPES["collapse"].config,
    "All 25 modes": RECIPES["all modes"].config,
    "Moons, Wasserstein": MOONS,
}


def former(field: str) -> Any:
    """A default: the field of the preset that an older link names, or else of LabConfig."""
    return lambda others: getattr(FORMER.get(others["preset"], LabConfig()), field)


def _former(value: Any, _others: Mapping[str, Any]) -> str:
    return value if isinstance(value, str) and value in FORMER else ""


def fields(config: LabConfig, data: str) -> dict[str, Any]:
    """A LabConfig as settings of the part."""
    loss = next(title for title, name in LOSSES.items() if name == config.loss)
    kept = ("d_steps", "latents", "penalty", "coins", "ema", "anneal", "fourier_features")
    rates = {rate: round(math.log10(getattr(config, rate)), 2) for rate in ("lr_g", "lr_d")}
    return {"data": data, "loss": loss, **rates, **{name: getattr(config, name) for name in kept}, "speed": "fast"}


def config(**settings: Any) -> dict[str, Any]:
    """The part's settings as fields of LabConfig."""
    names = {field.name for field in dataclasses.fields(LabConfig)}
    given = {name: value for name, value in settings.items() if name in names}
    return given | {
        "loss": LOSSES[settings["loss"]],
        "lr_g": 10 ** settings["lr_g"],
        "lr_d": 10 ** settings["lr_d"],
    }


def show(data: str, drawn: str, **_settings: Any) -> dict:
    """The plane before a training: the data alone."""
    real = distributions.sample(data, drawn, lab.SHOWN)
    return {
        "real": distributions.packed(real),
        "window": lab.WINDOW,
        "drawing": distributions.DATA[data] == "drawn",
    }


def play(
    state: bytes | None,
    action: str,
    data: str,
    drawn: str,
    seed: int,
    speed: str,
    request: dict | None = None,
    **settings: Any,
) -> Iterator:
    """Go on with the training, or begin one, for at most two minutes; or take one step of either network."""
    who = WHO[validation.choice(action, "The action", tuple(WHO))]
    per_frame, pause = SPEEDS[speed] if who == "both" else (1, 0.0)
    total = distributions.MODES.get(data)
    frames = live.frames(
        "genai_core.gan.live:train",
        lambda value: (_frames.frame_value(value[0], total, value[2]), value[1]),
        settings=config(**settings),
        data=distributions.source(data, drawn),
        seed=seed,
        state=state,
        per_frame=per_frame,
        frames=FRAMES if who == "both" else 1,
        who=who,
    )
    yield from live.one_in_flight(live.slowed(frames, pause), (request or {}).get("run"))


def picture(data: str, drawn: str, shown: dict | None = None, **_settings: Any) -> Image.Image:
    """The plane as it is on the stage; shown: {"heat", "fake"}."""
    return _frames.picture(distributions.sample(data, drawn, lab.SHOWN), shown)


def steps_of(shown: dict | None) -> int:
    return validation.integer(validation.json_object(shown or {}).get("step", 0), "The step", 0, 10_000_000)


def code(data: str, drawn: str, seed: int, speed: str, preset: str, shown: dict | None = None, **settings: Any) -> str:
    """The training up to the step that is shown, in one go."""
    source = distributions.DATA[data]
    points = f"drawn(np.array({distributions.points_of(drawn)}))" if source == "drawn" else f'distribution("{source}")'
    fields = ", ".join(f"{name}={value!r}" for name, value in config(**settings).items())
    return f"""import numpy as np

from genai_core.data.plane import distribution, drawn
from genai_core.gan.lab import Lab, LabConfig

config = LabConfig({fields})
lab = Lab(config, {points}, seed={seed})
lab.step({steps_of(shown)})
frame = lab.frame()
print(f"step {{frame.step}}: modes covered: {{frame.modes}}, high quality: {{frame.quality:.3f}}")
"""


def says(shown: dict | None = None, **_settings: Any) -> str:
    shown = validation.json_object(shown or {})
    return f"step {shown['step']}: modes covered: {shown['modes']}, high quality: {shown['quality']:.3f}"


PART = Part(
    id="lab",
    title="Lab",
    lead="<b>Press Play</b>: the orange points are the generator's, the blue ones real, and the colour of the plane is "
    "what the discriminator believes. Look for modes that are never found.",
    stage="gan/lab",
    settings=(
        Setting("preset", checked(_former), ""),
        distributions.data_setting("ring of 8"),
        Setting(
            "loss", choice(tuple(LOSSES)), lambda o: fields(FORMER.get(o["preset"], LabConfig()), "")["loss"], "Loss"
        ),
        Setting("speed", choice(tuple(SPEEDS)), "normal", "Speed"),
        Setting(
            "lr_g",
            number(-5, -1, 0.1),
            lambda o: fields(FORMER.get(o["preset"], LabConfig()), "")["lr_g"],
            "Learning rate of G, power of ten",
            more=True,
        ),
        Setting(
            "lr_d",
            number(-5, -1, 0.1),
            lambda o: fields(FORMER.get(o["preset"], LabConfig()), "")["lr_d"],
            "Learning rate of D, power of ten",
            more=True,
        ),
        Setting("d_steps", integer(1, 10), former("d_steps"), "k, steps of D per step of G", more=True),
        Setting("penalty", number(0, 20, 0.1), former("penalty"), "Penalty on D's gradient", more=True),
        Setting("latents", integer(1, 16), former("latents"), "Latent size", "From the next reset.", more=True),
        Setting(
            "coins", integer(0, 16), former("coins"), "Discrete latents, −1 or 1", "From the next reset.", more=True
        ),
        Setting(
            "fourier_features", integer(0, 128, 32), former("fourier_features"), "Fourier features of D", more=True
        ),
        Setting("ema", number(0, 0.9999, 0.001), former("ema"), "Decay of G's running average (0 = off)", more=True),
        Setting(
            "anneal",
            integer(0, 20_000, 500),
            former("anneal"),
            "Steps until the rates reach 0 (0 = constant)",
            more=True,
        ),
        Setting("seed", seed(), 0, "Seed", "From the next reset.", more=True),
        distributions.DRAWN,
    ),
    presets=(
        Preset(
            "Mode collapse",
            "25 modes, and a generator that learns twenty times as fast as its discriminator. How many does it keep?",
            lambda: fields(RECIPES["collapse"].config, "grid of 25"),
            "Hardly any: all samples gather in one place, and are chased on as soon as the discriminator knows it.",
            (
                Answer(
                    "All 25: a fast generator finds them sooner.",
                    "No term of its loss asks for variety, and a slow discriminator is fooled in one place as well as "
                    "in all.",
                ),
                Answer("Hardly any."),
                Answer(
                    "About half, and holds on to those.",
                    "Nothing holds it where it is: each place is worth something only until it is refused.",
                ),
            ),
        ),
        Preset(
            "All 25 modes",
            "Wasserstein, discrete latents, annealed and averaged: when is the last mode found?",
            lambda: fields(RECIPES["all modes"].config, "grid of 25"),
            "Within a thousand steps: the critic's slope never dies, so every mode keeps pulling. Then quality grows.",
            (
                Answer(
                    "Never: a few are always left out.",
                    "That is so where the slope dies and samples no longer know which way to go.",
                ),
                Answer(
                    "At the very end, when the rates are low.",
                    "Low rates make samples settle in modes, and hardly find new ones.",
                ),
                Answer("Within the first thousand steps."),
            ),
        ),
        Preset(
            "Ring, non-saturating",
            "Eight modes, and a loss whose gradient does not vanish. How many does the generator hold in the end?",
            lambda: fields(LabConfig(), "ring of 8") | {"seed": 1},
            "It finds some of them at first, and then collapses onto one or two. A gradient that does not vanish is "
            "no cure for mode collapse.",
            (
                Answer("One or two."),
                Answer(
                    "All eight, as each of them pulls.",
                    "A sample is pulled to where the discriminator is fooled best, and that can be one place for all.",
                ),
                Answer(
                    "None: samples stay in the middle of the ring.",
                    "The discriminator soon refuses the middle, and pushes them out of it.",
                ),
            ),
        ),
        Preset(
            "Moons, Wasserstein",
            "A critic kept to slope 1. Look at the heat map: where are its cliffs?",
            lambda: fields(MOONS, "two moons"),
            "There are none: the critic rises evenly from generated to real, so that there is a slope everywhere.",
            (
                Answer(
                    "Around each moon.",
                    "A cliff is a large slope, and the penalty allows none anywhere between the clouds.",
                ),
                Answer("Nowhere."),
                Answer(
                    "Half-way between generated and real points.",
                    "There a classifier has its boundary; a critic has no sides, and its value says how far.",
                ),
            ),
        ),
    ),
    form=True,
    actions=(
        Action("run", "Play", primary=True),
        Action("stop", "Pause"),
        Action("reset", "Reset"),
        Action("step_d", "One step of D"),
        Action("step_g", "One step of G"),
    ),
    run=play,
    stateful=True,
    lane=lanes.LABS,
    again=("data",),
    long=True,
    functions=(live.drawn,),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
