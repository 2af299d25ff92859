"""The Hugging Face Hub, asked once whether it is there: without a network its own client tries for half a minute."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 4.0  # seconds


@contextlib.contextmanager
def asked_once(name: str) -> Iterator[None]:
    """Within, where the Hub does not answer, models come from the folder of those fetched before, or fail at once.

    name: of the model; of a folder on this machine the Hub need not be asked.
    """
    import httpx
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    if not before and not Path(name).exists():
        try:
            httpx.head(constants.ENDPOINT, timeout=PATIENCE)
        except httpx.HTTPError:
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
