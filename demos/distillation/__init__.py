"""The distillation tab: teacher, student and control asked, compared, timed, and raced."""

import gradio as gr

from demos import _checks, _common, _keep, _pictures
from demos._common import LIGHT, QUIET, STREAM
from demos.distillation import _models, alike, answers, cost, disagree, missing, race
from genai_core import checkpoints, distillation
from genai_core.distillation import distil, hinton, int8, mimic

TITLE = "Distillation"

HOW = r"""
A large net knows more than its answer: of a 7 it may say "or else a 1, rather than a 5". **Distillation** (Hinton,
Vinyals & Dean 2015, [arXiv 1503.02531](https://arxiv.org/abs/1503.02531)) teaches a small net all of that. With the
teacher's logits $v$, the student's $z$, labels $y$ and a temperature $T$:

$$\mathcal{L} = \alpha\, T^2\, \mathrm{KL}\big(\mathrm{softmax}(v/T) \,\|\, \mathrm{softmax}(z/T)\big)
  + (1 - \alpha)\, \mathrm{CE}\big(y, \mathrm{softmax}(z)\big)$$

$T > 1$ lifts the small probabilities, the *dark knowledge*, to where the loss can feel them; their slopes shrink as
$1/T^2$, which the factor makes up for. At high $T$ it becomes the matching of logits,
$\partial \mathcal{L}/\partial z_i \to (z_i - v_i)/N$, which is what Ba & Caruana
([arXiv 1312.6184](https://arxiv.org/abs/1312.6184)) did to teach shallow nets.

The student here has two layers of 800 units and no regularisation; the **control** is the same net on labels alone.
A student whose transfer set holds **no 3 at all** still learns what a 3 is, from what the teacher says of other digits;
only its bias is wrong. **Eight bits** a weight, one scale for each output channel, halve the bytes once more.
"""


@_checks.handler
def distillation_ask(pixels: str, temperature: float = 4.0) -> dict:
    """784 grey bytes in base64 -> each classifier's probabilities at a temperature from 1 to 20, {name: [10]}."""
    t = _checks.number(temperature, "The temperature", 1, answers.MOST)
    x = _pictures.drawing(pixels)
    return {name: distillation.probabilities(distillation.load(name), x, t)[0].tolist() for name in _models.NAMES}


# Values that a link fills, part by part.
PARTS = {"ask": 1, "disagree": 2, "alike": 1, "missing": 1, "cost": 2, "race": 6}


def restore(query: dict) -> list:
    """Settings of a link -> values for what `build_tab` returns. Raises: InputError, CheckpointError."""
    part = _checks.choice(query.get("part", "ask"), "The part", tuple(PARTS))
    found = {
        "ask": lambda: (answers.restored(query),),
        "disagree": lambda: disagree.values(query),
        "alike": lambda: (alike.alike(query),),
        "missing": lambda: (missing.look(query),),
        "cost": lambda: cost.values(query),
        "race": lambda: race.values(query),
    }[part]()
    return _keep.among(PARTS, part, found)


def build_tab() -> list:
    """Layout and wiring; returns the components that `restore` fills."""
    with gr.Tabs() as parts:
        with gr.Tab("Ask", id="ask"):
            asked = answers.build()
        with gr.Tab("Disagree", id="disagree") as disagree_tab:
            disagree_inputs, gallery = disagree.build()
        with gr.Tab("Alike", id="alike"):
            matrices = alike.build()
        with gr.Tab("Missing", id="missing"):
            curve = missing.build()
        with gr.Tab("Cost", id="cost") as cost_tab:
            cost_inputs, plot = cost.build()
        with gr.Tab("Race", id="race"):
            raced = race.build()
    _common.how_it_works(
        HOW, distil.loss, distil.train, hinton.MLP, hinton.with_bias, mimic.loss, int8.quantise, int8.Int8Layer
    )
    _common.model_cards({name: name for name in distillation.RECIPES if name in checkpoints.names()})
    disagree_tab.select(disagree.show, disagree_inputs, gallery, **STREAM, **QUIET)
    cost_tab.select(cost.show, cost_inputs, plot, **LIGHT, **QUIET)
    gr.api(distillation_ask, api_name="distillation_ask", **STREAM)
    return [parts, asked, *disagree_inputs, matrices, curve, *cost_inputs, *raced]
