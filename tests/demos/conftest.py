import pytest

from demos import _jobs, _live


@pytest.fixture(autouse=True)
def no_beats(monkeypatch):
    """The frames of a live training alone: "nothing new" comes when the machine is slow."""
    monkeypatch.setattr(_live, "BEAT", _jobs.SILENCE)
