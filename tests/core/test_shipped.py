"""Every shipped checkpoint loads strictly, keeps its card's promises, and reaches its card's numbers again."""

import json
import math

import pytest
import torch

from genai_core import clip, data, diffusion, distillation, evaluation, gan, vae
from genai_core.autoencoders import nested, vqvae
from genai_core.autoencoders.noise import psnr
from genai_core.clip import evaluation as clip_evaluation
from genai_core.clip import gallery
from genai_core.common import cards, checkpoints
from genai_core.data import corpora, scenes
from genai_core.evaluation import scene_reader
from genai_core.language import pretrained
from genai_core.techniques import TECHNIQUES

LARGE = (*pretrained.FAMILIES, clip)
SHIPPED = [(name, technique) for technique in TECHNIQUES for name in technique.RECIPES]
NAMES = [name for name, _ in SHIPPED]


def figures(name):
    return checkpoints.read_json(name, "metrics.json")


@pytest.mark.parametrize(("name", "technique"), SHIPPED, ids=NAMES)
def test_it_loads_with_its_recipes_config_and_its_card_is_what_its_metrics_say(name, technique):
    model = technique.load(name)
    folder = checkpoints.ASSETS / name
    assert model.config == technique.RECIPES[name].config
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert (folder / "model.safetensors").stat().st_size <= (16 if technique in LARGE else 10) * 2**20
    assert (folder / "README.md").read_text(encoding="utf-8") == cards.render(name, technique.CARD, technique.LABELS)
    assert figures(name)["parameters"] == sum(p.numel() for p in model.parameters())


def test_nothing_lies_in_assets_without_a_recipe():
    assert set(checkpoints.names()) == set(NAMES)


def test_the_aims_are_reached():
    assert figures("vae-mnist")["iw_bound"] >= -84.8
    assert all(figures(name)["k"] == 500 for name in vae.RECIPES)
    assert figures("lenet-mnist")["accuracy"] >= 0.994
    assert figures("lenet-fashion")["accuracy"] >= 0.92
    active = [figures(f"vae-mnist-beta{b}")["active_dimensions"] for b in ("0.25", "1", "4", "16")]
    assert active == sorted(active, reverse=True)
    assert active[0] > active[-1]
    assert figures("cgan-mnist")["read_as_label"] >= 0.97
    assert figures("cgan-fashion")["read_as_label"] >= 0.85
    assert figures("cgan-mnist")["frechet_ratio"] <= 4
    digits, student = (figures(name) for name in ("ddpm-mnist", "ddpm-mnist-fewstep"))
    assert digits["frechet_ratio"] <= 5
    assert digits["frechet_ratio_8nfe"] <= 8
    assert digits["read_as_label_guided"] >= 0.99
    assert figures("ddpm-fashion")["read_as_label_guided"] >= 0.9
    assert student["nfe"] <= 4
    assert student["frechet_ratio"] <= 12
    assert digits["frechet_ratio_2000"] <= 1.3
    assert digits["frechet_ratio_2000_8nfe"] <= 1.6
    assert student["frechet_ratio_2000"] <= 2
    assert figures("gpt-shakespeare")["nats_per_character"] <= 1.47
    assert figures("ae-mnist-mse-32")["ratio_to_pca"] <= 0.2
    assert figures("anomaly-mnist")["auroc"] >= 0.95
    assert figures("codec-scenes")["bd_rate_webp"] <= -0.3
    assert figures("vqvae-scenes")["objects"] >= 0.95
    assert figures("vqvae-scenes")["perplexity"] >= 250
    assert figures("reader-scenes")["scenes"] >= 0.95
    assert min(figures("reader-scenes")[name] for name in ("shape", "colour", "fill", "size")) >= 0.995
    matched, rectified = (figures(name) for name in ("flowmatch-mnist", "reflow-mnist"))
    assert matched["read_as_label_guided"] >= 0.98
    assert (matched["nfe"], rectified["nfe"]) == (20, 2)
    assert matched["frechet_ratio_2000"] <= 1.5
    assert rectified["frechet_ratio_2000"] <= 2
    assert figures("translate-en-fr")["bleu"] >= 45
    assert figures("bert-english")["words"] >= 0.5
    assert figures("vit-cifar")["accuracy"] >= 0.78
    assert all(0.06 <= share <= 0.14 for share in figures("cgan-mnist")["class_shares"])


