"""What the hub modules of the techniques share: asking the Hugging Face Hub, one error, one download with progress."""

import contextlib
import errno
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

TIMEOUT = 4.0  # seconds; without a network the Hub's own client retries for half a minute
OFFLINE = "this machine is offline or the Hugging Face Hub does not answer, and the model was not downloaded before"
Model = TypeVar("Model")


class HubError(RuntimeError):
    """A model cannot be downloaded or used. The message is one sentence, fit for a user."""


def not_loaded(name: str, reason: str) -> HubError:
    """The error for a model; reason: a clause, such as "it has no weights"."""
    return HubError(f"The model '{name}' could not be loaded: {reason}.")


def fault(name: str, error: BaseException) -> str | None:
    """Why the files of a model could not be had, as a clause for `not_loaded`; None where the files are at fault.

    error: as transformers, diffusers or open_clip raised it.
    """
    from httpx import TransportError
    from huggingface_hub import errors

    raised = list(_causes(error))

    def any_of(*kinds: type[BaseException]) -> bool:
        return any(isinstance(e, kinds) for e in raised)

    if any(isinstance(e, OSError) and e.errno == errno.ENOSPC for e in raised):
        return "the disk of this machine is full"
    if any_of(MemoryError):
        return "this machine has too little memory"
    if Path(name).is_dir():
        return None
    if Path(name).is_absolute():
        return "there is no such folder on this machine"
    if any_of(errors.GatedRepoError):
        return "the Hugging Face Hub gives it only to accounts that have accepted its conditions"
    if any_of(errors.RepositoryNotFoundError, errors.HFValidationError):
        return "the Hugging Face Hub has no public model of that name"
    if any_of(errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError, TransportError):
        return OFFLINE
    if any_of(errors.HfHubHTTPError) and not any_of(errors.EntryNotFoundError):
        return "the Hugging Face Hub answers with an error, so try again later"
    return None


def offline(name: str) -> bool:
    """Whether, within `asked_once`, only the local cache is asked for this model."""
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE and not Path(name).is_dir()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@contextlib.contextmanager
def asked_once(name: str) -> Iterator[None]:
    """A context in which, if the Hub does not answer, models come from the local cache or fail at once.

    name: of the model; for a local folder the Hub is not asked.
    """
    import httpx
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    if not before and not Path(name).exists():
        try:
            httpx.head(constants.ENDPOINT, timeout=TIMEOUT)
        except httpx.HTTPError:
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def loading(name: str, load: Callable[[], Model], repository: str | None = None) -> Iterator[str | Model]:
    """`load()` in a thread of its own: a sentence on its progress every second, and at the end the model.

    repository: "owner/name" on the Hub whose download is measured; None: of any. Raises: what `load` raises.
    """
    pool = ThreadPoolExecutor(1)
    try:
        before, future = downloaded(repository), pool.submit(load)
        while not future.done():
            yield f"Fetching {name}: {(downloaded(repository) - before) / 2**20:.0f} MiB so far."
            wait([future], timeout=1.0)
        yield future.result()
    finally:
        pool.shutdown(wait=False)  # do not wait for the download; it stays in the Hub's cache


def downloaded(repository: str | None = None) -> int:
    """Bytes in the Hub's cache of one repository, or of all."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = f"models--{repository.replace('/', '--')}" if repository else "models--*"
    return sum(file.stat().st_size for file in Path(HF_HUB_CACHE).glob(f"{folder}/blobs/*") if file.is_file())
