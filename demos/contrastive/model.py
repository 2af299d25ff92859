"""Model: a picture through SimCLR, from two views of it to the loss of a batch, every value of it."""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from demos._ui import charts, graph, images
from demos._ui.graph import Graph, Node
from demos._ui.settings import Setting, choice, integer, number, seed
from demos._ui.tab import Answer, Part, Preset
from demos.contrastive import _models
from genai_core import contrastive
from genai_core.common import checkpoints
from genai_core.contrastive import augment, losses, simclr, singles
from genai_core.contrastive.augment import Parameters

MOST = 8  # pictures of a batch

GRAPH = Graph(
    (
        Node("x", "x", "picture", (0, 0.5), "The picture: a scene, or one of your own.", "x", ink="real"),
        Node("others", "others", "picture", (0, 2), "The N − 1 other pictures of the batch.", "x₂ … x_N"),
        Node(
            "view_a",
            "view a",
            "picture",
            (1, 0),
            "The first view: a crop, other colours, as the seed draws them from the augmentation of this training.",
            "a = t(x)",
            augment.apply,
            "real",
            line="crop(x",
        ),
        Node(
            "view_b",
            "view b",
            "picture",
            (1, 1),
            "The second view of the same picture, drawn independently.",
            "b = t′(x)",
            augment.apply,
            "made",
            line="crop(x",
        ),
        Node(
            "views",
            "their views",
            "picture",
            (1, 2),
            "Two views of each other picture, all first ones before all second ones: the negatives.",
            "t(x₂) … t′(x_N)",
            augment.views,
        ),
        Node(
            "backbone",
            "backbone f",
            "narrows",
            (2, 1),
            "A ResNet, learned, the same for all views: each of its four stages but the first halves the sides and "
            "doubles the channels.",
            "h = f(view)",
            simclr.SimCLR.features,
            "accent",
        ),
        Node(
            "maps_a",
            "maps of a",
            "matrix",
            (3, 0),
            "What the last stage makes of view a: 128 maps of 4 × 4 places, in full colour at the highest value.",
            "last stage of f(a)",
            simclr.SimCLR.maps,
            "real",
            line="backbone[",
        ),
        Node(
            "maps_b",
            "maps of b",
            "matrix",
            (3, 1),
            "The same maps of view b: where they agree with those of a, the network sees what both views share.",
            "last stage of f(b)",
            simclr.SimCLR.maps,
            "made",
            line="backbone[",
        ),
        Node(
            "h_a",
            "h of a",
            "bars",
            (4, 0),
            "The features of view a: the mean of each map over its places. After training, h is the embedding.",
            "hₐ = f(a)",
            simclr.SimCLR.features,
            "real",
            line="backbone[",
        ),
        Node(
            "h_b",
            "h of b",
            "bars",
            (4, 1),
            "The features of view b.",
            "h_b = f(b)",
            simclr.SimCLR.features,
            "made",
            line="backbone[",
        ),
        Node(
            "h",
            "h of theirs",
            "matrix",
            (4, 2),
            "The features of the other views: a row each.",
            "h = f(view)",
            simclr.SimCLR.features,
            line="backbone[",
        ),
        Node(
            "head",
            "head g",
            "network",
            (5, 1),
            "The projection head, learned: two linear layers, of which the loss sees the outcome. It is thrown away "
            "after training.",
            "g(h) = W₂ relu(norm(W₁ h))",
            simclr.SimCLR.forward,
            "accent",
            line="self.head(",
        ),
        Node(
            "z_a",
            "z of a",
            "bars",
            (6, 0),
            "The projection of view a, divided by its length: a point on the unit sphere.",
            "zₐ = g(hₐ) / ||g(hₐ)||",
            losses.similarities,
            "real",
            line="F.normalize",
        ),
        Node(
            "z_b",
            "z of b",
            "bars",
            (6, 1),
            "That of view b. The loss wants it where z of a is.",
            "z_b = g(h_b) / ||g(h_b)||",
            losses.similarities,
            "made",
            line="F.normalize",
        ),
        Node(
            "z",
            "z of theirs",
            "matrix",
            (6, 2),
            "Those of the other views, a row each. The loss wants them elsewhere.",
            "||z|| = 1",
            losses.similarities,
            line="F.normalize",
        ),
        Node(
            "cosines",
            "s, cosines",
            "matrix",
            (7, 1),
            "The cosine of every view with every view: first all first views, this picture’s before the others, then "
            "all second ones. Training wants the two oblique lines beside the diagonal to be the brightest.",
            "sᵢⱼ = zᵢ · zⱼ",
            losses.similarities,
            "accent",
            line="z @ z.T",
        ),
        Node(
            "tau",
            "τ",
            "number",
            (7, 2),
            "The temperature. The lower it is, the more only the most similar negatives count.",
            "τ",
            losses.logits,
            "accent",
            line="temperature)",
        ),
        Node(
            "p",
            "softmax",
            "matrix",
            (8, 1),
            "A softmax of each row, without a view itself: which of the others is the other view of its picture? Each "
            "row sums to 1.",
            "softmaxⱼ≠ᵢ(sᵢⱼ / τ)",
            losses.of_rows,
            "accent",
            line="F.cross_entropy",
        ),
        Node(
            "mine",
            "of this picture",
            "number",
            (9, 0.4),
            "The mean of −log p of its two rows: what it costs to find view b by a, and a by b.",
            "½ (ℓ(a, b) + ℓ(b, a))",
            losses.of_rows,
            "real",
            "nat",
            line="F.cross_entropy",
        ),
        Node(
            "loss",
            "NT-Xent",
            "number",
            (9, 1.6),
            "The mean of −log p over all 2 N rows: what training makes small. Guessing costs log(2 N − 1).",
            "−(1/2N) Σ log p(other view)",
            losses.nt_xent,
            "accent",
            "nat",
            line="mean()",
        ),
    ),
    (
        ("x", "view_a"),
        ("x", "view_b"),
        ("others", "views"),
        ("view_a", "backbone"),
        ("view_b", "backbone"),
        ("views", "backbone"),
        ("backbone", "maps_a"),
        ("backbone", "maps_b"),
        ("maps_a", "h_a"),
        ("maps_b", "h_b"),
        ("backbone", "h"),
        ("h_a", "head"),
        ("h_b", "head"),
        ("h", "head"),
        ("head", "z_a"),
        ("head", "z_b"),
        ("head", "z"),
        ("z_a", "cosines"),
        ("z_b", "cosines"),
        ("z", "cosines"),
        ("cosines", "p"),
        ("tau", "p"),
        ("p", "mine"),
        ("p", "loss"),
    ),
)


