"""What the docstrings of genai_core promise to refuse is refused, with one sentence, and nothing else is returned."""

import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genai_core import diffusion, evaluation, gan, vae
from genai_core.clip import evaluation as clip_evaluation
from genai_core.clip import explain, gallery
from genai_core.clip.tokenizer import WordTokenizer
from genai_core.common import live, pictures
from genai_core.common.checkpoints import CheckpointError
from genai_core.data import plane, scenes, sprites
from genai_core.diffusion import exact, inpaint, samplers, schedules
from genai_core.diffusion import lab as diffusion_lab
from genai_core.diffusion import live as diffusion_live
from genai_core.distillation import distil, hinton, metrics, synthetic
from genai_core.distillation import live as distillation_live
from genai_core.gan import cgan, mlp
from genai_core.gan import lab as gan_lab
from genai_core.gan import live as gan_live
from genai_core.language import decoding, gpt, lstm, ngram, sampling, search, speculative
from genai_core.language import evaluation as language_evaluation
from genai_core.language.tokenizers import Corpus
from genai_core.vae import live as vae_live


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def exhausted(steps):
    return list(steps)


def ahead(tokens):
    """The logits after some tokens that follow one that a GPT has read."""
    session = decoding.session(GPT)
    session.next_logits([0])
    return session.logits_along([0, 1], tokens)


def with_tokens(model):
    """The same model with the tokenizer of the corpus."""
    model.tokenizer = CORPUS.tokenizer
    return model


class Encoder:
    """Unit vectors of three numbers for any picture and text."""

    def encode_image(self, x):
        return torch.eye(3)[torch.zeros(len(x), dtype=torch.long)]

    def encode_text(self, texts):
        return torch.eye(3)[torch.zeros(len(texts), dtype=torch.long)]


UNET = diffusion.UNet(diffusion.UNetConfig(channels=(8, 8, 8), embedding=16, heads=2)).eval().requires_grad_(False)
GAN = mlp.MLPGAN(mlp.MLPConfig(latents=4, hidden=8, d_hidden=8, pieces=2)).eval().requires_grad_(False)
CGAN = cgan.CGAN(cgan.CGANConfig(latents=4, channels=(8, 8), features=8)).eval().requires_grad_(False)
VAE = vae.VAE(vae.VAEConfig(latents=2, channels=(8, 8), hidden=8)).eval().requires_grad_(False)
LENET = evaluation.LeNet(evaluation.LeNetConfig(channels=(4, 4, 4), features=4)).eval().requires_grad_(False)
MLP = hinton.MLP(hinton.MLPConfig((4,))).eval().requires_grad_(False)
CORPUS = Corpus.of("abcab cabba acab " * 3)
VOCAB = CORPUS.tokenizer.vocab_size
(*_, LAST) = ngram.train(ngram.NGramConfig(VOCAB, order=3), CORPUS, steps=3)
NGRAM = LAST.model
GPT = gpt.GPT(gpt.GPTConfig(VOCAB, block_size=8, n_layer=1, n_head=2, n_embd=8)).eval().requires_grad_(False)
LSTM = lstm.LSTM(lstm.LSTMConfig(VOCAB, embedding=4, width=4, layers=1)).eval().requires_grad_(False)
GRID = schedules.grid(schedules.schedule("cosine"), 4)
SHOWN = [scenes.scene("test", i) for i in range(3)]
QUERY = [scenes.parse("a circle")]
DENOISE, POINTS = exact.mixture(torch.zeros(1, 2), 1.0), torch.zeros(3, 2)
X, MASK, LABELS = torch.zeros(2, 1, 28, 28), torch.ones(1, 1, 28, 28, dtype=torch.bool), torch.tensor([1, 2])
THREE, HIGH, LOW, BROKEN = torch.tensor([1, 2, 3]), torch.tensor([1, 11]), torch.tensor([-1, 2]), torch.tensor([1.5, 2])
NUMBERS = {  # (name, the call with one number) -> what it takes
    "diffusion guidance": lambda v: diffusion.sample(UNET, 1, generator=rng(), steps=1, guidance=v),
    "diffusion eta": lambda v: diffusion.sample(UNET, 1, generator=rng(), steps=2, eta=v),
    "inpaint guidance": lambda v: inpaint.inpaint(UNET, X, MASK, generator=rng(), steps=1, resample=1, guidance=v),
    "exact sigma": lambda v: exact.mixture(torch.zeros(1, 2), v)(torch.ones(1, 2), torch.tensor(0.5)).x0,
    "gan truncation": lambda v: gan.sample(GAN, 1, generator=rng(), truncation=v),
    "vae temperature": lambda v: vae.sample(VAE, 1, generator=rng(), temperature=v),
    "clip temperature": lambda v: explain.probabilities(torch.eye(3), torch.eye(3), v),
    "clip weight": lambda v: explain.project(torch.eye(3), torch.eye(3), weight=v)[0],
    "clip reach": lambda v: explain.patch_relevance(Encoder(), torch.zeros(3, 8, 8), torch.eye(3)[0], reach=v),
    "distil temperature": lambda v: distil.loss(torch.eye(3), torch.eye(3), torch.arange(3), temperature=v, alpha=0)[
        "loss"
    ],
    "distil alpha": lambda v: distil.loss(torch.eye(3), torch.eye(3), torch.arange(3), temperature=1, alpha=v)["loss"],
    "metrics temperature": lambda v: metrics.probabilities(MLP, X, v),
    "similarity temperature": lambda v: metrics.similarity(torch.eye(3), torch.arange(3), v),
    "temperature": lambda v: _written(sampling.Temperature(v)),
    "top-k": lambda v: _written(sampling.TopK(v)),
    "top-p": lambda v: _written(sampling.TopP(v)),
    "min-p": lambda v: _written(sampling.MinP(v)),
    "typical": lambda v: _written(sampling.Typical(v)),
    "frequency penalty": lambda v: _written(sampling.FrequencyPenalty(v)),
    "no repeat": lambda v: _written(sampling.NoRepeatNGram(v)),
}


