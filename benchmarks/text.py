"""Writing at batch 1 against transformers' `generate` with its cache, on the same weights.

    python -m benchmarks.text [--tokens 200] [--threads 2] [--rounds 5]

The weights are those of a GPT of GPT-2's own parts, with the shape of `gpt-shakespeare` (drawn, not trained: what they
say does not change how long it takes), so that both can hold them; first in float32, then in bfloat16, half as much to
read. In float32 both write the same tokens greedily; then all draw with temperature and top-k. They take turns, so that
a busy machine slows all alike. At batch 1 every token reads every weight once: memory bandwidth over the size of the
weights is the most tokens a second there can be, unless the weights stay in the processor's cache.
"""

import argparse
import copy
import dataclasses
import statistics
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import torch

from benchmarks._common import report
from genai_core import checkpoints, gpt, train
from genai_core.hub_text import as_gpt2
from genai_core.text_evaluation import bandwidth
from genai_core.text_sampling import Greedy, Temperature, TopK, generate
from genai_core.training import seeded

PROMPT = 32  # tokens
K = 40
OURS, PEER = "ours", "transformers"


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


def writers(model: gpt.GPT) -> dict[str, Callable[[list[int], int, bool], list[int]]]:
    """Who writes: (prompt, tokens, draw) -> the tokens written, by us and by transformers, also in bfloat16."""
    half = copy.deepcopy(theirs := as_gpt2(model)).bfloat16()
    ours_half = SimpleNamespace(reader=lambda: model.reader(half=True))

    def ours(m, ids: list[int], tokens: int, draw: bool) -> list[int]:
        chain = [Temperature(0.8), TopK(K)] if draw else [Greedy()]
        return generate(m, ids, chain=chain, max_tokens=tokens, generator=torch.Generator().manual_seed(0))

    def peer(m, ids: list[int], tokens: int, draw: bool) -> list[int]:
        drawing = {"do_sample": True, "temperature": 0.8, "top_k": K} if draw else {"do_sample": False}
        given = torch.tensor([ids])
        mask = torch.ones_like(given)
        made = m.generate(given, attention_mask=mask, max_new_tokens=tokens, pad_token_id=0, **drawing)
        return made[0, len(ids) :].tolist()

    return {
        PEER: partial(peer, theirs),
        OURS: partial(ours, model),
        "transformers, bfloat16": partial(peer, half),
        "ours, bfloat16": partial(ours, ours_half),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=200, help="at most 224, which the context holds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    config = dataclasses.replace(gpt.GPTConfig(), **gpt.GPT2)
    model = seeded(0, lambda: gpt.GPT(config)).eval().requires_grad_(False)
    ids = torch.randint(config.vocab, (PROMPT,), generator=torch.Generator().manual_seed(0)).tolist()
    size = 4 * sum(p.numel() for p in model.parameters())
    limit = bandwidth() / size
    who = writers(model)
    same = who[OURS](ids, options.tokens, False) == who[PEER](ids, options.tokens, False)

    rows = []
    for draw in (False, True):
        calls = [
            lambda write=write, n=n, draw=draw: write(ids, n, draw)
            for n in (options.tokens, 1)
            for write in who.values()
        ]
        taken = seconds(calls, options.rounds)
        for name, whole, first in zip(who, taken, taken[len(who) :], strict=False):
            rate = options.tokens / whole
            read = limit * (2 if "bfloat16" in name else 1)
            rows.append(
                {
                    "who": name,
                    "how": f"temperature 0.8, top-k {K}" if draw else "greedy",
                    "tokens_per_second": rate,
                    "first_token_ms": 1000 * first,
                    "share_of_bandwidth_percent": 100 * rate / read,
                    "times_faster": taken[0] / whole,
                }
            )
    for technique in train.TEXT:
        for name in sorted(set(technique.RECIPES) & set(checkpoints.names())):
            shipped = technique.load(name)
            prompt = ids if shipped.config.units == "characters" else [i % shipped.config.vocab for i in ids]
            write = [lambda n=n, m=shipped, p=prompt: _write(m, p, n) for n in (options.tokens, 1)]
            whole, first = seconds(write, options.rounds)
            rows.append(
                {
                    "who": name,
                    "how": "greedy",
                    "tokens_per_second": options.tokens / whole,
                    "first_token_ms": 1000 * first,
                    "share_of_bandwidth_percent": None,
                    "times_faster": None,
                }
            )
    report(
        "text",
        rows,
        tokens=options.tokens,
        prompt=PROMPT,
        threads=options.threads,
        weights_mib=round(size / 2**20, 1),
        bandwidth_gb_per_second=round(limit * size / 1e9, 1),
        limit_tokens_per_second=round(limit),
        same_tokens=same,
        aims="at least 3 times the tokens a second of transformers; first token in at most 50 ms",
    )


def _write(model, ids: list[int], tokens: int) -> list[int]:
    return generate(model, ids, chain=[Greedy()], max_tokens=tokens, generator=torch.Generator().manual_seed(0))


if __name__ == "__main__":
    main()
