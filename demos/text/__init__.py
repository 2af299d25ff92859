"""The text tab: writing token by token, models side by side, drafts, searches, scores, live training, Hub models."""

import gradio as gr

from demos import _checks, _common, _keep
from demos._common import STREAM
from demos.text import _models, compare, draft, hub, learn, score, search, write
from genai_core import gpt, lstm, ngram, speculative, text_sampling
from genai_core.text_search import beam_search, contrastive_search

TITLE = "Text"

HOW = r"""
A **language model** gives a probability to every token that could come next. A text is written by asking it, choosing
one token, and asking again:

$$p(w_1 \dots w_n) = \prod_t p(w_t \mid w_1 \dots w_{t-1})$$

An **n-gram** model counts what followed the last $n - 1$ tokens, and smooths the counts (Kneser & Ney 1995; Chen &
Goodman 1998). An **LSTM** (Hochreiter & Schmidhuber 1997) carries a state from token to token. A **GPT** (Radford 2018;
Vaswani 2017, [arXiv 1706.03762](https://arxiv.org/abs/1706.03762)) looks back at every earlier token by attention:

$$\text{attention}(Q, K, V) = \text{softmax}\!\left(\frac{QK^\top}{\sqrt{d}} + \text{mask}\right) V$$

All are trained on one thing, to be little surprised: the **loss** is the mean of $-\log p$, in nats per character
($\div \log 2$: bits; $e$ to the loss per token: perplexity).

Between the model and the dice stand **filters**. *Temperature* $\tau$ divides the logits; *top-k* keeps the $k$
likeliest tokens (Fan 2018), *top-p* the nucleus (Holtzman 2019), *min-p* what is at least $p$ times as likely as the
likeliest (Nguyen 2024), *typical* what is about as surprising as usual (Meister 2022); the *penalties* push down what
was there before (Keskar 2019). One **draw** $u \in [0, 1)$ then falls on the bar of what is left: with the same seed
the same $u$ for the same place, so that two settings can be compared. **Beam search** draws nothing: it keeps the
likeliest few texts of each length. **Contrastive search** (Su 2022) takes a likely token unlike those before it.

At one token a pass, reading the weights is what takes the time, and **speculative decoding** (Leviathan 2023,
[arXiv 2211.17192](https://arxiv.org/abs/2211.17192); Chen 2023, [arXiv 2302.01318](https://arxiv.org/abs/2302.01318))
reads them once for several: a cheap model drafts $k$ tokens, and one pass of the GPT gives its distributions after all
of them. The papers keep a draft $y$ with probability $\min(1, p(y) / q(y))$, which leaves the distribution of the text
as it was. Here both models use the same draw $u$ for the same place, and the GPT's choice is what stands: so it is the
very text that the seed gives without drafts. Were each draft right with the same probability $\alpha$, a pass would
give, on average,

$$1 + \alpha + \dots + \alpha^k = \frac{1 - \alpha^{k+1}}{1 - \alpha}$$

tokens (Leviathan 2023, equation 1).
"""


@_checks.handler
def text_generate(
    prompt: str,
    model: str = "gpt-shakespeare",
    filters: str = "temperature=0.8,top_p=0.95",
    seed: int = 0,
    tokens: int = 100,
) -> dict:
    """Go on with a prompt; `filters` act in their order. Returns settings, the text, each token's probability."""
    request = {"prompt": prompt, "model": model, "filters": filters, "seed": seed, "tokens": tokens}
    value = write.whole(request)
    return {
        **value["settings"],
        "text": "".join(token["text"] for token in value["new"]),
        "written": [[token["text"], token["p"]] for token in value["new"]],
        "told": value["told"],
    }


# Values that a link fills, part by part.
PARTS = {"write": 1, "compare": 1, "draft": 1, "search": 1, "score": 1, "train": 4, "hub": 1}


def restore(query: dict) -> list:
    """Settings of a link -> values for what `build_tab` returns. Raises: InputError, CheckpointError."""
    part = _checks.choice(query.get("part", "write"), "The part", tuple(PARTS))
    settings = {key: value for key, value in query.items() if key not in ("tab", "part")}
    found = {
        "write": lambda: (write.whole(settings),),
        "compare": lambda: (compare.whole(settings),),
        "draft": lambda: (draft.whole(settings),),
        "search": lambda: (search.search(settings),),
        "score": lambda: (score.score(settings),),
        "train": lambda: learn.values(settings),
        "hub": lambda: hub.values(settings),
    }[part]()
    return _keep.among(PARTS, part, found)


def build_tab() -> list:
    """Layout and wiring; returns the components that `restore` fills."""
    with gr.Tabs() as parts:
        with gr.Tab("Write", id="write"):
            written = write.build()
        with gr.Tab("Compare", id="compare"):
            compared = compare.build()
        with gr.Tab("Draft", id="draft"):
            drafted = draft.build()
        with gr.Tab("Search", id="search"):
            searched = search.build()
        with gr.Tab("Score", id="score"):
            scored = score.build()
        with gr.Tab("Train", id="train"):
            trained = learn.build()
        with gr.Tab("Hub", id="hub"):
            fetched = hub.build()
    _common.how_it_works(
        HOW,
        ngram.NGram.probabilities,
        lstm.LSTM,
        gpt.Attention,
        gpt.Block,
        text_sampling.TopP,
        text_sampling.Typical,
        text_sampling.filtered,
        text_sampling.choose,
        speculative.passes,
        beam_search,
        contrastive_search,
    )
    _common.model_cards(_models.NAMES)
    gr.api(text_generate, api_name="text_generate", **STREAM)
    return [parts, written, compared, drafted, searched, scored, *trained, *fetched]
