"""Where test pictures lie in a VAE's latent space: `python -m genai_core.vae.means vae-mnist` writes
`assets/vae-mnist/means.safetensors`, the means of their posteriors and their labels.
"""

from torch import Tensor

from genai_core.data.encoded import COUNT, Encoded
from genai_core.vae import model

__all__ = ["COUNT", "FILE", "encode", "load"]

FILE = "means.safetensors"
MEANS = Encoded(FILE, "mu", "genai_core.vae.means", "means")
load = MEANS.load


def encode(name: str) -> tuple[Tensor, Tensor]:
    """Posterior means [COUNT, latents] in float16 and labels [COUNT] in uint8. Raises: CheckpointError, DataError."""
    vae = model.load(name)
    return MEANS.encode(model.RECIPES[name].dataset, lambda x: vae.encode(x)[0])


if __name__ == "__main__":
    MEANS.main(model.RECIPES, encode)
