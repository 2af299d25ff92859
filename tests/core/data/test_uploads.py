import io
import random
import struct
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from genai_core.data import uploads
from genai_core.data.uploads import Skipped, Upload


def picture(size=(40, 30), colour="red", mode="RGB", kind="PNG", **more) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, kind, **more)
    return buffer.getvalue()


def archive(folder, members: dict[str, bytes], name="some.zip"):
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as made:
        for path, data in members.items():
            made.writestr(path, data)
    return folder / name


def taken(*files):
    found = list(uploads.unpack(files))
    skipped = {one.name: one.why for one in found if isinstance(one, Skipped)}
    return [one for one in found if isinstance(one, Upload)], skipped


def huge() -> bytes:
    """A tiny PNG file that says it has 100,000 x 100,000 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def test_what_can_be_read_is_read_and_the_rest_is_named_with_a_reason(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    animated = io.BytesIO()
    frames[0].save(animated, "GIF", save_all=True, append_images=frames[1:])
    file = archive(
        tmp_path,
        {
            "a/one.png": picture(),
            "two.jpg": picture(kind="JPEG"),
            "three.webp": picture(kind="WEBP"),
            "../climbs.png": picture(),
            "/root.png": picture(),
            "C:\\drive.png": picture(),
            "moves.gif": animated.getvalue(),
            "broken.png": picture()[:60],
            "text.txt": b"no picture",
            "huge.png": huge(),
            "bomb.png": bytes(10 * 2**20),
            "inner.zip": b"PK\x03\x04 no picture",
            ".DS_Store": b"x",
            "__MACOSX/one.png": b"x",
            "four.bmp": picture(kind="BMP"),
        },
    )
    found, skipped = taken(file)
    assert [one.name for one in found] == ["one.png", "two.jpg", "three.webp", "four.bmp"]
    reasons = {
        "climbs.png": "leads out",
        "root.png": "leads out",
        "drive.png": "leads out",
        "moves.gif": "animated",
        "broken.png": "damaged",
        "text.txt": "not a picture of a known kind",
        "huge.png": "million pixels",
        "bomb.png": "swell",
        "inner.zip": "not a picture of a known kind",
    }
    assert set(skipped) == set(reasons)
    for name, reason in reasons.items():
        assert reason in skipped[name]
        assert skipped[name].endswith(".")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["some.zip"]  # nothing was written


def test_a_member_that_lies_about_its_size_is_not_read_on(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "RATIO", 10**9)
    monkeypatch.setattr(uploads, "BYTES", 1000)
    file = archive(tmp_path, {"one.png": picture(), "swells.png": bytes(10**6)})
    data = file.read_bytes().replace(struct.pack("<I", 10**6), struct.pack("<I", 500))
    file.write_bytes(data)
    found, skipped = taken(file)
    assert [one.name for one in found] == ["one.png"]
    assert list(skipped) == ["swells.png"]


def test_the_counts_and_sizes_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "PICTURES", 2)
    found, skipped = taken(archive(tmp_path, {f"{i}.png": picture() for i in range(4)}))
    assert len(found) == 2
    assert list(skipped) == ["2.png"]
    monkeypatch.setattr(uploads, "MEMBERS", 1)
    found, skipped = taken(archive(tmp_path, {f"{i}.png": picture() for i in range(4)}))
    assert len(found) == 1
    assert "Only the first 1 files" in skipped["some.zip"]
    monkeypatch.setattr(uploads, "ALL_BYTES", 10)
    assert "in all" in taken(archive(tmp_path, {"0.png": picture()}))[1]["0.png"]


def test_single_files_are_taken_and_damaged_or_absent_ones_named(tmp_path):
    (tmp_path / "fine.png").write_bytes(picture())
    (tmp_path / "cut.zip").write_bytes(archive(tmp_path, {"x.png": picture()}).read_bytes()[:-30])
    found, skipped = taken(tmp_path / "fine.png", tmp_path / "cut.zip", tmp_path / "nowhere.png")
    assert [one.name for one in found] == ["fine.png"]
    assert set(skipped) == {"cut.zip", "nowhere.png"}


def flagged_utf8(folder, name="broken.zip"):
    """An archive that says of a member's name that it is UTF-8, which it is not."""
    file = archive(folder, {"é.png": picture(), "x.png": picture()}, name)
    file.write_bytes(file.read_bytes().replace("é".encode(), b"\xff\xfe"))
    return file


def test_an_archive_with_a_name_that_is_no_utf8_is_skipped_alone(tmp_path):
    (tmp_path / "fine.png").write_bytes(picture())
    found, skipped = taken(flagged_utf8(tmp_path), tmp_path / "fine.png")
    assert [one.name for one in found] == ["fine.png"]
    assert list(skipped) == ["broken.zip"]
    assert "UTF-8" in skipped["broken.zip"]


