"""Pictures from a user's files and zip archives: what can be read is read, the rest is listed with a reason.

Nothing is unpacked onto the disk: members of an archive are read in memory, each up to a limit, so that neither path
traversal nor zip bombs can do harm.
"""

import io
import math
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from genai_core.common import checks
from genai_core.data import image_file
from genai_core.data.image_file import ImageFileError

PICTURES = 500  # in one import
MEMBERS = 5000  # of an archive that are looked at
BYTES = 20 * 2**20  # of one picture
ALL_BYTES = 400 * 2**20  # of all pictures together, unpacked
RATIO = 200  # maximum compression ratio of a member
KEPT = 512  # pixels of the longer side after resizing

File = str | Path | tuple[str, bytes]  # a path, or the name of a file and what is in it


@dataclass(frozen=True, eq=False)
class Upload:
    """One picture, RGB, at most KEPT pixels wide and high, upright, with the name of its file."""

    name: str
    picture: Image.Image


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was skipped, and a sentence that says why."""

    name: str
    why: str


def unpack(files: Sequence[File]) -> Iterator[Upload | Skipped]:
    """Each picture of the files and of the zip archives among them, in order; each skipped file with the reason.

    A generator, so that a page can show progress; it never holds more than one picture.
    """
    taken = read = 0
    for name, data in _contents(files):
        result = data if isinstance(data, Skipped) else _picture(name, data)
        if isinstance(result, Upload) and taken == PICTURES:
            yield Skipped(name, f"Only {PICTURES} pictures are taken at a time; this one and those after it were left.")
            return
        read += 0 if isinstance(data, Skipped) else len(data)
        if read > ALL_BYTES:
            yield Skipped(name, f"More than {ALL_BYTES // 2**20} MiB in all: this file and those after it were left.")
            return
        taken += isinstance(result, Upload)
        yield result


def tensor(picture: Image.Image, size: int) -> Tensor:
    """The middle square of a picture, resized: [3, size, size] float32 in [0, 1]."""
    square = ImageOps.fit(picture.convert("RGB"), (size, size), Image.Resampling.BICUBIC)
    pixels = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8)
    return pixels.view(size, size, 3).permute(2, 0, 1).float() / 255


def grey(files: Sequence[File], size: int = 28, seconds: float = math.inf) -> tuple[np.ndarray, list[Skipped]]:
    """The pictures of the files and archives in grey, uint8 [N, size, size] (see `fitted`), and what was skipped.

    seconds: after which no further picture is read. Raises: ValueError for a size below 1.
    """
    checks.count("The size of a picture", size)
    until = time.monotonic() + seconds
    pictures, skipped = [], []
    for one in unpack(files):
        if isinstance(one, Skipped):
            skipped.append(one)
            continue
        if time.monotonic() > until:
            skipped.append(Skipped(one.name, f"{seconds:g} seconds were over: it and those after it were left."))
            break
        pictures.append(fitted(one.picture, size))
    return np.array(pictures, np.uint8).reshape(-1, size, size), skipped


def fitted(picture: Image.Image, size: int) -> np.ndarray:
    """The whole picture in grey, scaled to fit, the rest filled with the median grey of its border: [size, size]."""
    drawn = picture.convert("L")
    pixels = np.asarray(drawn)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    scale = size / max(drawn.size)
    small = drawn.resize([max(1, round(scale * side)) for side in drawn.size], Image.Resampling.BICUBIC)
    sheet = Image.new("L", (size, size), int(np.median(border)))
    sheet.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return np.asarray(sheet)


def count(files: Sequence[File]) -> int:
    """How many files there are, with those in archives, whatever they hold."""
    total = 0
    for file in files:
        try:
            with zipfile.ZipFile(_opened(file)[1]) as archive:
                total += len(_listed(archive))
        except Exception:  # no archive, or a damaged one
            total += 1
    return total


def _opened(file: File) -> tuple[str, Path | io.BytesIO]:
    """The name of a file, and what zipfile can open."""
    if isinstance(file, tuple):
        return file[0], io.BytesIO(file[1])
    return Path(file).name, Path(file)


def _start(content: Path | io.BytesIO) -> bytes:
    """The first BYTES of a file, and one more where there are more."""
    if isinstance(content, io.BytesIO):
        return content.getvalue()[: BYTES + 1]
    with content.open("rb") as stream:
        return stream.read(BYTES + 1)


def _listed(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files in an archive, without those that operating systems leave behind."""
    named = [(one, PurePosixPath(one.filename.replace("\\", "/"))) for one in archive.infolist() if not one.is_dir()]
    return [
        (one, name)
        for one, name in named
        if name.parts and not name.name.startswith(".") and "__MACOSX" not in name.parts
    ]


def _contents(files: Sequence[File]) -> Iterator[tuple[str, bytes | Skipped]]:
    """(name, bytes) of every file, and of every member of an archive."""
    for file in files:
        name, content = _opened(file)
        try:
            if zipfile.is_zipfile(content):
                yield from _members(name, content)
            else:
                data = _start(content)
                yield name, _too_large(name) if len(data) > BYTES else data
        except UnicodeDecodeError:  # of a member's name: zipfile then opens none of them
            why = "This archive was skipped: the name of a file in it is not valid UTF-8."
            yield name, Skipped(name, why)
        except OSError:
            yield name, Skipped(name, "This file was skipped: it cannot be opened.")
        except Exception:  # zipfile raises all kinds of errors on a damaged archive
            yield name, Skipped(name, "This file was skipped: it is damaged.")


def _members(file: str, content: Path | io.BytesIO) -> Iterator[tuple[str, bytes | Skipped]]:
    with zipfile.ZipFile(content) as archive:
        members = _listed(archive)
        for member, name in members[:MEMBERS]:
            if refused := _refused(member, name):
                yield name.name, Skipped(name.name, refused)
                continue
            try:
                with archive.open(member) as stream:
                    data = stream.read(BYTES + 1)  # the size in the header may be wrong
            except Exception:  # zipfile and its decompressors raise all kinds of errors
                yield name.name, Skipped(name.name, "It is damaged.")
                continue
            yield name.name, _too_large(name.name) if len(data) > BYTES else data
        if len(members) > MEMBERS:
            yield file, Skipped(file, f"Only the first {MEMBERS} files of an archive are looked at.")


def _refused(member: zipfile.ZipInfo, name: PurePosixPath) -> str | None:
    """Why a member of an archive is not read, or None."""
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
        return Upload(name, image_file.read(data, KEPT, still=True))
    except ImageFileError as error:
        return Skipped(name, str(error))
