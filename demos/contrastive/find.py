"""Find: what each embedding calls similar to a picture, among 2,000 held-out scenes, and whether it calls any so."""

import functools
import threading
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from demos._ui import charts, images
from demos._ui.settings import Setting, choice
from demos._ui.tab import Answer, Part, Preset
from demos.contrastive import _models
from genai_core.contrastive import evaluation, singles
from genai_core.contrastive.neighbours import Agreement, Gallery, Neighbours, agreement
from genai_core.data.scenes import Scene

READERS = {_models.PIXELS: "Pixels", _models.UNTRAINED: "Not trained"} | _models.SCENES
SCENES, K = 2_000, 8  # of the gallery; neighbours
SCENE, TWO, NOISE, GREY = "scene", "two", "noise", "grey"
KINDS = {SCENE: "a scene of one thing", TWO: "two things", NOISE: "noise", GREY: "plain grey"}
VECTORS = {"h": "h, the features", "z": "z, after the head"}
_once = threading.Lock()  # who comes while a gallery is being made waits for it


@torch.inference_mode()
def embed(name: str, vector: str, x: Tensor) -> Tensor:
    """h or z of pictures [N, 3, SIZE, SIZE] by a reader, [N, D]; of pixels, these. Raises: CheckpointError."""
    if name == _models.PIXELS:
        return _models.embed(name, x)
    return projected(name, vector, evaluation.features(_models.network(name), x))


def projected(name: str, vector: str, h: Tensor) -> Tensor:
    """h, or z of it, on the CPU."""
    if vector == "h":
        return h
    model = _models.network(name)
    return model.head(h.to(next(model.parameters()).device)).float().cpu()


@functools.cache
def held_out() -> tuple[list[Scene], Tensor, dict[str, Tensor]]:
    """The scenes of the gallery, their pictures, and their attributes."""
    shown = singles.draw(_models.STREAM, 0, SCENES)
    return shown, _models.render(shown), singles.attributes(shown)


@functools.cache
def features(name: str) -> Tensor:
    """h of the scenes by a reader, of pixels these; z is made of it."""
    return embed(name, "h", held_out()[1])


@functools.cache
@torch.inference_mode()
def _gallery(name: str, vector: str) -> Gallery:
    return Gallery.of(features(name) if name == _models.PIXELS else projected(name, vector, features(name)), K)


def gallery(name: str, vector: str) -> Gallery:
    """The scenes as a reader embeds them."""
    with _once:
        return _gallery(name, "" if name == _models.PIXELS else vector)


def query(kind: str, scene: int, picture: str) -> Tensor:
    """The picture that is looked for, [3, SIZE, SIZE]; an own one goes before all others."""
    if picture or kind == SCENE:
        return _models.original(scene, picture)
    if kind == TWO:
        return _models.render([singles.crowd(_models.STREAM, scene, 2)])[0]
    if kind == NOISE:
        return torch.rand(3, _models.SIZE, _models.SIZE, generator=torch.Generator().manual_seed(scene))
    return torch.full((3, _models.SIZE, _models.SIZE), 0.5)


def known(kind: str, scene: int, picture: str) -> dict[str, int] | None:
    """The attributes of the query: of a scene of one thing alone."""
    if picture or kind != SCENE:
        return None
    return {name: int(values[0]) for name, values in singles.attributes([_models.scene(scene)]).items()}


def itself(kind: str, scene: int, picture: str) -> int | None:
    """The row of the gallery that the query is."""
    return scene if kind == SCENE and not picture and scene < SCENES else None


def found(kind: str, scene: int, picture: str, vector: str) -> dict[str, Neighbours]:
    """The neighbours by every reader."""
    x, own = query(kind, scene, picture)[None], itself(kind, scene, picture)
    return {name: gallery(name, vector).find(embed(name, vector, x)[0], own) for name in READERS}


