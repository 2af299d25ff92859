"""Cluster: k-means of an embedding of held-out scenes, what the scenes of a cluster share, and what it agrees with."""

import functools
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from demos._ui import charts, images
from demos._ui.settings import Setting, integer, seed
from demos._ui.tab import Answer, Part, Preset
from demos._ui.validation import SEEDS
from demos.contrastive import _models, _samples
from genai_core.contrastive import structure
from genai_core.contrastive.structure import Groups

ATTRIBUTES = _samples.ATTRIBUTES
SHOWN = 15  # scenes of a cluster, the nearest to its centre first
ROW = 5


@functools.lru_cache(maxsize=256)
def groups(embedding: str, layer: str, k: int, seed: int) -> Groups:
    return structure.k_means(_samples.embedding(embedding, layer), k, seed)


@functools.lru_cache(maxsize=256)
def agreement(embedding: str, layer: str, k: int, seed: int) -> dict[str, tuple[float, float]]:
    """{attribute: (NMI, ARI)} of the clusters and its values."""
    found = groups(embedding, layer, k, seed).labels
    return {name: structure.agreement(values, found) for name, values in _samples.truth().items()}


def compared(embedding: str, layer: str, k: int, seed: int) -> dict[str, dict[str, tuple[float, float]]]:
    """`agreement` of the embedding, and of those that nothing was learned for."""
    names = dict.fromkeys((embedding, *_samples.PLAIN))
    return {name: agreement(name, layer if name != _models.PIXELS else "h", k, seed) for name in names}


def next_seed(seed: int) -> int:
    return (seed + 1) % (SEEDS + 1)


def stability(embedding: str, layer: str, k: int, seed: int) -> float:
    """ARI of these clusters with those of the next seed."""
    return structure.agreement(*(groups(embedding, layer, k, s).labels for s in (next_seed(seed), seed)))[1]


def shares(rows: Tensor) -> dict[str, tuple[str, float]]:
    """Of some scenes, the commonest value of each attribute, and its share."""
    found = {}
    for name, values in _samples.truth().items():
        counts = values[rows].bincount()
        found[name] = (ATTRIBUTES[name][int(counts.argmax())], int(counts.max()) / len(rows))
    return found


def clusters(embedding: str, layer: str, k: int, seed: int) -> list[Tensor]:
    """The scenes of each cluster, the nearest to its centre first; the largest cluster first."""
    found = groups(embedding, layer, k, seed)
    order = found.distances.argsort(stable=True)
    of = [order[found.labels[order] == label] for label in range(k)]
    return sorted((rows for rows in of if len(rows)), key=len, reverse=True)


def show(**settings: Any) -> dict[str, Any]:
    """Of each cluster the scenes that are shown (int16), how many it has, and what they share."""
    return {
        "clusters": [
            {
                "scenes": images.base64_of(rows[:SHOWN].numpy().astype(np.int16)),
                "size": len(rows),
                "shares": shares(rows),
            }
            for rows in clusters(**settings)
        ],
        "chance": {name: structure.commonest(values) for name, values in _samples.truth().items()},
        "table": compared(**settings),
        "stability": stability(**settings),
    }


def _sheet(rows: Tensor) -> Image.Image:
    """A cluster's first scenes, and what most of it share."""
    shown = images.tile(_samples.pictures()[rows[:SHOWN]], ROW, gap=2, zoom=1)
    whole = Image.new("RGB", (_models.SIZE * ROW + 2 * (ROW - 1), shown.height), "white")
    whole.paste(shown, (0, 0))
    best = sorted(shares(rows).items(), key=lambda one: -one[1][1] + structure.commonest(_samples.truth()[one[0]]))
    words = [f"{value} {charts.percent(share)}" for _, (value, share) in best[:2]]
    return charts.labelled(whole, "\n".join([f"{len(rows)} scenes", *words]))


def picture(**settings: Any) -> Image.Image:
    """The clusters, and what they agree with."""
    sheets = charts.grid([_sheet(rows) for rows in clusters(**settings)], 4)
    table = compared(**settings)
    head = ("NMI, ARI", *(_samples.title(name, settings["layer"]) for name in table))
    body = [
        (one, *(f"{nmi:.2f}, {ari:.2f}".replace("-", "−") for nmi, ari in (table[name][one] for name in table)))
        for one in ATTRIBUTES
    ]
    words = f"ARI with the clusters of seed {next_seed(settings['seed'])}: {stability(**settings):.2f}"
    return charts.below([sheets, charts.table([head, *body]), charts.sentence(words)])


