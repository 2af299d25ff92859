"""Learning from examples in the prompt: a transformer that reads (x_1, y_1, ..., x_k) and says y_k (Garg 2022).

    f is drawn anew for each prompt, so that the weights cannot know it: what is learned is how to learn
    loss = mean over k of (y_k - prediction after k - 1 examples)^2                               [eq. 1 of the paper]

Three families of functions: linear ones, sine waves and decision stumps; a token at the beginning says which. y is
f(x) with noise, so that no number of examples tells f exactly. A prompt of a linear f is compared with least squares
and with ridge regression. The latter, with the noise's variance as its weight, is the best that can be done: it gives
the mean of f given the examples, as w and b are N(0, 1) (Bishop 2006, section 3.3).
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from genai_core.common import checkpoints, checks
from genai_core.common.training import Recipe, TrainStep, autocast, restore, resumable, seeded, snapshot
from genai_core.transformer.attention import causal_mask
from genai_core.transformer.blocks import Layer, Optimizers, Rates

FAMILIES = ("linear", "sine", "stump")


@dataclass(frozen=True)
class ICLConfig:
    features: int = 4  # of x, at most; a prompt of fewer leaves the others 0
    examples: int = 20  # of a prompt, at most
    noise: float = 0.3  # standard deviation of y around f(x)
    families: tuple[str, ...] = FAMILIES
    whole: float = 0.0  # share of the prompts of a training that are linear and of all features
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    # the training
    batch: int = 64
    lr: float = 1e-3
    muon_lr: float = 0.01
    weight_decay: float = 0.0


@dataclass(frozen=True, eq=False)
class Prompts:
    """x: [N, K, features]. y: [N, K], f(x) with noise. f: [N, K], without. family: [N], the number of one."""

    x: Tensor
    y: Tensor
    f: Tensor
    family: Tensor


def draw(
    config: ICLConfig, n: int, generator: torch.Generator, features: int | None = None, wide: float = 1.0
) -> Prompts:
    """n prompts of functions of random families, x ~ N(0, wide^2 I).

    linear: w x + b, w and b ~ N(0, I), of `features` features (None: a random number of them for each prompt, and
    `config.whole` of all prompts are linear with all of them: those take the most steps to learn).
    sine: a sin(omega x + phase), a in [0.5, 2], omega in [0.5, 2]; stump: one of two values ~ N(0, 1) on either side of
    a threshold ~ N(0, 0.25). Both of one feature.
    """
    k, d = config.examples, config.features
    x = wide * torch.randn(n, k, d, generator=generator)
    w, noise = torch.randn(n, d + 4, generator=generator), torch.randn(n, k, generator=generator)
    uniform = torch.rand(n, 3, generator=generator)
    used = torch.randint(1, d + 1, (n,), generator=generator) if features is None else torch.full((n,), features)
    names = torch.randint(len(config.families), (n,), generator=generator)
    family = torch.tensor([FAMILIES.index(name) for name in config.families])[names]
    if config.whole and features is None and "linear" in config.families:
        whole = torch.rand(n, generator=generator) < config.whole
        family, used = family.where(~whole, FAMILIES.index("linear")), used.where(~whole, d)
    used = used.where(family == FAMILIES.index("linear"), torch.ones(()).long())
    x = x * (torch.arange(d) < used[:, None])[:, None]
    b, low, high, threshold = w[:, d:, None].unbind(1)  # [N, 1] each
    linear = (x * w[:, None, :d]).sum(-1) + b
    first = x[..., 0]
    amplitude, speed, phase = 0.5 + 1.5 * uniform[:, :1], 0.5 + 1.5 * uniform[:, 1:2], 2 * torch.pi * uniform[:, 2:]
    sine = amplitude * (speed * first + phase).sin()
    stump = torch.where(first < 0.5 * threshold, low, high)
    f = torch.stack([linear, sine, stump])[family, torch.arange(n)]
    return Prompts(x, f + config.noise * noise, f, family)


class ICL(nn.Module):
    """Prompts -> a prediction for each y from the examples before it. Raises: ValueError as `check`."""

    def __init__(self, config: ICLConfig):
        super().__init__()
        check(config)
        self.config = config
        width = config.n_embd
        self.family = nn.Embedding(len(FAMILIES), width)
        self.of_x, self.of_y = nn.Linear(config.features, width), nn.Linear(1, width)
        self.positions = nn.Parameter(0.02 * torch.randn(2 * config.examples, width))
        self.layers = nn.ModuleList(Layer(width, config.n_head) for _ in range(config.n_layer))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 1)

    def forward(self, x: Tensor, y: Tensor, family: Tensor) -> Tensor:
        """x [N, K, features], y [N, K] -> predictions [N, K]: the k-th has seen x_1, y_1 ... x_k, and not y_k."""
        k = x.shape[1]
        pairs = torch.stack([self.of_x(x), self.of_y(y[..., None])], 2).flatten(1, 2)  # [N, 2 K, width], in turns
        tokens = torch.cat([self.family(family)[:, None], pairs + self.positions[: 2 * k]], 1)
        mask = causal_mask(2 * k + 1).to(x.device)
        for layer in self.layers:
            tokens = layer(tokens, mask)
        return self.head(self.norm(tokens[:, 1::2]))[..., 0].float()  # at each x


def check(config: ICLConfig) -> None:
    """Raises: ValueError for sizes below 1, no families, unknown ones, or a share outside [0, 1]."""
    for name in ("features", "examples", "n_layer", "n_head", "n_embd", "batch"):
        checks.count(name, getattr(config, name))
    checks.number("whole", config.whole, 0, 1)
    unknown = [name for name in config.families if name not in FAMILIES]
    if unknown or not config.families:
        raise ValueError(f"There is no family '{unknown[0] if unknown else ''}'; there are {', '.join(FAMILIES)}.")
    if config.n_embd % config.n_head:
        raise ValueError(f"n_embd = {config.n_embd} is not divisible into {config.n_head} heads.")


def with_one(x: Tensor) -> Tensor:
    """A last feature that is 1, so that a linear map of x has an intercept: [..., d] -> [..., d + 1]."""
    return torch.cat([x, torch.ones_like(x[..., :1])], -1)


def fit(x: Tensor, y: Tensor, ridge: float = 0.0) -> Tensor:
    """w and b that fit examples x [..., K, d], y [..., K] best: [..., d + 1], the intercept last, in float64.

    ridge: weight of |w|^2 + b^2. At 0, of all that fit equally well, the shortest.
    """
    a, b = with_one(x).double(), y.double()[..., None]
    if ridge:
        eye = torch.eye(a.shape[-1], dtype=torch.float64)
        return torch.linalg.solve(a.mT @ a + ridge * eye, a.mT @ b)[..., 0]
    return (torch.linalg.pinv(a) @ b)[..., 0]


def regression(x: Tensor, y: Tensor, ridge: float = 0.0) -> Tensor:
    """For each k the prediction of y_k by the linear map that fits the k - 1 examples before: [N, K], the first 0."""
    found = torch.zeros(y.shape)
    for k in range(1, y.shape[1]):
        found[:, k] = (with_one(x[:, k]).double() * fit(x[:, :k], y[:, :k], ridge)).sum(-1).float()
    return found


@resumable
def train(
    config: ICLConfig,
    _examples: str,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[ICL]]:
    """Train on prompts that are drawn anew at every step."""
    model = seeded(seed, lambda: ICL(config)).to(device)
    generator = torch.Generator().manual_seed(seed)
    optimizers = Optimizers(model, model.layers, Rates(config.muon_lr, config.lr, config.weight_decay))
    parts = {"model": model, "optimizers": optimizers}
    done = restore(resume, generator, parts)
    for step in range(done, steps):
        model.train()
        prompts = draw(config, config.batch, generator)
        x, y, family = (v.to(device) for v in (prompts.x, prompts.y, prompts.family))
        with autocast(device):
            predicted = model(x, y, family)
        loss = (predicted - y).square().mean()
        optimizers.step(loss, step, steps)
        model.eval()
        yield TrainStep(step + 1, {"loss": loss.item()}, model, partial(snapshot, step + 1, generator, parts))


@torch.inference_mode()
def curve(model: ICL, x: Tensor, y: Tensor, family: str, at: Tensor) -> Tensor:
    """What the model predicts for each of `at` [M], of one feature, after examples x, y [K] of it: [M].

    Raises: ValueError for more examples than it was trained on, or an unknown family.
    """
    most = model.config.examples - 1  # the last place is the question's
    if len(x) > most:
        raise ValueError(f"{len(x)} examples are more than the {most} that it was trained on.")
    if family not in FAMILIES:
        raise ValueError(f"There is no family '{family}'; there are {', '.join(FAMILIES)}.")
    device = model.positions.device
    prompt = torch.zeros(len(at), len(x) + 1, model.config.features)
    prompt[:, :-1, 0], prompt[:, -1, 0] = x, at
    values = torch.cat([y, torch.zeros(1)]).expand(len(at), -1)
    number = torch.full((len(at),), FAMILIES.index(family))
    return model(prompt.to(device), values.to(device), number.to(device))[:, -1].cpu()


RECIPES = {"icl-regression": Recipe(ICLConfig(whole=0.5), "functions", steps=14_000)}
TINY = Recipe(ICLConfig(2, 6, n_layer=1, n_head=2, n_embd=32, batch=32), "functions", steps=60)
CARD = {
    "overview": "A transformer that learns from examples in its prompt (genai_core/transformer/icl.py): it reads up to "
    "{examples} pairs of x, of up to {features} features, and y, and says the next y. {n_layer} layers, width "
    "{n_embd}, {n_head} heads. The functions are linear ones with an intercept, sine waves and decision stumps, drawn "
    "anew for every prompt, with noise of {noise} on each y; the first token says which family it is.",
    "splits": "measured on functions and examples drawn with another seed; the linear ones have all features.",
    "use": "Teaching: it drives Examples in the transformer tab, beside least squares and ridge regression.",
    "limits": "No weight changes while it reads, and it knows three families of functions. Far from the inputs that it "
    "was trained on, N(0, 1), it is wrong where least squares is not; it takes no more examples than it was trained "
    "on.",
}
LABELS = {
    "error": ("Error, mean squared distance to f, after d examples (d = 5 parameters) and after 2d", "{:.3f}"),
    "error_least_squares": ("The same of least squares", "{:.3f}"),
    "error_ridge": ("The same of ridge regression, the best possible", "{:.3f}"),
    "ratio": ("Error over that of least squares, after d examples and after 2d", "{:.3f}"),
    "ratio_ridge": ("Error over that of ridge regression, after d examples and after 2d", "{:.3f}"),
    "error_far": ("Error after 2d examples for x three times as wide", "{:.3f}"),
    "error_far_ridge": ("The same of ridge regression", "{:.3f}"),
    "prompts": ("Prompts that were measured", "{:,d}"),
}


def load(name: str = "icl-regression") -> ICL:
    """A trained model, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, ICL, ICLConfig)