def agreements(near: Neighbours, kind: str, scene: int, picture: str) -> dict[str, Agreement]:
    """By attribute; none where those of the query are not known."""
    truth = known(kind, scene, picture)
    return agreement(held_out()[2], truth, near.rows, itself(kind, scene, picture)) if truth else {}


def about(kind: str, scene: int, picture: str) -> str:
    """What the query is."""
    if picture:
        return "your picture"
    return f"scene {scene}: {_models.words(_models.scene(scene))}" if kind == SCENE else KINDS[kind]


def show(kind: str, scene: int, picture: str, vector: str) -> dict[str, Any]:
    asked, (shown, pictures, _) = {"kind": kind, "scene": scene, "picture": picture}, held_out()
    hits = found(**asked, vector=vector)
    rows = [
        {
            "name": name,
            "scenes": near.rows.tolist(),
            "words": [_models.words(shown[row]) for row in near.rows],
            "cosines": [round(v, 4) for v in near.cosines.tolist()],
            "score": round(near.score, 4),
            "rank": near.rank,
            "agree": {one: [a.count, round(a.chance, 2)] for one, a in agreements(near, **asked).items()},
        }
        for name, near in hits.items()
    ]
    sheet = pictures[torch.cat([near.rows for near in hits.values()])]
    return {
        "query": images.png(images.picture(query(**asked))),
        "about": about(**asked),
        "sheet": images.png(images.tile(sheet, K)),
        "rows": rows,
    }


def ranked(share: float) -> str:
    """How unusual: "above 99.2 % of the scenes"."""
    return f"above {charts.percent(share)} of the scenes"


def picture(kind: str, scene: int, picture: str, vector: str) -> Image.Image:
    """The query, and the neighbours by every reader with their score and what they have in common with it."""
    asked, pictures = {"kind": kind, "scene": scene, "picture": picture}, held_out()[1]
    head = images.tile(query(**asked)[None], 1, zoom=3)
    rows = [charts.labelled(head, about(**asked))]
    for name, near in found(**asked, vector=vector).items():
        said = f"{READERS[name]}: anomaly score {near.score:.3f}, {ranked(near.rank)}"
        same = [f"{one} {a.count} ({a.chance:.1f})" for one, a in agreements(near, **asked).items()]
        cells = [
            charts.labelled(images.tile(pictures[row][None], 1, zoom=2), f"{cosine:.3f}", charts.SOFT)
            for row, cosine in zip(near.rows, near.cosines, strict=True)
        ]
        row = charts.beside(cells, 8)
        rows += [charts.sentence(said, row.width), row]
        if same:
            rows.append(charts.sentence(f"of {K} agree (by chance): {', '.join(same)}", row.width, charts.SOFT))
    return charts.below(rows, 6)


def says(**settings: Any) -> str:
    return "\n".join(
        f"{name}: score {near.score:.3f}, above {near.rank:.1%}, scenes {near.rows.tolist()}"
        for name, near in found(**settings).items()
    )


def code(kind: str, scene: int, picture: str, vector: str) -> str:
    imports, more = "import torch\n", ""
    x = f'singles.render(singles.draw("{_models.STREAM}", {scene}, 1), {_models.SIZE})'
    if picture:
        imports = "import base64\nimport io\n\nimport torch\nfrom PIL import Image\n"
        more = "\nfrom genai_core.data import uploads"
        x = f"uploads.tensor(Image.open(io.BytesIO(base64.b64decode({picture!r}))), {_models.SIZE})[None]"
    elif kind == TWO:
        x = f'singles.render([singles.crowd("{_models.STREAM}", {scene}, 2)], {_models.SIZE})'
    elif kind == NOISE:
        x = f"torch.rand(1, 3, {_models.SIZE}, {_models.SIZE}, generator=torch.Generator().manual_seed({scene}))"
    elif kind == GREY:
        x = f"torch.full((1, 3, {_models.SIZE}, {_models.SIZE}), 0.5)"
    of = "projections" if vector == "z" else "features"
    return f"""{imports}
from genai_core import contrastive
from genai_core.contrastive import evaluation, simclr, singles
from genai_core.contrastive.neighbours import Gallery{more}

networks = {{"{_models.UNTRAINED}": simclr.untrained(simclr.SCENES)}}
networks |= {{name: contrastive.load(name) for name in {tuple(_models.SCENES)}}}


def embed(name: str, x: torch.Tensor) -> torch.Tensor:
    if name == "{_models.PIXELS}":
        return x.flatten(1) - x.flatten(1).mean(1, keepdim=True)
    return evaluation.{of}(networks[name], x)


scenes = singles.render(singles.draw("{_models.STREAM}", 0, {SCENES}), {_models.SIZE})
x = {x}
for name in ("{_models.PIXELS}", *networks):
    near = Gallery.of(embed(name, scenes), {K}).find(embed(name, x)[0], without={itself(kind, scene, picture)})
    print(f"{{name}}: score {{near.score:.3f}}, above {{near.rank:.1%}}, scenes {{near.rows.tolist()}}")
"""


