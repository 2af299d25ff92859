"""Model: a prompt on its way through a GPT to the next token, every value of it, and the loss of the prompt itself."""

import functools
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from demos._ui import charts, graph, text_image, validation
from demos._ui.graph import Graph, Node
from demos._ui.settings import Setting, choice, integer, number, seed, text
from demos._ui.tab import Answer, Part, Preset
from demos._ui.tokens import candidate, legible
from demos.text import _explain, _models
from genai_core.language import gpt, sampling
from genai_core.language.sampling import TokenStep
from genai_core.language.text_stream import TextStream

NAMES = {name: title for name, title in _models.NAMES.items() if name.startswith("gpt-")}
LONGEST = 200  # characters of a prompt: its matrices are to be seen
LAYERS, HEADS = 6, 4  # of both models
RANKED = 6  # tokens of a list

GRAPH = Graph(
    (
        Node(
            "tokens",
            "tokens",
            "tokens",
            (0, 0.9),
            "What the model reads: a token that starts every text, then those of the prompt (↵ a line break, ␣ a "
            "space).",
            "w₁ … wₜ",
            ink="real",
        ),
        Node(
            "embedding",
            "embedding",
            "matrix",
            (1, 0.9),
            "A learned vector for each token, one row for each position. Where a token stands enters in attention, "
            "which rotates queries and keys by their positions.",
            "x = E[w]",
            gpt.GPT.states,
            "real",
            line="self.embedding(ids)",
        ),
        Node(
            "first",
            "blocks 1…ℓ",
            "network",
            (2, 0.9),
            "Learned: each block adds to every position what attention gathers from it and those before it, then what "
            "an MLP makes of that.",
            "x ← x + attention(norm(x)), x ← x + MLP(norm(x))",
            gpt.Block,
            "real",
            line="x + self.dropout(",
        ),
        Node(
            "attention",
            "attention",
            "matrix",
            (3, 0.2),
            "One head of block ℓ: row i says how much position i attends to each position j. No token sees those "
            "after it, so all above the diagonal is 0.",
            "softmax(q kᵀ / √d + mask)",
            gpt.Attention.weights,
            "real",
            line="softmax",
        ),
        Node(
            "stream",
            "stream",
            "matrix",
            (3, 1.5),
            "The residual stream after block ℓ: a row for each position, to which every block adds.",
            "x after block ℓ",
            gpt.GPT.states,
            "real",
            line="x = block(",
        ),
        Node(
            "rest",
            "rest, head",
            "network",
            (4, 0.9),
            "Learned: the other blocks, then the head, which makes a logit for each token of the vocabulary of the "
            "last row.",
            "head(norm(x))",
            gpt.GPT.forward,
            "made",
        ),
        Node(
            "logits",
            "logits",
            "ranked",
            (5, 0.3),
            "Scores of the token after the last position: the highest six of the whole vocabulary, the drawn one "
            "always among them.",
            "logits = head(norm(xₜ))",
            gpt.GPT.next_logits,
            "made",
            line="self.head(",
        ),
        Node(
            "probabilities",
            "p",
            "ranked",
            (6, 0),
            "What is drawn from: the logits divided by the temperature, all but the top k removed, as probabilities.",
            "p = softmax(top-k(logits / τ))",
            sampling.filtered,
            "made",
            line="after = act(",
        ),
        Node(
            "u",
            "u",
            "number",
            (6, 1),
            "A random number from [0, 1), made from the seed alone: the only chance in all of this.",
            "u ~ U[0, 1)",
            sampling.draws,
            line="torch.rand",
        ),
        Node(
            "next",
            "next token",
            "tokens",
            (7, 0.4),
            "The token in whose part of the bar u falls, with the parts laid end to end, the likeliest first. It is "
            "appended, and the model reads again.",
            "the first w whose cumulative p exceeds u",
            sampling.choose,
            "made",
            line="searchsorted",
        ),
        Node(
            "nll",
            "−log p",
            "bars",
            (5, 1.7),
            "How much each token of the prompt surprises the model, given those before it. Every position predicts at "
            "once, which is why training needs no draws.",
            "−log p(wₜ | w₁ … wₜ₋₁)",
            gpt.GPT.token_nll,
            "accent",
        ),
        Node(
            "loss",
            "loss",
            "number",
            (6, 2),
            "The mean of these, in nats per token: what training makes small, over all of a corpus.",
            "−(1/T) Σ log p(wₜ | w₁ … wₜ₋₁)",
            gpt.loss,
            "accent",
            "nat",
            line="mean()",
        ),
    ),
    (
        ("tokens", "embedding"),
        ("embedding", "first"),
        ("first", "attention"),
        ("first", "stream"),
        ("stream", "rest"),
        ("rest", "logits"),
        ("logits", "probabilities"),
        ("probabilities", "next"),
        ("u", "next"),
        ("next", "tokens"),
        ("rest", "nll"),
        ("tokens", "nll"),
        ("nll", "loss"),
    ),
)


