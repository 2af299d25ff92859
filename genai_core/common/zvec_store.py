"""Search by zvec, an embedded vector database: a write-ahead log, one writer, a proximity graph (HNSW, Malkov 2016).

zvec is imported only when a store is opened.
"""

import contextlib
import functools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

EF = 128  # candidates that a search follows: recall against speed
GRAPH = {"m": 24, "ef_construction": 150}  # neighbours of each, candidates for them: a third of the default's time
EXACT = 50_000  # a smaller store is searched without a graph, which takes a few milliseconds
PATIENCE = 60  # seconds for the import, on a busy machine


@functools.cache
def runs() -> bool:
    """Whether zvec runs on this machine.

    On a processor without AVX2 its import kills the process, so that another process tries it first.
    """
    if "zvec" in sys.modules:
        return True
    try:
        trial = subprocess.run(
            [sys.executable, "-c", "import zvec"], capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return trial.returncode == 0


@functools.cache
def _zvec() -> Any:
    import zvec

    with contextlib.suppress(RuntimeError):  # another part of the process was first
        zvec.init(log_level=zvec.LogLevel.ERROR)
    return zvec


class ZvecStore:
    """Unit vectors [dimension] with their fields, in a folder; one process at a time. `create` and `open_` make one."""

    def __init__(self, collection: Any):
        self._collection = collection

    def __len__(self) -> int:
        return self._collection.stats.doc_count

    def insert(self, ids: Sequence[str], vectors: Tensor, fields: Sequence[dict]) -> None:
        """Add rows. Raises: RuntimeError, and then some of them may be there."""
        rows = zip(ids, vectors.tolist(), fields, strict=True)
        docs = [_zvec().Doc(id=id_, vectors={"vector": vector}, fields=of) for id_, vector, of in rows]
        for first in range(0, len(docs), 500):
            for status in self._collection.insert(docs[first : first + 500]):
                if not status.ok():
                    raise RuntimeError(status.message())

    def nearest(
        self, vector: Tensor, k: int, where: dict, *, vectors: bool
    ) -> tuple[list[tuple[str, float, dict]], Tensor | None]:
        """The k nearest rows that pass the filter, best first: (id, cosine, fields); and their vectors, if asked."""
        zvec = _zvec()
        query = zvec.Query(
            field_name="vector",
            vector=vector.tolist(),
            param=zvec.HnswQueryParam(ef=max(EF, k), is_linear=len(self) < EXACT),
        )
        docs = self._collection.query(query, topk=k, filter=_filter(where), include_vector=vectors)
        rows = [(doc.id, float(doc.score), {key: v for key, v in doc.fields.items() if v is not None}) for doc in docs]
        return rows, torch.tensor([doc.vector("vector") for doc in docs]) if vectors else None

    def fetch(self, ids: Sequence[str]) -> dict[str, Tensor]:
        """The vectors of those ids that are there."""
        docs = self._collection.fetch(list(ids))
        return {id_: torch.tensor(doc.vector("vector")) for id_, doc in docs.items()}

    def delete(self, ids: Sequence[str]) -> None:
        """Delete rows; unknown ids are ignored."""
        self._collection.delete(list(ids))

    def optimise(self) -> None:
        """Put into the graph what was added since the last call."""
        self._collection.optimize()

    def close(self) -> None:
        self._collection.close()


def create(folder: Path, dimension: int) -> ZvecStore:
    """An empty store in a folder that does not exist yet."""
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
    return ZvecStore(zvec.create_and_open(str(folder), schema))


def open_(folder: Path) -> ZvecStore:
    """The store in a folder. Raises: what zvec does, where it is open elsewhere or damaged."""
    return ZvecStore(_zvec().open(str(folder)))


def _filter(where: dict) -> str | None:
    """A filter that was checked, in zvec's syntax."""
    clauses = []
    for key, value in where.items():
        if key == "has":
            clauses += [f"has contain_all ({', '.join(map(repr, value))})"] if value else []
        else:
            clauses.append(f"{key} = {value!r}")
    return " and ".join(clauses) or None
