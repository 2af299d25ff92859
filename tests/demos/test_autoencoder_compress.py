"""Compress: what is saved opens as the same pixels, and what is said of the files is true of them."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from demos._ui import errors, images, validation
from demos._ui.settings import Table
from demos.autoencoder import _api_compress, _files, compress
from genai_core.autoencoders.codec import classical

PART = compress.PART


@pytest.fixture(autouse=True)
def no_cache():
    for cached in (_files.files, _files.original, _files.curves):
        cached.cache_clear()


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def shown(**settings) -> dict:
    return PART.value(PART.parse(settings))


def test_a_saved_file_opens_as_the_same_pixels():
    value = shown(scene=3, quality=55)
    ours = value["files"][0]
    opened = compress.open_file({"file": ours["data"]})
    assert opened == {"image": ours["image"], "quality": 55, "bytes": ours["bytes"]}
    assert len(base64.b64decode(ours["data"])) == ours["bytes"]


def test_the_three_files_are_what_is_said_of_them():
    value = shown(scene=11, quality=20)
    original = Image.open(io.BytesIO(base64.b64decode(value["original"])))
    assert original.size == (64, 64)
    for file in value["files"]:
        data = base64.b64decode(file["data"])
        assert len(data) == file["bytes"]
        picture = Image.open(io.BytesIO(base64.b64decode(file["image"])))
        assert classical.psnr(picture, original) == pytest.approx(file["psnr"], abs=1e-3)
        if file["kind"] != "ours":
            again = Image.open(io.BytesIO(data)).convert("RGB")
            assert again.tobytes() == picture.tobytes()
            assert data == classical.write(file["kind"], original, file["quality"])


def test_the_match_is_of_bytes_or_of_psnr():
    by_bytes, by_psnr = (shown(scene=5, quality=30, match=match)["files"] for match in ("bytes", "psnr"))
    assert by_bytes[0] == by_psnr[0]
    for same_bytes, same_psnr in zip(by_bytes[1:], by_psnr[1:], strict=True):
        target = by_bytes[0]
        assert abs(same_bytes["bytes"] - target["bytes"]) <= abs(same_psnr["bytes"] - target["bytes"])
        assert abs(same_psnr["psnr"] - target["psnr"]) <= abs(same_bytes["psnr"] - target["psnr"])


@pytest.mark.parametrize("size", [(64, 64), (640, 300), (3, 50)])
def test_an_own_picture_is_its_middle_square_and_fits_into_a_link(size):
    kept = compress.own({"picture": base64.b64encode(png(noise(*size))).decode()})
    assert len(kept) <= _files.KEPT
    settings = PART.parse({"picture": kept})
    assert PART.parse(PART.table.to_text(settings)) == settings
    assert _files.original(0, kept).size == (64, 64)


def test_a_plain_own_picture_is_kept_without_loss():
    image = images.picture(torch.linspace(0, 1, 64).expand(3, 64, 64))
    kept = _files.from_file(png(image))
    assert _files.original(0, kept).tobytes() == image.tobytes()


@pytest.mark.parametrize(
    "bad", [b"", b"GAC", b"\x89PNG\r\n", b"GAC\x01@@(", bytes(100), "cut", "longer", "x" * 90_000, None]
)
def test_a_file_that_is_none_gets_one_sentence(bad):
    data = base64.b64decode(shown()["files"][0]["data"])
    bad = {"cut": data[:-1], "longer": data + b"!"}.get(bad, bad)
    file = base64.b64encode(bad).decode() if isinstance(bad, bytes) else bad
    answer = errors.guarded(compress.open_file)({"file": file})
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN
    assert answer["error"].endswith(".")
    assert "\n" not in answer["error"]


def test_a_picture_of_another_size_is_refused_in_a_link():
    with pytest.raises(validation.InputError, match="64 x 64"):
        PART.parse({"picture": base64.b64encode(png(noise(32, 64))).decode()})


def test_the_endpoints_write_and_read_one_file():
    data, image, figures = _api_compress.autoencoder_compress(scene=2, quality=10)
    assert figures["ours"]["bytes"] == len(data)
    assert set(figures) == {"ours", "webp", "jpeg"}
    again, about = _api_compress.autoencoder_decompress(data)
    assert again.tobytes() == image.tobytes()
    assert about == {"quality": 10, "bytes": len(data)}
    assert isinstance(_api_compress.autoencoder_compress.table, Table)
    with pytest.raises(validation.InputError, match="GAC"):
        _api_compress.autoencoder_decompress(b"no such file")
    own = _api_compress.autoencoder_compress(picture=png(noise(100, 80)))[1]
    assert own.size == (64, 64)


def test_what_the_presets_observe_is_true():
    by_label = {preset.label: shown(**preset.given()) for preset in PART.presets}
    ours, webp, jpeg = by_label["Equal bytes"]["files"]
    assert abs(webp["bytes"] / ours["bytes"] - 1) < 0.06
    assert ours["psnr"] > webp["psnr"]
    assert jpeg["bytes"] > 1.06 * ours["bytes"]
    ours, webp, jpeg = by_label["Equal PSNR"]["files"]
    assert abs(webp["psnr"] - ours["psnr"]) < 0.5
    assert ours["bytes"] < 0.25 * webp["bytes"] < webp["bytes"] < jpeg["bytes"]
    grey = Image.new("RGB", (64, 64), (128, 128, 128))
    assert len(classical.write("jpeg", grey, 50)) > 200  # a picture of nothing: headers and tables
    ours, webp, _ = by_label["The smallest file"]["files"]
    assert webp["bytes"] > 1.06 * ours["bytes"]
    ours, webp, _ = by_label["Another world"]["files"]
    assert abs(webp["bytes"] / ours["bytes"] - 1) < 0.06
    assert webp["psnr"] > ours["psnr"] + 3


def test_a_file_without_errors_is_told_in_decibels():
    white = _files.from_file(png(Image.new("RGB", (64, 64), "white")))
    for match in _files.MATCHES:
        said = _files.verdict(0, white, 60, match)
        assert "inf" not in said
        assert "nan" not in said
