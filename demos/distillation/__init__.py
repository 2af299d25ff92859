"""The distillation tab: teacher, student and control asked, compared, timed, and raced."""

from demos._ui import images
from demos._ui.tab import Tab
from demos.distillation import _api, alike, ask, cost, disagree, missing, model, race
from genai_core import distillation
from genai_core.common import checkpoints
from genai_core.distillation import distil, hinton, int8, mimic, synthetic

HOW = r"""
A large net knows more than its answer: of a 7 it may say "or else a 1, rather than a 5". **Distillation** (Hinton,
Vinyals & Dean 2015, [arXiv 1503.02531](https://arxiv.org/abs/1503.02531)) teaches a small net all of that. With the
teacher's logits $v$, the student's $z$, labels $y$ and a temperature $T$:

$$\mathcal{L} = \alpha\, T^2\, \mathrm{KL}\big(\mathrm{softmax}(v/T) \,\|\, \mathrm{softmax}(z/T)\big)
  + (1 - \alpha)\, \mathrm{CE}\big(y, \mathrm{softmax}(z)\big)$$

$T > 1$ lifts the small probabilities, the *dark knowledge*, to where the loss can feel them; their slopes shrink as
$1/T^2$, which the factor makes up for. For $N$ classes, $\alpha = 1$ and logits whose mean is zero for each picture, it
becomes at high $T$ the matching of logits, $\partial \mathcal{L}/\partial z_i \to (z_i - v_i)/N$, which is what Ba &
Caruana ([arXiv 1312.6184](https://arxiv.org/abs/1312.6184)) did to teach shallow nets.

The student here has two layers of 800 units and no regularisation; the **control** is the same net on labels alone.
A student whose transfer set holds **no 3 at all** still learns what a 3 is, from what the teacher says of other digits;
only its bias is wrong. A teacher does not always help: layers without regularisation gain most, the convolutional
student gains nothing clear, and the shallow net of garments loses (see Cost). **Eight bits** a weight, one scale for
each output channel, halve the bytes once more.
"""


def second_classes() -> dict:
    """Ten generated digits, and the teacher's second most likely class of each."""
    x, _ = synthetic.digits(10, seed=4)
    second = distillation.logits(distillation.load("distill-teacher"), x).topk(2).indices[:, 1]
    image = images.png(images.tile(x, 10, gap=2))
    return {"image": image, "alt": "Ten digits and their second class", "below": [f"or {i}" for i in second.tolist()]}


TAB = Tab(
    title="Distillation",
    group="Small and safe",
    headline="A 7, or else a 1",
    text="What a large network says of a digit teaches a small one more than its label does. Raise the temperature, "
    "and see what the teacher finds second most likely.",
    picture=second_classes,
    parts=(model.PART, ask.PART, disagree.PART, alike.PART, missing.PART, cost.PART, race.PART),
    how=HOW,
    sources=(
        distil.loss,
        distil.train,
        hinton.MLP,
        hinton.with_bias,
        mimic.loss,
        int8.quantise,
        int8.Int8Layer,
    ),
    cards={name: name for name in checkpoints.names() if name in distillation.RECIPES},
    endpoints=_api.ENDPOINTS,
    unnamed="ask",
)
