"""In colour: the first channels of the code as the model gives them, PCA beside them, and presets that hold."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from demos.autoencoder import colour
from demos.autoencoder.colour import CODES, PART
from genai_core.autoencoders import nested, noise


def opened(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")).astype(int)


def shown(**given) -> dict:
    return PART.value(PART.parse(given))


def test_a_scene_is_shown_as_the_model_rebuilds_it():
    x, model = colour.original(7, "", ""), nested.load(colour.NAME)
    for k in (1, 5, CODES):
        value = shown(seed=7, k=k)
        with torch.inference_mode():
            ours, pca = model.decode(model.encode(x, k)), model.pca(x, k)
        drawn = (ours[0].permute(1, 2, 0) * 255).round().int().numpy()
        assert abs(opened(value["rebuilt"]) - drawn).max() <= 1
        assert value["psnr"][k - 1] == pytest.approx(float(noise.psnr(ours, x)), abs=1e-2)
        assert value["psnr_pca"][k - 1] == pytest.approx(float(noise.psnr(pca, x)), abs=1e-2)
        assert len(value["maps"]) == CODES


def test_the_endpoint_rebuilds_what_the_page_shows():
    rebuilt, pca, figures = colour.autoencoder_colour(None, 3, "a large striped star", 2)
    value = shown(caption="a large striped star", seed=3, k=2)
    assert np.array_equal(np.asarray(rebuilt), opened(value["rebuilt"]))
    assert np.array_equal(np.asarray(pca), opened(value["pca"]))
    assert figures["psnr"] == pytest.approx(value["psnr"], abs=1e-3)


def preset(label: str) -> dict:
    return PART.value(PART.parse(next(one for one in PART.presets if one.label == label).given()))


def chroma(png: str) -> float:
    """Mean range of the channels of a pixel, in levels: 0 in greys."""
    pixels = opened(png)
    return float((pixels.max(2) - pixels.min(2)).mean())


def test_one_channel_keeps_places_and_brightness_but_no_colour():
    value = preset("One channel")
    grey, rebuilt = opened(value["original"]).mean(2), opened(value["rebuilt"]).mean(2)
    assert np.corrcoef(grey.ravel(), rebuilt.ravel())[0, 1] > 0.8
    assert chroma(value["rebuilt"]) < 0.3 * chroma(value["original"])


def test_four_channels_keep_colours_and_shapes_but_no_stripes():
    things = [text for text, _ in preset("Four channels")["read"]["things"]]
    assert len(things) == 2
    assert any("orange triangle" in text and "striped" not in text for text in things)
    assert any("blue circle" in text for text in things)


def test_the_lead_over_PCA_is_large_at_first_and_shrinks():
    few, all_of_them = preset("Beside PCA"), preset("All sixteen")
    assert few["psnr"][2] > few["psnr_pca"][2] + 6
    ranges = {key: np.ptp(opened(few[key]).astype(float), axis=2) for key in ("original", "pca")}
    thing = ranges["original"] > 75
    assert ranges["pca"][thing].mean() < 0.6 * ranges["original"][thing].mean()
    assert all_of_them["psnr"][-1] - all_of_them["psnr_pca"][-1] < 2
    assert few["caption"] == all_of_them["caption"]
