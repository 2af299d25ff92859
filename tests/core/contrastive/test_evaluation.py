"""Probes and neighbours are scikit-learn's, clusters find what is apart, and nothing is fitted on the test split."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genai_core import data
from genai_core.common.training import seeded
from genai_core.contrastive import evaluation, singles
from genai_core.contrastive.evaluation import Scale, clusters, knn, linear_probe, probe_curve
from genai_core.contrastive.simclr import TINY, SimCLR


@pytest.fixture
def blobs(generator):
    """Features of four overlapping classes, of numbers of different sizes, and their labels."""
    labels = torch.arange(200) % 4
    x = torch.randn(4, 6, generator=generator)[labels] + torch.randn(200, 6, generator=generator)
    return x * torch.tensor([1, 10, 0.1, 1, 5, 2]) + 3, labels


@pytest.mark.parametrize("classes", [4, 2])
def test_the_probe_is_scikit_learns_logistic_regression(blobs, classes):
    x, labels = (part[blobs[1] < classes] for part in blobs)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)).fit(x.numpy(), labels.numpy())
    probe = linear_probe(x, labels, strength=0.1)
    np.testing.assert_allclose(probe.logits(x).softmax(1).numpy(), theirs.predict_proba(x.numpy()), atol=1e-3)
    assert probe.accuracy(x, labels) == pytest.approx(theirs.score(x.numpy(), labels.numpy()))


def test_the_probe_is_at_the_minimum_of_its_loss(blobs):
    x, labels = blobs
    probe = linear_probe(x, labels, strength=0.1)
    weight, bias = (v.double().requires_grad_() for v in (probe.weight, probe.bias))
    logits = probe.scale(x).double() @ weight.T + bias
    (F.cross_entropy(logits, labels, reduction="sum") + weight.square().sum() / (2 * 0.1)).backward()
    assert weight.grad.abs().max() < 0.1
    assert bias.grad.abs().max() < 0.1


def test_a_probe_of_few_labels_names_the_classes_that_it_was_given(blobs):
    x, labels = blobs
    some = (labels == 1) | (labels == 3)
    probe = linear_probe(x[some], labels[some], Scale.of(x))
    assert probe.classes.tolist() == [1, 3]
    assert probe.accuracy(x[some], labels[some]) > 0.7
    assert torch.equal(probe.scale(torch.zeros(1, 6)), Scale.of(x)(torch.zeros(1, 6)))


def test_a_number_that_never_varies_is_standardised_to_nothing():
    x = torch.cat([torch.full((5, 1), 0.7), torch.arange(5.0)[:, None]], 1)
    assert torch.equal(Scale.of(x)(x)[:, 0], torch.zeros(5))


def test_plain_neighbours_are_scikit_learns(blobs):
    x, labels = blobs
    theirs = KNeighborsClassifier(7, metric="cosine").fit(x[:150].numpy(), labels[:150].numpy())
    assert knn(x[:150], labels[:150], x[150:], 7, None).tolist() == theirs.predict(x[150:].numpy()).tolist()


def test_votes_weigh_what_wu_says(blobs):
    x, labels = blobs
    found, unit = knn(x[:150], labels[:150], x[150:], 20, 0.07), F.normalize(x, dim=1)
    for i, query in enumerate(unit[150:]):
        s = unit[:150] @ query
        near = s.argsort(descending=True)[:20]
        votes = [float((s[near] / 0.07).exp()[labels[near] == label].sum()) for label in range(4)]
        assert found[i] == votes.index(max(votes))
    nearest = labels[:150][(unit[150:] @ unit[:150].T).argmax(1)]
    assert torch.equal(knn(x[:150], labels[:150], x[150:], 20, 1e-4), nearest)  # a cold vote is the nearest one's


def test_clusters_find_what_is_apart(generator):
    labels = torch.arange(90) % 3
    x = torch.eye(3)[labels] + 0.05 * torch.randn(90, 3, generator=generator)
    apart = clusters(x[:60], x[60:], labels[60:], 3)
    assert apart.nmi == pytest.approx(1)
    assert apart.ari == pytest.approx(1)
    assert apart.labels.shape == (30,)
    noise = clusters(torch.randn(60, 3, generator=generator), x[60:], labels[60:], 1)
    assert (noise.nmi, noise.ari) == (0, 0)


def test_the_curve_rises_with_the_labels(blobs):
    x, labels = blobs
    curve = probe_curve((x[:100], labels[:100]), (x[100:], labels[100:]), (0.04, 0.2, 1.0), seeds=4)
    assert [one.share for one in curve] == [0.04, 0.2, 1.0]
    assert curve[0].mean < curve[2].mean
    assert curve[0].spread > 0
    assert curve[2].spread == 0
    whole = linear_probe(x[:100], labels[:100]).accuracy(x[100:], labels[100:])
    assert curve[2].mean == pytest.approx(whole)


def test_pixels_tell_the_background_of_scenes_and_noise_nothing(generator):
    shown = singles.draw("test", 0, 150)
    x, truth = singles.render(shown, 8).flatten(1), singles.attributes(shown)
    parts = [({name: values[rows] for name, values in truth.items()}, rows) for rows in (slice(100), slice(100, 150))]
    (known, first), (asked, rest) = parts
    found = evaluation.attribute_accuracies((x[first], known), (x[rest], asked))
    assert list(found) == list(singles.ATTRIBUTES)
    assert found["background"] > 0.9
    noise = torch.randn(150, 20, generator=generator)
    blind = evaluation.attribute_accuracies((noise[first], known), (noise[rest], asked))
    assert blind["background"] < 0.5


def test_features_are_the_same_in_batches_of_any_size(generator):
    model = seeded(0, lambda: SimCLR(TINY.config)).eval()
    x = torch.rand(7, 1, 28, 28, generator=generator)
    assert torch.allclose(evaluation.features(model, x, 3), evaluation.features(model, x), atol=1e-5)
    assert evaluation.features(model, x[:0]).shape == (0, model.dimension)
    assert torch.allclose(evaluation.projections(model, x, 3), model(x), atol=1e-5)


def test_geometry_of_a_collapse(generator):
    found = evaluation.geometry(torch.ones(5, 4), torch.ones(5, 4))
    assert found == pytest.approx({"alignment": 0, "uniformity": 0, "effective_rank": 1}, abs=1e-4)


@pytest.mark.parametrize("change", [{}, {"objective": "supervised"}, {"dataset": "scenes", "channels": 3, "size": 16}])
def test_every_kind_of_network_is_measured_by_what_its_card_names(change, monkeypatch):
    config = dataclasses.replace(TINY.config, **change)
    model = seeded(0, lambda: SimCLR(config)).eval().requires_grad_(False)
    x, labels = data.load("sprites", "test")
    splits = {"train": (x[:300], labels[:300]), "test": (x[300:400], labels[300:400])}
    monkeypatch.setattr(evaluation, "load", lambda name: model)
    monkeypatch.setattr(data, "load", lambda name, split: splits[split])
    monkeypatch.setattr(data, "CLASSES", {"sprites": ("square", "ellipse", "heart")})
    monkeypatch.setattr(evaluation, "SINGLES", {"train": 100, "test": 50})
    figures = evaluation.evaluate("it")
    assert figures["parameters"] == sum(p.numel() for p in model.parameters())
    assert set(figures) - {"parameters"} <= set(evaluation.LABELS)
    assert ("alignment" in figures) == (config.objective != "supervised")
    assert ("accuracy" in figures) == (config.objective == "supervised")
    assert ("colour_random" in figures) == (config.dataset == "scenes")


@pytest.mark.parametrize(
    "call",
    [
        lambda x, labels: linear_probe(x, labels[:5]),
        lambda x, labels: linear_probe(x, torch.zeros(200, dtype=torch.long)),
        lambda x, labels: linear_probe(x, labels, strength=0.0),
        lambda x, labels: knn(x, labels, x, 201),
        lambda x, labels: knn(x, labels, x, 5, 0.0),
        lambda x, labels: clusters(x, x, labels, 0),
        lambda x, labels: Scale.of(x[:0]),
    ],
)
def test_what_cannot_be_read_is_refused(blobs, call):
    with pytest.raises(ValueError, match="must be"):
        call(*blobs)
