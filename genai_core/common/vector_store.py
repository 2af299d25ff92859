"""Collections of pictures by their unit vectors: nearest-neighbour search, filters by attributes, safe storage.

They are searched by zvec, an embedded vector database (`zvec_store`), and where it does not run by comparing everything
(`exact_store`). A collection is private to a session and deleted with it, or named, in a folder, and survives restarts
and kills: what `add` has acknowledged is kept (a power cut may lose the last moments).
"""

import contextlib
import json
import re
import shutil
import sqlite3
import tempfile
import threading
import uuid
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from genai_core.common import zvec_store
from genai_core.common.exact_store import ExactStore
from genai_core.common.zvec_store import ZvecStore

FORMAT = 1  # of a collection's folder
ABOUT = "collection.json"
VECTORS = "vectors"  # in it, the store
ADDING = "adding.json"  # the ids of an `add` that goes on
MOST = 1000  # results of a search
SPARE = 16 * 2**20  # bytes that stay free on the disk: zvec maps its files, so that a full one kills the process
A_ROW = 2048  # bytes of its attributes, in the log and in the index; its vector is in both as well
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}")
_KINDS = {"caption": str, "things": int, "background": str, "has": list}  # of attributes


class CollectionError(RuntimeError):
    """A collection cannot be opened or used. The message is one sentence, fit for a user."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A search result. similarity: the cosine, in [-1, 1]. alike: ids of near duplicates folded into it."""

    id: str
    similarity: float
    attributes: dict
    alike: tuple[str, ...] = ()


