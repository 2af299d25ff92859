"""Learning from examples in the prompt: a transformer that reads (x_1, f(x_1), ..., x_k) and says f(x_k) (Garg 2022).

    f is drawn anew for each prompt, so that the weights cannot know it: what is learned is how to learn
    loss = mean over k of (f(x_k) - prediction after k - 1 examples)^2                            [eq. 1 of the paper]

Three families of functions: linear ones, sine waves and decision stumps; a token at the beginning says which. Each
prompt is compared with what one would do by hand: least squares, ridge regression, the nearest example.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.common.training import TrainStep, autocast, restore, resumable, seeded, snapshot
from genai_core.transformer.attention import causal_mask
from genai_core.transformer.blocks import Layer, Optimizers, Rates

FAMILIES = ("linear", "sine", "stump")


@dataclass(frozen=True)
class ICLConfig:
    features: int = 5  # of x; functions of fewer leave the others 0
    examples: int = 20  # of a prompt, at most
    families: tuple[str, ...] = FAMILIES
    n_layer: int = 6
    n_head: int = 4
    n_embd: int = 128
    # the training
    batch: int = 64
    lr: float = 1e-3
    muon_lr: float = 0.01
    weight_decay: float = 0.0
    curriculum: int = 2000  # steps over which the number of features grows from 1 to all [section 2.1]


@dataclass(frozen=True, eq=False)
class Prompts:
    """x: [N, K, features]. y: [N, K], f of them. family: [N], the number of one."""

    x: Tensor
    y: Tensor
    family: Tensor


def draw(config: ICLConfig, n: int, generator: torch.Generator, features: int | None = None) -> Prompts:
    """n prompts, x ~ N(0, I) in the first `features` coordinates (None: all), and f of a family at random.

    linear: w x, w ~ N(0, I). sine: a sin(omega x_1 + phase), a in [0.5, 2], omega in [0.5, 2], one feature alone.
    stump: one of two values on either side of a threshold of one feature.
    """
    d = config.features if features is None else features
    x = torch.randn(n, config.examples, config.features, generator=generator)
    x[..., d:] = 0
    uniform = torch.rand(n, 6, generator=generator)
    normal = torch.randn(n, config.features + 3, generator=generator)
    linear = (x * normal[:, None, : config.features]).sum(-1)
    amplitude, speed, phase = 0.5 + 1.5 * uniform[:, 0], 0.5 + 1.5 * uniform[:, 1], 6.2832 * uniform[:, 2]
    sine = amplitude[:, None] * (speed[:, None] * x[..., 0] + phase[:, None]).sin()
    which = (uniform[:, 3] * d).long().clamp(max=d - 1)
    chosen = x.gather(2, which[:, None, None].expand(-1, config.examples, 1))[..., 0]
    low, high, threshold = normal[:, -3:].unbind(1)
    stump = torch.where(chosen < 0.5 * threshold[:, None], low[:, None], high[:, None])
    family = torch.randint(len(config.families), (n,), generator=generator)
    of = {"linear": linear, "sine": sine, "stump": stump}
    y = torch.stack([of[name] for name in config.families])[family, torch.arange(n)]
    number = torch.tensor([FAMILIES.index(name) for name in config.families])
    only_first = (number[family] == FAMILIES.index("sine"))[:, None]
    x[..., 1:] = torch.where(only_first[..., None], 0.0, x[..., 1:])
    return Prompts(x, y, number[family])


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
    """Raises: ValueError for sizes below 1, no families, or unknown ones."""
    for name in ("features", "examples", "n_layer", "n_head", "n_embd", "batch"):
        checks.count(name, getattr(config, name))
    unknown = [name for name in config.families if name not in FAMILIES]
    if unknown or not config.families:
        raise ValueError(f"There is no family '{unknown[0] if unknown else ''}'; there are {', '.join(FAMILIES)}.")
    if config.n_embd % config.n_head:
        raise ValueError(f"n_embd = {config.n_embd} is not divisible into {config.n_head} heads.")


def least_squares(x: Tensor, y: Tensor, ridge: float = 0.0) -> Tensor:
    """For each k the prediction of y_k by the linear map that fits the k - 1 examples before: [N, K], the first 0.

    ridge: weight of |w|^2; 0: the shortest of the maps that fit best.
    """
    n, k, d = x.shape
    found = torch.zeros(n, k, dtype=torch.float64)
    x, y = x.double(), y.double()
    for i in range(1, k):
        a, b = x[:, :i], y[:, :i, None]
        if ridge:
            w = torch.linalg.solve(a.mT @ a + ridge * torch.eye(d, dtype=torch.float64), a.mT @ b)
        else:
            w = torch.linalg.pinv(a) @ b
        found[:, i] = (x[:, i] * w[..., 0]).sum(-1)
    return found.float()


def nearest(x: Tensor, y: Tensor) -> Tensor:
    """For each k the y of the nearest of the examples before: [N, K], the first 0."""
    distance = torch.cdist(x, x)
    earlier = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril(-1)
    which = distance.masked_fill(~earlier, torch.inf).argmin(-1)
    found = y.gather(1, which)
    found[:, 0] = 0
    return found


@resumable
def train(
    config: ICLConfig,
    _examples: None,
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
        grown = min(1.0, (step + 1) / config.curriculum) if config.curriculum else 1.0
        prompts = draw(config, config.batch, generator, max(1, round(grown * config.features)))
        x, y, family = (v.to(device) for v in (prompts.x, prompts.y, prompts.family))
        with autocast(device):
            predicted = model(x, y, family)
        loss = (predicted - y).square().mean()
        optimizers.step(loss, step, steps)
        model.eval()
        yield TrainStep(step + 1, {"loss": loss.item()}, model, partial(snapshot, step + 1, generator, parts))
