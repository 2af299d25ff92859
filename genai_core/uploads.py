"""Pictures from a user's files and zip archives: what can be read is read, what cannot is named with a reason.

Nothing is ever unpacked onto the disk: members of an archive are read in memory, each up to a limit, so that neither
a path that climbs out nor a small file that swells has anywhere to go.
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch
from PIL import Image, ImageOps
from torch import Tensor

PICTURES = 500  # in one import
MEMBERS = 5000  # of an archive that are looked at
BYTES = 20 * 2**20  # of one picture
ALL_BYTES = 400 * 2**20  # of all pictures together, unpacked
PIXELS = 40_000_000  # of one picture
RATIO = 200  # a member that would swell more than so many times is refused
KEPT = 512  # pixels of the longer side that are kept
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")


@dataclass(frozen=True, eq=False)
class Upload:
    """One picture, RGB, at most KEPT pixels wide and high, upright, with the name of its file."""

    name: str
    picture: Image.Image


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not taken, and a sentence that says why."""

    name: str
    why: str


def unpack(files: Sequence[str | Path]) -> Iterator[Upload | Skipped]:
    """Each picture of the files, and of the zip archives among them, in order; each file that was skipped and why.

    It is a generator, so that a page can show how far it is, and never holds more than one picture.
    """
    taken = read = 0
    for name, data in _contents(files):
        found = data if isinstance(data, Skipped) else _picture(name, data)
        if isinstance(found, Upload) and taken == PICTURES:
            yield Skipped(name, f"Only {PICTURES} pictures are taken at a time; this one and those after it were left.")
            return
        read += 0 if isinstance(data, Skipped) else len(data)
        if read > ALL_BYTES:
            yield Skipped(name, f"More than {ALL_BYTES // 2**20} MiB in all: this file and those after it were left.")
            return
        taken += isinstance(found, Upload)
        yield found


def tensor(picture: Image.Image, size: int) -> Tensor:
    """The middle square of a picture, resized: [3, size, size] float32 in [0, 1]."""
    square = ImageOps.fit(picture.convert("RGB"), (size, size), Image.Resampling.BICUBIC)
    pixels = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8)
    return pixels.view(size, size, 3).permute(2, 0, 1).float() / 255


def _contents(files: Sequence[str | Path]) -> Iterator[tuple[str, bytes | Skipped]]:
    """(name, bytes) of every file, and of every member of an archive."""
    for file in map(Path, files):
        try:
            if zipfile.is_zipfile(file):
                yield from _members(file)
            elif file.stat().st_size > BYTES:
                yield file.name, _too_large(file.name)
            else:
                yield file.name, file.read_bytes()
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            why = "it is damaged" if isinstance(error, zipfile.BadZipFile) else "it cannot be opened"
            yield file.name, Skipped(file.name, f"This file was skipped: {why}.")


def _members(file: Path) -> Iterator[tuple[str, bytes | Skipped]]:
    with zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        for member in members[:MEMBERS]:
            name = PurePosixPath(member.filename.replace("\\", "/"))
            if name.name.startswith(".") or "__MACOSX" in name.parts:
                continue  # what systems leave behind, and nobody means
            if refused := _refused(member, name):
                yield name.name, Skipped(name.name, refused)
                continue
            try:
                with archive.open(member) as stream:
                    data = stream.read(BYTES + 1)  # what the header says of the size need not be true
            except Exception:  # zipfile and its decompressors fail each in their own way
                yield name.name, Skipped(name.name, "It is damaged.")
                continue
            yield name.name, _too_large(name.name) if len(data) > BYTES else data
        if len(members) > MEMBERS:
            yield file.name, Skipped(file.name, f"Only the first {MEMBERS} files of an archive are looked at.")


def _refused(member: zipfile.ZipInfo, name: PurePosixPath) -> str | None:
    """Why a member of an archive is not even read, if so."""
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0]:
        return "Its path leads out of the archive."
    if member.flag_bits & 1:
        return "It is encrypted."
    if member.file_size > BYTES:
        return _too_large(name.name).why
    if member.file_size > RATIO * max(1, member.compress_size):
        return f"It would swell more than {RATIO} times: it is no picture."
    return None


def _too_large(name: str) -> Skipped:
    return Skipped(name, f"It is larger than {BYTES // 2**20} MiB.")


def _picture(name: str, data: bytes) -> Upload | Skipped:
    try:
        picture = _opened(data)
        if picture is None:
            return Skipped(name, f"It is no picture of a known kind ({', '.join(FORMATS)}).")
        if picture.width * picture.height > PIXELS:
            return Skipped(name, f"It has more than {PIXELS // 10**6} million pixels.")
        if getattr(picture, "n_frames", 1) > 1:
            return Skipped(name, "It is animated, or has several pages.")
        picture.draft("RGB", (2 * KEPT, 2 * KEPT))  # lets a large JPEG be decoded small
        return Upload(name, _plain(picture))
    except Exception:  # PIL's decoders fail each in their own way
        return Skipped(name, "It is damaged.")


def _opened(data: bytes) -> Image.Image | None:
    """The picture, not yet decoded, by the first format that knows it.

    As `Image.open`, but for the limit of pixels, which there is one for the whole process.
    """
    Image.init()
    for kind in FORMATS:
        factory, accept = Image.OPEN[kind]
        if accept is None or accept(data[:16]):
            return factory(io.BytesIO(data), None)
    return None


def _plain(picture: Image.Image) -> Image.Image:
    """Upright, on white where it is transparent, RGB, small."""
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
    upright = upright.convert("RGB")
    upright.thumbnail((KEPT, KEPT), Image.Resampling.LANCZOS)
    return upright
