"""What programs can ask of Denoise and Anomaly."""

from typing import Any

from PIL import Image

from demos._ui import images
from demos._ui.api import Picture, Value, endpoint
from demos.autoencoder import anomaly, denoise
from genai_core.autoencoders import noise


@endpoint(
    denoise.PART.table,
    Picture("The noisy picture, 28 x 28"),
    Picture("What the network makes of it, 28 x 28"),
    Value("PSNR in dB before and after: before, after"),
    takes=("pixels", "kind", "strength", "region", "seed"),
    names={"pixels": "picture"},
)
def autoencoder_denoise(**settings: Any) -> tuple[Image.Image, Image.Image, dict]:
    """Spoil a picture with noise of one of three kinds, and clean it."""
    keys = ("kind", "strength", "pixels", "region", "seed")
    x, noisy, made = denoise.cleaned(**{key: settings[key] for key in keys})
    before, after = (float(noise.psnr(y, x)) for y in (noisy.clamp(0, 1), made))
    return images.tile(noisy, 1), images.tile(made, 1), {"before": before, "after": after}


@endpoint(
    anomaly.PART.table,
    Picture("What the detector puts in the picture's place, 28 x 28"),
    Picture("Where it is too bright (orange) or too dark (blue), 28 x 28"),
    Value("score (1: usual for the class), threshold, and odd, whether the score is not below it"),
    names={"pixels": "picture"},
)
def autoencoder_anomaly(**settings: Any) -> tuple[Image.Image, Image.Image, dict]:
    """Judge a picture where one class is normal."""
    threshold = settings.pop("threshold")
    _, rebuilt, error, score = anomaly.judged(**settings)
    said = {"score": score, "threshold": threshold, "odd": score >= threshold}
    return images.tile(rebuilt, 1), images.signed(2 * error), said


ENDPOINTS = (autoencoder_denoise, autoencoder_anomaly)