def readable(settings: dict[str, Any]) -> dict[str, Any]:
    """Raises: InputError for a prompt of which nothing is left, or that is too long for the model."""
    model = _models.load(settings["model"])
    count = len(_models.encoded(model, settings["prompt"])[0])
    if count < 2:
        raise validation.InputError("The prompt is empty: type at least one character that the model knows.")
    if count > model.config.block_size:
        raise validation.InputError(f"The prompt has {count} tokens; the model reads {model.config.block_size}.")
    return settings


@functools.lru_cache(maxsize=8)  # the sliders after the model do not read again
@torch.inference_mode()
def read(name: str, prompt: str) -> tuple[list[Tensor], Tensor]:
    """A prompt's embedding and the residual stream after each block, [T, width] each, and -log p of its tokens [T - 1].

    All on the CPU.
    """
    model = _models.load(name)
    ids = torch.tensor([_models.encoded(model, prompt)[0]], device=model.embedding.weight.device)
    streams = [model.embedding(ids)[0].cpu()]

    def keep(_layer: int, x: Tensor) -> Tensor:
        streams.append(x[0].cpu())
        return x

    logits = model(ids, keep)[0, :-1]  # the last position's are of the token after the prompt
    return streams, F.cross_entropy(logits, ids[0, 1:], reduction="none").cpu()


@torch.inference_mode()
def attention(name: str, prompt: str, layer: int, head: int) -> Tensor:
    """What one head of a block attends to, [T, T]; layer and head from 1."""
    model = _models.load(name)
    x = read(name, prompt)[0][layer - 1][None].to(model.embedding.weight.device)
    block = model.blocks[layer - 1]
    table = model.table[:, : x.shape[1]] if model.position_embedding is None else None
    return block.attention.weights(block.norm1(x), table)[0, head - 1].cpu()


def filters(temperature: float, top_k: int) -> str:
    return f"temperature={temperature:g}" + (f",top_k={top_k}" if top_k else "")


def sampled(model: str, prompt: str, temperature: float, top_k: int, seed: int) -> TokenStep:
    """The step in which the sampler draws the next token."""
    chain = filters(temperature, top_k)
    return _explain.token_step({"model": model, "prompt": prompt, "filters": chain, "seed": seed}, [])


def texts(stream: TextStream, ids: Iterable[int]) -> list[str]:
    return [legible(stream.add(token)) for token in ids]


def values(model: str, prompt: str, layer: int, head: int, temperature: float, top_k: int, seed: int) -> dict[str, Any]:
    """Every value of the graph, on the CPU."""
    own, (streams, nll) = _models.load(model), read(model, prompt)
    step, stream = sampled(model, prompt, temperature, top_k, seed), _models.text_stream(own, prompt)
    listed = step.logits.argsort(descending=True, stable=True)[:RANKED].tolist()
    listed = listed if step.token in listed else [*listed[:-1], step.token]
    names = unique([candidate(stream, token) for token in listed])
    return {
        "tokens": texts(TextStream(own.tokenizer), _models.encoded(own, prompt)[0]),
        "embedding": streams[0],
        "attention": attention(model, prompt, layer, head),
        "stream": streams[layer],
        "logits": dict(zip(names, step.logits[listed].tolist(), strict=True)),
        "probabilities": dict(zip(names, step.probabilities[listed].tolist(), strict=True)),
        "u": torch.tensor(step.draw),
        "next": [candidate(stream, step.token)],
        "nll": nll,
        "loss": nll.mean(),
    }


