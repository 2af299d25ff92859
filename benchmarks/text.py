"""Writing at batch 1 against transformers' `generate` with its cache, on the same weights: those of `gpt-shakespeare`.

    python -m benchmarks.text [--tokens 200] [--threads 2] [--rounds 3] [--prompts 5]

transformers holds them as an Arcee, whose parts are the same (a test says so of the logits); a GPT-2 of the same size
(drawn weights; what they say does not change how long it takes) shows that this is not a slow one of its models. All in
float32 and in bfloat16, half as much to read; ours also with an n-gram model that drafts (`language.speculative`).
They go on with pieces of the corpus' validation part, and take turns, so that a busy machine slows all alike; figures
are medians over the prompts. At batch 1 and one token a pass every token reads every weight once: memory bandwidth over
the size of the weights is the most tokens a second there can be, unless the weights stay in the processor's cache.
Drafts are the way past that limit, so that they have no share of it.
"""

import argparse
import copy
import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import torch

from benchmarks._common import report
from genai_core.common import checkpoints
from genai_core.common.training import seeded
from genai_core.data import corpora
from genai_core.language import gpt, ngram, pretrained, speculative
from genai_core.language.decoding import DecodingSession
from genai_core.language.evaluation import bandwidth
from genai_core.language.export import as_arcee, as_gpt2
from genai_core.language.sampling import Greedy, Temperature, TopK, generate

PROMPT = 32  # tokens
CHAINS = {"greedy": [Greedy()], "temperature 0.8, top-k 40": [Temperature(0.8), TopK(40)]}
ORDER = 6  # of the n-gram model that drafts; with speculative.K, the fastest on pieces of the training part
PEER, OURS, DRAFTS = "transformers", "ours", "ours, with drafts"
HALF = ", bfloat16"
Writer = Callable[[list[int], int, str], list[int]]  # (prompt, tokens, a key of CHAINS) -> the tokens written


def seconds(makers: list[Callable[[], object]], rounds: int) -> list[float]:
    """Median wall time of each maker, the makers taking turns."""
    taken = [[] for _ in makers]
    for round_ in range(rounds + 1):
        for maker, times in zip(makers, taken, strict=True):
            begun = time.perf_counter()
            maker()
            if round_:  # the first one warms up
                times.append(time.perf_counter() - begun)
    return [statistics.median(times) for times in taken]


def ours(model, ids: list[int], tokens: int, how: str) -> list[int]:
    return generate(model, ids, chain=CHAINS[how], max_tokens=tokens, generator=torch.Generator().manual_seed(0))


def drafted(model, draft, ids: list[int], tokens: int, how: str) -> list[speculative.Pass]:
    generator = torch.Generator().manual_seed(0)
    return list(speculative.passes(model, draft, ids, chain=CHAINS[how], max_tokens=tokens, generator=generator))


def with_drafts(model, draft, ids: list[int], tokens: int, how: str) -> list[int]:
    return [token for step in drafted(model, draft, ids, tokens, how) for token in step.tokens]


