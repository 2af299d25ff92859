"""A technique and its tab come in by three edits, in a copy of the repository; the contracts then test them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEW = Path(__file__).parent / "new_technique"  # the packages and no edits
EDITS = {  # file: a line as it is, and what it becomes
    "genai_core/techniques.py": ("    clip,\n", "    clip,\n    brightness,\n"),
    "app.py": ("    distillation.TAB,\n", "    distillation.TAB,\n    brightness.TAB,\n"),
    "README.md": ("| Distillation |", "| Brightness | the seed | `brightness-sprites` |\n| Distillation |"),
}
IMPORTS = {"genai_core/techniques.py": "from genai_core import ", "app.py": "from demos import "}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the repository with the new technique; the checkpoints are links."""
    copy = tmp_path_factory.mktemp("house")
    for name in ("genai_core", "demos", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "new_technique"))
    for name in ("app.py", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "assets", copy / "assets", copy_function=os.symlink)
    shutil.copytree(NEW, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name, (before, after) in EDITS.items():
        text = (copy / name).read_text(encoding="utf-8")
        assert text.count(before) == 1, name
        text = text.replace(before, after)
        if name in IMPORTS:
            assert text.count(IMPORTS[name]) == 1, name
            several = f"{IMPORTS[name]}(\n"  # one to a line
            text = text.replace(several, f"{several}    brightness,\n")
            if several not in text:
                text = text.replace(IMPORTS[name], f"{IMPORTS[name]}brightness, ")
        (copy / name).write_text(text, encoding="utf-8")
    return copy


def python(house, *arguments):
    """What a Python of its own says in the copy."""
    environment = os.environ | {"PYTHONPATH": str(house), "GENAI_RUNS": str(house / "runs")}
    environment.pop("GENAI_ASSETS", None)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=house, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


# In one process, as its imports take longer than what it does.
PROGRAM = """
import sys
import pytest
from genai_core import evaluate, train
sys.argv[1:] = ["brightness-sprites", "--device", "cpu"]
train.main()
sys.argv[1:] = ["brightness-sprites"]
evaluate.main()

# the contracts of every technique, tab and part
tests = [f"tests/core/test_{name}.py" for name in ("techniques", "shipped", "layers")] + ["tests/demos/test_tabs.py"]
chosen = "brightness or test_tabs and (configuration or public or copied or README)"
assert pytest.main(["-p", "no:cacheprovider", *tests, "-k", chosen, "-n0"]) == 0

# Home, the navigation and the router
import app
from demos import shell
from demos._ui import tab
assert {"id": "brightness", "title": "Brightness"} in [t for g in shell.groups(app.TABS) for t in g["tabs"]]
link = {"tab": "brightness", "part": "samples", "model": "brightness-sprites", "seed": "3"}
assert "seed 3" in tab.opened(app.TABS, link)["value"]["html"]
print("opened")
"""


def test_three_edits_bring_in_a_technique_and_its_tab(house):
    said = python(house, "-c", PROGRAM)
    assert "| Brightness |" in (house / "assets/brightness-sprites/README.md").read_text(encoding="utf-8")
    assert (house / "assets/brightness-sprites/samples.png").exists()
    assert int(said.rsplit(" passed", 1)[0].split()[-1]) >= 24
    assert said.rstrip().endswith("opened")
