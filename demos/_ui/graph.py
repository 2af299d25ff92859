"""A model as boxes and arrows, from left to right, in which every tensor is drawn as what it is.

A tab describes its graph once, in Python; `js/graph.js` draws it, and `values` sends what the model has in each box:

    Graph((Node("mu", "μ", "bars", (2, 0), "The mean of q(z|x)."), ...), (("mu", "z"), ...))
    values(GRAPH, {"mu": mu[0], ...})

Kinds: "picture" [H, W], [C, H, W] or several [N, C, H, W] in [0, 1]; "bars", a vector; "matrix", a heat map; "number";
"tokens", texts; "ranked", {text: number}, the highest first; and, without a value, "narrows", "widens" and "network":
what is learned.
"""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from demos._ui import images, page

VALUES = ("picture", "bars", "matrix", "number", "tokens", "ranked")
NETWORKS = ("narrows", "widens", "network")


@dataclass(frozen=True)
class Node:
    """A box. at: its column and its row, from 0; rows may be fractions. ink: a colour of theme.css, such as "real".

    source: the function or class that computes it, whose source the page shows; line: a text that its lines hold which
    compute the value. unit: of a number. normal: of bars, whether one and two standard deviations of N(0, 1) lie behind
    them. ticks: of bars, what stands below each one, a letter or two. by: what the gradient is taken by, where that is
    not the value.
    """

    id: str
    title: str
    kind: str
    at: tuple[float, float]
    meaning: str
    equation: str = ""
    source: Callable | None = None
    ink: str = "noise"
    unit: str = ""
    normal: bool = False
    line: str = ""
    ticks: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True)
class Graph:
    """Boxes, and arrows between their ids. held: those along which no gradient flows back.

    Raises: ValueError for an unknown kind, for an arrow from or to no box, and for one held that is none.
    """

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    held: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        ids = {node.id for node in self.nodes}
        for node in self.nodes:
            if node.kind not in VALUES + NETWORKS:
                raise ValueError(f"There is no kind of box '{node.kind}'; there are {', '.join(VALUES + NETWORKS)}.")
        for edge in self.edges:
            if missing := [end for end in edge if end not in ids]:
                raise ValueError(f"There is no box '{missing[0]}'.")
        if not set(self.held) <= set(self.edges):
            raise ValueError("An arrow that is held is none of the arrows.")

    def described(self) -> dict[str, Any]:
        """What the script draws: JSON."""
        return {
            "nodes": [vars(node) | {"source": source(node.source)} for node in self.nodes],
            "edges": self.edges,
            "held": self.held,
        }


def description(graph: Graph) -> Callable[[dict], dict[str, Any]]:
    """What the stage's script asks the server for, as `server.graph`: the description."""
    described = functools.cache(graph.described)  # it reads the sources, which an app that starts does without

    def describe(_request: dict) -> dict[str, Any]:
        return described()

    describe.__name__ = "graph"
    return describe


def backward(
    graph: Graph,
    path: Callable[..., tuple[Tensor, Mapping[str, Tensor | None]]],
    parse: Callable[[dict], dict[str, Any]],
    laid: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
) -> Callable[[dict], dict[str, Any]]:
    """What the stage's script asks the server for, as `server.gradients`: the gradient of the loss by each box.

    path: settings -> the loss, and by box the tensors that it was computed from, with their history; None for a box
    whose value is of another form than what the loss was computed from. parse: a request -> checked settings. laid: by
    box, how its entries are laid out.
    """

    def gradients(request: dict) -> dict[str, Any]:
        with torch.enable_grad():
            loss, found = path(**parse(request))
        return slopes(graph, loss, found, laid or {})

    return gradients


def slopes(
    graph: Graph,
    loss: Tensor,
    found: Mapping[str, Tensor | None],
    laid: Mapping[str, Callable[[Tensor], Tensor]],
) -> dict[str, dict[str, Any] | None]:
    """The gradient of the loss by the tensor of each box, as `values`, and its norm; a first dimension of 1 goes.

    Raises: ValueError for a box that there is not.
    """
    nodes = {node.id: node for node in graph.nodes}
    if unknown := [id_ for id_ in found if id_ not in nodes]:
        raise ValueError(f"There is no box '{unknown[0]}'.")
    tensors = {id_: tensor for id_, tensor in found.items() if tensor is not None}
    sent: dict[str, dict[str, Any] | None] = dict.fromkeys(found)
    for id_, gradient in zip(tensors, torch.autograd.grad(loss, list(tensors.values())), strict=True):
        kind = {"picture": "matrix"}.get(nodes[id_].kind, nodes[id_].kind)  # it has a sign
        gradient = laid[id_](gradient) if id_ in laid else gradient
        while gradient.ndim > {"matrix": 2, "bars": 1, "number": 0}[kind] and len(gradient) == 1:
            gradient = gradient[0]
        sent[id_] = value(replace(nodes[id_], kind=kind), gradient) | {"norm": number(gradient.norm())}
    return sent


def source(computes: Callable | None) -> str:
    """The lines of a function or a class, and where they are; nothing for none."""
    if computes is None:
        return ""
    return f"# {computes.__module__}\n{page.source_of(computes)}"


def values(graph: Graph, found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Values by the box's id -> what the script shows: shape, range and data of each.

    They are tensors, but of "tokens" texts, and of "ranked" {text: number}.

    Raises: ValueError where a box with a value has none, or its tensor does not have the dimensions of its kind.
    """
    return {node.id: value(node, found.get(node.id)) for node in graph.nodes if node.kind in VALUES}


def value(node: Node, found: Any) -> dict[str, Any]:
    if found is None:
        raise ValueError(f"The box '{node.id}' has no value.")
    if node.kind == "tokens":
        return {"shape": [len(found)], "data": list(found)}
    if node.kind == "ranked":
        names, numbers = list(found), [number(v) for v in found.values()]
        return {"shape": [len(names)], "low": min(numbers), "high": max(numbers), "names": names, "data": numbers}
    tensor = torch.as_tensor(found).detach().float().cpu()
    dimensions = {"picture": (2, 3, 4), "bars": (1,), "matrix": (2,), "number": (0,)}[node.kind]
    if tensor.ndim not in dimensions:
        raise ValueError(f"The box '{node.id}' is a {node.kind}, and was given {list(tensor.shape)}.")
    sent = {"shape": list(tensor.shape), "low": number(tensor.min()), "high": number(tensor.max())}
    return sent | {"data": data(node.kind, tensor)}


def data(kind: str, tensor: Tensor) -> Any:
    """A number, a list of them, or a PNG."""
    if kind == "number":
        return number(tensor)
    if kind == "bars":
        return [number(v) for v in tensor]
    if kind == "matrix":  # its largest entry in full colour
        return images.png(images.signed(tensor / tensor.abs().max().clamp(min=1e-9)))
    if tensor.ndim < 4:
        tensor = tensor.view(1, -1, *tensor.shape[-2:])
    return images.png(images.tile(tensor, math.ceil(len(tensor) ** 0.5), gap=2, between=255))


def number(value: Tensor | float) -> float:
    """With four digits."""
    return float(f"{float(value):.4g}")
