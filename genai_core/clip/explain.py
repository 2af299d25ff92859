"""Why a picture was retrieved: which words count, where in the picture, and a projection to a plane.

Everything here treats an encoder (`genai_core.clip.CLIP`, or a pretrained one of `genai_core.clip.hub`) as a black box:
leave something out and measure again. The answers are about the similarity, not about the truth.
"""

import re

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.common import checks


def words(text: str) -> list[str]:
    """The words of a text, without punctuation."""
    return re.findall(r"\w+", text)


def word_contributions(encoder, picture: Tensor, text: str) -> list[tuple[str, float]]:
    """Each word of the text with the drop in similarity when it is left out (leave one out).

    picture: a unit vector [D], of a picture or a text. Positive: the word supports the match. The contribution of a
    single word is the entire similarity.
    Raises: ValueError for a text without a word.
    """
    present = words(text)
    if not present:
        raise ValueError("A text needs at least one word.")
    if len(present) == 1:
        return [(present[0], float(encoder.encode_text([text])[0] @ picture))]
    spans = [match.span() for match in re.finditer(r"\w+", text)]
    without = [text[:first] + text[last:] for first, last in spans]
    similarity = encoder.encode_text([text, *without]) @ picture  # [1 + words]
    return list(zip(present, (similarity[0] - similarity[1:]).tolist(), strict=True))


def patch_relevance(encoder, picture: Tensor, query: Tensor, *, cells: int = 8, reach: float = 1.0) -> Tensor:
    """The drop in similarity to a query when a part of the picture is hidden: [cells, cells].

    Occlusion (Zeiler & Fergus 2014, section 4.2): a soft grey spot, as wide as `reach` cells, over each cell of a grid
    in turn. picture: [3, H, W] in [0, 1]; query: a unit vector [D], of a text or a picture. The spot has the
    median colour of the picture, usually the background. Positive: that part supports the match.
    Raises: ValueError for fewer than 2 cells or more than 32, a reach that is not above 0, or a picture of another
    shape.
    """
    if not 2 <= cells <= 32:
        raise ValueError(f"A grid has 2 to 32 cells a side, not {cells}.")
    checks.above("The reach", reach)
    checks.shape("A picture", picture, 3, None, None)
    _, height, width = picture.shape
    down, right = ((torch.arange(side) + 0.5) / side * cells for side in (height, width))  # in cells
    centre = torch.arange(cells) + 0.5
    rows, columns = ((1.5 * reach - 2 * (axis - centre[:, None]).abs()).clamp(0, 1) for axis in (down, right))
    mask = rows[:, None, :, None] * columns[None, :, None, :]  # [cells, cells, H, W], 1 where hidden
    grey = picture.flatten(1).median(1).values[:, None, None]  # [3, 1, 1]
    hidden = torch.lerp(picture, grey, mask.flatten(0, 1)[:, None])  # [cells^2, 3, H, W]
    similarity = encoder.encode_image(torch.cat([picture[None], hidden])) @ query
    return (similarity[0] - similarity[1:]).view(cells, cells)


def similarities(a: Tensor, b: Tensor) -> Tensor:
    """Cosines of unit vectors [N, D] and [M, D]: [N, M] in [-1, 1]."""
    return a @ b.T


def probabilities(pictures: Tensor, texts: Tensor, temperature: float) -> Tensor:
    """Zero-shot classes [Radford 2021, section 3.1]: softmax over the texts of the cosines / temperature, [N, M].

    temperature: 1 / scale as the model learned it, or any other above 0.
    Raises: ValueError for a temperature of 0 or less, or one that is not a number.
    """
    checks.above("A temperature", temperature)
    return (similarities(pictures, texts) / max(temperature, checks.COLDEST)).softmax(1)


def ensemble(encoder, labels: list[str], templates: list[str]) -> Tensor:
    """A unit vector for every label, the mean over templates such as "a picture of {}" [Radford 2021, section 3.1.4].

    Returns [labels, D]. Raises: ValueError if a template has no {} or there is no label or template.
    """
    if not labels or not templates:
        raise ValueError("At least one label and one template are needed.")
    if not all("{}" in template for template in templates):
        raise ValueError("A template needs {} where the label goes.")
    texts = [template.replace("{}", label) for label in labels for template in templates]
    return F.normalize(encoder.encode_text(texts).unflatten(0, (len(labels), -1)).mean(1), dim=1)


def project(
    pictures: Tensor, texts: Tensor, *, together: bool = True, weight: float = 1.0
) -> tuple[Tensor, Tensor, list[float]]:
    """Pictures [N, D] and texts [M, D] in one plane: coordinates [N, 2] and [M, 2], and each axis' share of variance.

    Principal components of all of them (Pearson 1901). Pictures and texts lie in two separate cones (the modality gap,
    Liang 2022), which would be the first axis; together: centre each kind on its own mean, so that the axes show what
    the two have in common. weight: how many pictures a text counts for. N / M gives few texts the same influence as
    many pictures; much more aligns the plane with the differences between the texts.
    Raises: ValueError for fewer than three points, points of fewer than two numbers or not finite, or a weight that is
    not above 0.
    """
    if len(pictures) + len(texts) < 3:
        raise ValueError("A plane needs at least three points.")
    if pictures.shape[1] < 2 or not bool(pictures.isfinite().all() and texts.isfinite().all()):
        raise ValueError("A plane needs points of two numbers or more, all of them finite.")
    checks.above("A weight", weight)
    kinds = [x - x.mean(0) if together and len(x) else x for x in (pictures, texts)]
    x = torch.cat(kinds).double()
    counted = torch.tensor([1.0] * len(pictures) + [weight] * len(texts), dtype=x.dtype)[:, None]
    x = x - (counted * x).sum(0) / counted.sum()
    _, spread, axes = torch.linalg.svd(counted.sqrt() * x, full_matrices=False)
    axes = axes[:2] * axes[:2].gather(1, axes[:2].abs().argmax(1, keepdim=True)).sign()  # a fixed sign
    at = (x @ axes.T).float()
    share = (spread.square() / spread.square().sum().clamp(min=1e-12))[:2].tolist()
    return at[: len(pictures)], at[len(pictures) :], share
