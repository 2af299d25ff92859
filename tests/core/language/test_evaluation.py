"""From a corpus to a card: counted, measured, and written down by the programs themselves."""

import dataclasses
import json
import math
import sys
from itertools import chain

import pytest
import torch

from genai_core import evaluate, techniques, train
from genai_core.common import cards, checkpoints
from genai_core.common.training import Recipe
from genai_core.data import DataError, corpora
from genai_core.language import evaluation, gpt, lstm, ngram, tokenizers

STORY = "Once there was a bird. The bird sang, and the cat sat and heard the bird.\n\n" * 120
TINY = {
    "ngram-shakespeare": (ngram, ngram.NGramConfig(order=3), 3),
    "lstm-shakespeare": (lstm, lstm.LSTMConfig(embedding=8, width=16, context=16, batch=4), 3),
    "gpt-shakespeare": (gpt, gpt.GPTConfig(n_layer=1, n_head=2, n_embd=16, block_size=256, batch=2), 3),
    "gpt-stories": (
        gpt,
        gpt.GPTConfig(vocab_size=280, units="bpe", n_layer=1, n_head=2, n_embd=16, block_size=256, batch=2),
        3,
    ),
}


@pytest.fixture
def workshop(monkeypatch, tmp_path):
    """Small corpora, small recipes, and folders for what is made of them."""
    for file in chain.from_iterable(corpora.FILES.values()):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(STORY, encoding="utf-8")
    monkeypatch.setenv("GENAI_DATA", str(tmp_path))
    monkeypatch.setenv("GENAI_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path / "assets")
    monkeypatch.setattr(evaluation, "SPEED", 5)
    for name, (technique, config, steps) in TINY.items():
        vocab = config.vocab_size if config.units == "bpe" else len(set(STORY))
        config, dataset = dataclasses.replace(config, vocab_size=vocab), technique.RECIPES[name].dataset
        monkeypatch.setitem(technique.RECIPES, name, Recipe(config, dataset, steps=steps))
    return tmp_path / "assets"


@pytest.mark.parametrize("name", list(TINY))
def test_a_recipe_becomes_a_checkpoint_with_its_card(workshop, monkeypatch, name):
    technique = TINY[name][0]
    monkeypatch.setattr(sys, "argv", ["train", name, "--device", "cpu"])
    train.main()
    metrics = evaluate.evaluate(name)
    model = technique.load(name)
    assert model.config == technique.RECIPES[name].config
    assert metrics["bits_per_character"] == pytest.approx(metrics["nats_per_character"] / math.log(2))
    assert 0 < metrics["nats_per_character"] < math.log(model.config.vocab_size) + 0.1
    assert ("bandwidth_share" in metrics) == (not name.startswith("ngram"))
    assert (metrics["characters_per_token"] > 1.5) == (name == "gpt-stories")
    assert metrics["parameters"] == sum(p.numel() for p in model.parameters())
    card = (workshop / name / "README.md").read_bytes().decode()  # a sample may hold \r, which is no end of a line
    assert card == cards.render(name, technique.CARD, technique.LABELS)
    assert ("928 other stories" if technique.RECIPES[name].dataset == "tinystories" else "last 10 %") in card
    assert json.loads((workshop / name / "metrics.json").read_text(encoding="utf-8")) == metrics
    assert len(model.score("The bird")) == len(model.tokenizer.encode("The bird"))


def test_the_loss_is_the_mean_over_pieces_that_do_not_overlap(workshop):
    corpus = tokenizers.Corpus.of(STORY)
    config = ngram.NGramConfig(vocab_size=corpus.tokenizer.vocab_size, order=3)
    model = list(ngram.train(config, corpus, steps=3))[-1].model
    ids = corpus.ids[:35]
    pieces = [ids[i : i + 11].tolist() for i in (0, 10, 20)]  # the last 4 are left over
    each = [-float(model.next_logits(piece[:n])[piece[n]]) for piece in pieces for n in range(1, 11)]
    assert evaluation.validation_nll(model, ids, window=10) == pytest.approx(sum(each) / 30, rel=1e-5)
    by_order = [evaluation.validation_nll(model, ids, window=10, order=n) for n in (1, 2, 3)]
    assert by_order[0] > by_order[1] > by_order[2]


def test_without_its_corpus_a_text_technique_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("GENAI_DATA", str(tmp_path))
    with pytest.raises(DataError, match="not on this machine"):
        techniques.examples(gpt, gpt.RECIPES["gpt-stories"])


def test_what_is_written_depends_on_the_weights_alone(workshop):
    corpus = tokenizers.Corpus.of(STORY)
    config = ngram.NGramConfig(vocab_size=corpus.tokenizer.vocab_size, order=4)
    model = list(ngram.train(config, corpus, steps=4))[-1].model
    torch.rand(3)
    assert evaluation.written(model) == evaluation.written(model)
    assert 0 < len(evaluation.written(model, 50)) <= 50
