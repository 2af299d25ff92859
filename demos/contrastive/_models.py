"""What the parts on trained networks share: the trainings, a scene of one thing or a picture of one's own, cosines."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from demos._ui import images, validation
from demos._ui.settings import Setting, checked
from genai_core import contrastive
from genai_core.contrastive import evaluation, simclr, singles
from genai_core.contrastive.simclr import SimCLR
from genai_core.data import uploads
from genai_core.data.scenes import Scene

SIZE = 32  # pixels of a picture, both ways: what all of them were trained on
SCENES = {
    "simclr-scenes": "All augmentations",
    "simclr-scenes-no-jitter": "Without colour jitter",
    "simclr-scenes-no-crop": "Without crops",
}
PIXELS, UNTRAINED = "pixels", "untrained"  # what trainings are compared with
STREAM = "page"  # of the scenes that are shown, none of which was trained on
MOST = 10_000  # scenes of it
KEPT = 6_000  # bytes of a picture of one's own, so that it fits into a link


@functools.cache
def untrained() -> SimCLR:
    return simclr.untrained(simclr.SCENES)


def network(name: str) -> SimCLR:
    """A training, or UNTRAINED: random weights of the same shape. Raises: CheckpointError."""
    return untrained() if name == UNTRAINED else contrastive.load(name)


def embed(name: str, x: Tensor) -> Tensor:
    """z of pictures [N, 3, SIZE, SIZE], which the loss compared; of PIXELS, these themselves less their mean: [N, D].

    Raises: CheckpointError.
    """
    if name == PIXELS:
        return x.flatten(1) - x.flatten(1).mean(1, keepdim=True)
    return evaluation.projections(contrastive.load(name), x)


def cosine(a: Tensor, b: Tensor) -> float:
    """Of two vectors [D]."""
    return float(F.cosine_similarity(a, b, dim=0))


def scene(number: int) -> Scene:
    """A scene of one thing, by its number."""
    return singles.draw(STREAM, number, 1)[0]


def words(scene_: Scene) -> str:
    """A scene of one thing: "small striped red star, top left, on navy"."""
    (thing,) = scene_.things
    kind, place = thing.kind, int(singles.attributes([scene_])["place"])
    return f"{kind.size} {kind.fill} {kind.colour} {kind.shape}, {singles.PLACES[place]}, on {scene_.background}"


def render(shown: Sequence[Scene]) -> Tensor:
    return singles.render(shown, SIZE)


def opened(data: str) -> Tensor:
    """A picture of one's own [3, SIZE, SIZE], from base64. Raises: InputError."""
    return uploads.tensor(validation.picture(validation.decoded(data, "That picture", KEPT)), SIZE)


def original(scene_: int, picture: str) -> Tensor:
    """The picture [3, SIZE, SIZE] that is chosen: an own one, or a scene by its number. Raises: InputError."""
    return opened(picture) if picture else render([scene(scene_)])[0]


def from_file(data: bytes) -> str:
    """Any picture file -> its middle square as a PNG of SIZE pixels in base64. Raises: InputError."""
    return images.png(images.picture(uploads.tensor(validation.picture(data), SIZE)))


def own(request: dict) -> str:
    """{"picture": any picture file in base64} -> what `from_file` makes of it."""
    return from_file(validation.decoded(validation.json_object(request).get("picture"), "That picture"))


def _own(value: Any, _others: Mapping[str, Any]) -> str:
    if value != "":
        opened(value)
    return value


def _number(value: Any, _others: Mapping[str, Any]) -> int:
    return validation.integer(validation.from_text(value, "The scene"), "The scene", 0, MOST - 1)


NUMBER = Setting(
    "scene", checked(_number, str, schema={"type": "integer", "minimum": 0, "maximum": MOST - 1}), 0, "The scene"
)
OWN = Setting("picture", checked(_own, from_file=from_file), "", "The picture")
