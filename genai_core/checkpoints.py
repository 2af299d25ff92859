"""Checkpoints: a folder `assets/<name>/` with `model.safetensors` and `config.json`, loaded strictly.

Weights are stored in float16 (the models are small, and no shipped metric changes) and used in float32.
"""

import dataclasses
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

ASSETS = Path(os.environ.get("GENAI_ASSETS") or Path(__file__).resolve().parent.parent / "assets")
BUDGET = int(os.environ.get("GENAI_MODEL_BUDGET") or 512)  # MiB of weights that stay loaded


class CheckpointError(RuntimeError):
    """A checkpoint is unknown, missing or damaged. The message is one sentence, fit for a user."""


def default_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def names(prefix: str = "") -> list[str]:
    """Names of the checkpoints on disk that begin with `prefix`, sorted."""
    return sorted(folder.name for folder in ASSETS.glob(f"{prefix}*") if (folder / "config.json").is_file())


def read_json(name: str, file: str) -> dict:
    """`assets/<name>/<file>` as a dictionary.

    Raises: CheckpointError if the name is unknown or the file is missing or not JSON.
    """
    if name not in names():
        raise CheckpointError(f"There is no checkpoint '{name}'. There are: {', '.join(names()) or 'none'}.")
    try:
        return json.loads((ASSETS / name / file).read_text())
    except (OSError, ValueError) as error:
        raise damaged(name, file) from error


def save(name: str, model: nn.Module, config, **notes: dict) -> Path:
    """Write model (float16) and config (a dataclass) to `assets/<name>/`; `notes` go into config.json beside it.

    A model with a `tokenizer` has it written to tokenizer.json.
    """
    folder = ASSETS / name
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: (v.half() if v.is_floating_point() else v).contiguous() for key, v in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model": dataclasses.asdict(config), **notes}, indent=2) + "\n")
    if hasattr(model, "tokenizer"):
        (folder / "tokenizer.json").write_text(model.tokenizer.to_json())
    return folder


def load(
    name: str,
    model_class: type[nn.Module],
    config_class: type,
    furnish: Callable[[nn.Module, Path], None] = lambda model, folder: None,
) -> nn.Module:
    """The model `name`, rebuilt from its config, in eval mode, on the default device; cached and shared by all users.

    furnish: gives a model fresh from the folder what its weights do not hold, such as a tokenizer.
    Never mutate the returned model.
    Raises: CheckpointError if the name is unknown, or a file is missing, damaged or does not fit the code.
    """
    key = (name, model_class, config_class, ASSETS)
    model = _kept.get(key)
    if model is None:
        with _loading:  # who wants it meanwhile waits, and reads nothing
            model = _kept.get(key)
            if model is None:
                model = _load(name, model_class, config_class)
                furnish(model, ASSETS / name)
                _kept.put(key, model)
    return model


def _load(name: str, model_class: type[nn.Module], config_class: type) -> nn.Module:
    fields = read_json(name, "config.json")
    try:
        model = model_class(config_class(**_tuples(fields["model"])))
        weights = load_file(ASSETS / name / "model.safetensors")
        model.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in weights.items()})
    except (OSError, SafetensorError, RuntimeError, TypeError, KeyError) as error:
        raise damaged(name, "model.safetensors") from error
    return model.eval().requires_grad_(False).to(default_device())


def _tuples(fields: dict) -> dict:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


def damaged(name: str, file: str) -> CheckpointError:
    """The error of a file that is missing or does not fit."""
    return CheckpointError(
        f"The checkpoint '{name}' cannot be used: {file} is missing or damaged. "
        f"Restore assets/{name}, or train it again with: make train NAME={name}"
    )


def weight_bytes(model: nn.Module) -> int:
    """Bytes of a model's parameters and buffers."""
    return sum(v.numel() * v.element_size() for v in (*model.parameters(), *model.buffers()))


class Kept:
    """Models by key. The least recently used are forgotten when all together have more than `budget` MiB of weights.

    The newest one stays, however large. Who still uses a forgotten model goes on with it.
    """

    def __init__(self, budget: float = BUDGET):
        self.budget = budget
        self._models: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()  # the least recently used first
        self._lock = threading.Lock()

    def get(self, key: Hashable):
        """The model, or None."""
        with self._lock:
            if key not in self._models:
                return None
            self._models.move_to_end(key)
            return self._models[key][0]

    def put(self, key: Hashable, model: object, weights: nn.Module | None = None) -> None:
        """weights: what holds the model's weights, where it is no nn.Module itself."""
        with self._lock:
            self._models[key] = model, weight_bytes(weights or model)
            self._models.move_to_end(key)
            while len(self._models) > 1 and sum(size for _, size in self._models.values()) > self.budget * 2**20:
                self._models.popitem(last=False)

    def __iter__(self) -> Iterator[Hashable]:
        """The keys, the least recently used first."""
        return iter(list(self._models))


_kept = Kept()
_loading = threading.RLock()
