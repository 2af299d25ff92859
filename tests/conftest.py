"""Fixtures of every test: one torch thread, and the data sets where they are."""

import os
from pathlib import Path

import demos  # noqa: F401  (sets the environment before torch is imported)

beside = Path(__file__).resolve().parents[2] / "shared" / "data"
if "GENAI_DATA" not in os.environ and beside.is_dir():
    os.environ["GENAI_DATA"] = str(beside)

import pytest  # noqa: E402
import torch  # noqa: E402

from genai_core import data  # noqa: E402

torch.set_num_threads(1)
pytest.register_assert_rewrite("benchmarks")  # what browser tests share with them says what was not so


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def mnist():
    """Pictures and labels of the MNIST test split; the test is skipped where it is not on this machine."""
    try:
        return data.load("mnist", "test")
    except data.DataError as error:
        pytest.skip(str(error))
