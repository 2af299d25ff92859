"""Where the features of `sae-gpt` are most active, in a text that the GPT wrote itself:
`python -m genai_core.autoencoders.contexts sae-gpt` writes `assets/sae-gpt/contexts.safetensors`.

The text, the places and the strengths are kept: so a feature has its contexts without a data set.
"""

import argparse
import sys
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from genai_core.autoencoders import sae_gpt
from genai_core.common import checkpoints
from genai_core.language import generate, gpt, tokenizers

TEXTS = 256  # written by the GPT, one with each seed, without filters
PLACES = 8  # kept of each feature, in different texts
TOKENS = 3  # on which a feature is mostly active
FILE = "contexts.safetensors"
WHOLE, REAL = ("ids", "text", "token", "on"), ("strength", "density", "share")  # as they are stored


@dataclass(frozen=True, eq=False)
class Contexts:
    """Texts, and where in them each feature is most active, the strongest place first.

    ids: [texts, tokens]. text, token, strength: of the places of each feature, [features, PLACES], strength 0 for none.
    density: the share of all tokens at which a feature is active, [features]. on, share: the tokens on which most of
    its activation falls, and which part of it, [features, TOKENS].
    """

    ids: Tensor
    text: Tensor
    token: Tensor
    strength: Tensor
    density: Tensor
    on: Tensor
    share: Tensor


def write_texts(name: str, count: int = TEXTS) -> Tensor:
    """`count` texts by the GPT of an autoencoder, each its whole context long: token ids [count, block_size]."""
    model = gpt.load(sae_gpt.load(name).config.gpt)
    start, length = model.tokenizer.encode(tokenizers.START), model.config.block_size
    texts = []
    for seed in tqdm(range(count), desc="writing", mininterval=1):
        generator = torch.Generator().manual_seed(seed)
        texts.append([*start, *generate(model, start, max_tokens=length - 1, generator=generator)])
    return torch.tensor(texts)


@torch.inference_mode()
def strongest(name: str, ids: Tensor, places: int = PLACES) -> Contexts:
    """Where each feature is most active in texts [N, T], at one place a text."""
    sae = sae_gpt.load(name)
    vocab = gpt.load(sae.config.gpt).config.vocab_size
    peaks, tokens = [], []
    active, mass = torch.zeros(sae.config.features), torch.zeros(sae.config.features, vocab)
    for part in ids.split(16):
        code = sae_gpt.activations(sae, part)  # [16, T, features]
        peak, token = code.max(1)
        peaks.append(peak)
        tokens.append(token)
        active += (code > 0).sum((0, 1))
        mass.index_add_(1, part.flatten(), code.flatten(0, 1).T)
    strength, text = torch.cat(peaks).topk(places, dim=0)  # [places, features]
    token = torch.cat(tokens).gather(0, text)
    share, on = (mass / mass.sum(1, keepdim=True).clamp(min=1e-9)).topk(TOKENS, dim=1)
    return Contexts(ids, text.T, token.T, strength.T, active / ids.numel(), on, share)


def save(name: str, contexts: Contexts) -> None:
    """Write them into the checkpoint's folder, in as few bytes as they need."""
    whole = {key: getattr(contexts, key).to(torch.int16).contiguous() for key in WHOLE}
    real = {key: getattr(contexts, key).half().contiguous() for key in REAL}
    save_file(whole | real, checkpoints.ASSETS / name / FILE)


def load(name: str) -> Contexts:
    """The contexts of a shipped autoencoder. Raises: CheckpointError."""
    try:
        stored = load_file(checkpoints.ASSETS / name / FILE)
        return Contexts(**{key: stored[key].long() for key in WHOLE}, **{key: stored[key].float() for key in REAL})
    except (OSError, SafetensorError, KeyError) as error:
        raise checkpoints.CheckpointError(
            f"The contexts of {name} are missing or damaged: restore assets/{name}, "
            f"or run: python -m genai_core.autoencoders.contexts {name}"
        ) from error


def main() -> None:
    parser = argparse.ArgumentParser(description="Write texts with the GPT and keep where its features are active.")
    parser.add_argument("names", nargs="+", choices=sae_gpt.RECIPES, metavar="name", help="checkpoints")
    for name in parser.parse_args().names:
        try:
            save(name, strongest(name, write_texts(name)))
        except checkpoints.CheckpointError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
