import dataclasses

import pytest
import torch
import torch.nn.functional as F

from genai_core import lstm, text
from genai_core.training import seeded

CONFIG = lstm.LSTMConfig(vocab=11, embedding=6, width=8, dropout=0.2, context=12, batch=4, warmup=5)
LETTERS = "abcdefghij\n"


@pytest.fixture(scope="module")
def model():
    made = seeded(0, lambda: lstm.LSTM(CONFIG)).eval().requires_grad_(False)
    for p in made.parameters():
        p += 0.5 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    made.tokenizer = text.CharTokenizer(LETTERS)
    return made


def tokens(*shape):
    return torch.randint(11, shape, generator=torch.Generator().manual_seed(0))


def corpus(n=400):
    return text.Corpus.of("".join(LETTERS[i] for i in tokens(n).tolist()) + LETTERS)


def weights(model):
    return torch.cat([p.flatten() for p in model.parameters()])


def test_a_cell_is_what_the_paper_says(generator):
    """One layer and one step, written out: the gates i, f, g, o in PyTorch's order."""
    one = seeded(0, lambda: lstm.LSTM(dataclasses.replace(CONFIG, layers=1, dropout=0.0)))
    h, c = torch.randn(2, 1, 1, 8, generator=generator)
    x = one.embedding(torch.tensor([3]))
    net = one.layers
    gates = x @ net.weight_ih_l0.T + net.bias_ih_l0 + h[0] @ net.weight_hh_l0.T + net.bias_hh_l0
    i, f, g, o = gates.chunk(4, 1)
    cell = f.sigmoid() * c[0] + i.sigmoid() * g.tanh()
    hidden, (_, c_after) = one.states(torch.tensor([[3]]), (h, c))
    torch.testing.assert_close(c_after[0], cell)
    torch.testing.assert_close(hidden[0], o.sigmoid() * cell.tanh())
    assert torch.equal(net.bias_ih_l0[8:16], torch.ones(8))


def test_a_changed_token_changes_nothing_before_it(model):
    ids = tokens(2, 12)
    other = ids.clone()
    other[:, 7] = (other[:, 7] + 1) % 11
    assert torch.allclose(model(ids)[:, :7], model(other)[:, :7], atol=1e-6)
    assert not torch.allclose(model(ids)[:, 7:], model(other)[:, 7:], atol=1e-4)


def test_reading_on_is_as_reading_anew_on_every_branch(model):
    ids = tokens(40).tolist()
    whole, reader = model(torch.tensor([ids]))[0], model.reader()
    for n in (1, 2, 9, 9, 40):
        torch.testing.assert_close(reader.next_logits(ids[:n]), whole[n - 1], atol=1e-5, rtol=1e-4)
        assert reader.states.shape == (n, 8)
    twin = reader.copy()
    for branch in ([*ids[:30], 1, 2], ids[:4]):
        torch.testing.assert_close(reader.next_logits(branch), model.next_logits(branch), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(twin.next_logits([*ids, 4]), model.next_logits([*ids, 4]), atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match="at least one token"):
        reader.next_logits([])


def test_the_score_is_what_reading_on_says_also_piece_by_piece(model, monkeypatch):
    monkeypatch.setattr(lstm, "PIECE", 7)
    string = "".join(LETTERS[i] for i in tokens(30).tolist())
    ids = model.tokenizer.encode("\n" + string)
    expected = [-F.log_softmax(model.next_logits(ids[:n]), 0)[ids[n]] for n in range(1, len(ids))]
    torch.testing.assert_close(model.score(string), torch.stack(expected), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(model.nats(torch.tensor([ids]))[0], torch.stack(expected), atol=1e-4, rtol=1e-4)
    assert model.score("").tolist() == []


def test_a_resumed_run_ends_in_the_weights_of_an_uninterrupted_one():
    whole = list(lstm.train(CONFIG, corpus(), steps=8, seed=2))
    loop = lstm.train(CONFIG, corpus(), steps=8, seed=2)
    state = [next(loop) for _ in range(3)][-1].state()
    rest = list(lstm.train(CONFIG, corpus(), steps=8, seed=2, resume=state))
    assert [step.step for step in rest] == list(range(4, 9))
    assert rest[-1].losses == whole[-1].losses
    assert torch.equal(weights(rest[-1].model), weights(whole[-1].model))


def test_the_loss_falls_on_one_batch():
    config = dataclasses.replace(CONFIG, width=32, lr=0.02, dropout=0.0)
    steps = list(lstm.train(config, corpus(8), steps=100, seed=0))
    assert steps[-1].losses["loss"] < 0.5 * steps[0].losses["loss"]