def peer(model, ids: list[int], tokens: int, how: str) -> list[int]:
    drawing = {"do_sample": False} if how == "greedy" else {"do_sample": True, "temperature": 0.8, "top_k": 40}
    given = torch.tensor([ids])
    mask = torch.ones_like(given)
    made = model.generate(given, attention_mask=mask, max_new_tokens=tokens, pad_token_id=0, **drawing)
    return made[0, len(ids) :].tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=200, help="at most 224, which the context holds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    model, draft = gpt.load("gpt-shakespeare"), ngram.load("ngram-shakespeare").at(ORDER)
    half = SimpleNamespace(decoding_session=lambda: DecodingSession(model, bfloat16=True), tokenizer=model.tokenizer)
    arcee, classic = as_arcee(model), dataclasses.replace(model.config, **gpt.GPT2)
    gpt2 = as_gpt2(seeded(0, lambda: gpt.GPT(classic)).eval().requires_grad_(False))
    who: dict[str, Writer] = {
        PEER: partial(peer, arcee),
        "transformers, GPT-2": partial(peer, gpt2),
        OURS: partial(ours, model),
        DRAFTS: partial(with_drafts, model, draft),
        PEER + HALF: partial(peer, copy.deepcopy(arcee).bfloat16()),
        "transformers, GPT-2" + HALF: partial(peer, copy.deepcopy(gpt2).bfloat16()),
        OURS + HALF: partial(ours, half),
        DRAFTS + HALF: partial(with_drafts, half, draft),
    }
    ids = model.tokenizer.encode(corpora.corpus("shakespeare", "validation"))
    apart = len(ids) // options.prompts
    prompts = [ids[i * apart : i * apart + PROMPT] for i in range(options.prompts)]
    size = 4 * sum(p.numel() for name, p in model.named_parameters() if "embedding" not in name)
    limit = bandwidth() / size

    rows = []
    for how in CHAINS:
        times = {name: [] for name in who}  # of each prompt: all tokens, the first one
        for prompt in prompts:
            calls = [partial(write, prompt, n, how) for n in (options.tokens, 1) for write in who.values()]
            taken = seconds(calls, options.rounds)
            for name, whole, first in zip(who, taken, taken[len(who) :], strict=False):
                times[name].append((whole, first))
        texts = {name: [who[name](prompt, options.tokens, how) for prompt in prompts] for name in who}
        for name in who:
            is_half, drafts = name.endswith(HALF), name.startswith(DRAFTS)
            plain, precise = name.replace(DRAFTS, OURS), HALF if is_half else ""

            def over(other: str, name: str = name, times: dict = times) -> float:
                return statistics.median(a / b for (a, _), (b, _) in zip(times[other], times[name], strict=True))

            rate = statistics.median(options.tokens / whole for whole, _ in times[name])
            passes = [drafted(half if is_half else model, draft, p, options.tokens, how) for p in prompts if drafts]
            rows.append(
                {
                    "who": name,
                    "how": how,
                    "tokens_per_second": rate,
                    "times_transformers": over(PEER),
                    "times_it_in_this_precision": over(PEER + precise),
                    "times_gpt2_of_transformers": over("transformers, GPT-2"),
                    "first_token_ms": 1000 * statistics.median(first for _, first in times[name]),
                    "share_of_bandwidth_percent": None if drafts else 100 * rate / limit / (2 if is_half else 1),
                    "tokens_per_pass": statistics.mean(options.tokens / len(p) for p in passes) if drafts else None,
                    "acceptance_rate": speculative.acceptance_rate(itertools.chain(*passes)) if drafts else None,
                    "texts_as_plain_percent": _same(texts[name], texts[plain]) if drafts else None,
                }
            )
            if how == "greedy" and name == OURS:
                same = _same(texts[OURS], texts[PEER])
    others = []
    for family in pretrained.FAMILIES:
        for name in sorted(set(family.RECIPES) & set(checkpoints.names())):
            shipped = family.load(name)
            prompt = [i % shipped.config.vocab_size for i in prompts[0]]
            calls = [partial(ours, shipped, prompt, n, "greedy") for n in (options.tokens, 1)]
            whole, first = seconds(calls, options.rounds)
            others.append({"who": name, "tokens_per_second": options.tokens / whole, "first_token_ms": 1000 * first})
    report(
        "text",
        rows,
        others=others,
        tokens=options.tokens,
        prompt=PROMPT,
        prompts=options.prompts,
        threads=options.threads,
        draft=f"{ORDER}-gram, {speculative.K} tokens a pass",
        weights_mib=round(size / 2**20, 1),
        bandwidth_gb_per_second=round(limit * size / 1e9, 1),
        limit_tokens_per_second=round(limit),
        greedy_texts_as_transformers_percent=same,
        aims="with drafts at least 3 times the tokens a second of transformers; first token in at most 50 ms",
    )


def _same(texts: list[list[int]], others: list[list[int]]) -> float:
    return 100 * statistics.mean(a == b for a, b in zip(texts, others, strict=True))


if __name__ == "__main__":
    main()
