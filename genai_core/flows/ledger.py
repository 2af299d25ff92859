"""A picture's way through a flow, layer by layer, and what each layer adds to its likelihood."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from genai_core.common import checks
from genai_core.flows.base import DIMENSIONS, LEVELS, SHAPE, ImageFlow, dequantise
from genai_core.flows.couplings import Coupling
from genai_core.flows.layers import Layer, Squeeze, factor_in, factor_out


@dataclass(frozen=True)
class Entry:
    """One line of the ledger. The nats of all lines add up to log p of the picture, the bits to bits per dimension.

    name: of the layer; "dequantise" first, "prior" last. state: the numbers after it, each at the pixel that it comes
    from, [1, 28, 28] in float64. changed: 1 where the layer may have changed a number, [1, 28, 28]. scale: 0 is the
    finest.
    """

    name: str
    state: Tensor
    changed: Tensor
    scale: int
    nats: float

    @property
    def bits(self) -> float:
        """What the line adds to the bits per dimension: less than 0 where the layer stretches space."""
        return -self.nats / (DIMENSIONS * math.log(2))


@dataclass(frozen=True)
class _Place:
    """A flow under way: h has left `done` layers of `scale`; the latents of the scales before it are out."""

    layer: Layer
    scale: int
    done: int
    h: Tensor
    latents: list[Tensor]
    log_det: Tensor


def _rounded(h: Tensor, dtype: torch.dtype) -> Tensor:
    """h rounded to dtype, in the precision that a layer reckons in: float32 at least."""
    return h.to(dtype).to(torch.promote_types(dtype, torch.float32))


def _walk(model: ImageFlow, v: Tensor, dtype: torch.dtype) -> Iterator[_Place]:
    """`model.encode`, one layer after another; what goes from one to the next is rounded to dtype."""
    latents, h = [], v
    for i, scale in enumerate(model.scales):
        if i:
            h, out = factor_out(h)
            latents.append(out)
        for j, layer in enumerate(scale.layers):
            h, log_det = layer(h)
            h = _rounded(h, dtype)
            yield _Place(layer, i, j + 1, h, [*latents], log_det)


def _at_pixels(model: ImageFlow, place: _Place, h: Tensor, latents: list[Tensor]) -> Tensor:
    """Numbers in the order that they have at a place -> [N, 1, 28, 28]: squeezing and factoring out undone."""
    for i in reversed(range(place.scale + 1)):
        layers = model.scales[i].layers
        for layer in reversed(layers[: place.done] if i == place.scale else layers):
            if isinstance(layer, Squeeze):
                h = layer.inverse(h)
        if i:
            h = factor_in(h, latents[i - 1])
    return h


def _changed(place: _Place) -> Tensor:
    """1 for each number [1, C, H, W] that the layer, just left, may have changed."""
    if isinstance(place.layer, Squeeze):
        return torch.zeros_like(place.h)
    if isinstance(place.layer, Coupling):
        channels, height, width = place.h.shape[1:]
        return place.layer.changed((channels, height, width)).to(place.h)[None]
    return torch.ones_like(place.h)


@torch.inference_mode()
def ledger(model: ImageFlow, x: Tensor, *, generator: torch.Generator) -> list[Entry]:
    """The lines of one picture x [1, 28, 28] in [0, 1], to which noise is added; between the layers all is float64.

    Raises: ValueError for a picture of another shape.
    """
    checks.shape("The picture", x, *SHAPE)
    v = dequantise(x[None], generator=generator).to(next(model.parameters()).device)
    v = v.double()
    entries = [Entry("dequantise", v[0].cpu(), torch.ones(SHAPE), 0, -DIMENSIONS * math.log(LEVELS))]
    for place in _walk(model, v, torch.float64):
        state = _at_pixels(model, place, place.h, place.latents)
        nothing = [torch.zeros_like(part) for part in place.latents]
        changed = _at_pixels(model, place, _changed(place), nothing)
        entries.append(Entry(place.layer.title, state[0].cpu(), changed[0].cpu(), place.scale, float(place.log_det[0])))
    log_prior = model.log_prior([*place.latents, place.h])
    return [*entries, Entry("prior", entries[-1].state, torch.zeros(SHAPE), place.scale, float(log_prior[0]))]


def _back(model: ImageFlow, last: _Place, dtype: torch.dtype) -> Iterator[_Place]:
    """The way back from where `_walk` ended: the place before each layer, the last one's first."""
    h = last.h
    for i in reversed(range(len(model.scales))):
        for j in reversed(range(len(model.scales[i].layers))):
            layer = model.scales[i].layers[j]
            h = _rounded(layer.inverse(h), dtype)
            yield _Place(layer, i, j, h, last.latents[:i], last.log_det)
        if i:
            h = factor_in(h, last.latents[i - 1])


@torch.inference_mode()
def roundtrip(
    model: ImageFlow, x: Tensor, *, generator: torch.Generator, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Pictures x [N, 1, 28, 28] in [0, 1] with noise, v, and what comes back of them through all layers, both ways.

    dtype: to which the numbers between two layers are rounded. Each layer reckons in float32, in float64 where dtype is
    that, its network in float32.
    Raises: ValueError for pictures of another shape.
    """
    checks.shape("Pictures", x, None, *SHAPE)
    v = dequantise(x, generator=generator).to(next(model.parameters()).device)
    *_, last = _walk(model, _rounded(v, dtype), dtype)
    *_, first = _back(model, last, dtype)
    return v.cpu(), first.h.cpu()


@torch.inference_mode()
def way_back(model: ImageFlow, x: Tensor, *, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """The states of one picture's round trip on its way back, each number at the pixel that it comes from.

    x [1, 28, 28] in [0, 1]. The states [layers, 1, 28, 28] are those before each layer, the last layer's first, so that
    in float64 they are the ledger's in reverse; generator, dtype: as of `roundtrip`.
    Raises: ValueError for a picture of another shape.
    """
    checks.shape("The picture", x, *SHAPE)
    v = dequantise(x[None], generator=generator).to(next(model.parameters()).device)
    *_, last = _walk(model, _rounded(v, dtype), dtype)
    return torch.cat([_at_pixels(model, place, place.h, place.latents) for place in _back(model, last, dtype)]).cpu()
