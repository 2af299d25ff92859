"""What programs can ask of the parts Sparse and Features."""

from PIL import Image

from demos._server import lanes
from demos._ui import images
from demos._ui.api import ROWS, TEXT, Picture, Value, endpoint
from demos.autoencoder import features, sparse


@endpoint(
    sparse.PART.table,
    Picture("The reconstruction, 28 x 28"),
    Value("features, the strongest first, their strengths, and errors (squared, per pixel) after each of them"),
    takes=("pixels", "k"),
    names={"pixels": "picture"},
)
def autoencoder_sparse(k: int, pixels: str) -> tuple[Image.Image, dict]:
    """Draw a picture again with at most k of the features of the k-sparse autoencoder."""
    found = sparse.drawn(k, pixels)
    figures = {"features": found["chosen"], "strengths": found["strengths"], "errors": found["errors"]}
    return images.tile(found["sums"][-1:], 1), figures


@endpoint(
    features.PART.table,
    Value("Of each letter: the letter, and its features, the strongest first, as [feature, strength]", ROWS),
    takes=("text",),
)
def autoencoder_features(text: str, **_others: float) -> list[dict]:
    """Read a text with the GPT: which features of its sparse autoencoder are active on each letter."""
    letters = features.show(text, 0, 0, 0.0, 0)["letters"]
    rows = [[[one["id"], one["z"]] for one in features.active(text, at)] for at in range(len(letters))]
    return [{"letter": letter, "features": row} for letter, row in zip(letters, rows, strict=True)]


@endpoint(
    features.PART.table,
    Value("The text that the GPT adds, steered", TEXT),
    Value("The text that it adds as it is, with the same seed", TEXT),
    takes=("text", "feature", "strength", "seed"),
    lane=lanes.STREAM,
)
def autoencoder_steer(text: str, at: int, feature: int, strength: float, seed: int) -> tuple[str, str]:
    """Continue a text with a feature's direction added to the GPT's residual stream at every letter."""
    texts = features.both(text, feature, strength, seed)
    return texts["steered"], texts["plain"]


ENDPOINTS = (autoencoder_sparse, autoencoder_features, autoencoder_steer)
