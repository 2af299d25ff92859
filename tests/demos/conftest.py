import pytest

from demos._server import jobs
from demos._ui import live


@pytest.fixture(autouse=True)
def no_beats(monkeypatch):
    """The frames of a live training alone: "nothing new" comes when the machine is slow."""
    monkeypatch.setattr(live, "BEAT", jobs.SILENCE)
