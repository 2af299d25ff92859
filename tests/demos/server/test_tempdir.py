"""The folder of uploads: one's own, whoever came first."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from demos._server import tempdir

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has a temporary folder for each user")


def mode(folder) -> int:
    return stat.S_IMODE(os.stat(folder).st_mode)


def test_the_folder_is_ones_own_and_the_same_at_every_start(tmp_path):
    folder = tempdir.own_folder(str(tmp_path))
    assert folder == tempdir.own_folder(str(tmp_path)) == str(tmp_path / f"gradio-{os.getuid()}")
    assert mode(folder) == 0o700


def test_a_folder_that_others_can_open_is_closed_to_them(tmp_path):
    (tmp_path / f"gradio-{os.getuid()}").mkdir(mode=0o777)
    assert mode(tempdir.own_folder(str(tmp_path))) == 0o700


def test_a_link_or_a_file_in_its_place_is_passed_over(tmp_path):
    place, elsewhere = tmp_path / f"gradio-{os.getuid()}", tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    place.symlink_to(elsewhere)
    for _ in range(2):
        folder = Path(tempdir.own_folder(str(tmp_path)))
        assert folder.parent == tmp_path
        assert folder not in (place, elsewhere)
        assert mode(folder) == 0o700
        assert mode(elsewhere) == 0o755
        place.unlink()
        place.write_text("", encoding="utf-8")


def test_another_users_folder_is_passed_over(tmp_path, monkeypatch):
    mine, another = os.getuid(), os.getuid() + 1
    (tmp_path / f"gradio-{another}").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: another)
    folder = tempdir.own_folder(str(tmp_path))
    assert folder != str(tmp_path / f"gradio-{another}")
    assert os.stat(folder).st_uid == mine


@pytest.mark.parametrize("named", ["", "by hand"])
def test_gradio_is_told_of_it_unless_a_folder_is_named(tmp_path, named):
    script = "import os, demos._server.tempdir; print(os.environ['GRADIO_TEMP_DIR'])"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "GRADIO_TEMP_DIR": named}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == (named or f"{os.path.realpath(tmp_path)}/gradio-{os.getuid()}")
    assert tempfile.gettempdir() != str(tmp_path)