def says(**settings: Any) -> str:
    found = agreement(**settings)
    return "\n".join(f"{name}: NMI {nmi:.3f}, ARI {ari:.3f}" for name, (nmi, ari) in found.items())


def code(embedding: str, layer: str, k: int, seed: int) -> str:
    return f"""from genai_core import contrastive
from genai_core.contrastive import evaluation, simclr, singles, structure

scenes = singles.draw("{_samples.STREAM}", 0, {_samples.POINTS})
x = singles.render(scenes, {_models.SIZE})
{_samples.program(embedding, layer)}
found = structure.k_means(e, {k}, seed={seed})
for name, values in singles.attributes(scenes).items():
    nmi, ari = structure.agreement(values, found.labels)
    print(f"{{name}}: NMI {{nmi:.3f}}, ARI {{ari:.3f}}")
"""


PART = Part(
    id="cluster",
    title="Cluster",
    lead="<b>Move k</b>: k-means groups scenes by their embedding, and knows no label. What do the pictures of a group "
    "share, and does the table agree?",
    stage="contrastive/cluster",
    settings=(
        _samples.EMBEDDING,
        _samples.LAYER,
        Setting("k", integer(2, 20), 6, "k, clusters"),
        Setting("seed", seed(), 0, "Seed"),
    ),
    check=_samples.one_layer,
    form=True,
    functions=(_samples.sheet,),
    props={"titles": _samples.EMBEDDINGS, "attributes": list(ATTRIBUTES), "row": ROW, "scenes": _samples.POINTS},
    presets=(
        Preset(
            "How many clusters?",
            "Twenty clusters of pixels. With two, their NMI with the shape was almost 0, now it is several times that. "
            "Have the pixels found shapes?",
            {"embedding": "pixels", "k": 20},
            "No. NMI grows with the number of clusters even if they are drawn at random. ARI is corrected for chance, "
            "and for the shape it stays at 0. Always look at both.",
            (
                Answer("Yes: more clusters fit shapes better.", "Look at the ARI of the shape: it stays at 0."),
                Answer("No, NMI grows with k by itself."),
                Answer("Yes, but twenty is more than eight.", "ARI would be above 0 if they split the shapes finely."),
            ),
        ),
        Preset(
            "Before training",
            "Random weights, and as many clusters as there are backgrounds. Will the clusters be these?",
            {"embedding": "untrained", "k": 6},
            "For the most part. A background fills most of a picture, and so of what random filters see. What fills "
            "less of it, the thing, has next to no part in the clusters.",
            (
                Answer("For the most part."),
                Answer("No: without training, they are arbitrary.", "Filters, even random ones, keep what fills most."),
                Answer("No, they are the four places.", "Averaging over the picture loses most of where a thing is."),
            ),
        ),
        Preset(
            "What do the clusters share?",
            "Trained without colour jitter. Beside clusters of pixels, of what do these hold far more?",
            {"embedding": "simclr-scenes-no-jitter", "k": 8},
            "Of the thing’s colour: its NMI is several times that of the pixels. Views of a picture kept their "
            "colours, so colour is what this training sorts by.",
            (
                Answer("Of the shape.", "Colour was enough to find the other view; look at the ARI of the shape."),
                Answer("Of the place.", "A crop moves the thing, so the place helps little."),
                Answer("Of the thing’s colour."),
            ),
        ),
        Preset(
            "Seeds",
            "k-means begins with centres drawn at random, and the best of three runs is kept. Does the next seed find "
            "the same clusters?",
            {"embedding": "pixels", "k": 8, "seed": 0},
            "No. It ends in another minimum: the ARI of both is clearly below 1. Where clusters are not plain, part of "
            "what is seen is the choice of the seed.",
            (
                Answer(
                    "Yes: k-means finds the best clusters.", "It finds a local minimum, which depends on the start."
                ),
                Answer("No, but some are much alike."),
                Answer("No, they have nothing in common.", "Their ARI is well above 0, that of random groups."),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
