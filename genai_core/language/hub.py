"""Language models of the Hugging Face Hub, or of a local transformers folder, with the interface of our own.

Any causal model works, such as `distilgpt2` or `HuggingFaceTB/SmolLM2-135M`. transformers is imported only when such a
model is loaded.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.common import hub
from genai_core.common.checkpoints import default_device
from genai_core.common.hub import HubError as HubError
from genai_core.language import hub_files, tokenizers

LONGEST = 2048  # maximum context, even if the model allows more


class HubTokenizer:
    """The model's own tokenizer, with the interface of `genai_core.language.model.Tokenizer`."""

    def __init__(self, inner: Any, generation_config: Any):
        self.inner, self.vocab_size = inner, len(inner)
        first, end = inner.bos_token_id, inner.eos_token_id
        starts = [i for i in (first, end) if i is not None]
        self.start = starts[0] if starts else self.encode(tokenizers.START)[0]
        self.stop = _end_tokens(end, generation_config)

    def encode(self, string: str) -> list[int]:
        return self.inner.encode(string, add_special_tokens=False)

    def decode(self, ids: Iterable[int]) -> str:
        return self.inner.decode(list(ids), clean_up_tokenization_spaces=False)

    def known(self, string: str) -> tuple[str, list[str]]:
        return string, []

    def to_json(self) -> str:
        return self.inner.backend_tokenizer.to_str() + "\n"


class HubText:
    """A causal language model; `load` returns one."""

    def __init__(self, name: str, network: Any, tokenizer: Any):
        self.name, self.network, self.tokenizer = name, network, HubTokenizer(tokenizer, network.generation_config)
        longest = getattr(network.config, "max_position_embeddings", None) or LONGEST
        self.context = min(longest, LONGEST)
        self.vocab_size = network.config.vocab_size

    @property
    def has_chat_template(self) -> bool:
        """Whether `chat` can be used."""
        return bool(self.tokenizer.inner.chat_template)

    def chat(self, message: str) -> list[int]:
        """Token ids of a user's message in the model's chat template, up to where the answer begins.

        Raises: ValueError if the model has no chat template, or one that does not take the message.
        """
        if not self.has_chat_template:
            raise ValueError(f"The model '{self.name}' has no chat template.")
        messages = [{"role": "user", "content": message}]
        try:
            return self.tokenizer.inner.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        except Exception as error:  # a template is a program: Jinja raises all kinds of errors
            raise ValueError(f"The chat template of the model '{self.name}' does not take this message.") from error

    def decoding_session(self) -> "HubSession":
        """Reads one text token by token with a cache."""
        return HubSession(self)

    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """Logits of the token after `ids`, [vocab] float32. Raises: ValueError if there are no ids."""
        return self.decoding_session().next_logits(ids)

    @torch.inference_mode()
    def score(self, string: str) -> Tensor:
        """-log p of each token of a text given those before it, in nats, [tokens]; the first after the start token."""
        ids = torch.tensor([self.tokenizer.start, *self.tokenizer.encode(string)], device=self.network.device)
        losses, done = [torch.zeros(0)], 0
        while done < len(ids) - 1:
            start = tokenizers.window_start(done + 1, self.context)
            end = min(len(ids) - 1, start + self.context)
            logits = self.network(ids[None, start:end]).logits[0].float()
            losses.append(F.cross_entropy(logits, ids[start + 1 : end + 1], reduction="none")[done - start :].cpu())
            done = end
        return torch.cat(losses)


def _end_tokens(end: int | None, generation_config: Any) -> tuple[int, ...]:
    """The tokenizer's end token, and those of generation_config: a chat model has one more for the end of its turn."""
    ends = generation_config.eos_token_id if generation_config is not None else None
    ends = ends if isinstance(ends, list) else [ends]
    return tuple(dict.fromkeys(token for token in (end, *ends) if token is not None))


class HubSession:
    """Reads a text with the model, token by token. Not thread-safe.

    states: the last layer's output at each token in the window, [tokens in the window, width].
    """

    def __init__(self, model: HubText):
        self.model = model
        self._reset()

    def _reset(self) -> None:
        self._cache: Any = None
        self._seen: list[int] = []
        self._start, self.states = 0, torch.zeros(0, 0)

    def copy(self) -> "HubSession":
        """A session that has read the same text and continues on its own."""
        twin = copy.copy(self)
        twin._cache, twin._seen = copy.deepcopy(self._cache), list(self._seen)
        return twin

    @torch.inference_mode()
    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """As `HubText.next_logits`; a text that continues the last one is not read again."""
        if not len(ids):
            raise ValueError("A language model needs at least one token to continue from.")
        start = tokenizers.window_start(len(ids), self.model.context)
        seen = list(ids[start:])
        same = tokenizers.shared(seen[:-1], self._seen)
        if start != self._start or same < len(self._seen):
            self._reset()
            same = 0
        network = self.model.network
        new = torch.tensor([seen[same:]], device=network.device)
        out = network(new, past_key_values=self._cache, use_cache=True, output_hidden_states=True)
        states = out.hidden_states[-1][0].float().cpu()
        self.states = torch.cat([self.states, states]) if same else states
        self._cache, self._seen, self._start = out.past_key_values, seen, start
        return out.logits[0, -1].float().cpu()


def load(name: str) -> HubText:
    """A Hub model's name (downloaded once, with tqdm's progress bars) or a transformers folder.

    Raises: HubError, which says whether the model is damaged, not supported, or cannot be had.
    """
    tokenizer, network = hub_files.read(name)
    model = HubText(name, network.to(default_device()), tokenizer)
    first = model.tokenizer.start
    try:
        logits = model.next_logits([first, first])
    except Exception as error:  # whatever its forward raises
        reason = f"a '{network.config.model_type}' model cannot be read token by token here"
        raise hub.not_loaded(name, reason) from error
    if logits.isnan().any():
        raise hub.not_loaded(name, "its logits are not numbers (NaN)")
    return model


def loading(name: str) -> Iterator[str | HubText]:
    """`load` with a sentence on its progress every second, and at the end the model. Raises: HubError."""
    return hub.loading(name, lambda: load(name), name)