def path(model: str, prompt: str, layer: int, **_settings: Any) -> tuple[Tensor, dict[str, Tensor | None]]:
    """The loss of the prompt, and what it depends on by each box, from the stream after the chosen block on."""
    own, streams = _models.load(model), []

    def keep(at: int, x: Tensor) -> Tensor:
        if at == layer:
            streams.append(x.requires_grad_())
        return x

    ids = torch.tensor([_models.encoded(own, prompt)[0]], device=own.embedding.weight.device)
    nll = F.cross_entropy(own(ids, keep)[0, :-1], ids[0, 1:], reduction="none")
    loss = nll.mean()
    return loss, {"stream": streams[0], "nll": nll, "loss": loss}


def unique(names: list[str]) -> list[str]:
    """Names, each once: two bytes of characters may look the same."""
    return [name if name not in names[:k] else f"{name}{k + 1}" for k, name in enumerate(names)]


def show(**settings: Any) -> dict[str, Any]:
    note = _models.encoded(_models.load(settings["model"]), settings["prompt"])[1]
    return {"values": graph.values(GRAPH, values(**settings)), "note": note}


def picture(**settings: Any) -> Image.Image:
    """The prompt shaded by surprise with the token that was drawn, and below it what it was drawn from."""
    found = values(**settings)
    surprise = zip(tokens_of(settings["model"], settings["prompt"]), (found["nll"] / 6).tolist(), strict=True)
    page = text_image.of_text([*text_image.shaded(surprise), (found["next"][0], charts.MADE)])
    listed = found["probabilities"]
    title = f"p of the next token; u = {float(found['u']):.3f}, loss {float(found['loss']):.2f} nat per token"
    return charts.below([page, charts.bars(list(listed.values()), list(listed), charts.MADE, title=title, width=680)])


def tokens_of(model: str, prompt: str) -> list[str]:
    """The texts of a prompt's own tokens, as they are."""
    own = _models.load(model)
    stream = TextStream(own.tokenizer)
    return [stream.add(token) for token in own.tokenizer.encode(own.tokenizer.known(prompt)[0])]


def says(**settings: Any) -> str:
    found = values(**settings)
    own = _models.load(settings["model"])
    step = sampled(**{key: value for key, value in settings.items() if key not in ("layer", "head")})
    after = _models.text_stream(own, settings["prompt"]).add(step.token)
    p, looks = float(step.probabilities[step.token]), int(found["attention"][-1].argmax())
    return (
        f"next {after!r}, p = {p:.3f}, u = {step.draw:.3f}, loss {float(found['loss']):.3f} nat per token\n"
        f"the last position attends most to position {looks}"
    )


def code(model: str, prompt: str, layer: int, head: int, temperature: float, top_k: int, seed: int) -> str:
    chain = filters(temperature, top_k)
    first, last, lines = _models.model_code(model, prompt)
    return f"""import torch
import torch.nn.functional as F

{first}from genai_core.language.sampling import generate_steps{_models.chain_import(chain)}
{last}
{lines}
streams = []  # before each block


def keep(layer, x):
    streams.append(x)
    return x


with torch.inference_mode():
    tokens = torch.tensor([ids])
    streams.append(model.embedding(tokens))
    logits = model(tokens, keep)
    loss = F.cross_entropy(logits[0, :-1], tokens[0, 1:])
    block = model.blocks[{layer - 1}]
    attention = block.attention.weights(block.norm1(streams[{layer - 1}]), model.table[:, : len(ids)])[0, {head - 1}]

chain = {_models.chain_code(chain)}
generator = torch.Generator().manual_seed({seed})
(step,) = generate_steps(model, ids, chain=chain, max_tokens=1, generator=generator)
token, p = text_after(model.tokenizer, prompt, [step.token]), step.probabilities[step.token]
print(f"next {{token!r}}, p = {{p:.3f}}, u = {{step.draw:.3f}}, loss {{loss:.3f}} nat per token")
print("the last position attends most to position", int(attention[-1].argmax()))
"""


