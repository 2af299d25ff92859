"""Reads a transformers folder or a model of the Hugging Face Hub; each fault is a sentence of its own."""

import inspect
import json
from pathlib import Path
from typing import Any

import torch

from genai_core.common import hub

WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
SENTENCEPIECE = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
TOKENIZER = ("tokenizer.json", "vocab.json", "vocab.txt", "tekken.json", "tiktoken.model", *SENTENCEPIECE)


def read(name: str) -> tuple[Any, Any]:
    """The tokenizer of a causal language model and its network, in float32 on the CPU.

    The files' own Python is never run. Raises: HubError if they are missing, damaged, of a kind that is not supported,
    or if the Hub does not answer.
    """
    with hub.asked_once(name):
        config = _config(name)
        if reason := unsupported(config):
            raise hub.not_loaded(name, reason)
        return _tokenizer(name), _network(name, config)


def _file(name: str, file: str) -> str | None:
    """The path of a model's file; None where it has none."""
    from transformers.utils import cached_file

    return cached_file(name, file, _raise_exceptions_for_missing_entries=False)


def _config(name: str) -> Any:
    from transformers import CONFIG_MAPPING, AutoConfig
    from transformers.utils import cached_file

    try:
        file = cached_file(name, "config.json")
    except Exception as error:  # huggingface_hub and the network raise all kinds of errors
        raise hub.not_loaded(name, hub.fault(name, error) or "its config.json cannot be read") from error
    if file is None:
        raise hub.not_loaded(name, "it has no config.json, so it is not a model of transformers")
    fields = _json(name, file)
    kind = fields.get("model_type") if isinstance(fields, dict) else None
    if not isinstance(kind, str):
        raise hub.not_loaded(name, "its config.json does not say which kind of model it is (model_type)")
    if kind not in CONFIG_MAPPING and "auto_map" in fields:
        raise hub.not_loaded(name, "it brings Python code of its own, which is not run here")
    if kind not in CONFIG_MAPPING:
        raise hub.not_loaded(name, f"this version of transformers does not know its kind, '{kind}'")
    try:
        return AutoConfig.from_pretrained(name, trust_remote_code=False)
    except Exception as error:  # transformers checks some fields, and fails on others
        reason = hub.fault(name, error) or f"its config.json does not describe a '{kind}' model"
        raise hub.not_loaded(name, reason) from error


def _json(name: str, file: str) -> Any:
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise hub.not_loaded(name, f"its {Path(file).name} is damaged") from error


def unsupported(config: Any) -> str | None:
    """Why a model with this transformers config is not a causal language model that works here; None if it is."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING_NAMES

    kind = f"'{config.model_type}'"
    if any(getattr(config, f"{part}_config", None) for part in ("vision", "audio", "text")):
        return f"it is a multimodal model ({kind}), and only models of text alone are supported"
    if getattr(config, "is_encoder_decoder", False):
        return f"it is an encoder-decoder ({kind}), which writes one text for another; a causal model is needed"
    if config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False):
        return f"it is an encoder ({kind}), which fills gaps in a text; a causal model, which continues it, is needed"
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        return f"it is not a causal language model ({kind})"
    network: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    if "past_key_values" not in inspect.signature(network.forward).parameters:
        has = "a recurrent state" if getattr(network, "_is_stateful", False) else "no cache"
        return f"it is a {kind} model, which has {has} instead of the cache of keys and values that is needed here"
    if getattr(config, "quantization_config", None):
        return "its weights are quantised, and only those in floating point are supported"
    return None


def _tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer
    from transformers.utils import is_protobuf_available, is_sentencepiece_available

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        if set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids):
            return tokenizer
        error = None  # without files, transformers makes a tokenizer that knows no text
    except Exception as raised:  # transformers, tokenizers and the network raise all kinds of errors
        error = raised
    files = [file for file in TOKENIZER if _file(name, file)]
    if error and (reason := hub.fault(name, error)):
        pass
    elif not files:
        reason = hub.OFFLINE if hub.offline(name) else "it has no tokenizer (no tokenizer.json)"
    elif set(files) <= set(SENTENCEPIECE) and not (is_sentencepiece_available() and is_protobuf_available()):
        reason = f"its tokenizer is {files[0]} alone, and to read it the packages sentencepiece and protobuf are needed"
    else:
        reason = f"its tokenizer is damaged ({files[0]})"
    raise hub.not_loaded(name, reason) from error


def _network(name: str, config: Any) -> Any:
    from transformers import AutoModelForCausalLM

    loaded: Any
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            name, config=config, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
        )
    except Exception as error:  # transformers, safetensors, pickle and the network raise all kinds of errors
        if reason := hub.fault(name, error):
            pass
        elif not any(_file(name, file) for file in WEIGHTS):
            reason = hub.OFFLINE if hub.offline(name) else "it has no weights (no model.safetensors)"
        elif "mismatched" in str(error):
            reason = "its weights do not have the shapes that its config.json says"
        else:
            reason = "its weights are damaged, or some of their files are missing"
        raise hub.not_loaded(name, reason) from error
    if file := _file(name, "generation_config.json"):
        _json(name, file)  # transformers leaves out a damaged one, and with it the tokens that end an answer
    network, report = loaded
    if missing := sorted(report["missing_keys"]):
        reason = f"its weights are incomplete: of its tensors {len(missing)} are missing, such as {missing[0]}"
        raise hub.not_loaded(name, reason)
    return network.eval().requires_grad_(False)
