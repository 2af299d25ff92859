"""On a Space with ZeroGPU, what a part runs is lent a GPU for its length by `spaces.GPU`; elsewhere nothing changes.

Outside such a run there is no GPU, though torch says so: models are on the CPU then. The run itself happens in a forked
process, which loads them anew, on its GPU. Imported before torch, as `spaces` asks.
"""

import functools
import os
from collections.abc import Callable, Iterator

ZERO = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
SECONDS = 60  # that a run is lent the GPU for at most

if ZERO:
    import spaces

    os.environ["GENAI_DEVICE"] = "cpu"


def on_gpu(run: Callable[..., Iterator]) -> Callable[..., Iterator]:
    """The generator `run`, which on ZeroGPU has the GPU."""
    if not ZERO:
        return run

    @functools.wraps(run)
    def lent(**settings) -> Iterator:
        os.environ.pop("GENAI_DEVICE", None)  # in the forked process: from here on, models are on the GPU
        yield from run(**settings)

    return spaces.GPU(lent, duration=SECONDS)
