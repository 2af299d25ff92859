"""Pretrained CLIPs of open_clip behind the same `encode_image` and `encode_text`, for pictures of the real world.

Any name that open_clip knows, such as `ViT-B-32` with the weights `laion2b_s34b_b79k` (Cherti 2023), a Hub model
`hf-hub:<owner>/<name>`, or a folder `local-dir:<path>`. open_clip is imported only when such a model is asked for.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core import hub
from genai_core.checkpoints import default_device

DEFAULT = ("ViT-B-32", "laion2b_s34b_b79k")
LONGEST = 1000  # characters of a text


class HubError(RuntimeError):
    """A model cannot be had or used. The message is one sentence, fit for a user."""


class HubCLIP:
    """An open_clip model; `load` makes one. size: the side of the pictures it wants; dimension: of its vectors."""

    def __init__(self, name: str, network: Any, tokenizer: Any):
        self.name, self.network, self.tokenizer = name, network, tokenizer
        wanted = network.visual.preprocess_cfg
        size = network.visual.image_size
        self.size = size[0] if isinstance(size, tuple) else size
        self.mean, self.std = (torch.tensor(wanted[key])[:, None, None] for key in ("mean", "std"))
        self.dimension = self.encode_text(["a"]).shape[1]

    @property
    def scale(self) -> Tensor:
        """One over the temperature that the model learnt."""
        return self.network.logit_scale.exp()

    @torch.inference_mode()
    def encode_image(self, x: Tensor, batch: int = 32) -> Tensor:
        """Pictures [N, 3, H, W] in [0, 1] -> unit vectors [N, D] float32 on the CPU; resized to the model's size.

        Raises: ValueError for what is no batch of colour pictures.
        """
        if x.ndim != 4 or x.shape[1] != 3:
            raise ValueError(f"Pictures of 3 x H x W are needed, not {list(x.shape[1:])}.")
        device = self.network.logit_scale.device
        found = [torch.zeros(0, self.dimension)]
        for part in x.split(batch) if len(x) else ():
            if part.shape[2:] != (self.size, self.size):
                wide = {"size": (self.size, self.size), "mode": "bicubic", "antialias": True, "align_corners": False}
                part = F.interpolate(part, **wide).clamp(0, 1)
            part = ((part - self.mean) / self.std).to(device)
            found.append(self.network.encode_image(part, normalize=True).float().cpu())
        return torch.cat(found)

    @torch.inference_mode()
    def encode_text(self, texts: Sequence[str], batch: int = 64) -> Tensor:
        """Texts -> unit vectors [N, D] float32 on the CPU; of a long text the model reads the first words.

        Raises: ValueError for an empty text, or one of more than LONGEST characters.
        """
        if any(len(text) > LONGEST for text in texts):
            raise ValueError(f"A text has at most {LONGEST} characters.")
        if not all(map(str.strip, texts)):
            raise ValueError("A text needs at least one word.")
        if not texts:
            return torch.zeros(0, self.dimension)
        ids = self.tokenizer(list(texts)).to(self.network.logit_scale.device)
        found = [self.network.encode_text(part, normalize=True).float().cpu() for part in ids.split(batch)]
        return torch.cat(found)


def load(name: str = DEFAULT[0], weights: str | None = DEFAULT[1]) -> HubCLIP:
    """An open_clip model by name and weights (a tag, or a file), downloaded once. Raises: HubError."""
    import open_clip

    try:
        tag = None if ":" in name else weights  # a Hub model or a folder has its own
        with hub.asked_once(name):
            network = open_clip.create_model(name, tag, require_pretrained=True, device=default_device())
            tokenizer = open_clip.get_tokenizer(name)
    except Exception as error:  # open_clip, huggingface_hub and the network fail each in their own way
        raise HubError(
            f"The model '{name}' with the weights '{weights}' could not be loaded: either open_clip knows no such "
            "model, or this machine is offline."
        ) from error
    return HubCLIP(name, network.eval().requires_grad_(False), tokenizer)


def loading(name: str = DEFAULT[0], weights: str | None = DEFAULT[1]) -> Iterator[str | HubCLIP]:
    """`load` in a thread of its own: a sentence on how far it is every second, and at the end the model.

    Raises: HubError.
    """
    with ThreadPoolExecutor(1) as pool:
        before = _cached()
        fetching = pool.submit(load, name, weights)
        while not fetching.done():
            yield f"Fetching {name}: {(_cached() - before) / 2**20:.0f} MiB so far."
            wait([fetching], timeout=1.0)
    yield fetching.result()


def _cached() -> int:
    """Bytes in the Hub's cache, which open_clip uses."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return sum(file.stat().st_size for file in Path(HF_HUB_CACHE).glob("models--*/blobs/*") if file.is_file())
