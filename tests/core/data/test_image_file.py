import io
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from genai_core.data import image_file
from genai_core.data.image_file import ImageFileError


def as_file(image: Image.Image, kind: str = "PNG", **more) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def scene(size=(60, 40)) -> Image.Image:
    """Red at the top left, blue elsewhere: which way it is turned can be seen."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1] // 2))
    return image


def heic(image: Image.Image, **more) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    return as_file(image, "HEIF", **more)


def header_of(width: int, height: int) -> bytes:
    """A tiny PNG file that says it has so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def close(a: Image.Image, b: Image.Image, by: float) -> bool:
    """Whether two pictures have one size and differ by no more, on average."""
    if a.size != b.size:
        return False
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean()) <= by


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_each_kind_gives_the_picture(kind):
    assert close(image_file.read(as_file(scene(), kind)), scene(), 6)


def test_a_heic_photograph_gives_the_picture():
    assert close(image_file.read(heic(scene((64, 48)))), scene((64, 48)), 6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_picture_stands_upright(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = scene((64, 48))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(as_file(turned, "PNG", exif=exif))))
    data = heic(turned, exif=exif.tobytes()) if kind == "HEIF" else as_file(turned, kind, exif=exif)
    assert close(image_file.read(data), upright, 6)


def test_exif_data_that_cannot_be_read_lose_no_picture():
    data = as_file(scene(), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12" * 9)
    assert close(image_file.read(data), scene(), 0)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_is_divided_by_257(kind):
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    read = np.asarray(image_file.read(as_file(Image.fromarray(ramp), kind)))
    assert (read == np.round(ramp / 257)[..., None]).all()


def test_grey_of_32_bits_is_refused_with_a_sentence():
    with pytest.raises(ImageFileError, match="32 bits"):
        image_file.read(as_file(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16"])
def test_what_is_transparent_has_the_colour_of_the_ground(mode):
    if mode == "I;16":
        data = as_file(Image.fromarray(np.full((4, 4), 700, np.uint16)), transparency=700)
    elif mode == "P":
        data = as_file(Image.new("P", (4, 4), 0), transparency=0)
    else:
        data = as_file(Image.new(mode, (4, 4)))  # black, and wholly transparent
    assert image_file.read(data).getpixel((2, 2)) == (255, 255, 255)
    assert image_file.read(data, ground="black").getpixel((2, 2)) == (0, 0, 0)


def test_half_transparent_is_half_way_to_the_ground():
    data = as_file(Image.new("RGBA", (4, 4), (200, 0, 0, 128)))
    assert image_file.read(data).getpixel((1, 1)) == pytest.approx((228, 127, 127), abs=2)


def test_colours_of_print_become_rgb():
    assert image_file.read(as_file(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")).getpixel((4, 4))[0] > 200


def test_a_large_photograph_is_scaled_down_while_it_is_decoded(monkeypatch):
    sizes = []
    load = Image.core.new  # what the decoder writes into

    def new(mode, size):
        sizes.append(size)
        return load(mode, size)

    data = as_file(scene((4000, 3000)), "JPEG", quality=60)
    monkeypatch.setattr(Image.core, "new", new)
    image = image_file.read(data, side=512)
    monkeypatch.undo()
    assert image.size == (512, 384)
    assert close(image, scene((512, 384)), 3)
    assert max(width * height for width, height in sizes) <= 1000 * 750


def test_a_large_picture_of_another_kind_is_scaled_too_and_never_enlarged():
    assert image_file.read(as_file(scene((3000, 1000)))).size == (1024, 341)
    assert image_file.read(as_file(scene((30, 10)))).size == (30, 10)


@pytest.mark.parametrize("size", [(100_000, 100_000), (8000, 5001), (2**31 - 1, 1)])
def test_too_many_pixels_are_refused_before_anything_is_decoded(size):
    with pytest.raises(ImageFileError, match="more than 40 million pixels"):
        image_file.read(header_of(*size))


def test_a_jpeg_of_a_thousand_scans_is_refused():
    data = as_file(scene(), "JPEG", progressive=True)
    with pytest.raises(ImageFileError, match="scans"):
        image_file.read(data + b"\xff\xda" * 1000)


def test_of_several_frames_the_first_is_read_or_none():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "TIFF", "PNG"):
        data = as_file(frames[0], kind, save_all=True, append_images=frames[1:])
        assert image_file.read(data).getpixel((4, 4))[0] > 240
        with pytest.raises(ImageFileError, match="animated"):
            image_file.read(data, still=True)


def test_a_photograph_with_others_behind_it_is_no_animation():
    data = as_file(scene(), "MPO", save_all=True, append_images=[Image.new("RGB", (60, 40))])
    assert close(image_file.read(data, still=True), scene(), 6)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "HEIF"])
def test_a_damaged_file_gives_one_sentence_or_a_picture(kind):
    image = Image.effect_noise((24, 24), 90).convert("RGB")
    whole = heic(image) if kind == "HEIF" else as_file(image, kind)
    rng, said = np.random.default_rng(0), []
    for k in range(60):
        data = bytearray(whole[: rng.integers(len(whole))] if k % 3 == 0 else whole)
        for place in rng.integers(0, max(1, len(data)), 3):
            if data:
                data[place] = rng.integers(256)
        try:
            assert image_file.read(bytes(data)).mode == "RGB"
        except ImageFileError as error:
            said.append(str(error))
    assert said
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in said)


@pytest.mark.parametrize("data", [b"", b"hello" * 100, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0" * 5000])
def test_what_is_no_picture_is_refused_with_the_kinds_that_are(data):
    with pytest.raises(ImageFileError, match=r"not a picture of a known kind \(PNG, .*HEIC"):
        image_file.read(data)


def test_without_its_package_heic_gets_a_sentence_of_its_own(monkeypatch):
    data = heic(scene((64, 48)))
    monkeypatch.delitem(Image.OPEN, "HEIF")
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(ImageFileError, match="HEIC pictures cannot be read"):
        image_file.read(data)


def test_of_large_pictures_one_is_decoded_at_a_time(monkeypatch):
    monkeypatch.setattr(image_file, "LARGE", 10)
    inside, most = [], []
    small = image_file._small

    def watched(*arguments):
        inside.append(1)
        most.append(len(inside))
        try:
            return small(*arguments)
        finally:
            inside.pop()

    monkeypatch.setattr(image_file, "_small", watched)
    data = as_file(Image.effect_noise((500, 500), 90))
    threads = [threading.Thread(target=image_file.read, args=(data,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6
