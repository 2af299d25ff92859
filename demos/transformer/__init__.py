"""The transformer tab: attention, positions, what a block does, examples in the prompt, training live, translation."""

from demos._ui.tab import Tab
from demos.transformer import _api, _models, attention, block, examples, fill, positions, train, translate, vision
from genai_core.language import gpt
from genai_core.transformer import attention as core
from genai_core.transformer import bert, icl, lens, pronouns, seq2seq, vit
from genai_core.transformer import translate as translation
from genai_core.transformer.positions import PositionsGPT

HOW = r"""
A **transformer** (Vaswani 2017, [arXiv 1706.03762](https://arxiv.org/abs/1706.03762)) keeps one vector for each token,
the **residual stream**, and every layer adds to it twice: what **attention** brings in from other tokens, and what an
**MLP** makes of the token by itself:

$$x \leftarrow x + \text{attention}(\text{norm}(x)), \qquad x \leftarrow x + \text{MLP}(\text{norm}(x))$$

**Attention.** Each token asks with a query $q$, each offers a key $k$ and a value $v$, all of them linear maps of its
stream. The scores are inner products; the softmax makes them shares, and the output is the mean of the values with
these shares:

$$\text{attention}(Q, K, V) = \text{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}} + \text{mask}\right) V$$

If the numbers in $q$ and $k$ have variance 1, their product has variance $d$; divided by $\sqrt d$ it has 1 again, and
the softmax starts out soft, where it has a gradient. The mask of a GPT is $-\infty$ above the diagonal: no token sees
those after it. Several **heads** do this side by side in parts of the width, each with its own maps, and their outputs
are added up. What a head attends to is a hint of what it does, not a proof (Jain & Wallace 2019, [arXiv
1902.10186](https://arxiv.org/abs/1902.10186)): switch it off and see.

A head that finds nothing must still spend its shares. Many leave them on the first token, an **attention sink** (Xiao
2023, [arXiv 2309.17453](https://arxiv.org/abs/2309.17453)). An **induction head** (Olsson 2022, [arXiv
2209.11895](https://arxiv.org/abs/2209.11895)) looks at what followed the last time that its token was there, so that a
model can repeat what it has read a single time: a simple form of learning from the prompt.

**Positions.** Attention is a sum over a set: if nothing says where a token stands, shuffled words give the same sum,
and only the mask tells a GPT of an order at all (Haviv 2022, [arXiv 2203.16634](https://arxiv.org/abs/2203.16634)).
Vectors are added to the embeddings, learned or of sines and cosines (Vaswani 2017); queries and keys are **rotated** by
angles in proportion to their position, so that their product knows the distance alone (Su 2021, [arXiv
2104.09864](https://arxiv.org/abs/2104.09864); the GPTs of this app have these); or scores are lowered in proportion to
the distance, ALiBi (Press 2022, [arXiv 2108.12409](https://arxiv.org/abs/2108.12409)), which goes on beyond the length
of the training.

**The logit lens** (nostalgebraist 2020; Belrose 2023 tunes it, [arXiv 2303.08112](https://arxiv.org/abs/2303.08112))
reads the stream after any layer with the norm and the head that were trained for the last. It works as far as layers
refine one guess in one space, which they tend to, since each only adds.

**Switching off** a head or an MLP sets what it adds to 0. What the loss gains is a measure of what it did for this
text, and of what no other part made up for.

**The KV cache.** When one token is added, keys and values of those before it stay as they are, because no token sees a
later one. So they are kept, and a pass computes one row instead of all: time for memory.

**Learning from examples in the prompt** (Garg 2022, [arXiv 2208.01066](https://arxiv.org/abs/2208.01066)). A
transformer reads pairs $x_1, y_1, \dots, x_k$ and predicts $y_k$. The function is drawn anew for each prompt of its
training, so that no weight can hold it: what is learned is how to fit. For linear functions the best guess is
known. It is ridge regression with the variance $\sigma^2$ of the noise as its weight, the mean of all functions given
the examples:

$$\hat w = (X^\top X + \sigma^2 I)^{-1} X^\top y$$

**Masked language models.** A **BERT** (Devlin 2018, [arXiv 1810.04805](https://arxiv.org/abs/1810.04805)) is an encoder
alone: no mask hides what comes later. Some of the tokens are hidden from it instead, and it is trained to say which
they were, here a fifth of them (15 % in the paper; Wettig 2022, [arXiv 2202.08005](https://arxiv.org/abs/2202.08005),
finds that the best share depends on the model):

$$-\sum_{i \in M} \log p(x_i \mid x_{\setminus M})$$

It cannot write from left to right. The product of what it says of each token given all others is no probability of the
text, but it ranks texts: the **pseudo-perplexity** (Salazar 2020, [arXiv
1910.14659](https://arxiv.org/abs/1910.14659)). What it fills in also shows what stands together in its corpus,
prejudice included (Caliskan 2017, [arXiv 1608.07187](https://arxiv.org/abs/1608.07187)). Such a measure is of one
model, of its corpus and of the sentences that were chosen. It says nothing about the world, and a low value makes no
model fair.

**Encoder and decoder.** In the first transformers an encoder reads the input whole, and a decoder writes the output one
symbol after the other. By **cross-attention** its queries look at keys and values of the encoder's. *Train* trains one
on digits while you watch, by teacher forcing: at each place the loss is that of the next symbol of the right output.

**Translation** is what they were made for. *Translate* has an encoder and a decoder of four layers each, trained on
sentences of Tatoeba. Its tokens are **byte pairs** of both languages (Sennrich 2016, [arXiv
1508.07909](https://arxiv.org/abs/1508.07909)): the pairs that are most frequent are merged again and again, so that a
frequent word is one token, and a rare one falls into pieces but is never unknown. The likeliest translation cannot be
found by trying all. **Beam search** goes on with the few likeliest beginnings, and compares those of different lengths
by a score (Wu 2016, [arXiv 1609.08144](https://arxiv.org/abs/1609.08144), equation 14):

$$s(y) = \frac{\log p(y \mid x)}{\left((5 + |y|)\,/\,6\right)^{\alpha}}$$

A translation is measured against one by a human. **BLEU** (Papineni 2002, [ACL
P02-1040](https://aclanthology.org/P02-1040/)) is the geometric mean of the shares of its runs of one, two, three and
four words that stand there too, times a penalty where it is shorter; **chrF** (Popović 2015, [ACL
W15-3049](https://aclanthology.org/W15-3049/)) is the F-score of runs of one to six characters, with recall twice as
important as precision. Both know words and letters, not meanings.

**Pictures as sequences.** A **ViT** (Dosovitskiy 2020, [arXiv 2010.11929](https://arxiv.org/abs/2010.11929)) cuts a
picture into patches, makes a token of each, adds learned positions, and lets a **class token** gather what the head
reads. Nothing in it knows that neighbours belong together; with few pictures it pays to make the tokens by
convolutions, which do (Hassani 2021, [arXiv 2104.05704](https://arxiv.org/abs/2104.05704)). **Rollout** (Abnar &
Zuidema 2020, [arXiv 2005.00928](https://arxiv.org/abs/2005.00928)) multiplies the attention of all layers, half of each
being the residual: how much of each patch can have come to the class token, which is not what decided.

"""


