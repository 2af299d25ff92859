"""Without a network, a home, data sets, or with damaged checkpoints: each part works, or says what is missing."""

import shutil
import subprocess
import sys

import pytest

import app
from benchmarks._browser import serve
from genai_core.common import checkpoints
from tests.server.test_hostile import LEAKS, TOLD, asks_for_nothing
from tests.server.wire import Wire

GIVEN = {
    "prompt": "My lord",
    "seed": 1,
    "tokens": 5,
    "steps": 5,
}
LONG = "_train"  # endpoints of the training lane


def damage(assets) -> None:
    """One checkpoint after the other: gone, weights that are none, weights cut off, a config that is none."""
    for k, folder in enumerate(sorted(f for f in assets.iterdir() if (f / "model.safetensors").is_file())):
        weights, config = folder / "model.safetensors", folder / "config.json"
        if k % 4 == 0:
            shutil.rmtree(folder)
        elif k % 4 == 1:
            weights.write_bytes(b"no weights" * 100)
        elif k % 4 == 2:
            weights.write_bytes(weights.read_bytes()[:-1000])
        else:
            config.write_text("{")


def listed(folder) -> dict:
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


@pytest.fixture(scope="module", params=["whole", "damaged"])
def poor(request, tmp_path_factory):
    """(whether its checkpoints are whole, its wire, its log of hosts asked for) of an app without network and home."""
    place = tmp_path_factory.mktemp(request.param)
    assets, log = place / "assets", place / "hosts.log"
    shutil.copytree(checkpoints.ASSETS, assets)
    if request.param == "damaged":
        damage(assets)
    for path in (*assets.rglob("*"), assets):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = listed(assets)
    environment = {"GENAI_ASSETS": str(assets), "GENAI_DATA": str(place / "none"), "HOME": "/proc/none", "HF_HOME": ""}
    process, url = serve(["-m", "tests.server.cut_off", str(log), "--host", "127.0.0.1"], environment)
    yield request.param == "whole", Wire(url), log
    process.terminate()
    process.wait(10)
    assert listed(assets) == before


def usable(answer, what, whole=False):
    """A result; or, where something may be missing, one sentence."""
    if "ok" in answer:
        return
    assert isinstance(answer["error"], str), what
    assert TOLD.fullmatch(answer["error"]), (what, answer)
    assert not LEAKS.search(answer["error"]), (what, answer)
    assert not whole, (what, answer)


def test_every_part_begins_or_says_what_is_missing(poor, behind):
    whole, wire, _ = poor
    said = 0
    for (component, name), function in zip(wire.server_functions(), behind, strict=True):
        if asks_for_nothing(function):  # a first value
            answer = wire.ask(component, name, {})
            usable(answer, (component, name), whole)
            said += "error" in answer
    assert whole or said
    cards = next(component for component, name in wire.server_functions() if name == "picture")
    for tab in app.TABS:
        usable(wire.ask(cards, "picture", {"id": tab.id}), tab.id, whole)


def test_every_endpoint_answers_or_says_what_is_missing(poor):
    whole, wire, _ = poor
    for name, endpoint in wire.info.items():
        if not name.endswith(LONG):
            parameters = endpoint["parameters"]
            known = all(p["parameter_has_default"] or p["parameter_name"] in GIVEN for p in parameters)
            lists = {p["parameter_name"] for p in parameters if p["type"].get("type") == "array"}
            given = {name: value for name, value in GIVEN.items() if name not in lists}
            data = [given.get(p["parameter_name"], p.get("parameter_default")) for p in parameters]
            usable(wire.call(name, data), name, whole and known)


def test_the_page_comes_and_no_other_host_was_asked_for(poor):
    _, wire, log = poor
    assert "Generative AI" in wire.client.get("/").text
    assert not log.exists(), log.read_text()


READ_ONLY = """
import sys, tempfile
tempfile._candidate_tempdir_list = lambda: ["/proc/none"]
sys.modules["os"].access = lambda path, mode: {memory}
import demos._server.tempdir
print(tempfile.gettempdir())
"""


@pytest.mark.parametrize(
    ("memory", "said"),
    [
        (True, "/dev/shm"),
        (False, "No folder for temporary files can be written to; name one in the variable TMPDIR."),
    ],
)
def test_where_no_disk_can_be_written_to_memory_is_or_a_sentence_says_so(memory, said):
    script = READ_ONLY.format(memory=memory)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (run.stdout + run.stderr).strip() == said
    assert run.returncode == (not memory)
