"""Where test pictures lie among an autoencoder's codes: `python -m genai_core.autoencoders.codes ae-mnist-mse-2` writes
`assets/ae-mnist-mse-2/codes.safetensors`, their codes and their labels.
"""

from torch import Tensor

from genai_core.autoencoders import ae
from genai_core.data.encoded import Encoded

CODES = Encoded("codes.safetensors", "codes", "genai_core.autoencoders.codes", "codes")
SHIPPED = tuple(name for name, recipe in ae.RECIPES.items() if recipe.config.codes == 2)
load = CODES.load


def encode(name: str) -> tuple[Tensor, Tensor]:
    """Codes [500, codes] in float16 and labels [500] in uint8. Raises: CheckpointError, DataError."""
    return CODES.encode(ae.RECIPES[name].dataset, ae.load(name).encode)


if __name__ == "__main__":
    CODES.main(SHIPPED, encode)
