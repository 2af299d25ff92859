"""Where test pictures lie in a model's latent space, as numbers beside its checkpoint.

So a latent plane has its points, with their classes, without a data set.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from genai_core.common import checkpoints
from genai_core.data import images

COUNT = 500  # of the first test pictures


@dataclass(frozen=True)
class Encoded:
    """A kind of file `assets/<checkpoint>/<file>`: codes under `key`, labels under "labels".

    module: what writes it, as `python -m <module> <checkpoint>`. what: its content, for messages.
    """

    file: str
    key: str
    module: str
    what: str

    @torch.inference_mode()
    def encode(self, dataset: str, encoder: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Codes [COUNT, d] in float16 and labels [COUNT] in uint8. Raises: DataError.

        encoder: pictures [N, 1, 28, 28] on the default device -> codes [N, d].
        """
        x, y = images.load(dataset, "test")
        return encoder(x[:COUNT].to(checkpoints.default_device())).cpu().half(), y[:COUNT].byte()

    def load(self, name: str) -> tuple[Tensor, Tensor]:
        """The same from a checkpoint's file: codes in float32, labels in int64. Raises: CheckpointError."""
        try:
            stored = load_file(checkpoints.ASSETS / name / self.file)
            return stored[self.key].float(), stored["labels"].long()
        except (OSError, SafetensorError, KeyError) as error:
            raise checkpoints.CheckpointError(
                f"The {self.what} of {name} are missing or damaged: restore assets/{name}, "
                f"or run: python -m {self.module} {name}"
            ) from error

    def main(self, names: Iterable[str], encode: Callable[[str], tuple[Tensor, Tensor]]) -> None:
        """The command that writes the files of the checkpoints that it is given, of `names`."""
        parser = argparse.ArgumentParser(description="Encode test pictures and keep where they lie.")
        parser.add_argument("names", nargs="+", choices=tuple(names), metavar="name", help="checkpoints")
        for name in parser.parse_args().names:
            try:
                codes, labels = encode(name)
            except (checkpoints.CheckpointError, images.DataError) as error:
                sys.exit(str(error))
            save_file({self.key: codes.contiguous(), "labels": labels}, checkpoints.ASSETS / name / self.file)