class Collection:
    """Vectors of one encoder with attributes and, optionally, small pictures. `private` and `named` create one.

    Attributes are "caption" (a text), "things" (a number), "background" (a word) and "has" (a list of words); all
    optional. Thread-safe: one writes at a time.
    """

    def __init__(self, folder: Path, store: ZvecStore | ExactStore, about: dict, *, temporary: bool):
        self.folder, self.encoder, self.dimension = folder, about["encoder"], about["dimension"]
        self._store: ZvecStore | ExactStore | None = store
        self._lock = threading.Lock()
        self._finish = weakref.finalize(self, _discard, store, folder) if temporary else None

    def __len__(self) -> int:
        return len(self._open())

    def add(
        self,
        vectors: Tensor,
        attributes: Sequence[dict] | None = None,
        *,
        ids: Sequence[str] | None = None,
        pictures: Sequence[Image.Image] | None = None,
    ) -> list[str]:
        """Add vectors [N, dimension] with their attributes and pictures, all or none of them; returns their ids.

        Once it returns, a kill cannot lose them; after a kill before that, a named collection has none of them. They
        are stored as unit vectors.
        Raises: ValueError for another shape, numbers that are not finite, a zero vector, lists of another length, other
        attributes, or ids that are invalid, used twice, or there already; CollectionError where the collection is
        closed or the disk full.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise ValueError(f"Vectors of {self.dimension} numbers are needed, not {list(vectors.shape)}.")
        unit, n = _unit(vectors), len(vectors)
        ids = [uuid.uuid4().hex for _ in range(n)] if ids is None else list(ids)
        attributes = [{} for _ in range(n)] if attributes is None else attributes
        if not len(ids) == len(attributes) == n or (pictures is not None and len(pictures) != n):
            raise ValueError(f"{n} vectors need {n} ids, attributes and pictures.")
        fields = [_fields(of) for of in attributes]
        places = [self._place(id_) for id_ in ids]
        if len(set(ids)) < n:
            raise ValueError("An id is used twice.")
        with self._lock:
            store = self._open()
            if there := store.fetch(ids) if len(store) else {}:
                raise ValueError(f"There is a picture with the id '{next(iter(there))}' already.")
            _need_room(self.folder, n * (8 * self.dimension + A_ROW))
            try:
                self._begin(ids)
                for place, picture in zip(places, pictures or (), strict=False):  # first, so that none is without its
                    _keep(place, picture)
                store.insert(ids, unit, fields)
                self._end()
            except BaseException as error:  # a stopped generator, too, leaves nothing
                with contextlib.suppress(Exception):
                    self._withdraw(store, ids)
                if isinstance(error, OSError | RuntimeError | sqlite3.Error):
                    raise CollectionError("The pictures could not be added: the disk is full or damaged.") from error
                raise
        return ids

    def _begin(self, ids: Sequence[str]) -> None:
        """Note what is being added, for the next start: a kill may come in between."""
        if self._finish is None:
            _write(self.folder / ADDING, ids)

    def _end(self) -> None:
        (self.folder / ADDING).unlink(missing_ok=True)

    def _withdraw(self, store: ZvecStore | ExactStore, ids: Sequence[str]) -> None:
        """Take back what was added in part."""
        for id_ in ids:
            self._place(id_).unlink(missing_ok=True)
        store.delete(ids)
        self._end()

    def search(self, vector: Tensor, k: int = 10, *, where: dict | None = None, fold: float | None = None) -> list[Hit]:
        """The k nearest to a vector [dimension], the best first.

        where: required attributes, such as {"has": ["red circle", "large"], "things": 2, "background": "navy"}: every
        word of "has". fold: results at least this similar to a better one are folded into its `alike`.
        Raises: ValueError for a vector of another shape or of zeros, k outside 1 ... 1000, or an unknown filter.
        """
        if vector.shape != (self.dimension,) or not bool(vector.isfinite().all()):
            raise ValueError(f"A query is a vector of {self.dimension} finite numbers.")
        if not 1 <= k <= MOST or k != int(k):
            raise ValueError(f"A search gives 1 to {MOST} results, not {k}.")
        query = _unit(vector)
        wider = k if fold is None else min(MOST, 2 * k)  # duplicates are few
        rows, vectors = self._open().nearest(query, wider, _filter(where or {}), vectors=fold is not None)
        hits = [Hit(*row) for row in rows]
        return hits if fold is None or vectors is None else folded(hits, vectors, fold)[:k]

    def optimise(self) -> None:
        """Index everything added since the last call; worthwhile from `zvec_store.EXACT` vectors on."""
        with self._lock:
            self._open().optimise()

    def vectors(self, ids: Sequence[str]) -> Tensor:
        """The unit vectors of some pictures: [N, dimension]. Raises: KeyError for an unknown id."""
        found = self._open().fetch(ids)
        return torch.stack([found[id_] for id_ in ids]) if len(ids) else torch.empty(0, self.dimension)

    def picture(self, id_: str) -> Image.Image | None:
        """The picture added with an id, or None."""
        with contextlib.suppress(OSError), Image.open(self._place(id_)) as picture:
            return picture.convert("RGB")
        return None

    def delete(self, ids: Sequence[str]) -> None:
        """Delete some pictures; unknown ids are ignored."""
        with self._lock:
            self._open().delete(ids)
        for id_ in ids:
            self._place(id_).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files; a private collection is deleted. May be called twice."""
        with self._lock:
            store, self._store = self._store, None
            if self._finish:
                self._finish()
            elif store is not None:
                store.close()

    def _open(self) -> ZvecStore | ExactStore:
        if self._store is None:
            raise CollectionError("This collection is closed.")
        return self._store

    def _place(self, id_: str) -> Path:
        if not isinstance(id_, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", id_):
            raise ValueError("An id has 1 to 64 letters, digits, '_' and '-'.")
        return self.folder / "pictures" / f"{id_}.jpg"


def _unit(vectors: Tensor) -> Tensor:
    """Vectors [..., D] of any length as unit vectors in float32. Raises: ValueError for zero and what is not finite."""
    lengths = vectors.detach().double().cpu().norm(dim=-1, keepdim=True)  # float32 overflows at 2e19, squared
    if not bool(((lengths > 0) & lengths.isfinite()).all()):
        raise ValueError("A vector that is zero or not finite cannot be searched.")
    return (vectors.detach().double().cpu() / lengths).float()


def _keep(place: Path, picture: Image.Image) -> None:
    place.parent.mkdir(exist_ok=True)
    partly = place.with_suffix(".part")
    (picture if picture.mode in ("L", "RGB") else picture.convert("RGB")).save(partly, "JPEG", quality=88)
    partly.replace(place)  # a kill during the write leaves no broken picture


def _write(file: Path, value: Any) -> None:
    """JSON into a file, whole or not at all."""
    partly = file.with_suffix(".part")
    partly.write_text(json.dumps(value) + "\n", encoding="utf-8")
    partly.replace(file)


def _need_room(folder: Path, size: int) -> None:
    """Raises: CollectionError where the disk of a folder does not have room for so many bytes, and some to spare."""
    free, needed = shutil.disk_usage(folder).free, SPARE + size
    if free < needed:
        raise CollectionError(
            f"The disk for collections of pictures has {free // 2**20} MiB left, and {-(-needed // 2**20)} are needed: "
            "make room on it, or start the app with another folder in the variable TMPDIR."
        )


def _discard(store: ZvecStore | ExactStore, folder: Path) -> None:
    store.close()  # first, since it writes what is pending into the folder
    shutil.rmtree(folder, ignore_errors=True)


def private(encoder: str, dimension: int) -> Collection:
    """An empty collection in a temporary folder, deleted when it is closed, garbage-collected, or the process ends.

    encoder: the name of the encoder of its vectors. Raises: CollectionError where the disk is full, or nearly.
    """
    return _create(Path(tempfile.mkdtemp(prefix="collection-")), encoder, dimension, temporary=True)


def named(root: Path, name: str, encoder: str, dimension: int) -> Collection:
    """The collection `name` in the folder `root`, created if it does not exist. Only one process can open it at a time.

    Raises: CollectionError for an invalid name, another encoder, a damaged folder, one in use, one that needs zvec
    where that does not run, or a full disk.
    """
    if not _NAME.fullmatch(name):
        raise CollectionError("A collection's name has 1 to 40 letters, digits, spaces, '_' and '-'.")
    folder = Path(root) / name
    if not (folder / ABOUT).exists():
        shutil.rmtree(folder, ignore_errors=True)  # left by a kill before the collection was complete
        folder.mkdir(parents=True)
        return _create(folder, encoder, dimension, temporary=False)
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        made_by, numbers = about["encoder"], about["dimension"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CollectionError(f"The collection '{name}' is damaged: {ABOUT} cannot be read.") from error
    if about.get("format") != FORMAT or (made_by, numbers) != (encoder, dimension):
        raise CollectionError(
            f"The collection '{name}' was created with {made_by}, and cannot be searched with {encoder}."
        )
    exact = about.get("exact", False)
    if not exact and not zvec_store.runs():
        raise CollectionError(f"The collection '{name}' was made with zvec, which does not run on this machine.")
    try:
        store = ExactStore(folder / VECTORS, dimension) if exact else zvec_store.open_(folder / VECTORS)
        collection = Collection(folder, store, about, temporary=False)
        if (folder / ADDING).exists():  # left by a kill
            collection._withdraw(store, json.loads((folder / ADDING).read_text(encoding="utf-8")))
    except Exception as error:  # zvec raises RuntimeError and others
        raise CollectionError(f"The collection '{name}' is open elsewhere, or damaged.") from error
    return collection


def names(root: Path) -> list[str]:
    """The collections in a folder, sorted."""
    return sorted(about.parent.name for about in Path(root).glob(f"*/{ABOUT}"))


def _create(folder: Path, encoder: str, dimension: int, *, temporary: bool) -> Collection:
    about = {"format": FORMAT, "encoder": encoder, "dimension": dimension, "exact": not zvec_store.runs()}
    store: ZvecStore | ExactStore
    try:
        _need_room(folder, 0)
        if about["exact"]:
            store = ExactStore(None if temporary else folder / VECTORS, dimension)
        else:
            store = zvec_store.create(folder / VECTORS, dimension)
        _write(folder / ABOUT, about)  # last: it marks the collection as complete
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Collection(folder, store, about, temporary=temporary)


def _fields(attributes: dict) -> dict:
    """Attributes without those that are None. Raises: ValueError for unknown ones, or values of another kind."""
    unknown = set(attributes) - set(_KINDS)
    if unknown:
        raise ValueError(f"There is no attribute {sorted(unknown)}.")
    fields = {key: value for key, value in attributes.items() if value is not None}
    for key, value in fields.items():
        words = not isinstance(value, list) or all(isinstance(word, str) for word in value)
        if not isinstance(value, _KINDS[key]) or isinstance(value, bool) or not words or not _storable(value):
            raise ValueError(f"The attribute '{key}' cannot be {value!r}.")
    return fields


def _storable(value: Any) -> bool:
    """Whether every store can hold a value: a number of 64 bits, or texts without half a character."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return not re.search("[\ud800-\udfff]", "".join(value))


def _filter(where: dict) -> dict:
    """The filter itself. Raises: ValueError for what cannot be expressed safely."""
    for key, value in where.items():
        if key == "background":
            _check_word(value)
        elif key == "has" and isinstance(value, list | tuple):
            for word in value:
                _check_word(word)
        elif key != "things" or not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"There is no filter {key} = {value!r}.")
    return where


def _check_word(word: Any) -> None:
    if not isinstance(word, str) or not re.fullmatch(r"[A-Za-z0-9 _-]{1,60}", word):
        raise ValueError("A filter compares with a word of letters, digits, spaces, '_' and '-'.")


def folded(hits: Sequence[Hit], vectors: Tensor, threshold: float) -> list[Hit]:
    """Fold near duplicates: a hit whose unit vector [N, D] has a cosine of at least `threshold` with a better hit that
    was kept joins the `alike` of that one. Greedy, the best first.

    Raises: ValueError for a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError("The threshold of near duplicates lies above 0 and up to 1.")
    similarity = (vectors @ vectors.T).tolist() if len(hits) else []
    stays: dict[int, list[str]] = {}
    for i, hit in enumerate(hits):
        twin = next((j for j in stays if similarity[i][j] >= threshold - 1e-6), None)
        if twin is None:
            stays[i] = []
        else:
            stays[twin].append(hit.id)
    return [Hit(hits[i].id, hits[i].similarity, hits[i].attributes, tuple(alike)) for i, alike in stays.items()]


def combine(terms: Sequence[tuple[float, Tensor]]) -> Tensor:
    """A query by arithmetic: the sum of unit vectors [D] of pictures and texts with their weights, a unit vector again.

    picture - "red" + "blue" is [(1, picture), (-1, red), (1, blue)]; a text to avoid has a negative weight.
    Raises: ValueError for no terms, vectors of different encoders, or a sum of zero.
    """
    if not terms:
        raise ValueError("A query needs something to look for.")
    if len({vector.shape for _, vector in terms}) > 1:
        raise ValueError("Vectors of different encoders cannot be added.")
    total = sum((weight * vector for weight, vector in terms), torch.zeros_like(terms[0][1]))
    if not bool(total.isfinite().all()) or float(total.norm()) < 1e-6:
        raise ValueError("The terms of this query cancel out: nothing is left to look for.")
    return F.normalize(total, dim=0)
