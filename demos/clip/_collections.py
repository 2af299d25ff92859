"""What can be searched: the gallery, pictures a user dropped in, folders of `--collections`, a Hub model's sample.

A user's pictures are known by a key that only their page was told, and are forgotten when that page is left.
"""

import os
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demos._ui import validation
from genai_core.clip import gallery
from genai_core.common import vector_store
from genai_core.common.vector_store import Collection

GALLERY, SAMPLE, NAMED = "gallery", "sample", "named:"
SESSIONS = 60  # users whose pictures are kept at a time; the one idle longest goes first


@dataclass
class Mine:
    """The pictures of one page. names: id -> name of its file, in the order they came."""

    session: str
    model: str
    collection: Collection
    names: dict[str, str] = field(default_factory=dict)


_mine: dict[str, Mine] = {}  # key -> pictures, the one used longest ago first
_named: dict[str, Collection] = {}  # opened folders; a collection can be opened once a process
_samples: dict[str, Collection] = {}  # a Hub model -> the scenes that it has seen
_lock = threading.Lock()


def folder() -> Path | None:
    """The folder of `--collections`, if the app was started with one."""
    given = os.environ.get("GENAI_COLLECTIONS")
    return Path(given) if given else None


def of(name, model: str) -> Collection:
    """The collection that the page means, as vectors of `model`. Raises: InputError, CheckpointError."""
    if name == GALLERY:
        return gallery.collection(model)
    if name == SAMPLE and model in _samples:
        return _samples[model]
    if isinstance(name, str) and name.startswith(NAMED):
        return named(name.removeprefix(NAMED), model)
    with _lock:
        found = _mine.pop(name, None) if isinstance(name, str) else None
        if found is None:
            raise validation.InputError("These pictures are not there (any more): drop them in again.")
        _mine[name] = found
    if found.model != model:
        raise validation.InputError(f"These pictures were read by {found.model}: choose that model.")
    return found.collection


def named(name: str, model: str, create: bool = False, dimension: int = 0) -> Collection:
    """A folder of `--collections`; create: make it if there is none. Raises: InputError, CollectionError."""
    root = folder()
    if root is None:
        raise validation.InputError("This server keeps no named collections: it was started without --collections.")
    with _lock:
        if name not in _named:
            if not create and name not in vector_store.names(root):
                raise validation.InputError("There is no collection of that name.")
            from demos.clip import _models

            _named[name] = vector_store.named(root, name, model, dimension or _models.load(model).dimension)
        if _named[name].encoder != model:
            raise validation.InputError(f"This collection was made with {_named[name].encoder}: choose that model.")
        return _named[name]


def names() -> list[str]:
    """The named collections there are."""
    root = folder()
    return vector_store.names(root) if root else []


def mine(session: str, model: str, dimension: int) -> tuple[str, Mine]:
    """The private pictures of a page and their key, made when there are none or they were read by another model.

    In that case the earlier ones are returned as they are: it is the caller who reads them again.
    """
    with _lock:
        for key, found in _mine.items():
            if found.session == session and found.model == model:
                return key, found
        while len(_mine) >= SESSIONS:
            _mine.pop(next(iter(_mine))).collection.close()
        key = secrets.token_urlsafe(16)
        _mine[key] = Mine(session, model, vector_store.private(model, dimension))
        return key, _mine[key]


def earlier(session: str, model: str) -> list[tuple[str, Mine]]:
    """The private pictures of a page that another model has read."""
    with _lock:
        return [(key, found) for key, found in _mine.items() if found.session == session and found.model != model]


def forget(keys: Sequence[str]) -> None:
    """Close private collections; their files go with them."""
    with _lock:
        gone = [_mine.pop(key) for key in keys if key in _mine]
    for found in gone:
        found.collection.close()


def leave(session: str) -> None:
    """The page was left: its pictures are forgotten."""
    with _lock:
        keys = [key for key, found in _mine.items() if found.session == session]
    forget(keys)


def keep_sample(model: str, collection: Collection) -> None:
    """The sample of the gallery that a Hub model has seen takes the place of an earlier one's."""
    for other in [*_samples]:
        _samples.pop(other).close()
    _samples[model] = collection
