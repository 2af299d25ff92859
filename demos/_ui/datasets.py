"""A data set that is not on this machine, fetched when a learner asks for it: one fetch at a time for all pages.

A page begins a fetch and then asks how far it is. It goes on as long as some page asks, so that Stop, or leaving, is
no longer to ask.
"""

import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from demos._ui import errors, validation
from demos._ui.validation import InputError
from genai_core.data import fetching

LEFT = 5.0  # seconds without a question after which no page waits any more


@dataclass
class _Fetch:
    dataset: str
    bytes: int = 0
    total: int = 0
    error: str = ""
    over: bool = False
    asked: float = field(default_factory=time.monotonic)


_lock = threading.Lock()
_last: _Fetch | None = None  # the one that goes on, or that was the last


def absent(dataset: str) -> dict[str, Any] | None:
    """What a page needs to offer the fetch of a set: {"dataset", "title", "bytes"}; None for one that has no mirror."""
    if dataset not in fetching.SIZES:
        return None
    size = sum(fetching.missing(dataset).values())
    return {"dataset": dataset, "title": fetching.TITLES[dataset], "bytes": size}


def fetch(request: dict) -> dict:
    """{"dataset", "begin"}: begin to fetch a set, or go on -> {"there", "waits", "bytes", "total"}.

    waits: another set is being fetched; begin again. Without "begin": how far it is. Raises: InputError when it failed.
    """
    global _last
    request = validation.json_object(request)
    dataset = validation.choice(request.get("dataset"), "The data set", tuple(fetching.SIZES))
    begin = request.get("begin", False)
    if not isinstance(begin, bool):
        raise InputError("Begin is either true or false.")
    with _lock:
        if not fetching.missing(dataset):
            return {"there": True}
        if _last is None or _last.over:
            if not begin:
                failed = _last is not None and _last.dataset == dataset and _last.error
                raise InputError(failed or "The fetch was ended; press the button to go on with it.")
            _last = _Fetch(dataset)
            threading.Thread(target=_run, args=(_last,), daemon=True, name="fetch").start()
        if _last.dataset != dataset:
            return {"waits": True}
        _last.asked = time.monotonic()
        return {"bytes": _last.bytes, "total": _last.total}


def _run(one: _Fetch) -> None:
    try:
        with closing(fetching.fetch(one.dataset)) as parts:
            for one.bytes, one.total in parts:
                if time.monotonic() - one.asked > LEFT:
                    return
    except Exception as error:
        one.error = errors.sentence(error, "fetch")
    finally:
        one.over = True