def examples(recipe: Recipe) -> str:
    """What a recipe trains on: prompts that are drawn on demand."""
    return recipe.dataset


MEASURED = 6400  # prompts


@torch.inference_mode()
def errors(model: ICL, wide: float = 1.0, seed: int = 1) -> dict[str, Tensor]:
    """Mean squared distance to f after 0 ... K - 1 examples of linear f of all features, [K] each.

    Of the model, of least squares, and of ridge regression with the noise's variance, on the same prompts. wide: the
    standard deviation of x, of which the model was trained on 1.
    """
    config, device = dataclasses.replace(model.config, families=("linear",)), model.positions.device
    prompts = draw(config, MEASURED, torch.Generator().manual_seed(seed), config.features, wide)
    parts = zip(prompts.x.split(640), prompts.y.split(640), prompts.family.split(640), strict=True)
    predicted = {
        "model": torch.cat([model(*(v.to(device) for v in part)).cpu() for part in parts]),
        "least_squares": regression(prompts.x, prompts.y),
        "ridge": regression(prompts.x, prompts.y, config.noise**2),
    }
    return {name: (value - prompts.f).square().mean(0) for name, value in predicted.items()}


def evaluate(name: str) -> dict:
    """Figures of a shipped model (see LABELS)."""
    model = load(name)
    d = model.config.features + 1  # with the intercept
    near, far = errors(model), errors(model, wide=3.0)
    found = {who: [float(error[k]) for k in (d, 2 * d)] for who, error in near.items()}
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "error": found["model"],
        "error_least_squares": found["least_squares"],
        "error_ridge": found["ridge"],
        "ratio": [a / b for a, b in zip(found["model"], found["least_squares"], strict=True)],
        "ratio_ridge": [a / b for a, b in zip(found["model"], found["ridge"], strict=True)],
        "error_far": float(far["model"][2 * d]),
        "error_far_ridge": float(far["ridge"][2 * d]),
        "prompts": MEASURED,
    }
