"""Search among a million vectors: our collections (zvec) beside exact search in faiss, and LanceDB where it is there.

    python -m benchmarks.retrieval [--n 1000000] [--dimension 256] [--queries 500] [--stores faiss ours lancedb]

Clustered unit vectors, as embeddings are; queries are drawn like them. Every store is built in one process and searched
in a fresh one, one query at a time: cold start is from importing the store to its first answer. Recall@10 is against
faiss' exact search in the same run; "filtered" is with a condition that a tenth of the vectors meet. Memory is the
resident set at its highest, of the process that searches and of the one that built; torch is in both.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks._common import percentile, report

K = 10
TENTH = 3  # the vectors with this number among 0 ... 9 meet the condition
CHUNK = 20_000


def vectors(n: int, dimension: int, seed: int) -> torch.Tensor:
    """n unit vectors around 2,000 centres that do not depend on the seed: [n, dimension]."""
    centres = torch.randn(2000, dimension, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(seed)
    which = torch.randint(len(centres), (n,), generator=generator)
    x = centres[which] + 0.8 * torch.randn(n, dimension, generator=generator)
    return torch.nn.functional.normalize(x, dim=1)


class Faiss:
    """Exact search over float32 in memory."""

    def build(self, folder: Path, chunks) -> None:
        import faiss

        index = None
        for first, x in chunks:
            index = index or faiss.IndexIDMap2(faiss.IndexFlatIP(x.shape[1]))
            index.add_with_ids(x.numpy(), np.arange(first, first + len(x)))
        faiss.write_index(index, str(folder / "flat.faiss"))

    def open(self, folder: Path) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        self.index = faiss.read_index(str(folder / "flat.faiss"))
        tenth = np.arange(TENTH, self.index.ntotal, 10, dtype=np.int64)
        self.tenth = faiss.SearchParameters(sel=faiss.IDSelectorBatch(tenth))

    def search(self, x: torch.Tensor, filtered: bool) -> list[int]:
        return self.index.search(x[None].numpy(), K, params=self.tenth if filtered else None)[1][0].tolist()


class Ours:
    """`genai_core.common.vector_store`: what the app uses."""

    def build(self, folder: Path, chunks) -> None:
        from genai_core.common import vector_store

        collection = None
        for first, x in chunks:
            collection = collection or vector_store.named(folder, "bench", "synthetic", x.shape[1])
            ids = range(first, first + len(x))
            collection.add(x, [{"things": i % 10} for i in ids], ids=[str(i) for i in ids])
        collection.optimise()
        collection.close()

    def open(self, folder: Path) -> None:
        from genai_core.common import vector_store

        dimension = json.loads((folder / "bench" / vector_store.ABOUT).read_text())["dimension"]
        self.collection = vector_store.named(folder, "bench", "synthetic", dimension)

    def search(self, x: torch.Tensor, filtered: bool) -> list[int]:
        where = {"things": TENTH} if filtered else None
        return [int(hit.id) for hit in self.collection.search(x, K, where=where)]


class Lance:
    """LanceDB: IVF with a graph in every cell over 8-bit vectors, the best looked at again in full."""

    def build(self, folder: Path, chunks) -> None:
        import lancedb
        import pyarrow as pa

        def batches():
            for first, x in chunks:
                ids = np.arange(first, first + len(x))
                column = pa.FixedSizeListArray.from_arrays(pa.array(x.numpy().ravel()), x.shape[1])
                yield pa.RecordBatch.from_arrays(
                    [pa.array(ids), pa.array(ids % 10), column], names=["id", "things", "vector"]
                )

        stream = batches()
        begun = next(stream)

        def whole():
            yield begun
            yield from stream

        table = lancedb.connect(folder).create_table("bench", whole(), schema=begun.schema)
        table.create_index(metric="dot", index_type="IVF_HNSW_SQ", vector_column_name="vector")
        table.create_scalar_index("things")

    def open(self, folder: Path) -> None:
        import lancedb

        self.table = lancedb.connect(folder).open_table("bench")

    def search(self, x: torch.Tensor, filtered: bool) -> list[int]:
        query = self.table.search(x.numpy()).distance_type("dot").limit(K).refine_factor(2).select(["id"])
        if filtered:
            query = query.where(f"things = {TENTH}", prefilter=True)
        return query.to_arrow()["id"].to_pylist()


STORES = {"faiss": (Faiss, "faiss"), "ours": (Ours, "zvec"), "lancedb": (Lance, "lancedb")}


def build(name: str, folder: Path, n: int, dimension: int) -> dict:
    """In a process of its own: the store with n vectors, made CHUNK at a time so that they never lie there at once."""
    chunks = (
        (first, vectors(min(CHUNK, n - first), dimension, seed=100 + first // CHUNK)) for first in range(0, n, CHUNK)
    )
    begun = time.perf_counter()
    STORES[name][0]().build(folder, chunks)
    return {"build s": time.perf_counter() - begun, "build MiB": _peak()}


def search(name: str, folder: Path, dimension: int, queries: int) -> dict:
    """In a fresh process: the first answer, then every query, without and with the condition."""
    asked = vectors(queries, dimension, seed=7)
    store, begun = STORES[name][0](), time.perf_counter()
    store.open(folder)
    store.search(asked[0], False)
    found: dict = {"cold start ms": 1000 * (time.perf_counter() - begun)}
    for filtered in (False, True):
        taken, ids = [], []
        for x in asked:
            begun = time.perf_counter()
            ids.append(store.search(x, filtered))
            taken.append(1000 * (time.perf_counter() - begun))
        kind = "filtered " if filtered else ""
        found |= {f"{kind}p50 ms": percentile(taken, 0.5), f"{kind}p95 ms": percentile(taken, 0.95), f"{kind}ids": ids}
    return {**found, "search MiB": _peak()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(*arguments: str) -> dict:
    """What this very file prints when run with the arguments in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.retrieval", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def _recall(found: list[list[int]], exact: list[list[int]]) -> float:
    return float(np.mean([len(set(a) & set(b)) / max(1, len(b)) for a, b in zip(found, exact, strict=True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument("--folder", type=Path, help="where the stores are built (default: a temporary folder)")
    for own in ("build", "search"):  # what this file calls itself with
        parser.add_argument(f"--{own}", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        print(json.dumps(build(options.build, options.folder, options.n, options.dimension)))
        return
    if options.search:
        print(json.dumps(search(options.search, options.folder, options.dimension, options.queries)))
        return

    there = [name for name in options.stores if importlib.util.find_spec(STORES[name][1])]
    if "faiss" not in there:
        sys.exit("This benchmark needs faiss-cpu, whose exact search is what recall is measured against.")
    size = ["--n", str(options.n), "--dimension", str(options.dimension), "--queries", str(options.queries)]
    rows, exact = [], None
    with tempfile.TemporaryDirectory(dir=options.folder) as root:
        for name in sorted(there, key=list(STORES).index):  # faiss first
            folder = Path(root) / name
            folder.mkdir()
            built = _apart("--build", name, "--folder", str(folder), *size)
            found = _apart("--search", name, "--folder", str(folder), *size)
            exact = exact or found
            row = {"store": name}
            for kind in ("", "filtered "):
                row[f"{kind}p50 ms"], row[f"{kind}p95 ms"] = found[f"{kind}p50 ms"], found[f"{kind}p95 ms"]
                row[f"{kind}recall@10 %"] = 100 * _recall(found[f"{kind}ids"], exact[f"{kind}ids"])
            disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
            more = {key: found[key] for key in ("cold start ms", "search MiB")}
            rows.append({**row, **more, "disk MiB": disk, **built})
    absent = [name for name in options.stores if name not in there]
    numbers = {"n": options.n, "dimension": options.dimension, "queries": options.queries, "k": K}
    report("retrieval", rows, **numbers, not_installed=absent, aim="p50 at most 10 ms at recall@10 of at least 98 %")


if __name__ == "__main__":
    main()
