"""An autoencoder with two codes trained while you watch: the `train` of the command line, with values to draw."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from genai_core.autoencoders.ae import LOSSES, AEConfig, train
from genai_core.autoencoders.principal import PCA, PCAConfig, reconstruction_error
from genai_core.common.live import paced
from genai_core.common.pictures import square_grid, tile
from genai_core.data.sprites import sprites

FRAME = 10  # steps between two frames
SIDE = 9  # decoded pictures a side
EDGE = 10_000  # of `scatter` at the edge of the plane


@dataclass(frozen=True)
class AEFrame:
    """What a page draws of a running training. The plane is the square around the codes, since nothing bounds them."""

    step: int
    steps: int
    mse: float  # of a pixel of held-out sprites
    mse_pca: float  # the same of PCA with two components of the training sprites, clipped to [0, 1]
    scatter: np.ndarray  # int16 [N, 2], the codes of held-out sprites; -EDGE and EDGE are the sides of the plane
    centre: tuple[float, float]  # of the plane
    half: float  # half the side of the plane
    factors: np.ndarray  # float32 [N, 5], the true factors of those sprites
    decoded: np.ndarray  # uint8 [SIDE * 28, SIDE * 28], the plane decoded, z2 upwards
    timed_out: bool  # the time limit was reached before the last step


def train_ae(
    *, vary: tuple[str, ...] = (), loss: str = "mse", linear: bool = False, seed: int, steps: int, seconds: float = 55.0
) -> Iterator[AEFrame]:
    """Two codes for sprites whose factors `vary`; a frame every FRAME steps, an end after `steps` or `seconds`.

    Raises: ValueError for an unknown factor or loss.
    """
    if loss not in LOSSES:
        raise ValueError(f"There is no loss '{loss}'. There are: {', '.join(LOSSES)}.")
    begun = time.monotonic()
    data = sprites(4096, generator=torch.Generator().manual_seed(seed), vary=vary)
    shown, factors = sprites(300, generator=torch.Generator().manual_seed(seed + 1), vary=vary)
    pca = PCA(PCAConfig(components=2))
    pca.fit(data[0])
    mse_pca = reconstruction_error(pca, shown, 2)
    lr = 1e-2 if linear else 4e-3
    config = AEConfig(codes=2, channels=(8, 16), hidden=64, loss=loss, linear=linear, batch=64, lr=lr)
    training = train(config, data, steps=steps, seed=seed)
    for moment in paced(training, total=steps, every=FRAME, seconds=seconds, begun=begun):
        step = moment.steps[-1]
        with torch.inference_mode():
            z = step.model.encode(shown)  # [N, 2]
            mse = float((step.model.decode(z) - shown).square().mean())
            low, high = z.amin(0), z.amax(0)
            centre, half = (low + high) / 2, 0.525 * float((high - low).max()) + 1e-6
            decoded = np.asarray(tile(step.model.decode(centre + half * square_grid(SIDE)), SIDE))
        scatter = ((z - centre) / half * EDGE).round().short().numpy()
        x, y = centre.tolist()
        yield AEFrame(
            step.step,
            steps,
            mse,
            mse_pca,
            scatter,
            (x, y),
            half,
            factors.numpy(),
            decoded,
            moment.timed_out,
        )