def drawn(model: str, n: int, seed: int) -> Parameters:
    """Of the first views of n pictures, then of their second ones: those of a picture are the same in every batch."""
    generator = torch.Generator().manual_seed(seed)
    parameters = augment.draw(simclr.augmentation(contrastive.load(model).config), 2 * MOST, generator)
    return parameters[torch.cat([torch.arange(n), MOST + torch.arange(n)])]


def batch(scene: int, picture: str, n: int) -> Tensor:
    """The picture, and the scenes after its number, [N, 3, SIZE, SIZE]."""
    others = _models.render(singles.draw(_models.STREAM, scene + 1, n - 1))
    return torch.cat([_models.original(scene, picture)[None], others])


def ordered(a: Tensor, b: Tensor, others: Tensor) -> Tensor:
    """Values of the two views [1, ...] and of the other views [2 N - 2, ...], as the loss has them: [2 N, ...]."""
    first, second = others.chunk(2)
    return torch.cat([a, first, b, second])


def parted(every: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The other way round."""
    n = len(every) // 2
    return every[:1], every[n : n + 1], torch.cat([every[1:n], every[n + 1 :]])


def computed(scene: int, picture: str, model: str, temperature: float, n: int, seed: int) -> dict[str, Tensor]:
    """All that the loss is computed from; of the other views no maps."""
    own, device, track = contrastive.load(model), checkpoints.default_device(), torch.is_grad_enabled()
    x, others = (part.clone().requires_grad_(track) for part in batch(scene, picture, n).split([1, n - 1]))
    tau = torch.tensor(temperature, requires_grad=track)
    p_a, p_b, p_others = (drawn(model, n, seed)[rows] for rows in parted(torch.arange(2 * n)))
    a, b = augment.apply(x, p_a), augment.apply(x, p_b)
    views = augment.apply(others.repeat(2, 1, 1, 1), p_others)
    maps_a, maps_b, maps = parted(own.maps(ordered(a, b, views).to(device)))
    h_a, h_b, h = parted(own.backbone[-2:](ordered(maps_a, maps_b, maps)))
    z_a, z_b, z = parted(F.normalize(own.head(ordered(h_a, h_b, h)), dim=1).cpu())
    every = ordered(z_a, z_b, z)
    cosines = every @ every.T
    logits = losses.logits(cosines, tau)
    rows = losses.of_rows(logits)
    return {
        "x": x,
        "others": others,
        "view_a": a,
        "view_b": b,
        "views": views,
        "maps_a": maps_a,
        "maps_b": maps_b,
        "h_a": h_a,
        "h_b": h_b,
        "h": h,
        "z_a": z_a,
        "z_b": z_b,
        "z": z,
        "cosines": cosines,
        "tau": tau,
        "p": logits.softmax(1),
        "mine": (rows[0] + rows[n]) / 2,
        "loss": rows.mean(),
    }


@torch.inference_mode()
def values(**settings: Any) -> dict[str, Tensor]:
    """Every value of the graph."""
    found = computed(**settings)
    single = {name: found[name][0] for name in ("x", "view_a", "view_b", "h_a", "h_b", "z_a", "z_b")}
    return {**found, **single, **{name: sheet(found[name].cpu()) for name in ("maps_a", "maps_b")}}


def path(**settings: Any) -> tuple[Tensor, dict[str, Tensor | None]]:
    """The loss, and what it depends on by each box; the loss of one picture is on no way to that of the batch."""
    found = computed(**settings)
    del found["mine"]
    return found["loss"], {**found, "p": None}


def sheet(x: Tensor) -> Tensor:
    """The channels of pictures [N, C, H, W] side by side as one matrix: a row for each, or nearly square."""
    n, c, h, w = x.shape
    rows = n if n > 1 else max(k for k in range(1, math.isqrt(c) + 1) if c % k == 0)
    return x.view(rows, n * c // rows, h, w).transpose(1, 2).reshape(rows * h, n * c // rows * w)


# of gradients, which have a sign; of a picture in colour, red, green and blue stand side by side
LAID = dict.fromkeys(("x", "others", "view_a", "view_b", "views", "maps_a", "maps_b"), sheet)


def told(scene: int, picture: str, model: str, n: int, seed: int, **_others: Any) -> str:
    """What was drawn for the two views, in words."""
    p = drawn(model, n, seed)
    return " ".join(f"View {name}: {_changes(p, row)}." for name, row in (("a", 0), ("b", n)))


def _changes(p: Parameters, row: int) -> str:
    _, _, width, height = p.box[row].tolist()
    area = width * height
    said = [f"crop of {charts.percent(area)} of the area" if area < 0.999 else "no crop"]
    if p.flip[row]:
        said.append("mirrored")
    factors = {name: float(getattr(p, name)[row]) for name in ("brightness", "contrast", "saturation")}
    if any(abs(v - 1) > 1e-6 for v in factors.values()):
        said += [f"{name} × {v:.2f}" for name, v in factors.items()]
        said.append(f"hue {360 * float(p.hue[row]):+.0f}°".replace("-", "−"))
    if p.grey[row]:
        said.append("grey")
    if len(said) == 1:
        said.append("colours as they were")
    return ", ".join(said)


def show(**settings: Any) -> dict[str, Any]:
    return {"values": graph.values(GRAPH, values(**settings)), "note": told(**settings)}


def picture(**settings: Any) -> Image.Image:
    """The picture and its views, the cosines and the softmax of the batch, and the losses below."""
    found = values(**settings)
    n = settings["n"]
    names = [f"{view}{k + 1}" for view in "ab" for k in range(n)]
    boards = torch.stack([found[name] for name in ("x", "view_a", "view_b")])
    first = charts.labelled(images.tile(boards, 1, gap=2, zoom=3), "x and two views")
    heats = [
        charts.matrix(np.asarray(images.signed(found[name])), names, names, title=title)
        for name, title in (("cosines", "Cosines"), ("p", f"Softmax at τ = {settings['temperature']:g}"))
    ]
    row = charts.beside([first, *heats])
    return charts.below([row, charts.sentence(f"{says(**settings)}. {told(**settings)}", row.width)])


def says(**settings: Any) -> str:
    found = values(**settings)
    cosine = float(found["cosines"][0, settings["n"]])
    return f"cosine {cosine:.4f}; NT-Xent of this picture {found['mine']:.4f}, of the batch {found['loss']:.4f} nat"


def code(scene: int, picture: str, model: str, temperature: float, n: int, seed: int) -> str:
    x = f'singles.render(singles.draw("{_models.STREAM}", {scene}, {n}), {_models.SIZE})'
    imports, own = "import torch", ""
    if picture:
        imports = "import base64\nimport io\n\nimport torch\nfrom PIL import Image"
        own = f"x[0] = uploads.tensor(Image.open(io.BytesIO(base64.b64decode({picture!r}))), {_models.SIZE})\n"
    return f"""{imports}

from genai_core import contrastive
from genai_core.contrastive import augment, evaluation, losses, simclr, singles
{"from genai_core.data import uploads" if picture else ""}
model, n, temperature = contrastive.load("{model}"), {n}, {temperature!r}
x = {x}
{own}generator = torch.Generator().manual_seed({seed})
parameters = augment.draw(simclr.augmentation(model.config), {2 * MOST}, generator)  # of {MOST} pictures
views = torch.cat([augment.apply(x, parameters[k : k + n]) for k in (0, {MOST})])
z1, z2 = evaluation.projections(model, views).chunk(2)
cosine = float(torch.cosine_similarity(z1[0], z2[0], dim=0))
rows = losses.rows(z1, z2, temperature)
mine = (rows[0] + rows[n]) / 2
print(f"cosine {{cosine:.4f}}; NT-Xent of this picture {{mine:.4f}}, of the batch {{rows.mean():.4f}} nat")
"""


PART = Part(
    id="model",
    title="Model",
    lead="<b>Change the picture or τ</b> and follow two views of it to the cosines. <b>Click a box</b> for its "
    "equation and source. Which cells does the loss want bright?",
    stage="contrastive/model",
    settings=(
        _models.NUMBER,
        _models.OWN,
        Setting("model", choice(_models.SCENES), "simclr-scenes", "Training"),
        Setting("temperature", number(0.05, 1, 0.05), 0.2, "Temperature τ"),
        Setting("n", integer(2, MOST), 4, "Pictures N"),
        Setting("seed", seed(), 0, "Seed of the views"),
    ),
    presets=(
        Preset(
            "Temperature 1",
            "Four pictures, and cosines that are not scaled any more. How near to 0 can the loss come?",
            {"temperature": 1.0},
            "No nearer than log(1 + 6 e⁻²) = 0.59 nat: a cosine is at most 1 for the other view and at least −1 for "
            "the six negatives. A guess costs log 7 = 1.95. Divided by a τ of 0.2, the cosines can do far better.",
            (
                Answer("To 0, with a perfect network.", "Its cosines would be 1 and −1, and e¹ is not much above e⁻¹."),
                Answer("Not below half a nat."),
                Answer("It stays at log 7, a guess.", "The other view has the highest cosine, and gets more than 1/7."),
            ),
        ),
        Preset(
            "Eight pictures",
            "Four more pictures, so eight more negatives. What does that do to the loss of this picture?",
            {"n": MOST},
            "It goes up, if only a little: each negative adds to the sum below the fraction, and its views are the "
            "same as before. The paper’s batches have thousands, since more of them leave less to guess.",
            (
                Answer("It goes up."),
                Answer("Nothing: its two views are the same.", "They are, but what they are told apart from is not."),
                Answer("It goes down: more to learn from.", "A batch is harder with more negatives, not easier."),
            ),
        ),
        Preset(
            "Without crops",
            "This training never cropped. What is left by which its views a and b differ?",
            {"model": "simclr-scenes-no-crop"},
            "Only colours: brightness, contrast, saturation and hue, and now and then all of them for grey. Place, "
            "size and outline are the same in both, so that the network can find b by these.",
            (
                Answer("Nothing: then they are the same picture.", "Look at both: jitter is drawn for each."),
                Answer("Place and size.", "These were what a crop would change."),
                Answer("Colours."),
            ),
        ),
        Preset(
            "Pull and push",
            "Press Backward below, then look at s. Which cosines would a step against the gradient raise?",
            {"temperature": 0.5},
            "Only those of two views of one picture, the blue cells: the gradient is (softmax − 1)/(2Nτ) there, below "
            "0, and softmax/(2Nτ) at all negatives, above 0, the more the likelier a negative is.",
            (
                Answer("All of them: alike is good.", "Then all views would end in one point, and find nothing."),
                Answer("Those of two views of one picture."),
                Answer("The highest ones.", "High cosines of two pictures are what it pushes down the most."),
            ),
        ),
    ),
    form=True,
    wide=True,
    props={"scenes": _models.MOST},
    functions=(
        graph.description(GRAPH),
        graph.backward(GRAPH, path, lambda request: PART.parse(request), LAID),
        _models.own,
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
