import json
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from genai_core import checkpoints
from genai_core.checkpoints import CheckpointError


@dataclass(frozen=True)
class Config:
    sizes: tuple[int, int] = (3, 2)


class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = nn.Linear(*config.sizes)


@pytest.fixture
def assets(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    return tmp_path


def load(name="net-a"):
    return checkpoints.load(name, Net, Config)


def test_what_was_saved_is_loaded_to_half_precision_cached_and_frozen(assets):
    net = Net(Config())
    checkpoints.save("net-a", net, Config(), run={"seed": 0})
    loaded = load()
    assert torch.allclose(loaded.layer.weight.cpu(), net.layer.weight, atol=1e-3)
    assert loaded.layer.weight.dtype == torch.float32
    assert not loaded.training
    assert not loaded.layer.weight.requires_grad
    assert load() is loaded


def test_an_unknown_name_says_which_there_are(assets):
    checkpoints.save("net-a", Net(Config()), Config())
    with pytest.raises(CheckpointError, match="'net-b'.*There are: net-a"):
        load("net-b")


@pytest.mark.parametrize("name", ["../net-a", "", ".", "net-a/", "/etc"])
def test_a_name_is_never_a_path(assets, name):
    checkpoints.save("net-a", Net(Config()), Config())
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        load(name)


def remove(folder):
    (folder / "model.safetensors").unlink()


def truncate(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-3])


def other_shape(folder):
    (folder / "config.json").write_text(json.dumps({"model": {"sizes": [4, 4]}}))


def other_field(folder):
    (folder / "config.json").write_text(json.dumps({"model": {"width": 4}}))


def no_json(folder):
    (folder / "config.json").write_text("{")


@pytest.mark.parametrize("damage", [remove, truncate, other_shape, other_field, no_json])
def test_a_damaged_checkpoint_is_named_and_others_still_load(assets, damage):
    for name in ("net-a", "net-b"):
        checkpoints.save(name, Net(Config()), Config())
    damage(assets / "net-a")
    with pytest.raises(CheckpointError, match="'net-a' cannot be used.*make train NAME=net-a"):
        load()
    assert isinstance(load("net-b"), Net)
