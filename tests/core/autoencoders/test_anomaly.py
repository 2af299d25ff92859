"""Detectors never copy what they judge, AUROC is scikit-learn's, and the card's figures come out again."""

import pytest
import torch
from sklearn.metrics import roc_auc_score

from genai_core import data
from genai_core.autoencoders import anomaly, roc
from genai_core.common import checkpoints
from genai_core.data.sprites import sprites


@pytest.fixture(scope="module")
def tiny():
    """Detectors of squares, ellipses and hearts, hardly trained."""
    *_, last = anomaly.train(anomaly.TINY.config, data.load("sprites", "train"), steps=60)
    return last.model


def sprite(n=40, seed=7):
    pictures, factors = sprites(n, generator=torch.Generator().manual_seed(seed))
    return pictures, factors[:, 0].long()


def test_auroc_is_that_of_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    for decimals in (1, 4):  # with many ties, and hardly any
        normal = torch.randn(300, generator=generator).round(decimals=decimals)
        other = (torch.randn(500, generator=generator) + 0.7).round(decimals=decimals)
        truth = torch.cat([torch.zeros(300), torch.ones(500)]).numpy()
        assert roc.auroc(normal, other) == pytest.approx(roc_auc_score(truth, torch.cat([normal, other]).numpy()))
    assert roc.auroc(torch.tensor([0.0, 1.0]), torch.tensor([2.0])) == 1
    with pytest.raises(ValueError, match="number of scores"):
        roc.auroc(torch.tensor([]), torch.tensor([1.0]))


def test_every_block_is_hidden_once():
    hidden = anomaly.hidden_in_turn()
    assert torch.equal(hidden.sum(0), torch.ones(4, 4))
    assert torch.equal(anomaly.enlarged(hidden[0])[:7, :7], hidden[0, 0, 0].expand(7, 7))


def test_a_block_is_guessed_without_having_seen_it(tiny):
    """Whatever a block holds, what is put in its place is the same."""
    x, _ = sprite(3)
    changed = x.clone()
    changed[:, :, 7:14, 14:21] = torch.rand((3, 1, 7, 7), generator=torch.Generator().manual_seed(1))
    before, after = anomaly.rebuild(tiny, x), anomaly.rebuild(tiny, changed)
    assert torch.equal(before[..., 7:14, 14:21], after[..., 7:14, 14:21])
    assert not torch.equal(before, after)


def test_one_detector_alone_says_what_it_says_among_all(tiny):
    x, _ = sprite()
    whole = anomaly.score(tiny, x)
    assert whole.shape == (3, 40)
    for c in range(3):
        torch.testing.assert_close(anomaly.score(tiny, x, c)[0], whole[c])
    with pytest.raises(ValueError, match="class"):
        anomaly.score(tiny, x, 3)
    with pytest.raises(ValueError, match="Pictures"):
        anomaly.score(tiny, x[:, :, :20], 0)


def test_a_usual_picture_of_a_class_has_score_one(tiny):
    x, y = data.load("sprites", "train")
    for c in range(3):
        assert anomaly.score(tiny, x[y == c][: anomaly.USUAL], c)[0].median() == pytest.approx(1, rel=1e-4)


def test_the_blur_keeps_the_sum_and_moves_nothing():
    x = torch.zeros(1, 28, 28)
    x[0, 12, 15] = 1
    y = anomaly.blurred(x, 1.0)
    assert y.sum() == pytest.approx(1, abs=1e-5)
    assert divmod(int(y.argmax()), 28) == (12, 15)
    assert torch.equal(anomaly.blurred(x, 0), x)


def test_a_class_without_pictures_is_refused():
    x, y = sprite()
    with pytest.raises(ValueError, match="class 1"):
        next(anomaly.train(anomaly.TINY.config, (x[y != 1], y[y != 1]), steps=1))


def test_counts_hold_every_picture_once_and_give_the_same_auroc():
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(4, (2000,), generator=generator)
    scores = torch.rand((4, 2000), generator=generator) * 3 + (labels != torch.arange(4)[:, None]) * 1.5
    scores[0, :5] = 99.0
    counts = roc.counted(scores, labels)
    assert counts.shape == (4, 4, roc.BINS)
    assert torch.equal(counts.long().sum(2), labels.bincount().expand(4, -1))
    assert counts[0, :, -1].sum() == 5
    middles = (torch.arange(roc.BINS) + 0.5) * roc.TOP / roc.BINS
    for c in range(4):
        normal = middles.repeat_interleave(counts[c, c].long())
        other = middles.repeat_interleave(torch.cat([counts[c, :c], counts[c, c + 1 :]]).sum(0).long())
        exact = roc.auroc(scores[c, labels == c], scores[c, labels != c])
        assert roc.auroc(normal, other) == pytest.approx(exact, abs=0.005)


@pytest.mark.parametrize("name", anomaly.RECIPES)
def test_the_shipped_counts_are_those_of_the_card(name):
    counts, metrics = roc.load(name), checkpoints.read_json(name, "metrics.json")
    assert counts.sum((1, 2)).tolist() == [10_000] * 10
    middles = (torch.arange(roc.BINS) + 0.5) * roc.TOP / roc.BINS
    for c, wanted in enumerate(metrics["auroc_per_class"]):
        normal = middles.repeat_interleave(counts[c, c])
        other = middles.repeat_interleave(torch.cat([counts[c, :c], counts[c, c + 1 :]]).sum(0))
        assert roc.auroc(normal, other) == pytest.approx(wanted, abs=0.005)
    assert metrics["auroc"] == pytest.approx(sum(metrics["auroc_per_class"]) / 10)
    assert metrics["auroc"] > metrics["auroc_linear"]


def test_digits_are_told_as_the_issue_asks():
    assert checkpoints.read_json("anomaly-mnist", "metrics.json")["auroc"] >= 0.95


def test_the_shipped_detectors_give_the_scores_that_were_counted():
    if not data.available("mnist"):
        pytest.skip("MNIST is not on this machine")
    x, y = data.load("mnist", "test")
    eights = x[y == 8]
    scores = anomaly.score(anomaly.load("anomaly-mnist"), eights, 8)
    counted = roc.counted(scores.expand(10, -1), torch.full((len(eights),), 8))[8, 8].long()
    assert (counted - roc.load("anomaly-mnist")[8, 8]).abs().sum() <= 10  # those at the edge of a bin


def test_damaged_counts_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    for content in (None, b"", b"nonsense"):
        if content is not None:
            (tmp_path / "it").mkdir(exist_ok=True)
            (tmp_path / "it" / roc.FILE).write_bytes(content)
        with pytest.raises(checkpoints.CheckpointError, match="scores"):
            roc.load("it")
