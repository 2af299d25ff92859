"""Collections of pictures by their unit vectors: find the nearest, filter by what is true of them, keep them safe.

The store is zvec, an embedded vector database (a write-ahead log, one writer, a proximity graph: HNSW, Malkov 2016).
A collection is private to a session, and gone with it, or has a name in a folder and outlasts restarts and kills: what
`add` has acknowledged is in the log (a power cut may cost the last moments). zvec is imported only when a collection is
opened.
"""

import contextlib
import functools
import json
import re
import shutil
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

FORMAT = 1  # of a collection's folder
ABOUT = "collection.json"
EF = 128  # how many candidates a search follows: recall against speed
GRAPH = {"m": 24, "ef_construction": 150}  # neighbours of each, candidates for them: a third of the default's time
MOST = 1000  # results of a search
EXACT = 50_000  # a smaller collection is searched without a graph, which takes a few milliseconds
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}")


class CollectionError(RuntimeError):
    """A collection cannot be had or used. The message is one sentence, fit for a user."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that was found. similarity: the cosine, in [-1, 1]. alike: ids of near duplicates folded into it."""

    id: str
    similarity: float
    attributes: dict
    alike: tuple[str, ...] = ()


@functools.cache
def _zvec():
    import zvec

    with contextlib.suppress(RuntimeError):  # another part of the process was first
        zvec.init(log_level=zvec.LogLevel.ERROR)
    return zvec


