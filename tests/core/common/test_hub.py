"""The Hub is asked once; what does not answer is not waited for."""

import errno
import threading

import httpx
import pytest
from huggingface_hub import constants, errors

from genai_core.common import hub


@pytest.fixture
def asked(monkeypatch):
    """What was asked; nothing answers."""
    heads = []

    def head(url, timeout):
        heads.append(url)
        raise httpx.ConnectError("nobody there")

    monkeypatch.setattr(httpx, "head", head)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return heads


def test_a_hub_that_does_not_answer_is_not_asked_again(asked):
    with hub.asked_once("nobody/nothing"):
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE
    assert asked == [constants.ENDPOINT]


def test_a_hub_that_answers_is_used(asked, monkeypatch):
    monkeypatch.setattr(httpx, "head", lambda url, timeout: None)
    with hub.asked_once("nobody/nothing"):
        assert not constants.HF_HUB_OFFLINE


def test_a_folder_needs_no_hub(asked, tmp_path):
    with hub.asked_once(str(tmp_path)):
        assert not constants.HF_HUB_OFFLINE
    assert asked == []


def test_it_is_as_before_after_an_error(asked):
    with pytest.raises(KeyError), hub.asked_once("nobody/nothing"):
        raise KeyError
    assert not constants.HF_HUB_OFFLINE


def test_loading_reports_the_download_and_ends_with_the_model(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    blobs, other = (tmp_path / f"models--{owner}--small" / "blobs" for owner in ("ours", "theirs"))
    for folder in (blobs, other):
        folder.mkdir(parents=True)
        (folder / "old").write_bytes(bytes(2**20))
    started, finish = threading.Event(), threading.Event()

    def load():
        started.wait()
        (other / "new").write_bytes(bytes(2**20))
        (blobs / "new").write_bytes(bytes(3 * 2**20))
        finish.wait()
        return "the model"

    progress = hub.loading("small", load, "ours/small")
    assert next(progress) == "Fetching small: 0 MiB so far."
    started.set()
    assert "Fetching small: 3 MiB so far." in (next(progress), next(progress))
    finish.set()
    assert list(progress)[-1] == "the model"
    assert hub.downloaded() == 6 * 2**20


def test_loading_raises_what_load_raises():
    def load():
        raise hub.HubError("There is no such model.")

    with pytest.raises(hub.HubError, match="no such model"):
        list(hub.loading("nothing", load))


def answered(kind, status):
    return kind("no", response=httpx.Response(status, request=httpx.Request("HEAD", constants.ENDPOINT)))


CAUSES = {
    "no public model": answered(errors.RepositoryNotFoundError, 404),
    "accepted its conditions": answered(errors.GatedRepoError, 403),
    "offline": errors.LocalEntryNotFoundError("not in the cache"),
    "does not answer": httpx.ConnectError("nobody there"),
    "try again later": answered(errors.HfHubHTTPError, 500),
    "disk of this machine is full": OSError(errno.ENOSPC, "No space left on device"),
    "too little memory": MemoryError(),
}


@pytest.mark.parametrize("words", CAUSES)
def test_why_the_files_could_not_be_had_is_found_below_other_errors(words):
    outer = OSError("We couldn't connect")
    outer.__cause__ = CAUSES[words]
    assert words in hub.fault("nobody/nothing", outer)


def test_what_is_wrong_with_files_is_no_fault_of_the_hub(tmp_path):
    assert hub.fault("nobody/nothing", ValueError("bad header")) is None
    assert hub.fault("nobody/nothing", answered(errors.RemoteEntryNotFoundError, 404)) is None
    assert hub.fault(str(tmp_path), errors.LocalEntryNotFoundError("not in the cache")) is None
    assert "no such folder" in hub.fault(str(tmp_path / "nowhere"), ValueError())
