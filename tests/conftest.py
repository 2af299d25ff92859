"""Fixtures of every test: one torch thread, the data sets where they are, and the app in a process of its own."""

import os
from pathlib import Path

import demos  # noqa: F401  (sets the environment before torch is imported)

beside = Path(__file__).resolve().parents[2] / "shared" / "data"
if "GENAI_DATA" not in os.environ and beside.is_dir():
    os.environ["GENAI_DATA"] = str(beside)

import pytest  # noqa: E402
import torch  # noqa: E402

pytest.register_assert_rewrite("benchmarks")  # what browser tests share with them says what was not so

from benchmarks._browser import serve  # noqa: E402
from genai_core import data  # noqa: E402

torch.set_num_threads(1)

LONG = ("tests/browser/", "tests/server/", "tests/test_new_technique.py")  # files that take up to three minutes


def pytest_collection_modifyitems(items):
    """The long files first, so that the workers of a run end together."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def running():
    """The app's process and its address, for all tests of this worker: its start costs as much as ten of them."""
    process, url = serve(["app.py"], {"HF_HUB_OFFLINE": "1", "GENAI_CLASS_PASSWORD": "chalk"})
    yield process, url
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="session")
def mnist():
    """Pictures and labels of the MNIST test split; the test is skipped where it is not on this machine."""
    try:
        return data.load("mnist", "test")
    except data.DataError as error:
        pytest.skip(str(error))
