"""Language models of the Hugging Face Hub, or of a local transformers folder, behind `next_logits`.

Any causal model, such as `distilgpt2` or `HuggingFaceTB/SmolLM2-135M`, reads and scores as our own do. transformers is
imported only when such a model is asked for.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core import hub, text
from genai_core.checkpoints import default_device
from genai_core.gpt import GPT

LONGEST = 2048  # tokens that are read at most, whatever the model could


class HubError(RuntimeError):
    """A model cannot be had or used. The message is one sentence, fit for a user."""


class HubTokenizer:
    """The model's own tokenizer, as `genai_core.text` has them."""

    def __init__(self, inner: Any):
        self.inner, self.vocab = inner, len(inner)

    def encode(self, string: str) -> list[int]:
        return self.inner.encode(string, add_special_tokens=False)

    def decode(self, ids: Iterable[int]) -> str:
        return self.inner.decode(list(ids), clean_up_tokenization_spaces=False)

    def known(self, string: str) -> tuple[str, list[str]]:
        return string, []


class HubText:
    """A causal language model; `load` makes one."""

    def __init__(self, name: str, network: Any, tokenizer: Any):
        self.name, self.network, self.tokenizer = name, network, HubTokenizer(tokenizer)
        longest = getattr(network.config, "max_position_embeddings", None) or LONGEST
        self.context = min(longest, LONGEST)
        self.vocab = network.config.vocab_size
        first, end = tokenizer.bos_token_id, tokenizer.eos_token_id
        self.start = next((i for i in (first, end) if i is not None), None)  # what a text begins after
        self.stop = () if end is None else (end,)

    def reader(self) -> "Reader":
        """Reads one text token by token, keeping what it has worked out."""
        return Reader(self)

    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """Logits of the token after `ids`, [vocab] float32. Raises: ValueError if there are no ids."""
        return self.reader().next_logits(ids)

    @torch.inference_mode()
    def score(self, string: str) -> Tensor:
        """-log p of each token of a text given those before it, in nats, [tokens].

        The first one after the model's token for the start of a text, or else after a line break.
        """
        start = self.start if self.start is not None else self.tokenizer.encode(text.START)[0]
        ids = torch.tensor([start, *self.tokenizer.encode(string)], device=self.network.device)
        found, done = [torch.zeros(0)], 0
        while done < len(ids) - 1:
            begin = text.first_seen(done + 1, self.context)
            until = min(len(ids) - 1, begin + self.context)
            logits = self.network(ids[None, begin:until]).logits[0].float()
            found.append(F.cross_entropy(logits, ids[begin + 1 : until + 1], reduction="none")[done - begin :].cpu())
            done = until
        return torch.cat(found)


class Reader:
    """Reads a text with the model, token by token. Not for two threads at once.

    states: the last layer's output at each token that the model sees, [tokens seen, width].
    """

    def __init__(self, model: HubText):
        self.model = model
        self._forget()

    def _forget(self) -> None:
        self._cache, self._seen, self._start, self.states = None, [], 0, torch.zeros(0, 0)

    def copy(self) -> "Reader":
        """A reader that has read the same and goes its own way."""
        made = copy.copy(self)
        made._cache, made._seen = copy.deepcopy(self._cache), list(self._seen)
        return made

    @torch.inference_mode()
    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """As `HubText.next_logits`; a text that goes on from the last one is not read again."""
        if not len(ids):
            raise ValueError("A text model needs at least one token to go on from.")
        start = text.first_seen(len(ids), self.model.context)
        seen = list(ids[start:])
        same = text.shared(seen[:-1], self._seen)
        if start != self._start or same < len(self._seen):
            self._forget()
            same = 0
        network = self.model.network
        new = torch.tensor([seen[same:]], device=network.device)
        out = network(new, past_key_values=self._cache, use_cache=True, output_hidden_states=True)
        states = out.hidden_states[-1][0].float().cpu()
        self.states = torch.cat([self.states, states]) if same else states
        self._cache, self._seen, self._start = out.past_key_values, seen, start
        return out.logits[0, -1].float().cpu()


