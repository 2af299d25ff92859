"""What programs can ask of the Contrastive tab."""

from collections.abc import Iterator
from typing import Any

from demos._server import lanes
from demos._ui.api import Value, endpoint
from demos._ui.settings import Table
from demos.contrastive import _models, _samples, cluster, find, forget, map, model, train, views
from genai_core.contrastive.live import ContrastiveFrame


@endpoint(
    Table(train.PART.settings),
    Value(
        "step, steps, loss; cosines: mean cosine of two views of one picture, and of two pictures; rank: effective "
        "rank of z; shape, colour: share of the ten nearest to a picture that have its shape, its colour; timed_out"
    ),
    lane=lanes.TRAIN,
)
def contrastive_train(**settings: Any) -> Iterator[dict | None]:
    """Train an embedding of small pictures without labels for at most a minute; streams figures every ten steps."""

    def shown(frame: ContrastiveFrame) -> dict:
        names = ("step", "steps", "loss", "cosines", "rank", "shape", "colour", "timed_out")
        return {name: getattr(frame, name) for name in names}

    yield from train.frames(shown, **settings)


@endpoint(
    Table(views.PART.settings),
    Value(
        "cosines: of the two views by every model; losses: NT-Xent of every row of the batch, all first views before "
        "all second ones, the picture's views first of each"
    ),
)
def contrastive_views(temperature: float, **settings: Any) -> dict[str, Any]:
    """Make two views of one picture, and see how alike networks find them, and what the loss makes of them."""
    pair = {name: settings[name] for name in ("scene", "picture", "first", "second")}
    return {
        "cosines": {name: round(value, 4) for name, value in views.cosines(**pair).items()},
        "losses": [round(value, 4) for value in views.of_rows(temperature, **settings).tolist()],
    }


@endpoint(
    Table(forget.PART.settings, forget.PART.check),
    Value("cosines: of the z of the two things, by every training; any: the mean of any two things"),
)
def contrastive_forget(**settings: Any) -> dict[str, dict[str, float]]:
    """See how alike three trainings find two things that differ in one attribute."""
    return {
        "cosines": {name: round(value, 4) for name, value in forget.cosines(**settings).items()},
        "any": {name: round(forget.of_any_two(name), 4) for name in _models.SCENES},
    }


@endpoint(
    Table(model.PART.settings),
    Value(
        "cosines: of all 2 N views of the batch, all first ones before all second ones; mine: loss of the picture's "
        "two rows; loss: NT-Xent of the batch"
    ),
)
def contrastive_model(**settings: Any) -> dict[str, Any]:
    """Make two views of a picture and of others, as a training does, and compute its loss."""
    found = model.values(**settings)
    cosines = [[round(value, 4) for value in row] for row in found["cosines"].tolist()]
    return {"cosines": cosines, **{name: round(float(found[name]), 4) for name in ("mine", "loss")}}


@endpoint(
    Table(find.PART.settings),
    Value(
        "by embedding: scenes and cosines of the nearest, score: 1 - their mean, above: the share of scenes with a "
        "lower score; agree: of a scene, by attribute, in how many of them it is the same, and in how many by chance"
    ),
)
def contrastive_find(**settings: Any) -> dict[str, dict[str, Any]]:
    """Find what five embeddings call similar to a picture among 2,000 scenes, and how unusual they find it."""
    kept = {"scenes": "scenes", "cosines": "cosines", "score": "score", "above": "rank", "agree": "agree"}
    rows = find.show(**settings)["rows"]
    return {row["name"]: {name: row[key] for name, key in kept.items()} for row in rows}


@endpoint(
    Table(map.PART.settings, map.PART.check),
    Value(
        "points: x and y of every scene, the largest 1; labels: the values of the attribute; neighbours: how often the "
        "nearest name it in the whole space and in the plane, and the share of the commonest value (chance); sphere: "
        "alignment and uniformity of every embedding"
    ),
)
def contrastive_map(**settings: Any) -> dict[str, Any]:
    """Lay an embedding of 400 scenes out in two dimensions, and see what neighbours in it share."""
    embedding, layer, attribute = (settings[name] for name in ("embedding", "layer", "attribute"))
    at = map.plane(embedding, layer, settings["method"])
    names = map.ATTRIBUTES[attribute]
    return {
        "points": [[round(v, 4) for v in row] for row in at.tolist()],
        "labels": [names[k] for k in _samples.truth()[attribute].tolist()],
        "neighbours": {name: round(v, 4) for name, v in map.neighbours(**settings).items()},
        "sphere": {name: {key: round(v, 4) for key, v in one.items()} for name, one in map.sphere(layer).items()},
    }


@endpoint(
    Table(cluster.PART.settings, cluster.PART.check),
    Value(
        "clusters: the numbers of the scenes of each, the nearest to its centre first; agreement: NMI and ARI with "
        "each attribute, of this embedding, of pixels and of an untrained network; stability: ARI with the next seed's"
    ),
)
def contrastive_cluster(**settings: Any) -> dict[str, Any]:
    """Group an embedding of 400 scenes by k-means, and see what the groups agree with."""
    return {
        "clusters": [rows.tolist() for rows in cluster.clusters(**settings)],
        "agreement": {
            name: {one: {"nmi": round(nmi, 4), "ari": round(ari, 4)} for one, (nmi, ari) in found.items()}
            for name, found in cluster.compared(**settings).items()
        },
        "stability": round(cluster.stability(**settings), 4),
    }


ENDPOINTS = (
    contrastive_model,
    contrastive_train,
    contrastive_views,
    contrastive_map,
    contrastive_forget,
    contrastive_find,
    contrastive_cluster,
)