def arcs() -> dict:
    """From where the last token of a sentence draws in one head of the GPT: the more from a word, the darker it is."""
    names = _models.names("gpt-stories", attention.HAT)
    _, steps = attention.steps_of("gpt-stories", attention.HAT, 6, 2, 1.0, 1.0)
    shares = steps.weights[-1].tolist()
    shares[-1] = 1.0  # the one that looks
    said = [name.replace("␣", " ") for name in names[1:]]
    return {"words": [[name, round(0.62 + 0.38 * w, 2)] for name, w in zip(said, shares[1:], strict=True)]}


TAB = Tab(
    title="Transformer",
    group="Language",
    headline="Who looks at whom",
    text="Follow one token through a real transformer: every head with its numbers, and what each layer would say "
    "next.",
    picture=arcs,
    parts=(
        attention.PART,
        positions.PART,
        block.PART,
        fill.PART,
        examples.PART,
        train.PART,
        translate.PART,
        vision.PART,
    ),
    how=HOW,
    sources=(
        core.attention,
        core.causal_mask,
        core.sinusoidal,
        core.alibi,
        gpt.rotate,
        PositionsGPT,
        gpt.Attention,
        gpt.Block,
        lens.trace,
        lens.logits,
        lens.importance,
        bert.BERT,
        bert.corrupt,
        bert.loss,
        pronouns.measure,
        icl.ICL,
        icl.fit,
        seq2seq.EncoderDecoder,
        translation.Translator,
        translation.beam_steps,
        translation.alignments,
        vit.ViT,
        vit.rollout,
    ),
    cards=_models.BOTH
    | {
        "icl-regression": "In-context regression",
        "positions-none": "No positions",
        "positions-learned": "Learned positions",
        "positions-sinusoidal": "Sinusoidal positions",
        "positions-rotary": "Rotary positions",
        "positions-alibi": "ALiBi",
        "translate-en-fr": "Translator, English to French",
        "vit-fashion": "ViT, garments",
        "cnn-fashion": "CNN, garments",
        "vit-cifar": "ViT, things in colour",
        "cnn-cifar": "CNN, things in colour",
    },
    endpoints=_api.ENDPOINTS,
)