def load(name: str) -> HubText:
    """A Hub model's name (downloaded once, with tqdm's progress bars) or a transformers folder. Raises: HubError."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with hub.asked_once(name):
            tokenizer = AutoTokenizer.from_pretrained(name)
            network = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32)
    except Exception as error:  # transformers, huggingface_hub and the network fail each in their own way
        raise HubError(
            f"The model '{name}' could not be loaded: it is no transformers folder here, and either there is no such "
            "causal language model on the Hugging Face Hub or this machine is offline."
        ) from error
    return HubText(name, network.eval().requires_grad_(False).to(default_device()), tokenizer)


def loading(name: str) -> Iterator[str | HubText]:
    """`load` in a thread of its own: a sentence on how far it is every second, and at the end the model.

    Raises: HubError.
    """
    pool = ThreadPoolExecutor(1)
    try:
        fetching = pool.submit(load, name)
        while not fetching.done():
            yield f"Fetching {name}: {_fetched(name) / 2**20:.0f} MiB so far."
            wait([fetching], timeout=1.0)
        yield fetching.result()
    finally:
        pool.shutdown(wait=False)  # who leaves does not wait; what is fetched stays in the Hub's cache


def _fetched(name: str) -> int:
    """Bytes of the model in the Hub's cache."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = Path(HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    return sum(file.stat().st_size for file in folder.rglob("blobs/*") if file.is_file())


def as_gpt2(model: GPT) -> Any:
    """Our model as a `transformers.GPT2LMHeadModel` with the same weights.

    Raises: ValueError if it has other parts than GPT-2.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    ours = model.config
    if (ours.norm, ours.positions, ours.activation, ours.bias, ours.tied) != ("layer", "learned", "gelu", True, True):
        raise ValueError("Only a model of GPT-2's own parts can be a GPT-2.")
    config = GPT2Config(
        vocab_size=ours.vocab,
        n_positions=ours.context,
        n_embd=ours.width,
        n_layer=ours.layers,
        n_head=ours.heads,
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = GPT2LMHeadModel(config)
    ending = {"weight": lambda w: w.T, "bias": lambda b: b}  # its matrices are transposed
    pairs = {
        "attention.qkv": "attn.c_attn",
        "attention.out": "attn.c_proj",
        "mlp.up": "mlp.c_fc",
        "mlp.out": "mlp.c_proj",
    }
    state, found = model.state_dict(), {}
    for i in range(ours.layers):
        for kind, turned in ending.items():
            for a, b in pairs.items():
                found[f"transformer.h.{i}.{b}.{kind}"] = turned(state[f"blocks.{i}.{a}.{kind}"])
            for j in (1, 2):
                found[f"transformer.h.{i}.ln_{j}.{kind}"] = state[f"blocks.{i}.norm{j}.{kind}"]
    found |= {f"transformer.ln_f.{kind}": state[f"norm.{kind}"] for kind in ending}
    found |= {"transformer.wte.weight": state["embedding.weight"], "transformer.wpe.weight": state["places.weight"]}
    theirs.load_state_dict({**found, "lm_head.weight": state["embedding.weight"]})
    return theirs.eval().requires_grad_(False)


def as_arcee(model: GPT) -> Any:
    """Our model as a `transformers.ArceeForCausalLM` with the same weights: RMSNorm, rotary places, squared ReLU.

    Raises: ValueError if it has other parts than those.
    """
    from transformers import ArceeConfig, ArceeForCausalLM

    ours = model.config
    if (ours.norm, ours.positions, ours.activation, ours.bias, ours.tied) != ("rms", "rotary", "relu2", False, False):
        raise ValueError("Only a model with RMSNorm, rotary places, squared ReLU and no biases can be an Arcee.")
    config = ArceeConfig(
        vocab_size=ours.vocab,
        hidden_size=ours.width,
        intermediate_size=4 * ours.width,
        num_hidden_layers=ours.layers,
        num_attention_heads=ours.heads,
        num_key_value_heads=ours.heads,
        max_position_embeddings=ours.context,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = ArceeForCausalLM(config)
    state, found = model.state_dict(), {}
    names = {"attention.out": "self_attn.o_proj", "mlp.up": "mlp.up_proj", "mlp.out": "mlp.down_proj"}
    names |= {"norm1": "input_layernorm", "norm2": "post_attention_layernorm"}
    for i in range(ours.layers):
        for a, b in names.items():
            found[f"model.layers.{i}.{b}.weight"] = state[f"blocks.{i}.{a}.weight"]
        for letter, part in zip("qkv", state[f"blocks.{i}.attention.qkv.weight"].chunk(3), strict=True):
            found[f"model.layers.{i}.self_attn.{letter}_proj.weight"] = part
    found |= {"model.embed_tokens.weight": state["embedding.weight"], "model.norm.weight": state["norm.weight"]}
    theirs.load_state_dict({**found, "lm_head.weight": state["head.weight"]})
    return theirs.eval().requires_grad_(False)
