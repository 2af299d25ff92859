"""Why a picture was found: which words count, where in the picture, and how all lie in one plane.

Everything here asks an encoder (`genai_core.clip.CLIP`, or a pretrained one of `genai_core.hub_clip`) from outside, by
leaving something out and looking again. Such answers are about the similarity, not about the truth.
"""

import re

import torch
import torch.nn.functional as F
from torch import Tensor


def words(text: str) -> list[str]:
    """The words of a text, with what stands between them dropped."""
    return re.findall(r"\w+", text)


def word_contributions(encoder, picture: Tensor, text: str) -> list[tuple[str, float]]:
    """Each word of the text with how much the similarity falls when it is left out (leave one out).

    picture: a unit vector [D], of a picture or of anything else. Positive: the word speaks for the picture. A text of
    a single word has nothing left without it: its contribution is the whole similarity.
    Raises: ValueError for a text without a word.
    """
    said = words(text)
    if not said:
        raise ValueError("A text needs at least one word.")
    if len(said) == 1:
        return [(said[0], float(encoder.encode_text([text])[0] @ picture))]
    spans = [match.span() for match in re.finditer(r"\w+", text)]
    without = [text[:first] + text[last:] for first, last in spans]
    similarity = encoder.encode_text([text, *without]) @ picture  # [1 + words]
    return list(zip(said, (similarity[0] - similarity[1:]).tolist(), strict=True))


def patch_relevance(encoder, picture: Tensor, query: Tensor, *, cells: int = 8, reach: float = 1.0) -> Tensor:
    """How much the similarity to a query falls when a part of the picture is hidden: [cells, cells].

    Occlusion (Zeiler & Fergus 2014, section 4.2): a soft grey spot, as wide as `reach` cells, over each cell of a grid
    in turn. picture: [3, H, W] in [0, 1]; query: a unit vector [D], of a text or of anything else. The spot has the
    median colour of the picture, which in most is the background. Positive: that part speaks for the query.
    Raises: ValueError for fewer than 2 cells or more than 32.
    """
    if not 2 <= cells <= 32:
        raise ValueError(f"A grid has 2 to 32 cells a side, not {cells}.")
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

    temperature: 1 / scale as the model learnt it, or any above 0.
    Raises: ValueError for another.
    """
    if not temperature > 0:
        raise ValueError("A temperature must be above 0.")
    return (similarities(pictures, texts) / temperature).softmax(1)


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
    Liang 2022), which would be the first axis; together: each kind is moved to its own mean first, so that the axes
    show what the two have in common. weight: how many pictures a text counts for. N / M gives a few texts the same say
    as many pictures, and far more turns the plane to what the texts tell apart.
    Raises: ValueError for fewer than three points, or a weight that is not above 0.
    """
    if len(pictures) + len(texts) < 3:
        raise ValueError("A plane needs at least three points.")
    if not weight > 0:
        raise ValueError("A weight must be above 0.")
    kinds = [x - x.mean(0) if together and len(x) else x for x in (pictures, texts)]
    x = torch.cat(kinds).double()
    counted = torch.tensor([1.0] * len(pictures) + [weight] * len(texts), dtype=x.dtype)[:, None]
    x = x - (counted * x).sum(0) / counted.sum()
    _, spread, axes = torch.linalg.svd(counted.sqrt() * x, full_matrices=False)
    axes = axes[:2] * axes[:2].gather(1, axes[:2].abs().argmax(1, keepdim=True)).sign()  # the same way round each time
    at = (x @ axes.T).float()
    share = (spread.square() / spread.square().sum().clamp(min=1e-12))[:2].tolist()
    return at[: len(pictures)], at[len(pictures) :], share
