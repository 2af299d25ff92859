"""The means of test pictures that are shipped with a checkpoint."""

import pytest
import torch

from genai_core.common import checkpoints
from genai_core.vae import means

SHIPPED = ("vae-mnist", "vae-fashion", "vae-mnist-2d")


@pytest.mark.parametrize("name", SHIPPED)
def test_they_are_what_the_checkpoint_encodes(name, mnist):
    mu, labels = means.load(name)
    expected, expected_labels = means.encode(name)
    assert (mu - expected.float()).abs().max() < 0.01
    assert torch.equal(labels, expected_labels.long())
    assert (checkpoints.ASSETS / name / means.FILE).stat().st_size < 20_000


def test_missing_means_are_one_sentence():
    with pytest.raises(checkpoints.CheckpointError, match="restore assets/vae-mnist-beta4, or run"):
        means.load("vae-mnist-beta4")
