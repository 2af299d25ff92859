"""MNIST and Fashion-MNIST from their mirrors into the folder of the data sets, file by file.

A file is written in a hidden folder beside its place, checked against its MD5 sum, and moved there when it is whole: a
fetch that is ended, or cut off, leaves nothing damaged, and the next one goes on with the files that are missing.
"""

import gzip
import hashlib
import http.client
import shutil
import tempfile
import urllib.request
from collections.abc import Generator, Iterator
from pathlib import Path

from genai_core.data.images import FOLDERS, DataError, root

TITLES = {"mnist": "MNIST", "fashion": "Fashion-MNIST"}
SIZES = {  # bytes of the packed files
    "mnist": {
        "train-images-idx3-ubyte": 9_912_422,
        "train-labels-idx1-ubyte": 28_881,
        "t10k-images-idx3-ubyte": 1_648_877,
        "t10k-labels-idx1-ubyte": 4_542,
    },
    "fashion": {
        "train-images-idx3-ubyte": 26_421_880,
        "train-labels-idx1-ubyte": 29_515,
        "t10k-images-idx3-ubyte": 4_422_102,
        "t10k-labels-idx1-ubyte": 5_148,
    },
}
CHUNK = 2**16  # bytes
PATIENCE = 20.0  # seconds that a mirror may be silent


class _Unreachable(Exception):
    """A mirror does not give the file, or gives another one."""


def missing(name: str) -> dict[str, int]:
    """The files of a set that are not in its folder, and the bytes that each takes to fetch. Raises: DataError."""
    if name not in SIZES:
        raise DataError(f"The data set '{name}' cannot be fetched here; those that can are {', '.join(SIZES)}.")
    return {file: size for file, size in SIZES[name].items() if not (_folder(name) / file).is_file()}


def fetch(name: str) -> Generator[tuple[int, int], None, None]:
    """Fetch the missing files of "mnist" or "fashion"; yields (bytes so far, bytes in all).

    Raises: DataError without a network, for what is damaged, and where the folder cannot be written.
    """
    files = missing(name)
    total, before = sum(files.values()), 0
    yield 0, total
    if not files:
        return
    from torchvision import datasets  # it knows the mirrors and the sums

    kind = getattr(datasets, FOLDERS[name])
    sums = {file.removesuffix(".gz"): md5 for file, md5 in kind.resources}
    try:
        _folder(name).mkdir(parents=True, exist_ok=True)
        for file, size in files.items():
            for read in _from_a_mirror(kind.mirrors, file, sums[file], _folder(name)):
                yield before + read, total
            before += size
    except _Unreachable as error:
        raise DataError(f"{TITLES[name]} could not be fetched: {error}.") from error
    except OSError as error:
        raise DataError(
            f"{TITLES[name]} could not be stored: the server's folder of data sets is full, or cannot be written."
        ) from error


def _folder(name: str) -> Path:
    return root() / FOLDERS[name] / "raw"


def _from_a_mirror(mirrors: list[str], file: str, md5: str, folder: Path) -> Iterator[int]:
    """Put a file into the folder from the first mirror that gives it; yields the bytes read so far."""
    last = _Unreachable("there is no mirror")
    for mirror in mirrors:
        try:
            yield from _download(f"{mirror}{file}.gz", md5, folder / file)
            return
        except _Unreachable as error:
            last = error
    raise last


def _download(address: str, md5: str, place: Path) -> Iterator[int]:
    digest, read = hashlib.md5(usedforsecurity=False), 0
    with tempfile.TemporaryDirectory(prefix=".", dir=place.parent, ignore_cleanup_errors=True) as folder:
        packed, whole = Path(folder) / "packed", Path(folder) / "whole"
        with packed.open("wb") as file:
            for chunk in _chunks(address):
                file.write(chunk)
                digest.update(chunk)
                read += len(chunk)
                yield read
        if digest.hexdigest() != md5:
            raise _Unreachable("what came is not the data set")
        with gzip.open(packed) as source, whole.open("wb") as file:
            shutil.copyfileobj(source, file)
        whole.replace(place)


def _chunks(address: str) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            while chunk := answer.read(CHUNK):
                yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise _Unreachable("the server has no network, or no mirror answers") from error
