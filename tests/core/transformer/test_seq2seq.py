"""The laws of the encoder and decoder that learn small tasks, and that they learn them."""

import difflib
import functools

import pytest
import torch

from genai_core.common.training import seeded
from genai_core.transformer import seq2seq
from genai_core.transformer.seq2seq import END, LONGEST, START, answer


def made(**config):
    model = seeded(0, lambda: seq2seq.EncoderDecoder(seq2seq.Seq2SeqConfig(**config))).eval().requires_grad_(False)
    for p in model.parameters():
        p += 0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return model


@functools.cache
def trained(task):
    *_, last = seq2seq.train(seq2seq.Seq2SeqConfig(task), steps=800, seed=0)
    return last.model


@pytest.mark.parametrize(
    ("task", "given", "right"),
    [("reverse", "123", "321"), ("sort", "3121", "1123"), ("add", "99+08", "107"), ("add", "1+2", "03")],
)
def test_what_a_task_makes_of_an_input(task, given, right):
    assert answer(task, given) == right


@pytest.mark.parametrize(
    ("task", "given"),
    [
        *(("reverse", given) for given in ("", "1" * 13, "٣٤", "12\n")),
        *(("add", given) for given in ("12", "1+22", "1+2+3")),
        ("sort", "12a"),
        ("x", "1"),
    ],
)
def test_what_is_no_input_of_a_task_is_refused(task, given):
    with pytest.raises(ValueError, match=r"input must be|There is no task"):
        answer(task, given)


@pytest.mark.parametrize("task", seq2seq.TASKS)
def test_inputs_that_are_drawn_have_their_answers(task, generator):
    lengths = set()
    for _ in range(30):
        source, target = seq2seq.draw(task, 4, generator)
        lengths.add(source.shape[1])
        for s, t in zip(source, target, strict=True):
            assert answer(task, seq2seq.text_of(s)) == seq2seq.text_of(t)
    assert lengths == ({3, 5, 7} if task == "add" else set(range(2, 9)))


def test_an_output_sees_all_of_the_input_and_what_was_written_before(generator):
    model = made(n_layer=2)
    source, target = torch.randint(10, (1, 5), generator=generator), torch.randint(10, (1, 6), generator=generator)
    before = model(source, target)
    later = target.clone()
    later[:, 3] = (later[:, 3] + 1) % 10
    changed = (model(source, later) - before).abs().amax(-1)[0] > 1e-6
    assert changed.tolist() == [False] * 3 + [True] * 3
    for k in range(5):
        other = source.clone()
        other[:, k] = (other[:, k] + 1) % 10
        assert ((model(other, target) - before).abs().amax(-1) > 1e-6).all()


def test_greedy_is_the_likeliest_symbol_given_those_before(generator):
    model = made()
    source = torch.randint(10, (3, 4), generator=generator)
    out = model.greedy(source)
    logits = model(source, torch.cat([torch.full((3, 1), START), out[:, :-1]], 1))
    assert torch.equal(logits.argmax(-1), out)
    assert out.shape[1] <= LONGEST


def test_the_attention_that_is_shown_is_that_of_the_pass(generator):
    """With the values of the last cross-attention replaced by ones, its output is what shares that sum to 1 give."""
    model = made(n_layer=2)
    source, target = torch.randint(10, (1, 5), generator=generator), torch.randint(10, (1, 4), generator=generator)
    weights = model.cross_attention(source, target)
    assert weights.shape == (1, 2, 4, 5)
    assert torch.allclose(weights.sum(-1), torch.ones(1, 2, 4), atol=1e-5)
    last, seen = model.decoder[-1].cross, []
    hook = last.register_forward_hook(lambda module, given, out: seen.append((given, out)))
    model(source, target)
    hook.remove()
    (x, memory), out = seen[0][0][:2], seen[0][1]
    assert torch.allclose(last.out((weights @ last.split(last.v(memory))).transpose(1, 2).flatten(2)), out, atol=1e-5)
    assert x.shape == (1, 4, 64)


def test_the_loss_is_log_p_of_the_answer_and_its_end():
    model = made()
    source, target = torch.tensor([[1, 2, 3]]), torch.tensor([[3, 2, 1]])
    p = model(source, torch.tensor([[START, 3, 2, 1]])).log_softmax(-1)[0]
    expected = -(p[0, 3] + p[1, 2] + p[2, 1] + p[3, END]) / 4
    assert float(seq2seq.loss(model, source, target)["loss"]) == pytest.approx(float(expected), abs=1e-5)


def places(attention):
    """Where each symbol of the answer is looked for, [heads][T]."""
    return [[max(range(len(row)), key=row.__getitem__) for row in head] for head in attention]


def test_a_reversed_input_is_read_backwards_and_of_a_longer_one_its_beginning():
    model = trained("reverse")
    assert seq2seq.exact(model) > 0.95
    said, attention = seq2seq.look(model, "31415926")
    assert said == "62951413"
    assert all(sum(place == 7 - i for i, place in enumerate(head)) >= 6 for head in places(attention))
    said, eight = seq2seq.look(model, "271828182845")[0], answer("reverse", "27182818")
    assert len(said) <= 8
    assert difflib.SequenceMatcher(None, said, eight).ratio() > 0.7


def test_a_sorted_digit_is_looked_for_by_content():
    """Along no line, at other positions for another input, and in some rows where the digit stands."""
    model = trained("sort")
    assert seq2seq.exact(model) > 0.95
    found = {}
    for given in ("95270316", "20873641"):
        said, attention = seq2seq.look(model, given)
        assert said == answer("sort", given)
        found[given] = places(attention)
        for head in found[given]:
            assert max(sum(p == i for i, p in enumerate(head)), sum(p == 7 - i for i, p in enumerate(head))) <= 5
        assert sum(any(given[head[i]] == said[i] for head in found[given]) for i in range(8)) >= 3
    one, other = found.values()
    assert sum(a != b for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True)) >= 8


def test_most_sums_are_right_with_their_carries():
    model = trained("add")
    assert seq2seq.exact(model) > 0.9
    assert seq2seq.look(model, "47+85")[0] == "132"


def test_frames_end_with_the_steps_and_repeat_for_a_seed():
    settings = {"task": "sort", "given": "4213", "seed": 3, "steps": 5, "frame": 2}
    first, second = (list(seq2seq.train_live(**settings)) for _ in range(2))
    assert [frame.step for frame in first] == [2, 4, 5]
    assert [(f.loss, f.output, f.attention) for f in first] == [(f.loss, f.output, f.attention) for f in second]
    untrained = seq2seq.before(task="sort", given="4213", seed=3)
    assert untrained.step == 0
    torch.rand(1)
    assert seq2seq.before(task="sort", given="4213", seed=3) == untrained
    assert len(untrained.attention[0]) == len(untrained.attention[0][0]) == 4


def test_what_cannot_be_built_is_refused():
    for bad in ({"task": "x"}, {"n_head": 3}, {"n_layer": 0}):
        with pytest.raises(ValueError, match=r"There is no task|n_layer"):
            seq2seq.EncoderDecoder(seq2seq.Seq2SeqConfig(**bad))