class Collection:
    """Vectors of one encoder with attributes and, if given, small pictures. `private` and `named` make one.

    Attributes are "caption" (a text), "things" (a number), "background" (a word) and "has" (a list of words); all may
    be absent. Safe for threads: one writes at a time.
    """

    def __init__(self, folder: Path, store: Any, about: dict, *, temporary: bool):
        self.folder, self.encoder, self.dimension = folder, about["encoder"], about["dimension"]
        self._store, self._lock = store, threading.Lock()
        self._finish = weakref.finalize(self, _discard, store, folder) if temporary else None

    def __len__(self) -> int:
        return self._open().stats.doc_count

    def add(
        self,
        vectors: Tensor,
        attributes: Sequence[dict] | None = None,
        *,
        ids: Sequence[str] | None = None,
        pictures: Sequence[Image.Image] | None = None,
    ) -> list[str]:
        """Add vectors [N, dimension], with what is true of each and its picture; returns their ids.

        When it returns, a kill cannot lose them. They are stored as unit vectors.
        Raises: ValueError for another shape, numbers that are not finite, a zero vector, or lists of another length;
        CollectionError where it is closed.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise ValueError(f"Vectors of {self.dimension} numbers are needed, not {list(vectors.shape)}.")
        if not bool(vectors.isfinite().all()) or not bool((vectors.norm(dim=1) > 0).all()):
            raise ValueError("A vector that is zero or not finite cannot be searched.")
        n = len(vectors)
        ids = [uuid.uuid4().hex for _ in range(n)] if ids is None else list(ids)
        attributes = [{} for _ in range(n)] if attributes is None else attributes
        if not len(ids) == len(attributes) == n or (pictures is not None and len(pictures) != n):
            raise ValueError(f"{n} vectors need {n} ids, attributes and pictures.")
        rows = zip(ids, F.normalize(vectors.float(), dim=1).tolist(), attributes, strict=True)
        docs = [_zvec().Doc(id=id_, vectors={"vector": vector}, fields=_fields(of)) for id_, vector, of in rows]
        with self._lock:
            store = self._open()
            for id_, picture in zip(ids, pictures or (), strict=False):  # first, so that none is without its picture
                self._keep(id_, picture)
            for first in range(0, n, 500):
                for status in store.insert(docs[first : first + 500]):
                    if not status.ok():
                        raise CollectionError(f"A picture could not be added: {status.message()}.")
        return ids

    def search(self, vector: Tensor, k: int = 10, *, where: dict | None = None, fold: float | None = None) -> list[Hit]:
        """The k nearest to a vector [dimension], the best first.

        where: attributes that must be so, as {"has": ["red circle", "large"], "things": 2, "background": "navy"}: of
        "has" every word. fold: results whose vectors are at least so similar to a better one become its `alike`.
        Raises: ValueError for another vector, k outside 1 ... 1000, or a filter there is not.
        """
        if vector.shape != (self.dimension,) or not bool(vector.isfinite().all()):
            raise ValueError(f"A query is a vector of {self.dimension} finite numbers.")
        if not 1 <= k <= MOST:
            raise ValueError(f"A search gives 1 to {MOST} results, not {k}.")
        store, zvec = self._open(), _zvec()
        query = zvec.Query(
            field_name="vector",
            vector=F.normalize(vector.float(), dim=0).tolist(),
            param=zvec.HnswQueryParam(ef=max(EF, k), is_linear=store.stats.doc_count < EXACT),
        )
        wider = k if fold is None else min(MOST, 2 * k)  # duplicates are few
        found = store.query(query, topk=wider, filter=_filter(where or {}), include_vector=fold is not None)
        hits = [Hit(doc.id, float(doc.score), _attributes(doc.fields)) for doc in found]
        if fold is None:
            return hits
        return folded(hits, torch.tensor([doc.vector("vector") for doc in found]), fold)[:k]

    def optimise(self) -> None:
        """Build the graph over all that was added since the last time; worth it from EXACT vectors on."""
        with self._lock:
            self._open().optimize()

    def vectors(self, ids: Sequence[str]) -> Tensor:
        """The unit vectors of some pictures: [N, dimension]. Raises: KeyError for an id there is not."""
        found = self._open().fetch(list(ids))
        return torch.tensor([found[id_].vector("vector") for id_ in ids]).view(-1, self.dimension)

    def picture(self, id_: str) -> Image.Image | None:
        """The picture that was added with an id, if there is one."""
        with contextlib.suppress(OSError), Image.open(self._place(id_)) as picture:
            return picture.convert("RGB")
        return None

    def delete(self, ids: Sequence[str]) -> None:
        """Forget some pictures; an id there is not is no error."""
        with self._lock:
            self._open().delete(list(ids))
        for id_ in ids:
            self._place(id_).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the files; a private collection is deleted. May be called twice."""
        with self._lock:
            store, self._store = self._store, None
            if self._finish:
                self._finish()
            elif store is not None:
                store.close()

    def _open(self) -> Any:
        if self._store is None:
            raise CollectionError("This collection is closed.")
        return self._store

    def _keep(self, id_: str, picture: Image.Image) -> None:
        place = self._place(id_)
        place.parent.mkdir(exist_ok=True)
        partly = place.with_suffix(".part")
        picture.save(partly, "JPEG", quality=88)
        partly.replace(place)  # a kill in mid-write leaves no broken picture

    def _place(self, id_: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", id_):
            raise ValueError("An id has 1 to 64 letters, digits, '_' and '-'.")
        return self.folder / "pictures" / f"{id_}.jpg"


def _discard(store: Any, folder: Path) -> None:
    store.close()  # first, since it would write what is left into a folder that is gone
    shutil.rmtree(folder, ignore_errors=True)


def private(encoder: str, dimension: int) -> Collection:
    """An empty collection in a temporary folder that goes when it is closed, or with the process or the last reader.

    encoder: the name of what makes its vectors.
    """
    folder = Path(tempfile.mkdtemp(prefix="collection-"))
    return _create(folder, encoder, dimension, temporary=True)


def named(root: Path, name: str, encoder: str, dimension: int) -> Collection:
    """The collection `name` in the folder `root`, made if there is none yet. One process can have it open at a time.

    Raises: CollectionError for a name that is no plain name, another encoder, a damaged folder, or one in use.
    """
    if not _NAME.fullmatch(name):
        raise CollectionError("A collection's name has 1 to 40 letters, digits, spaces, '_' and '-'.")
    folder = Path(root) / name
    if not (folder / ABOUT).exists():
        shutil.rmtree(folder, ignore_errors=True)  # what a kill left before the collection was whole
        folder.mkdir(parents=True)
        return _create(folder, encoder, dimension, temporary=False)
    try:
        about = json.loads((folder / ABOUT).read_text())
        made_by, numbers = about["encoder"], about["dimension"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CollectionError(f"The collection '{name}' is damaged: {ABOUT} cannot be read.") from error
    if about.get("format") != FORMAT or (made_by, numbers) != (encoder, dimension):
        raise CollectionError(
            f"The collection '{name}' was made with {made_by}, and cannot be searched with {encoder}."
        )
    try:
        store = _zvec().open(str(folder / "vectors"))
    except Exception as error:  # zvec raises RuntimeError and others
        raise CollectionError(f"The collection '{name}' is open elsewhere, or damaged.") from error
    return Collection(folder, store, about, temporary=False)


def names(root: Path) -> list[str]:
    """The collections in a folder, sorted."""
    return sorted(about.parent.name for about in Path(root).glob(f"*/{ABOUT}"))


def _create(folder: Path, encoder: str, dimension: int, *, temporary: bool) -> Collection:
    zvec = _zvec()
    word = {"data_type": zvec.DataType.STRING, "nullable": True, "index_param": zvec.InvertIndexParam()}
    schema = zvec.CollectionSchema(
        name="pictures",
        fields=[
            zvec.FieldSchema("caption", zvec.DataType.STRING, nullable=True),
            zvec.FieldSchema("things", zvec.DataType.INT64, nullable=True, index_param=zvec.InvertIndexParam()),
            zvec.FieldSchema("background", **word),
            zvec.FieldSchema("has", **{**word, "data_type": zvec.DataType.ARRAY_STRING}),
        ],
        vectors=zvec.VectorSchema(
            "vector",
            zvec.DataType.VECTOR_FP32,
            dimension=dimension,
            index_param=zvec.HnswIndexParam(metric_type=zvec.MetricType.IP, **GRAPH),
        ),
    )
    store = zvec.create_and_open(str(folder / "vectors"), schema)
    about = {"format": FORMAT, "encoder": encoder, "dimension": dimension}
    partly = folder / f"{ABOUT}.part"
    partly.write_text(json.dumps(about) + "\n")
    partly.replace(folder / ABOUT)  # last: with it the collection is whole
    return Collection(folder, store, about, temporary=temporary)


def _fields(attributes: dict) -> dict:
    unknown = set(attributes) - {"caption", "things", "background", "has"}
    if unknown:
        raise ValueError(f"There is no attribute {sorted(unknown)}.")
    return {key: value for key, value in attributes.items() if value is not None}


def _attributes(fields: dict) -> dict:
    return {key: value for key, value in fields.items() if value is not None}


def _filter(where: dict) -> str | None:
    """The filter in zvec's language. Raises: ValueError for what cannot be put into it safely."""
    clauses = []
    for key, value in where.items():
        if key == "things" and isinstance(value, int) and not isinstance(value, bool):
            clauses.append(f"things = {value}")
        elif key == "background":
            clauses.append(f"background = {_quoted(value)}")
        elif key == "has" and isinstance(value, list | tuple):
            clauses += [f"has contain_all ({', '.join(map(_quoted, value))})"] if value else []
        else:
            raise ValueError(f"There is no filter {key} = {value!r}.")
    return " and ".join(clauses) or None


def _quoted(word: Any) -> str:
    if not isinstance(word, str) or not re.fullmatch(r"[A-Za-z0-9 _-]{1,60}", word):
        raise ValueError("A filter compares with a word of letters, digits, spaces, '_' and '-'.")
    return f"'{word}'"


def folded(hits: Sequence[Hit], vectors: Tensor, threshold: float) -> list[Hit]:
    """Near duplicates folded: a hit whose unit vector [N, D] has a cosine of at least `threshold` with a better one
    that stays joins that one's `alike`. Greedy, the best first.

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

    picture - "red" + "blue" is [(1, picture), (-1, red), (1, blue)]; a text that is not wanted has a negative weight.
    Raises: ValueError for no term, vectors of different encoders, or a sum of nothing.
    """
    if not terms:
        raise ValueError("A query needs something to look for.")
    if len({vector.shape for _, vector in terms}) > 1:
        raise ValueError("Vectors of different encoders cannot be added.")
    total = sum(weight * vector for weight, vector in terms)
    if not bool(total.isfinite().all()) or float(total.norm()) < 1e-6:
        raise ValueError("The terms of this query cancel out: nothing is left to look for.")
    return F.normalize(total, dim=0)
