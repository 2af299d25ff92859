import dataclasses

import pytest
import torch
import torch.nn.functional as F

from genai_core.common.training import seeded
from genai_core.language import lstm, tokenizers

CONFIG = lstm.LSTMConfig(vocab_size=11, embedding=6, width=8, dropout=0.2, context=12, batch=4, warmup=5)
LETTERS = "abcdefghij\n"


@pytest.fixture(scope="module")
def model():
    made = seeded(0, lambda: lstm.LSTM(CONFIG)).eval().requires_grad_(False)
    for p in made.parameters():
        p += 0.5 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    made.tokenizer = tokenizers.CharTokenizer(LETTERS)
    return made


def tokens(*shape):
    return torch.randint(11, shape, generator=torch.Generator().manual_seed(0))


def corpus(n=400):
    return tokenizers.Corpus.of("".join(LETTERS[i] for i in tokens(n).tolist()) + LETTERS)


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
    whole, session = model(torch.tensor([ids]))[0], model.decoding_session()
    for n in (1, 2, 9, 9, 40):
        torch.testing.assert_close(session.next_logits(ids[:n]), whole[n - 1], atol=1e-5, rtol=1e-4)
        assert session.states.shape == (n, 8)
    twin = session.copy()
    for branch in ([*ids[:30], 1, 2], ids[:4]):
        torch.testing.assert_close(session.next_logits(branch), model.next_logits(branch), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(twin.next_logits([*ids, 4]), model.next_logits([*ids, 4]), atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match="at least one token"):
        session.next_logits([])


def test_the_score_is_what_reading_on_says_also_piece_by_piece(model, monkeypatch):
    monkeypatch.setattr(lstm, "PIECE", 7)
    string = "".join(LETTERS[i] for i in tokens(30).tolist())
    ids = model.tokenizer.encode("\n" + string)
    expected = [-F.log_softmax(model.next_logits(ids[:n]), 0)[ids[n]] for n in range(1, len(ids))]
    torch.testing.assert_close(model.score(string), torch.stack(expected), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(model.token_nll(torch.tensor([ids]))[0], torch.stack(expected), atol=1e-4, rtol=1e-4)
    assert model.score("").tolist() == []