def _written(act):
    (*_, last) = sampling.generate_steps(NGRAM, [0, 1], chain=[act], max_tokens=3, generator=rng())
    return last.probabilities


@pytest.mark.parametrize("name", NUMBERS)
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(value=st.one_of(st.sampled_from([0, -0.0, 1, -1, math.nan, math.inf, -math.inf, 1e-45, 1e6]), st.floats(-3, 3)))
def test_a_number_gives_a_finite_result_or_a_sentence(name, value):
    result = result_or_sentence(lambda: NUMBERS[name](value))
    if isinstance(result, str):
        assert " " in result, result
        assert result.endswith("."), result
    else:
        assert math.isfinite(value), "it was not refused"
        assert result.isfinite().all()


def result_or_sentence(call):
    try:
        return call()
    except ValueError as error:
        return str(error)


def thing_of(count):
    return scenes.Query((scenes.Phrase("circle", count=count),))


REFUSED = {
    # labels
    "diffusion too many labels": lambda: diffusion.sample(UNET, 2, generator=rng(), steps=1, labels=THREE),
    "diffusion too few labels": lambda: diffusion.sample(UNET, 3, generator=rng(), steps=1, labels=LABELS),
    "diffusion high label": lambda: diffusion.sample(UNET, 2, generator=rng(), steps=1, labels=HIGH),
    "diffusion fraction label": lambda: diffusion.sample_steps(UNET, 2, generator=rng(), steps=1, labels=BROKEN),
    "diffusion labels [2, 1]": lambda: diffusion.sample_steps(
        UNET, 2, generator=rng(), steps=1, labels=LABELS[:, None]
    ),
    "interpolate high label": lambda: diffusion.interpolate(UNET, X[0], X[0], 2, label=11),
    "inpaint too many labels": lambda: inpaint.inpaint(UNET, X, MASK, generator=rng(), steps=1, labels=THREE),
    "gan too many labels": lambda: gan.sample(CGAN, 2, generator=rng(), labels=THREE),
    "gan too few labels": lambda: gan.sample(CGAN, 3, generator=rng(), labels=LABELS),
    "gan high label": lambda: gan.sample(CGAN, 2, generator=rng(), labels=HIGH),
    "gan low label": lambda: gan.decode(CGAN, torch.zeros(2, 4), LOW),
    "gan label not taken": lambda: gan.sample(GAN, 2, generator=rng(), labels=LABELS),
    "gan across no classes": lambda: gan.across_classes(GAN, torch.zeros(2, 4)),
    "discriminate too many": lambda: gan.discriminate(CGAN, X, THREE),
    "read as too few": lambda: evaluation.read_as(LENET, X, LABELS[:1]),
    "similarity too few": lambda: metrics.similarity(torch.zeros(3, 10), LABELS),
    "disagreements too few": lambda: synthetic.disagreements({"a": MLP}, X, LABELS[:1], right="a", wrong="a"),
    "disagreements of whom": lambda: synthetic.disagreements({"a": MLP}, X, LABELS, right="a", wrong="b"),
    # counts
    "diffusion no steps": lambda: diffusion.sample_steps(UNET, 1, generator=rng(), steps=0),
    "diffusion too many steps": lambda: diffusion.sample_steps(UNET, 1, generator=rng(), steps=1001),
    "diffusion no pictures": lambda: diffusion.sample(UNET, 0, generator=rng(), steps=1),
    "diffusion fewer than none": lambda: diffusion.sample_steps(UNET, -1, generator=rng(), steps=1),
    "diffusion no batch": lambda: diffusion.sample(UNET, 2, generator=rng(), steps=1, batch=0),
    "diffusion start": lambda: diffusion.sample_steps(UNET, 2, generator=rng(), steps=3, start=(3, X)),
    "interpolate no frames": lambda: diffusion.interpolate(UNET, X[0], X[0], 0),
    "inpaint no repeats": lambda: inpaint.inpaint(UNET, X, MASK, generator=rng(), steps=1, resample=0),
    "grid NaN": lambda: schedules.grid(schedules.schedule("linear"), math.nan),
    "gan no pictures": lambda: gan.sample(GAN, 0, generator=rng()),
    "gan fewer than none": lambda: gan.latents(GAN, -1, generator=rng()),
    "gan no directions": lambda: gan.directions(GAN, 0),
    "gan too many directions": lambda: gan.directions(GAN, 5),
    "gan fewer directions": lambda: gan.directions(GAN, -1),
    "gan lab no frame": lambda: exhausted(gan_live.train(settings={}, data="ring", seed=0, per_frame=0)),
    "gan lab no batch": lambda: exhausted(gan_live.train(settings={"batch": 0}, data="ring", seed=0)),
    "gan lab no latents": lambda: gan_lab.Lab(gan_lab.LabConfig(latents=0), plane.distribution("ring")),
    "gan lab loss": lambda: gan_lab.Lab(gan_lab.LabConfig(loss="none"), plane.distribution("ring")),
    "gan lab preset": lambda: gan_lab.preset("none"),
    "diffusion lab no frame": lambda: exhausted(diffusion_live.train(settings={}, data="ring", seed=0, per_frame=0)),
    "diffusion lab solver": lambda: next(diffusion_live.train(settings={}, data="ring", seed=0, solver="none")),
    "diffusion lab no batch": lambda: diffusion_lab.Lab(diffusion_lab.LabConfig(batch=0), plane.distribution("ring")),
    "diffusion lab ragged": lambda: next(diffusion_live.train(settings={}, data=[[0, 0], [1]], seed=0)),
    "vae no pictures": lambda: vae.sample(VAE, 0, generator=rng()),
    "vae bounds k = 0": lambda: vae.bounds(VAE, X, generator=rng(), k=0),
    "vae loss k = 0": lambda: vae.loss(VAE, X, generator=rng(), k=0),
    "vae live beta": lambda: next(vae_live.train_vae(vary=("x",), beta=math.nan, seed=0, steps=1)),
    "sprites": lambda: sprites.sprites(-1, generator=rng()),
    "sprites size": lambda: sprites.sprites(1, generator=rng(), size=0),
    "digits": lambda: synthetic.digits(0, seed=0),
    "jitter": lambda: hinton.jitter(X, rng(), pixels=-1),
    "glide": lambda: hinton.glide(X, rng(), pixels=0),
    "max norm": lambda: hinton.max_norm(MLP, 0.0),
    "race": lambda: distillation_live.check(math.nan, 4, 0.5, 300),
    "matching": lambda: distil.matching(0, 0.5),
    "coverage k": lambda: evaluation.coverage(LENET, X, X, k=2),
    "coverage k = 0": lambda: evaluation.coverage(LENET, X, X, k=0),
    "frechet of one": lambda: evaluation.frechet_distance(LENET, X[:1], X),
    "shares of none": lambda: evaluation.class_shares(LENET, X[:0]),
    "precision top": lambda: clip_evaluation.precision(Encoder(), torch.eye(3), SHOWN, QUERY, top=4),
    "precision of none": lambda: clip_evaluation.precision(Encoder(), torch.eye(3), SHOWN, []),
    "probes": lambda: clip_evaluation.probes(Encoder(), 0),
    "gallery": lambda: gallery.world(-1),
    "gallery picture": lambda: gallery.pictures([-1]),
    "cells": lambda: explain.patch_relevance(Encoder(), torch.zeros(3, 8, 8), torch.eye(3)[0], cells=1),
    "context": lambda: WordTokenizer.of(2),
    "no word": lambda: WordTokenizer.of(8).encode(["?!"]),
    "scene -1": lambda: scenes.scene("test", -1),
    "scene NaN": lambda: scenes.scene("test", math.nan),
    "scene of no kinds": lambda: scenes.draw(random.Random(0), kinds=[]),
    "scene of a zebra": lambda: scenes.draw(random.Random(0), kinds=[scenes.Kind("zebra", "red", "solid", "small")]),
    "scene background": lambda: scenes.draw(random.Random(0), background="beige"),
    "scene most": lambda: scenes.draw(random.Random(0), most=5),
    "query -1": lambda: thing_of(-1),
    "query 5": lambda: thing_of(5),
    "query 1.5": lambda: thing_of(1.5),
    "frames": lambda: exhausted(live.paced([1], total=1, every=0, seconds=1)),
    "seconds": lambda: exhausted(live.paced([1], total=1, every=1, seconds=math.nan)),
    "tile": lambda: pictures.tile(X, 0),
    "tile of none": lambda: pictures.tile(X[:0], 1, gap=2),
    "tokens": lambda: sampling.generate(NGRAM, [0], max_tokens=-1, generator=rng()),
    "tokens step by step": lambda: exhausted(sampling.generate_steps(NGRAM, [0], max_tokens=-1, generator=rng())),
    "tokens of a beam": lambda: exhausted(search.beam_search(NGRAM, [0], max_tokens=-1)),
    "tokens of a contrastive search": lambda: exhausted(search.contrastive_search(GPT, [0], max_tokens=-1)),
    "tokens by drafts": lambda: exhausted(
        speculative.passes(with_tokens(GPT), NGRAM, [0], max_tokens=-1, generator=rng())
    ),
    "gpt token": lambda: GPT.next_logits([VOCAB]),
    "gpt token read": lambda: decoding.session(GPT).next_logits([0, VOCAB]),
    "gpt token 1.5": lambda: decoding.session(GPT).next_logits([1.5]),
    "lstm token True": lambda: LSTM.next_logits([True]),
    "n-gram token 1.5": lambda: NGRAM.next_logits([1.5]),
    "gpt negative token read": lambda: decoding.session(GPT).next_logits([-1]),
    "gpt token ahead": lambda: ahead([VOCAB]),
    "lstm token": lambda: LSTM.next_logits([0, VOCAB]),
    "lstm negative token": lambda: LSTM.next_logits([-1]),
    "ddim eta": lambda: next(samplers.ddim(DENOISE, POINTS, GRID, generator=rng(), eta=1.5)),
    "langevin repeats": lambda: next(samplers.langevin(DENOISE, POINTS, GRID, generator=rng(), repeats=0)),
    "langevin rate": lambda: next(samplers.langevin(DENOISE, POINTS, GRID, generator=rng(), rate=-1.0)),
    "repeated": lambda: sampling.repeated([1, 2, 1], 0),
    "n-gram no ids": lambda: NGRAM.next_logits([]),
    "n-gram token": lambda: NGRAM.next_logits([VOCAB]),
    "n-gram negative token": lambda: NGRAM.next_logits([-1]),
    "n-gram order": lambda: NGRAM.token_nll(torch.tensor([[0, 1]]), order=0),
    "n-gram vocabulary": lambda: ngram.NGram(ngram.NGramConfig(0)),
    "n-gram discounts": lambda: ngram.NGram(ngram.NGramConfig(5, discounts=2)),
    "gpt no heads": lambda: gpt.GPT(gpt.GPTConfig(n_head=0)),
    "gpt negative heads": lambda: gpt.GPT(gpt.GPTConfig(n_head=-4)),
    "gpt no layers": lambda: gpt.GPT(gpt.GPTConfig(n_layer=0)),
    "gpt dropout": lambda: gpt.GPT(gpt.GPTConfig(dropout=math.nan)),
    "gpt ahead of nothing": lambda: decoding.DecodingSession(GPT).logits_along([], [1]),
    "lstm width": lambda: lstm.LSTM(lstm.LSTMConfig(width=0)),
    "window": lambda: language_evaluation.validation_nll(NGRAM, torch.arange(3), window=3),
    # shapes and points
    "diffusion start shape": lambda: diffusion.sample_steps(UNET, 2, generator=rng(), steps=3, start=(0, X[:, 0])),
    "interpolate shape": lambda: diffusion.interpolate(UNET, X, X[0], 2),
    "inpaint mask": lambda: inpaint.inpaint(UNET, X, MASK[0, 0], generator=rng(), steps=1),
    "gan latents shape": lambda: gan.decode(GAN, torch.zeros(2, 5)),
    "discriminate shape": lambda: gan.discriminate(GAN, X[:, 0]),
    "centres": lambda: exact.mixture(torch.zeros(0, 2), 0.1),
    "relevance shape": lambda: explain.patch_relevance(Encoder(), torch.zeros(8, 8), torch.eye(3)[0]),
    "plane of NaN": lambda: explain.project(torch.full((3, 3), math.nan), torch.eye(3)),
    "plane of one number": lambda: explain.project(torch.zeros(3, 1), torch.zeros(3, 1)),
    "drawn ragged": lambda: plane.drawn([[0, 0], [1]]),
    "drawn words": lambda: plane.drawn([["a", "b"]]),
    "drawn NaN": lambda: plane.drawn([[math.nan, 0]]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence(name):
    with pytest.raises(ValueError, match=r" .*\.$"):
        REFUSED[name]()


@pytest.mark.parametrize("step", [-1, 1000])
def test_a_schedule_has_a_thousand_steps(step):
    with pytest.raises(IndexError, match="none"):
        diffusion.noised(X, step, generator=rng())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_not_numbers_are_refused(bad):
    logits = torch.tensor([0.0, bad, 1.0])
    for chain in ([], [sampling.Temperature(0.5)], [sampling.TopK(2)]):
        with pytest.raises(ValueError, match="logits are not numbers"):
            sampling.chosen(logits, [0], chain, 0.5)
    with pytest.raises(ValueError, match="logits are not numbers"):
        sampling.chosen(torch.full((3,), math.nan), [0], [sampling.Greedy()], 0.5)


def test_a_card_of_an_incomplete_checkpoint_is_an_error(tmp_path, monkeypatch):
    from genai_core.common import cards, checkpoints

    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    folder = checkpoints.save("small", MLP, MLP.config, run={"dataset": "mnist"})
    (folder / "metrics.json").write_text("{}", encoding="utf-8")
    for file in ("config.json or metrics.json", "model.safetensors"):
        with pytest.raises(CheckpointError, match=f"{file} is missing"):
            cards.render("small", hinton.CARD, hinton.LABELS)
        (folder / "model.safetensors").unlink(missing_ok=True)


def test_a_very_low_temperature_leaves_the_likeliest():
    logits = torch.tensor([30.0, 20.0, -5.0])
    for act in (sampling.Temperature(1e-40), sampling.Temperature(1e-20)):
        assert sampling.chosen(logits, [0], [act], 0.99) == 0
    assert metrics.soften(logits, 1e-40).tolist() == [1, 0, 0]
    assert explain.probabilities(torch.eye(3), torch.eye(3), 1e-40).equal(torch.eye(3))
