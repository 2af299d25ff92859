"""A mirror of MNIST on this machine: a few pictures of noise, in files as the real ones are."""

import contextlib
import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

COUNT = {"train": 200, "t10k": 120}


def files() -> dict[str, bytes]:
    """{name: what is in the file, packed}."""
    noise, packed = np.random.default_rng(0), {}
    for split, count in COUNT.items():
        pictures = struct.pack(">4I", 0x803, count, 28, 28) + noise.bytes(count * 784)
        labels = struct.pack(">2I", 0x801, count) + noise.integers(0, 10, count, np.uint8).tobytes()
        packed |= {f"{split}-images-idx3-ubyte": pictures, f"{split}-labels-idx1-ubyte": labels}
    return {name: gzip.compress(data, mtime=0) for name, data in packed.items()}


def sums(packed: dict[str, bytes]) -> list[tuple[str, str]]:
    """What torchvision knows of the files: their names and MD5 sums."""
    return [(f"{name}.gz", hashlib.md5(data).hexdigest()) for name, data in packed.items()]


@contextlib.contextmanager
def mirror(packed: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the names of the files that were asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.removeprefix("/").removesuffix(".gz")
            asked.append(name)
            self.send_response(200 if name in packed else 404)
            self.end_headers()
            self.wfile.write(packed.get(name, b""))

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()