MISSED = pytest.mark.xfail(strict=True, reason="the aim is missed: see docs/experiments.md")
# checkpoint, figure, least, most
DISTILLATION = [
    pytest.param("distill-teacher", "errors", 0, 67, marks=MISSED),
    pytest.param("distill-student", "errors_mean", 0, 74, marks=MISSED),
    ("distill-control", "errors_mean", 120, 170),
    ("distill-no3", "errors_corrected", 0, 109),
    ("ensemble-mnist", "accuracy", 0.996, 1),
    ("compact-mnist", "accuracy", 0.992, 1),
    ("compact-mnist", "parameters", 0, 24_999),
]


@pytest.mark.parametrize(("name", "figure", "least", "most"), DISTILLATION)
def test_the_aims_of_distillation_are_reached(name, figure, least, most):
    assert least <= figures(name)[figure] <= most


@pytest.mark.parametrize(
    ("figure", "least"),
    [
        ("precision_one_seen", 0.95),
        ("precision_one_held_out", 0.85),
        ("precision_two_seen", 0.80),
    ],
)
def test_the_aims_of_clip_are_reached(figure, least):
    assert figures("clip-scenes")[figure] >= least


@pytest.mark.parametrize("name", [name for name in NAMES if name in distillation.RECIPES | evaluation.RECIPES])
def test_a_classifier_errs_as_often_as_its_card_says(name):
    """On a fifth of the test split, drawn at random, within four standard errors."""
    technique = distillation if name in distillation.RECIPES else evaluation
    if not data.available(technique.RECIPES[name].dataset):
        pytest.skip("the data set is not on this machine")
    x, y = data.load(technique.RECIPES[name].dataset, "test")
    n = len(x) // 5
    picked = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:n]
    wrong = (distillation.logits(technique.load(name), x[picked]).argmax(1) != y[picked]).float().mean()
    share = figures(name)["errors"] / len(x)
    assert float(wrong) == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n))


def test_figures_of_autoencoders_of_scenes_are_found_again():
    shown = [scenes.scene("test", i) for i in range(300)]
    x, reader = scenes.render(shown), scene_reader.load()
    rebuilt = vqvae.load().decode(vqvae.load().encode(x))
    found, card = scene_reader.accuracy(reader, rebuilt, shown), figures("vqvae-scenes")
    assert found["objects"] == pytest.approx(card["objects"], abs=0.03)
    assert float(psnr(rebuilt, x).mean()) == pytest.approx(card["psnr"], abs=0.3)
    for name in ("reader-scenes", "reader-scenes-small"):
        right = scene_reader.accuracy(scene_reader.load(name), x, shown)["objects"]
        assert right == pytest.approx(figures(name)["objects"], abs=0.01)
    model, card = nested.load(), figures("ae-scenes")
    with torch.inference_mode():
        for k in nested.SIZES:
            assert float(psnr(model.decode(model.encode(x, k)), x).mean()) == pytest.approx(card[f"psnr_{k}"], abs=0.4)
            assert float(psnr(model.pca(x, k), x).mean()) == pytest.approx(card[f"psnr_pca_{k}"], abs=0.4)


@pytest.mark.parametrize(
    ("name", "technique"), [(name, technique) for name, technique in SHIPPED if technique in (vae, gan)]
)
def test_samples_read_as_the_card_says(name, technique):
    """1,000 of them, within four standard errors of the card's share of 10,000."""
    model, classifier = technique.load(name), evaluation.evaluation_classifier(technique.RECIPES[name].dataset)
    labels = {"labels": torch.arange(1000) % 10} if getattr(model, "conditional", False) else {}
    made = technique.sample(model, 1000, generator=torch.Generator().manual_seed(1), **labels).cpu()

    def near(share):
        return pytest.approx(share, abs=4 * math.sqrt(max(share * (1 - share), 0.001) / 1000))

    if labels:
        assert evaluation.read_as(classifier, made, labels["labels"]) == near(figures(name)["read_as_label"])
    shares = evaluation.class_shares(classifier, made)
    assert all(share == near(told) for share, told in zip(shares, figures(name)["class_shares"], strict=True))


