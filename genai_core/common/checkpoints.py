"""Checkpoints: a folder `assets/<name>/` with `model.safetensors` and `config.json`, loaded strictly.

Weights are stored in float16 (which changes no shipped metric) and used in float32.
"""

import contextlib
import dataclasses
import difflib
import json
import math
import os
import reprlib
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from genai_core.common import quantisation
from genai_core.common.model_cache import ModelCache

Model = TypeVar("Model", bound=nn.Module)
LISTED = 12  # names in a message
SCALE = "_scale"  # ends the names of the scales of weights in int8
ASSETS = Path(os.environ.get("GENAI_ASSETS") or Path(__file__).resolve().parents[2] / "assets")


class CheckpointError(RuntimeError):
    """A checkpoint is unknown, missing or damaged, or cannot be saved. The message is fit for a user."""


def default_device() -> torch.device:
    """The one that the variable GENAI_DEVICE names, else the GPU if there is one, else the CPU."""
    return torch.device(os.environ.get("GENAI_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))


def names(prefix: str = "") -> list[str]:
    """Names of the checkpoints on disk that begin with `prefix`, sorted."""
    return sorted(folder.name for folder in ASSETS.glob(f"{prefix}*") if (folder / "config.json").is_file())


def read_json(name: str, file: str) -> dict:
    """`assets/<name>/<file>` as a dictionary.

    Raises: CheckpointError if the name is unknown or the file is missing or not a dictionary in JSON.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), LISTED, cutoff=0)
        known = "Near to it are" if len(names()) > LISTED else "There are"
        raise CheckpointError(f"There is no checkpoint '{name}'. {known}: {', '.join(sorted(near)) or 'none'}.")
    try:
        value = json.loads((ASSETS / name / file).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(name, file) from error
    if not isinstance(value, dict):
        raise damaged(name, file)
    return value


def save(name: str, model: nn.Module, config, **notes: dict) -> Path:
    """Write model (float16) and config (a dataclass) to `assets/<name>/`; `notes` go into config.json beside it.

    A model with a `tokenizer` has it written to tokenizer.json. One with `eight_bit`, the beginnings of the names of
    some of its weights, has these written in int8, each with its scales (float32) as `<name>_scale`.
    Raises: CheckpointError, before anything is written, for a number that is not finite or that float16 cannot hold.
    """
    folder = ASSETS / name
    weights = {key: _stored(name, key, v) for key, v in model.state_dict().items()}
    for key, values in model.state_dict().items():
        if values.dim() > 1 and key.startswith(getattr(model, "eight_bit", ())):
            weights[key], weights[key + SCALE] = quantisation.quantise(values.float())
    try:
        text = json.dumps({"model": dataclasses.asdict(config), **notes}, indent=2, allow_nan=False)
    except ValueError as error:
        raise CheckpointError(
            f"The model '{name}' cannot be saved: its config holds a number that is not finite."
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    if tokenizer := getattr(model, "tokenizer", None):
        (folder / "tokenizer.json").write_text(tokenizer.to_json(), encoding="utf-8")
    return folder


def _stored(name: str, key: str, values: Tensor) -> Tensor:
    if not values.is_floating_point():
        return values.contiguous()
    half = values.half()
    if not half.isfinite().all():
        largest = torch.finfo(torch.float16).max
        fault = f"beyond float16's largest, {largest:g}" if values.isfinite().all() else "not finite"
        raise CheckpointError(f"The model '{name}' cannot be saved: values of {key} are {fault}.")
    return half.contiguous()


def load(
    name: str,
    model_class: Callable[[Any], Model],
    config_class: type,
    complete: Callable[[Model, Path], None] = lambda model, folder: None,
) -> Model:
    """The model `name`, rebuilt from its config, in eval mode, on the default device; cached and shared by all users.

    The config must hold every field of `config_class` and no other: weights of the same shapes would fit another number
    of heads as well. complete: adds to a newly read model what its weights do not hold, such as a tokenizer.
    Never mutate the returned model.
    Raises: CheckpointError if the name is unknown, or a file is missing, damaged or does not fit the code.
    """
    key = (name, model_class, config_class, ASSETS, default_device())
    model = _cache.get(key)
    if model is None:
        with _loading:  # others who want it wait, and read nothing
            model = _cache.get(key)
            if model is None:
                with torch.inference_mode(False):  # whoever asks first: others may ask for gradients
                    model = _load(name, model_class, config_class)
                with _damaged_by_errors(name, "config.json", "does not fit the code"):
                    complete(model, ASSETS / name)
                _cache.put(key, model)
    return model


def _load(name: str, model_class: Callable[[Any], Model], config_class: type) -> Model:
    config = _config(name, config_class)
    with _damaged_by_errors(name, "config.json", "describes no model that can be built"):
        model = model_class(config)
    with _damaged_by_errors(name, "model.safetensors", "is missing, damaged or of another model"):
        weights = load_file(ASSETS / name / "model.safetensors")
        for key in [key for key in weights if key + SCALE in weights]:
            weights[key] = quantisation.dequantise(weights[key], weights.pop(key + SCALE))
        model.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in weights.items()})
    kinds = {key: v.dtype for key, v in model.state_dict().items()}
    for key, values in weights.items():
        floats = values.is_floating_point()
        if kinds[key].is_floating_point != floats or not (floats or kinds[key] == values.dtype):
            raise damaged(name, "model.safetensors", f"holds {key} as {values.dtype}, not as {kinds[key]}")
        if floats and not values.isfinite().all():
            raise damaged(name, "model.safetensors", f"holds values of {key} that are not finite")
    return model.eval().requires_grad_(False).to(default_device())


def _config(name: str, config_class: type) -> Any:
    """The config of a checkpoint, with every field there and of its type. Raises: CheckpointError."""
    values, types_ = read_json(name, "config.json").get("model"), get_type_hints(config_class)
    fields = [field.name for field in dataclasses.fields(config_class)]
    if not isinstance(values, dict):
        raise damaged(name, "config.json", 'lacks the dictionary "model"')
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    if missing := [field for field in fields if field not in values]:
        raise damaged(name, "config.json", f"lacks {missing[0]}")
    with _damaged_by_errors(name, "config.json", "has values that do not fit together"):
        for field, value in values.items():
            if field not in fields:
                raise damaged(name, "config.json", f"has {field}, which the code does not know")
            if not _fits(value, types_[field]):
                kind = types_[field].__name__ if isinstance(types_[field], type) else types_[field]
                raise damaged(name, "config.json", f"has {field} = {reprlib.repr(value)}, which is no {kind}")
        return config_class(**values)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value read from JSON, lists as tuples, is of the type of a config's field."""
    parts = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if get_origin(hint) is tuple:
        parts = parts[:1] * len(value) if isinstance(value, tuple) and parts[1:] == (...,) else parts
        return isinstance(value, tuple) and len(value) == len(parts) and all(map(_fits, value, parts))
    if hint in (int, float):
        number = isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)
    return isinstance(value, hint) if isinstance(hint, type) else True


@contextlib.contextmanager
def _damaged_by_errors(name: str, file: str, fault: str) -> Iterator[None]:
    """A context whose errors, of whatever kind, are `damaged(name, file, fault)`; those of a checkpoint stay."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # what a constructor or a reader raises for nonsense depends on the nonsense
        raise damaged(name, file, fault) from error


def damaged(name: str, file: str, fault: str = "is missing or damaged") -> CheckpointError:
    """The error of a file that is missing or does not fit; fault: a predicate of which the file is the subject."""
    return CheckpointError(
        f"The checkpoint '{name}' cannot be used: {file} {fault}. "
        f"Restore assets/{name}, or train it again with: make train NAME={name}"
    )


_cache = ModelCache()
_loading = threading.RLock()
