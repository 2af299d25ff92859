"""Machines other than ours: a code page that is not UTF-8, a proxy, a port that is taken, a Space."""

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from benchmarks._browser import free_port, serve
from demos import serve as serving
from demos._server import address
from tools import space

ROOT = Path(__file__).resolve().parents[2]
STARTED = "import locale, app; app.build_app(); print(locale.getpreferredencoding())"


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(shutil.which("localedef") is None, reason="there is no localedef on this machine")
def test_the_app_is_built_where_files_are_not_utf_8_by_default(tmp_path):
    made = ["localedef", "-f", "CP1252", "-i", "en_US", str(tmp_path / "en_US.CP1252")]
    subprocess.run(made, check=False, capture_output=True)  # it warns, and makes it
    run = python("-c", STARTED, LOCPATH=str(tmp_path), LC_ALL="en_US.CP1252", PYTHONUTF8="0", PYTHONWARNINGS="ignore")
    assert run.returncode == 0, run.stderr
    assert run.stdout.split()[-1].upper() == "CP1252"


def test_the_app_starts_behind_a_proxy():
    process, url = serve(["app.py"], {"http_proxy": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""})
    try:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        assert b"Generative AI" in direct.open(url, timeout=30).read()
    finally:
        process.terminate()
        process.wait(10)


def test_hosts_that_pass_by_the_proxy_already_go_on_doing_so(monkeypatch):
    monkeypatch.setenv("no_proxy", "example.org,127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "*")
    serving.bypass_proxy()
    assert os.environ["no_proxy"] == "example.org,127.0.0.1,localhost,::1"
    assert os.environ["NO_PROXY"] == "*"


def test_an_address_that_cannot_be_had_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = python("app.py", "--host", "127.0.0.1", "--port", str(port))
    assert busy.returncode == 1
    assert f"port {port}: another program listens there; choose another port" in busy.stderr
    assert f"PORT={port + 1}" in busy.stderr
    assert busy.stderr.count("\n") == 1
    assert address.problem("203.0.113.1", free_port()).endswith("this machine has no such address.")
    assert address.problem("no.host.invalid", free_port()).endswith("this is no address.")
    assert address.problem("", 99999) == "A port is a number from 1 to 65535, and 99999 is not."
    assert address.problem("127.0.0.1", free_port()) == ""


def test_what_is_uploaded_to_a_space_starts_and_is_small(tmp_path):
    folder = space.stage(tmp_path / "space")
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert max(file.stat().st_size for file in files) <= 10 * 2**20
    assert {file.suffix for file in files if b"\0" in file.read_bytes()} <= {Path(p).suffix for p in space.BINARY}
    assert sum(file.stat().st_size for file in files) < 220 * 2**20
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    environment = {"HOME": "/proc/none", "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    process, url = serve([str(folder / "app.py")], environment)
    try:
        assert b"Generative AI" in urllib.request.urlopen(url, timeout=30).read()
    finally:
        process.terminate()
        process.wait(10)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


def test_the_upload_is_the_hubs_own_command(tmp_path):
    run = subprocess.run([*space.command("a/b", tmp_path), "--help"], capture_output=True, text=True, check=False)
    assert run.returncode == 0
    for option in ("--repo-type", "--delete"):
        assert option in run.stdout


FAKE_SPACES = """
import multiprocessing
lent = []

def GPU(task, duration):
    def call(**settings):
        lent.append(task.__name__)
        answers = multiprocessing.get_context("fork").Queue()
        def work():
            for value in task(**settings):
                answers.put(value)
            answers.put("the end")
        process = multiprocessing.get_context("fork").Process(target=work, daemon=True)
        process.start()
        yield from iter(answers.get, "the end")
    call.__wrapped__, call.__name__ = task, task.__name__
    return call
"""
LENT = """
import os
import app, spaces
from demos._ui import tab
from genai_core.common import checkpoints
def values(id, part, **settings):
    part = {one.id: one for one in app.TABS}[id].part(part)
    for value in tab.streamed(part)({"ask": {"settings": part.parse(settings), "run": "1"}}):
        if "run" in value:
            yield value

*_, first, last = values("diffusion", "denoise", steps=4)
assert first["done"], first
assert last == {"over": True, "run": "1"}, last
assert "over" not in next(values("vae", "train"))
print(spaces.lent, checkpoints.default_device(), "GENAI_DEVICE" in os.environ)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Spaces are Linux")
def test_on_zero_gpu_runs_are_lent_a_gpu_and_the_rest_stays_on_the_cpu(tmp_path):
    (tmp_path / "spaces.py").write_text(FAKE_SPACES, encoding="utf-8")
    run = python("-c", LENT, PYTHONPATH=f"{ROOT}:{tmp_path}", SPACES_ZERO_GPU="true", OMP_NUM_THREADS="1")
    assert run.stdout.splitlines()[-1:] == ["['sample', 'train'] cpu True"], run.stderr