def test_a_damaged_archive_never_raises_and_loses_no_other_file(tmp_path):
    (tmp_path / "fine.png").write_bytes(picture())
    whole = archive(tmp_path, {"a/é.png": picture(), ".": picture(), "b.txt": b"b", "..": b"c"}).read_bytes()
    rng = random.Random(0)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 5)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        (tmp_path / "damaged.zip").write_bytes(data)
        found, skipped = taken(tmp_path / "damaged.zip", tmp_path / "fine.png")
        assert found[-1].name == "fine.png"
        assert all(why.endswith(".") for why in skipped.values())


def test_an_encrypted_member_is_named(tmp_path):
    file = archive(tmp_path, {"secret.png": picture()})
    data = bytearray(file.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag of the central directory
    file.write_bytes(data)
    assert "encrypted" in taken(file)[1]["secret.png"]


def test_pictures_become_small_upright_and_opaque(tmp_path):
    turned = Image.new("RGB", (1600, 800), "red")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    turned.save(tmp_path / "turned.jpg", exif=exif)
    (tmp_path / "clear.png").write_bytes(picture(mode="RGBA", colour=(0, 0, 255, 0)))
    (upright, clear), skipped = taken(tmp_path / "turned.jpg", tmp_path / "clear.png")
    assert skipped == {}
    assert upright.picture.size == (uploads.KEPT // 2, uploads.KEPT)
    assert clear.picture.mode == "RGB"
    assert clear.picture.getpixel((3, 3)) == (255, 255, 255)


@pytest.mark.parametrize("limit", [100, None])
def test_the_processs_own_limit_of_pixels_does_not_matter(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    (tmp_path / "photo.png").write_bytes(picture(size=(100, 100)))
    assert len(taken(tmp_path / "photo.png")[0]) == 1


def test_a_tensor_is_the_middle_square():
    wide = Image.new("RGB", (90, 30), "blue")
    ImageDraw.Draw(wide).rectangle((30, 0, 59, 29), fill="red")
    x = uploads.tensor(wide, 16)
    assert x.shape == (3, 16, 16)
    assert x.dtype == torch.float32
    torch.testing.assert_close(x[:, 8, 8], torch.tensor([1.0, 0.0, 0.0]))
    assert x[0, :, 1:15].min() > 0.9


def test_a_small_picture_is_the_whole_one_on_the_grey_of_its_border():
    wide = Image.new("L", (80, 40), 200)
    ImageDraw.Draw(wide).rectangle((30, 10, 49, 29), fill=0)
    small = uploads.fitted(wide, 28)
    assert (small[:7] == 200).all()  # above and below what is 28 x 14
    assert (small[-7:] == 200).all()
    dark = (200 - small.astype(float)).sum() / 200
    assert dark == pytest.approx(20 * 20 * (28 / 80) ** 2, rel=0.05)  # nothing is cut off
    rows, columns = (small < 100).nonzero()
    assert (rows.mean(), columns.mean()) == pytest.approx((13.5, 13.5), abs=0.5)


@pytest.mark.parametrize("size", [(1, 1), (500, 1), (1, 500)])
def test_a_picture_of_any_shape_is_fitted(size):
    assert (uploads.fitted(Image.new("RGB", size, "white"), 28) == 255).all()


def test_a_picture_that_is_small_already_stays_as_it_is():
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    assert (uploads.fitted(Image.fromarray(noise), 28) == noise).all()


def test_files_in_memory_are_read_as_those_on_the_disk(tmp_path):
    members = {f"{k}.png": picture(colour=(k, 0, 255 - k)) for k in range(0, 250, 50)}
    file = archive(tmp_path, {**members, "notes.txt": b"no picture", "__MACOSX/0.png": b"x"})
    (tmp_path / "one.png").write_bytes(picture())
    files = [file, tmp_path / "one.png", tmp_path / "nowhere.png"]
    pictures, skipped = uploads.grey(files)
    inside, left_out = uploads.grey([*((one.name, one.read_bytes()) for one in files[:2]), ("nowhere.png", b"")])
    assert pictures.shape == (6, 28, 28)
    assert (pictures == inside).all()
    assert [one.name for one in skipped] == [one.name for one in left_out] == ["notes.txt", "nowhere.png"]
    assert uploads.count(files) == len(pictures) + len(skipped)


def test_pictures_are_read_for_so_many_seconds_at_the_most(tmp_path):
    pictures, skipped = uploads.grey([archive(tmp_path, {"0.png": picture(), "1.png": picture()})], seconds=-1)
    assert pictures.shape == (0, 28, 28)
    assert [one.name for one in skipped] == ["0.png"]
