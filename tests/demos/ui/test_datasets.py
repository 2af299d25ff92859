import threading

import pytest

from demos._ui import datasets, errors
from genai_core.data import DataError, fetching


@pytest.fixture
def fetches(monkeypatch):
    """Fetches of two sets that wait for `go`: {"begun": their names, "ended": those closed, "there": those whole}."""
    seen = {"begun": [], "ended": [], "there": set(), "fails": False, "go": threading.Semaphore(0)}

    def fetch(name):
        seen["begun"].append(name)
        try:
            for k in range(1, 4):
                yield k, 3
                seen["go"].acquire(timeout=10)
                if seen["fails"]:
                    raise DataError("There is no network.")
            seen["there"].add(name)
        finally:
            seen["ended"].append(name)

    monkeypatch.setattr(fetching, "fetch", fetch)
    monkeypatch.setattr(fetching, "missing", lambda name: {} if name in seen["there"] else {"file": 3})
    monkeypatch.setattr(datasets, "_last", None)
    yield seen
    for _ in range(9):
        seen["go"].release()
    ended()


def ask(name="mnist", **more):
    return errors.guarded(datasets.fetch)({"dataset": name, **more})


def ended():
    """Waits until no fetch goes on."""
    for thread in threading.enumerate():
        if thread.name == "fetch":
            thread.join(10)


def test_pages_share_a_fetch_and_hear_when_the_set_is_there(fetches):
    for _ in range(3):
        assert set(ask(begin=True)["ok"]) == {"bytes", "total"}
    for _ in range(3):
        fetches["go"].release()
    ended()
    assert fetches["begun"] == ["mnist"]
    assert ask()["ok"] == ask(begin=True)["ok"] == {"there": True}


def test_another_set_waits_until_the_first_is_there(fetches):
    ask(begin=True)
    assert ask("fashion", begin=True)["ok"] == {"waits": True}
    for _ in range(3):
        fetches["go"].release()
    ended()
    assert "total" in ask("fashion", begin=True)["ok"]
    assert fetches["begun"] == ["mnist", "fashion"]


def test_a_fetch_ends_when_no_page_asks_any_more(fetches, monkeypatch):
    monkeypatch.setattr(datasets, "LEFT", -1.0)
    ask(begin=True)
    ended()
    assert fetches["ended"] == ["mnist"]
    assert "press the button" in ask()["error"]


def test_every_page_that_waits_hears_why_a_fetch_failed(fetches):
    ask(begin=True)
    fetches["fails"] = True
    fetches["go"].release()
    ended()
    assert ask() == ask() == {"error": "There is no network."}
    assert fetches["begun"] == ["mnist"]  # asking alone begins none
    fetches["fails"] = False
    assert "total" in ask(begin=True)["ok"]


@pytest.mark.parametrize("bad", [None, 5, [], {}, {"dataset": "../mnist"}, {"dataset": "mnist", "begin": "yes"}])
def test_a_bad_request_begins_nothing(fetches, bad):
    answer = errors.guarded(datasets.fetch)(bad)
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN
    assert not fetches["begun"]


def test_a_set_without_a_mirror_offers_no_fetch():
    assert datasets.absent("cifar10") is None
    assert datasets.absent("fashion")["title"] == "Fashion-MNIST"
