"""Translating a sentence of ten words by a beam of 4 against transformers' `generate`: a Marian of the same size.

    python -m benchmarks.translate [--threads 2] [--rounds 9]

Marian has the parts of Vaswani 2017, as ours has, and drawn weights, which do not change how long a token takes; it is
made to write as many tokens as ours does. Both keep keys and values, and take turns, so that a busy machine slows both.
"""

import argparse
import statistics
import time

import torch

from benchmarks._common import report
from genai_core.transformer import translate
from genai_core.transformer.translate import TranslateConfig, Translator

SENTENCE = "I have never seen such a beautiful garden in winter."
WIDTH = 4


def marian(config: TranslateConfig):
    """transformers' Marian with the layers, the width and the vocabulary of ours."""
    from transformers import MarianConfig, MarianMTModel

    size = config.n_embd
    layers = {"encoder_layers": config.n_encoder, "decoder_layers": config.n_decoder}
    heads = {"encoder_attention_heads": config.n_head, "decoder_attention_heads": config.n_head}
    tokens = {"decoder_start_token_id": config.vocab_size, "eos_token_id": config.vocab_size + 1}
    padding = {"pad_token_id": config.vocab_size + 2, "forced_eos_token_id": None}
    wide = {"d_model": size, "encoder_ffn_dim": 4 * size, "decoder_ffn_dim": 4 * size}
    vocabulary = {"vocab_size": config.vocab_size + 3, "max_position_embeddings": 2 * config.longest}
    return MarianMTModel(MarianConfig(**wide, **layers, **heads, **tokens, **padding, **vocabulary)).eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    ours: Translator = translate.load("translate-en-fr")
    peer, source = marian(ours.config), ours.tokenizer.encode(SENTENCE)
    *_, last = translate.beam_search(ours, source, WIDTH)
    length = len(last[0].ids)

    def by_peer() -> None:
        given = {"num_beams": WIDTH, "do_sample": False, "min_new_tokens": length, "max_new_tokens": length}
        peer.generate(torch.tensor([source]), **given)

    makers = {"transformers, Marian": by_peer, "ours": lambda: list(translate.beam_search(ours, source, WIDTH))}
    taken: dict[str, list[float]] = {name: [] for name in makers}
    for round_ in range(options.rounds + 1):
        for name, make in makers.items():
            begun = time.perf_counter()
            make()
            if round_:  # the first one warms up
                taken[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    rows = [
        {"who": name, "ms": 1000 * t, "times_transformers": medians["transformers, Marian"] / t}
        for name, t in medians.items()
    ]
    report("translate", rows, sentence=SENTENCE, tokens=length, beams=WIDTH, threads=options.threads)


if __name__ == "__main__":
    main()