PART = Part(
    id="find",
    title="Find",
    lead="<b>Press a picture</b> to look for what is like it. Each row is another embedding: what does it call "
    "similar, and how unusual does it find what you look for?",
    stage="contrastive/find",
    settings=(
        Setting("kind", choice(KINDS), SCENE, "Look for"),
        _models.NUMBER,
        _models.OWN,
        Setting("vector", choice(VECTORS), "h", "Vector"),
    ),
    presets=(
        Preset(
            "Same colour or same shape?",
            "Of eight neighbours one has the colour of the query by chance. In which row do nearly all eight have it?",
            {"scene": 1},
            "In that of the training without colour jitter: colour helped it to find the other view, so its embedding "
            "is sorted by colour first. Jitter makes colour a bad clue, and the others sort by something else.",
            (
                Answer("All augmentations: it has seen the most.", "It has seen that colours change in a picture."),
                Answer("Without colour jitter."),
                Answer("Pixels: they are nothing but colours.", "Of the few pixels of the thing; most are background."),
            ),
        ),
        Preset(
            "Pixels against SimCLR",
            "Neighbours by pixels often have the query’s place and background. How often do they have its shape?",
            {},
            "Hardly more often than by chance. Pixels are compared place by place: what covers the same place in a "
            "similar brightness is near, be it a star or a cross. Compare what the rows of SimCLR agree in.",
            (
                Answer("In most: a shape is its pixels.", "Turned or moved a little, a shape has other pixels."),
                Answer("Never: pixels cannot see shapes.", "Some do agree, about as many as by chance."),
                Answer("About as often as by chance."),
            ),
        ),
        Preset(
            "Not of this world",
            "Noise is like no scene. Which rows notice that?",
            {"kind": NOISE},
            "All: in every one its score is above that of at least 99 % of the scenes, and that of the network which "
            "was never trained as well. What is far from all that there is needs no training to be found.",
            (
                Answer("Every row."),
                Answer("The three that were trained: they know the scenes.", "Look at the other two bars as well."),
                Answer("None: there is always a nearest scene.", "There is, but how near it is can be compared."),
            ),
        ),
        Preset(
            "Two things",
            "No scene of this world has two things. Do the rows find two as strange as noise?",
            {"kind": TWO},
            "No: in every row its score is below that of noise. It is made of what the world is made of, and near "
            "to scenes that hold one of the two. Such near anomalies are the hard ones.",
            (
                Answer("As strange: neither is in the gallery.", "Scores compare distances, not membership."),
                Answer("Stranger: two things are twice as wrong.", "Its neighbours are scenes with one of the two."),
                Answer("Less strange, in every row."),
            ),
        ),
    ),
    props={
        "readers": READERS,
        "kinds": KINDS,
        "vectors": VECTORS,
        "scenes": _models.MOST,
        "scene": SCENE,
        "plain": GREY,
    },
    functions=(_models.own,),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