PART = Part(
    id="model",
    title="Model",
    lead="<b>Change the prompt</b> and follow it to the next token. <b>Click a box</b> for its equation and its "
    "source.",
    stage="model",
    settings=(
        Setting("model", choice(NAMES), "gpt-shakespeare", "Model"),
        Setting("prompt", text(LONGEST, lines=2), "ROMEO:\nMy lo", "Prompt"),
        Setting("layer", integer(1, LAYERS), 1, "Block ℓ"),
        Setting("head", integer(1, HEADS), 2, "Head"),
        Setting("temperature", number(0, 3, 0.05), 1.0, "Temperature τ"),
        Setting("top_k", integer(0, 100), 0, "Top-k (0 = off)"),
        Setting("seed", seed(), 1, "Seed"),
    ),
    check=readable,
    presets=(
        Preset(
            "Nearly a word",
            "One letter is missing. How much is left to the draw?",
            {"prompt": "O Romeo, Romeo! wherefore art th"},
            "Next to nothing: “o” has more than 99 %, so that nearly every u falls on it.",
            (
                Answer("Next to nothing."),
                Answer(
                    "All of it: it samples from 65 letters.",
                    "It samples from their probabilities, and one letter has nearly all of it.",
                ),
                Answer(
                    "About one draw in two.",
                    "After “art th” English leaves hardly a choice, and the model has learned that.",
                ),
            ),
        ),
        Preset(
            "Another draw",
            "Only the seed is new: was the next token “r”? Which boxes change?",
            {"seed": 2},
            "Only u and the next token: u is above the p of “r” and falls on “v”. The model computed the same.",
            (
                Answer(
                    "All of them: the seed is where the model begins.",
                    "The weights are fixed since training, and no box before the draw is random.",
                ),
                Answer("Only u and the next token."),
                Answer("p and what follows.", "p is what the model computed; the seed only says where u falls on it."),
            ),
        ),
        Preset(
            "Hot",
            "The logits are divided by 3. Which boxes change?",
            {"temperature": 3.0},
            "p alone is flatter, and perhaps another token is drawn. The logits are the same: temperature is no part "
            "of the model.",
            (
                Answer("Logits, p and the draw.", "The model never sees the temperature: it acts after the logits."),
                Answer(
                    "Attention, too: the heads get less sure.",
                    "The softmax of attention has a scale of its own, √d, which stays.",
                ),
                Answer("p, and perhaps what is drawn."),
            ),
        ),
        Preset(
            "Another head",
            "Head 2 of block 1 attends mostly to the token before. And head 1?",
            {"head": 1},
            "Mostly to the token itself: the diagonal is the brightest. Nobody told the heads what to look at.",
            (
                Answer("To the token itself."),
                Answer(
                    "To the token before, as well.",
                    "All heads of a block get the same input, and each has weights of its own.",
                ),
                Answer(
                    "To all tokens alike.",
                    "A head that did would add the same mean to every token, and teach the model little.",
                ),
            ),
        ),
        Preset(
            "A typo",
            "“kxng” for “king”. Where does the loss come from?",
            {"prompt": "The queen and the kxng"},
            "“x” costs more than 10 nat, and the letters after it are dear, too: no word begins like that.",
            (
                Answer(
                    "Evenly from all letters of the word.",
                    "Each letter is predicted from those before it: only where it surprises, it costs.",
                ),
                Answer("From “x”, and what follows it."),
                Answer(
                    "From the “k” already.",
                    "A “k” after “the ” is nothing unusual: the model cannot know what comes next.",
                ),
            ),
        ),
        Preset(
            "Tokens of several letters",
            "Another model, with another vocabulary. What is a token here?",
            {"model": "gpt-stories", "prompt": "Once upon a"},
            "A frequent word with the space before it: fewer tokens than letters, and the next one is “␣time”.",
            (
                Answer("A letter, as before.", "This vocabulary was merged from the most frequent pairs of bytes."),
                Answer("A whole word, always.", "Only frequent words are one token; a rare one is spelled by several."),
                Answer("A piece of text: here, frequent words."),
            ),
        ),
    ),
    form=True,
    wide=True,
    functions=(graph.description(GRAPH), graph.backward(GRAPH, path, lambda request: PART.parse(request))),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
