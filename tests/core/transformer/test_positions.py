"""The laws of the five ways for positions to enter."""

import dataclasses

import pytest
import torch

from genai_core import data
from genai_core.common import checkpoints
from genai_core.common.training import seeded
from genai_core.data import corpora
from genai_core.language.gpt import rotate
from genai_core.language.tokenizers import CharTokenizer
from genai_core.transformer import attention, positions

SMALL = positions.PositionsConfig(vocab_size=11, block_size=16, n_layer=2, n_head=2, n_embd=16)

each = pytest.mark.parametrize("kind", positions.KINDS)


def made(kind, **options):
    """A model with random weights everywhere, also where they begin at 0."""
    config = dataclasses.replace(SMALL, positions=kind, **options)
    model = seeded(0, lambda: positions.PositionsGPT(config)).eval().requires_grad_(False)
    for p in model.parameters():
        p += 0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return model


def ids(n, generator):
    return torch.randint(11, (2, n), generator=generator)


@each
def test_a_later_token_changes_no_earlier_logit(kind, generator):
    model, x = made(kind), ids(16, generator)
    before, y = model(x), x.clone()
    y[:, 9] = (y[:, 9] + 1) % 11
    changed = (model(y) - before).abs().amax(-1) > 1e-5
    assert not changed[:, :9].any()
    assert changed[:, 9].all()
    assert torch.allclose(model(x[:, :9]), before[:, :9], atol=1e-5)


@each
def test_only_without_positions_is_one_layer_blind_to_order(kind, generator):
    model, x = made(kind, n_layer=1), ids(12, generator)
    moved = torch.cat([x[:, :11].flip(1), x[:, 11:]], 1)
    assert torch.allclose(model(x)[:, -1], model(moved)[:, -1], atol=1e-5) == (kind == "none")


def test_the_mask_alone_tells_two_layers_the_order(generator):
    model, x = made("none"), ids(12, generator)
    moved = torch.cat([x[:, :11].flip(1), x[:, 11:]], 1)
    assert (model(x)[:, -1] - model(moved)[:, -1]).abs().max() > 0.01


@each
def test_only_additive_positions_notice_that_all_have_moved(kind, generator):
    """What depends on distances only gives the same logits five positions later."""
    model, x = made(kind), ids(10, generator)
    same = torch.allclose(model(x), model(x, first=5), atol=1e-4)
    assert same == (kind in ("none", "rotary", "alibi"))


def test_learned_positions_end_where_the_training_did(generator):
    model = positions.PositionsGPT(positions.PositionsConfig("learned"))
    assert model(torch.zeros(1, 64).long()).shape == (1, 64, 65)
    with pytest.raises(ValueError, match="no learned embedding beyond position 64"):
        model(torch.zeros(1, 65).long())
    with pytest.raises(ValueError, match="beyond position 64"):
        model(torch.zeros(1, 60).long(), first=5)


@pytest.mark.parametrize("kind", [kind for kind in positions.KINDS if kind != "learned"])
def test_others_read_four_times_the_length(kind, generator):
    model = made(kind)
    assert model(ids(64, generator)).isfinite().all()
    with pytest.raises(ValueError, match="no position beyond position 64"):
        model(ids(65, generator))


def test_sinusoidal_encodings_are_those_of_the_paper():
    assert torch.equal(made("sinusoidal").encodings(), attention.sinusoidal(64, 16))
    assert made("rotary").encodings() is None


@pytest.mark.parametrize("seed", range(5))
def test_shuffling_moves_words_and_keeps_the_last_and_the_spaces(seed):
    text = "  O happy dagger,\nthis is thy  sheath; th"
    moved = positions.shuffle_words(text, seed)
    assert sorted(moved.split()) == sorted(text.split())
    assert (len(moved), moved.split()[-1]) == (len(text), "th")
    assert moved == positions.shuffle_words(text, seed)
    assert positions.shuffle_words("To be", seed) == "To be"
    assert positions.shuffle_words("", seed) == ""
    assert positions.shuffle_words(" \n", seed) == " \n"


def test_a_text_that_is_too_long_is_read_from_its_end():
    model = made("learned")
    model.tokenizer = CharTokenizer("abcdefghijk")
    long = "abcdefghijk" * 3
    p = model.next_probabilities(long)
    assert torch.equal(p, model.next_probabilities(long[-16:]))
    assert float(p.sum()) == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="at least one character"):
        model.next_probabilities("")
    with pytest.raises(ValueError, match="Not in the vocabulary: 'z'"):
        model.next_probabilities("az")


@pytest.mark.parametrize("kind", ["none", "sinusoidal", "rotary", "alibi"])
def test_what_is_between_positions_depends_on_their_distance(kind):
    x = positions.between(made(kind), 16, head=1)
    for k in range(16):
        assert torch.allclose(x.diagonal(k), x[0, k].expand(16 - k), atol=1e-5)
        assert torch.allclose(x.diagonal(-k), x.diagonal(k), atol=1e-5)


def test_what_is_between_rotary_positions_is_what_is_left_of_a_product():
    """Of queries and keys whose pairs all have length 1 and the same angle, as rotated by the layers."""
    model, ones = made("rotary"), torch.cat([torch.ones(16, 4), torch.zeros(16, 4)], 1)
    rotated = rotate(ones, model.table[:, :16])
    assert torch.allclose(rotated @ rotated.T / 4, positions.between(model, 16), atol=1e-5)
    learned = made("learned")
    assert torch.equal(positions.between(learned, 16), learned.encodings() @ learned.encodings().T)
    biases = attention.alibi(2, 16)
    assert torch.equal(positions.between(made("alibi"), 16, head=1), biases[1])


@each
def test_losses_by_position_are_those_of_the_tokens(kind, generator):
    model, text = made(kind), torch.randint(11, (200,), generator=generator)
    windows = positions.pieces(text, 16)
    assert windows.shape == (12, 17)
    assert torch.equal(windows[1:, 0], windows[:-1, -1])
    nll = -model(windows[:, :-1]).log_softmax(-1).gather(2, windows[:, 1:, None])[..., 0]
    assert torch.allclose(positions.losses(model, windows), nll.mean(0), atol=1e-5)


def test_unknown_positions_are_refused():
    with pytest.raises(ValueError, match="no positions 'absolute'; there are none, learned"):
        positions.PositionsGPT(dataclasses.replace(SMALL, positions="absolute"))


@each
def test_the_loss_by_position_is_what_the_metrics_say(kind):
    """On every fourth window, within four standard errors."""
    try:
        text = corpora.corpus("shakespeare", "validation")
    except data.DataError as error:
        pytest.skip(str(error))
    name = f"positions-{kind}"
    model, metrics = positions.load(name), checkpoints.read_json(name, "metrics.json")
    pieces = positions.pieces(torch.tensor(model.tokenizer.encode(text)), 256)[::4, : model.longest + 1]
    with torch.inference_mode():
        means = torch.cat(
            [model.token_nll(part).unflatten(1, (-1, positions.BIN)).mean(2) for part in pieces.split(32)]
        )
    errors = means.std(0) / len(means) ** 0.5
    assert ((means.mean(0) - torch.tensor(metrics["curve"])).abs() < 4 * errors).all()
    assert len(metrics["curve"]) * positions.BIN == model.longest
