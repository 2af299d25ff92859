"""A VAE trained while you watch: the `train` of the command line, with small values to draw."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from genai_core.common import checks
from genai_core.common.live import paced
from genai_core.common.pictures import square_grid, tile
from genai_core.data.sprites import sprites
from genai_core.vae.model import VAE, VAEConfig, bounds, train

FRAME = 10  # steps between two frames
SIDE = 9  # decoded pictures a side
BATCH = 64
FEWEST, MOST = 16, 500  # own pictures that a training takes
ENOUGH = 40  # own pictures from which a tenth is held out


@dataclass(frozen=True)
class VAEFrame:
    """What a page draws of a running training. Own pictures have no known factors."""

    step: int
    steps: int
    losses: dict[str, float]  # "reconstruction", "kl" in nat
    scatter: np.ndarray  # int16 [N, 2], 100 mu of held-out sprites; or of all own pictures, those held out last
    factors: np.ndarray  # float32 [N, 5], their true factors; or [N, 1], their mean grey
    decoded: np.ndarray  # uint8 [SIDE * 28, SIDE * 28], the plane from -2 to 2, z2 upwards
    timed_out: bool  # the time limit was reached before the last step
    held_out: int = 0  # how many own pictures are held out
    elbo: dict[str, float] = field(default_factory=dict)  # in nat, where some are: of "training" ones and of "held out"


def train_vae(
    *,
    vary: tuple[str, ...] = (),
    beta: float,
    seed: int,
    steps: int,
    seconds: float = 55.0,
    pictures: np.ndarray | None = None,
) -> Iterator[VAEFrame]:
    """A 2-D VAE on sprites whose factors `vary`; a frame every FRAME steps, an end after `steps` or `seconds`.

    pictures: uint8 [FEWEST to MOST, 28, 28], which it learns instead of sprites.
    Raises: ValueError for an unknown factor, a beta below 0, or other pictures.
    """
    checks.number("beta", beta, 0)
    begun = time.monotonic()
    if pictures is None:
        data = sprites(4096, generator=torch.Generator().manual_seed(seed), vary=vary)
        shown, factors = sprites(300, generator=torch.Generator().manual_seed(seed + 1), vary=vary)
        held_out = 0
    else:
        shown, held_out = own(pictures, seed)
        factors = shown.mean((1, 2, 3))[:, None]
        kept = len(shown) - held_out
        data = shown[:kept], factors[:kept, 0]
    batch = min(BATCH, len(data[0]))
    config = VAEConfig(
        latents=2, channels=(8, 16), hidden=64, binarised=False, beta=beta, beta_warmup=100, batch=batch, lr=4e-3
    )
    z = 2 * square_grid(SIDE)
    training = train(config, data, steps=steps, seed=seed)
    for moment in paced(training, total=steps, every=FRAME, seconds=seconds, begun=begun):
        step = moment.steps[-1]
        with torch.inference_mode():
            mu, _ = step.model.encode(shown)
            decoded = np.asarray(tile(step.model.decode(z), SIDE))
        losses = {name: step.losses[name] for name in ("reconstruction", "kl")}
        scatter = (mu * 100).clamp(-1000, 1000).short().numpy()
        elbo = elbos(step.model, shown, held_out, seed) if held_out else {}
        yield VAEFrame(step.step, steps, losses, scatter, factors.numpy(), decoded, moment.timed_out, held_out, elbo)


def own(pictures: np.ndarray, seed: int) -> tuple[Tensor, int]:
    """Own pictures in an order drawn from the seed, [N, 1, 28, 28] in [0, 1], and how many, the last, are held out.

    Raises: ValueError unless they are uint8 [FEWEST to MOST, 28, 28].
    """
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (28, 28):
        raise ValueError(f"Pictures must be bytes [N, 28, 28], not {pictures.dtype} {list(pictures.shape)}.")
    checks.count("The number of pictures", len(pictures), FEWEST, MOST)
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed))
    x = torch.from_numpy(pictures.copy())[order, None].float() / 255
    return x, len(x) // 10 if len(x) >= ENOUGH else 0


def elbos(model: VAE, x: Tensor, held_out: int, seed: int) -> dict[str, float]:
    """The mean ELBO of the last `held_out` pictures of x [N, 1, 28, 28], and of as many of the first, in nat."""
    generator = torch.Generator().manual_seed(seed)
    parts = {"training": x[:held_out], "held out": x[-held_out:]}
    return {name: float(bounds(model, part, generator=generator, k=8)["elbo"].mean()) for name, part in parts.items()}
