"""Exact search: a query is compared with every vector. For machines on which zvec does not run.

The same interface as `zvec_store`. What must survive is in an SQLite file; all of it is in memory, too.
"""

import json
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


class ExactStore:
    """Unit vectors [dimension] with their fields. file: where they are kept, if anywhere; one process at a time.

    Raises: sqlite3.Error where the file is damaged, or open elsewhere.
    """

    def __init__(self, file: Path | None, dimension: int):
        self._rows: dict[str, tuple[Tensor, dict]] = {}
        self._table: tuple[list[str], Tensor] | None = None  # ids and vectors [N, dimension], until the rows change
        self._dimension, self._lock = dimension, threading.Lock()
        self._file = sqlite3.connect(file or ":memory:", timeout=0, check_same_thread=False)
        self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
        with self._file:
            self._file.execute("BEGIN EXCLUSIVE")
            self._file.execute("CREATE TABLE IF NOT EXISTS pictures (id TEXT PRIMARY KEY, vector BLOB, fields TEXT)")
        for id_, vector, fields in self._file.execute("SELECT id, vector, fields FROM pictures ORDER BY rowid"):
            self._rows[id_] = torch.from_numpy(np.frombuffer(vector, "<f4").astype(np.float32)), json.loads(fields)

    def __len__(self) -> int:
        return len(self._rows)

    def insert(self, ids: Sequence[str], vectors: Tensor, fields: Sequence[dict]) -> None:
        """Add rows, all or none of them. Raises: sqlite3.Error."""
        rows = list(zip(ids, vectors.numpy().astype("<f4"), fields, strict=True))
        with self._lock:
            with self._file:
                self._file.executemany(
                    "INSERT INTO pictures VALUES (?, ?, ?)", ((id_, v.tobytes(), json.dumps(of)) for id_, v, of in rows)
                )
            self._rows |= zip(ids, zip(vectors, fields, strict=True), strict=True)
            self._table = None

    def nearest(
        self, vector: Tensor, k: int, where: dict, *, vectors: bool
    ) -> tuple[list[tuple[str, float, dict]], Tensor | None]:
        """The k nearest rows that pass the filter, best first: (id, cosine, fields); and their vectors, if asked."""
        with self._lock:
            if self._table is None:
                none = torch.empty(0, self._dimension)
                self._table = [*self._rows], torch.stack([v for v, _ in self._rows.values()]) if self._rows else none
            (ids, table), rows = self._table, [fields for _, fields in self._rows.values()]
        passing = torch.tensor([i for i, fields in enumerate(rows) if passes(fields, where)], dtype=torch.long)
        similarity, order = (table[passing] @ vector).topk(min(k, len(passing)))
        index = passing[order]
        found = [(ids[i], s, dict(rows[i])) for i, s in zip(index.tolist(), similarity.tolist(), strict=True)]
        return found, table[index] if vectors else None

    def fetch(self, ids: Sequence[str]) -> dict[str, Tensor]:
        """The vectors of those ids that are there."""
        return {id_: self._rows[id_][0] for id_ in ids if id_ in self._rows}

    def delete(self, ids: Sequence[str]) -> None:
        """Delete rows; unknown ids are ignored. Raises: sqlite3.Error."""
        with self._lock:
            with self._file:
                self._file.executemany("DELETE FROM pictures WHERE id = ?", ((id_,) for id_ in ids))
            for id_ in ids:
                self._rows.pop(id_, None)
            self._table = None

    def optimise(self) -> None:
        """Nothing: there is no index."""

    def close(self) -> None:
        self._file.close()


def passes(fields: dict, where: dict) -> bool:
    """Whether a row passes a filter: every word of "has", and each other value itself."""
    return all(
        set(value) <= set(fields.get("has") or ()) if key == "has" else fields.get(key) == value
        for key, value in where.items()
    )
