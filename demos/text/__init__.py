"""The text tab: a GPT as a graph, writing, models side by side, drafts, searches, scores, live training, Hub models."""

import torch

from demos._ui.tab import Tab
from demos.text import _api, _models, compare, draft, hub, model, score, search, train, write
from genai_core.language import gpt, lstm, ngram, sampling, speculative
from genai_core.language.sampling import Temperature
from genai_core.language.search import beam_search, contrastive_search
from genai_core.language.text_stream import TextStream

HOW = r"""
A **language model** gives a probability to every token that could come next. To write, choose one of them, append it,
and ask the model again:

$$p(w_1 \dots w_n) = \prod_t p(w_t \mid w_1 \dots w_{t-1})$$

An **n-gram** model counts what followed the last $n - 1$ tokens, and smooths the counts (Kneser & Ney 1995; Chen &
Goodman 1998). An **LSTM** (Hochreiter & Schmidhuber 1997) carries a state from token to token. A **GPT** (Radford 2018;
Vaswani 2017, [arXiv 1706.03762](https://arxiv.org/abs/1706.03762)) looks back at every earlier token by attention:

$$\text{attention}(Q, K, V) = \text{softmax}\!\left(\frac{QK^\top}{\sqrt{d}} + \text{mask}\right) V$$

All are trained to be as little surprised as possible: the **loss** is the mean of $-\log p$, in nats per character
($\div \log 2$: bits; $e$ to the loss per token: perplexity).

Between the model and the random draw stand **filters**. *Temperature* $\tau$ divides the logits; *top-k* keeps the $k$
likeliest tokens (Fan 2018), *top-p* the nucleus (Holtzman 2019), *min-p* what is at least $p$ times as likely as the
likeliest (Nguyen 2024), *typical* what is about as surprising as usual (Meister 2022); the *penalties* lower tokens
that have occurred (Keskar 2019). One **draw** $u \in [0, 1)$ then falls on the bar of what is left: with the same seed
the same $u$ for the same place, so that two settings can be compared. **Beam search** draws nothing: it keeps the
likeliest few texts of each length, and ranks those of different lengths $n$ by $\log p \, / \, n^\lambda$, where
$\lambda$ is the length penalty (Wu 2016 has a similar one). **Contrastive search** (Su 2022) takes a likely token
unlike those before it.

At one token a pass, reading the weights is what takes the time, and **speculative decoding** (Leviathan 2023, [arXiv
2211.17192](https://arxiv.org/abs/2211.17192); Chen 2023, [arXiv 2302.01318](https://arxiv.org/abs/2302.01318)) reads
them once for several: a cheap model drafts $k$ tokens, and one pass of the GPT gives its distributions after all of
them. The papers keep a draft $y$ with probability $\min(1, p(y) / q(y))$ and otherwise draw from $\max(0, p - q)$,
normalised, which leaves the distribution of the text as it was. Here both models use the same draw $u$ for the same
place, and the GPT's choice is what stands: so it is the very text that the seed gives without drafts. Were each draft
right with the same probability $\alpha$, a pass would give, on average,

$$1 + \alpha + \dots + \alpha^k = \frac{1 - \alpha^{k+1}}{1 - \alpha}$$

tokens (Leviathan 2023, equation 1). Draft measures $\alpha$ as the **acceptance rate**: of the drafted tokens that were
checked, the share that was kept. What follows the first refusal of a pass is not checked.
"""


def four_lines() -> dict:
    """What the n-gram model writes in the manner of Shakespeare; the less a letter was expected, the paler it is."""
    model, random = ngram.load("ngram-shakespeare"), torch.Generator().manual_seed(3)
    ids = model.tokenizer.encode("\nKING:\n")
    steps = sampling.generate_steps(model, ids, chain=[Temperature(0.7)], max_tokens=170, generator=random)
    stream = TextStream(model.tokenizer, ids)
    return {"words": [[stream.add(step.token), round(0.4 + 0.6 * step.probability, 2)] for step in steps]}


TAB = Tab(
    title="Text",
    group="Language",
    headline="One letter after the other",
    text="An n-gram, an LSTM and a GPT write in the manner of Shakespeare. Click any letter: see what else could have "
    "come, what each filter removed, and the draw that decided.",
    picture=four_lines,
    parts=(model.PART, write.PART, compare.PART, draft.PART, search.PART, score.PART, train.PART, hub.PART),
    how=HOW,
    sources=(
        ngram.NGram.probabilities,
        lstm.LSTM,
        gpt.Attention,
        gpt.Block,
        sampling.TopP,
        sampling.Typical,
        sampling.filtered,
        sampling.choose,
        speculative.passes,
        beam_search,
        contrastive_search,
    ),
    cards=_models.NAMES,
    endpoints=_api.ENDPOINTS,
    unnamed="write",
)