@pytest.mark.parametrize(
    ("name", "figure", "options"),
    [
        ("ddpm-mnist", "read_as_label_8nfe", {"sampler": "ddim", "steps": 8, "eta": 0.5}),
        ("ddpm-mnist-fewstep", "read_as_label", {"steps": 4}),
        ("ddpm-mnist-fewstep", "read_as_label_1nfe", {"steps": 1}),
    ],
)
def test_some_samples_of_a_diffusion_model_are_read_as_the_card_says(name, figure, options):
    labels = torch.arange(1000) % 10
    generator = torch.Generator().manual_seed(1)
    made = diffusion.sample(diffusion.load(name), 1000, generator=generator, labels=labels, **options).cpu()
    found = evaluation.read_as(evaluation.evaluation_classifier("mnist"), made, labels)
    assert found == pytest.approx(figures(name)[figure], abs=0.015)  # four standard errors of 1,000 samples


@pytest.mark.parametrize("technique", pretrained.FAMILIES, ids=lambda technique: technique.__name__)
def test_text_is_as_surprising_as_the_card_says(technique):
    name = next(name for name in technique.RECIPES if name.endswith("shakespeare"))
    try:
        string = corpora.corpus("shakespeare", "validation")
    except data.DataError as error:
        pytest.skip(str(error))
    model = technique.load(name)
    ids = torch.tensor(model.tokenizer.encode(string))
    pieces = ids[torch.arange(0, len(ids) - 256, 5 * 256)[:, None] + torch.arange(257)]  # every fifth
    with torch.inference_mode():
        found = float(model.token_nll(pieces).mean())
    assert found == pytest.approx(figures(name)["nats_per_character"], abs=0.05)


@pytest.mark.parametrize("name", ["vae-mnist", "vae-mnist-2d"])
def test_the_bounds_of_some_test_digits_are_near_the_cards(name, mnist):
    """1,000 of 10,000 digits and fewer importance samples: near the card, and never above it by more than noise."""
    x = data.binarise(mnist[0], torch.Generator().manual_seed(0))[::10]
    model = vae.load(name)
    parts = [vae.bounds(model, part, generator=torch.Generator().manual_seed(1), k=10) for part in x.split(100)]
    elbo, iw = (float(torch.cat([part[key] for part in parts]).mean()) for key in ("elbo", "iw"))
    assert elbo == pytest.approx(figures(name)["elbo"], abs=2.0)
    assert figures(name)["elbo"] < iw < figures(name)["iw_bound"] + 2.0


@pytest.mark.parametrize("name", [name for name, technique in SHIPPED if technique is clip])
def test_queries_find_what_the_card_says(name):
    model, shown, embeddings = clip.load(name), gallery.world(), gallery.load(name)
    assert (checkpoints.ASSETS / name / gallery.FILE).stat().st_size <= 5 * 2**20
    torch.testing.assert_close(
        embeddings[::100], model.encode_image(gallery.pictures(range(0, 10_000, 100))), atol=2e-3, rtol=0
    )
    for split in ("seen", "held_out"):
        queries = [query for query in clip_evaluation.one_thing() if scenes.novel(query) == (split == "held_out")]
        found = clip_evaluation.precision(model, embeddings, shown, queries)
        assert found == pytest.approx(figures(name)[f"precision_one_{split}"], abs=0.01)
    assert clip_evaluation.recalls(model, embeddings, shown)["recall_text_to_image"] == pytest.approx(
        figures(name)["recall_text_to_image"], abs=0.01
    )


def test_metrics_are_json_numbers():
    for name in NAMES:
        assert json.loads(json.dumps(figures(name), allow_nan=False)) == figures(name)
