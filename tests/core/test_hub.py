"""The Hub is asked once; what does not answer is not waited for."""

import httpx
import pytest
from huggingface_hub import constants

from genai_core import hub


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
