"""Pretrained CLIPs of open_clip with the same `encode_image` and `encode_text`, for photographs.

Any name that open_clip knows, such as `ViT-B-32` with the weights `laion2b_s34b_b79k` (Cherti 2023), a Hub model
`hf-hub:<owner>/<name>`, or a folder `local-dir:<path>`. open_clip is imported only when such a model is loaded.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.common import hub
from genai_core.common.checkpoints import default_device
from genai_core.common.hub import HubError

DEFAULT = ("ViT-B-32", "laion2b_s34b_b79k")
LONGEST = 1000  # characters of a text


class HubCLIP:
    """An open_clip model; `load` returns one. size: side of its input pictures; dimension: of its vectors."""

    def __init__(self, name: str, network: Any, tokenizer: Any):
        self.name, self.network, self.tokenizer = name, network, tokenizer
        preprocessing = network.visual.preprocess_cfg
        size = network.visual.image_size
        self.size = size[0] if isinstance(size, tuple) else size
        self.mean, self.std = (torch.tensor(preprocessing[key])[:, None, None] for key in ("mean", "std"))
        self.dimension = self.encode_text(["a"]).shape[1]

    @property
    def scale(self) -> Tensor:
        """One over the learned temperature."""
        return self.network.logit_scale.exp()

    @torch.inference_mode()
    def encode_image(self, x: Tensor, batch: int = 32) -> Tensor:
        """Pictures [N, 3, H, W] in [0, 1] -> unit vectors [N, D] float32 on the CPU; resized to the model's size.

        Raises: ValueError for anything but a batch of colour pictures.
        """
        if x.ndim != 4 or x.shape[1] != 3:
            raise ValueError(f"Pictures of 3 x H x W are needed, not {list(x.shape[1:])}.")
        device = self.network.logit_scale.device
        vectors = [torch.zeros(0, self.dimension)]
        for part in x.split(batch) if len(x) else ():
            if part.shape[2:] != (self.size, self.size):
                size = (self.size, self.size)
                part = F.interpolate(part, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
            part = ((part - self.mean) / self.std).to(device)
            vectors.append(self.network.encode_image(part, normalize=True).float().cpu())
        return torch.cat(vectors)

    @torch.inference_mode()
    def encode_text(self, texts: Sequence[str], batch: int = 64) -> Tensor:
        """Texts -> unit vectors [N, D] float32 on the CPU; long texts are truncated.

        Raises: ValueError for a text without a word, or one of more than LONGEST characters.
        """
        if any(len(text) > LONGEST for text in texts):
            raise ValueError(f"A text has at most {LONGEST} characters.")
        if not all(re.search(r"\w", text) for text in texts):
            raise ValueError("A text needs at least one word.")
        if not texts:
            return torch.zeros(0, self.dimension)
        ids = self.tokenizer(list(texts)).to(self.network.logit_scale.device)
        vectors = [self.network.encode_text(part, normalize=True).float().cpu() for part in ids.split(batch)]
        return torch.cat(vectors)


def load(name: str = DEFAULT[0], weights: str | None = DEFAULT[1]) -> HubCLIP:
    """An open_clip model by name and weights (a tag, or a file), downloaded once. Raises: HubError."""
    import open_clip

    try:
        tag = None if ":" in name else weights  # a Hub model or a folder has its own
        with hub.asked_once(name):
            network = open_clip.create_model(name, tag, require_pretrained=True, device=default_device())
            tokenizer = open_clip.get_tokenizer(name)
    except Exception as error:  # open_clip, huggingface_hub and the network raise all kinds of errors
        reason = hub.fault(name, error) or "open_clip has no such model, or its files are damaged"
        raise HubError(f"The model '{name}' with the weights '{weights}' could not be loaded: {reason}.") from error
    return HubCLIP(name, network.eval().requires_grad_(False), tokenizer)


def loading(name: str = DEFAULT[0], weights: str | None = DEFAULT[1]) -> Iterator[str | HubCLIP]:
    """`load` with a sentence on its progress every second, and at the end the model. Raises: HubError."""
    return hub.loading(name, lambda: load(name, weights))
