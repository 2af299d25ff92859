import json
from concurrent.futures import ThreadPoolExecutor
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


def net(mib: float) -> nn.Module:
    return nn.Linear(int(mib * 2**18), 1, bias=False)


def test_the_least_recently_used_models_go_when_they_outgrow_the_budget():
    kept = checkpoints.Kept(budget=3)
    for key in "abc":
        kept.put(key, net(1))
    assert kept.get("a") is not None
    kept.put("d", net(0.5))
    assert list(kept) == ["c", "a", "d"]
    kept.put("large", net(4))
    assert list(kept) == ["large"]
    assert kept.get("a") is None


def test_what_holds_no_weights_itself_names_what_does():
    kept = checkpoints.Kept(budget=3)
    kept.put("a", "reader", net(2))
    kept.put("b", "reader", net(2))
    assert list(kept) == ["b"]


def test_a_forgotten_model_is_read_again_and_gives_the_same(assets, monkeypatch):
    monkeypatch.setattr(checkpoints, "_kept", checkpoints.Kept(budget=1e-6))
    for name in ("net-a", "net-b"):
        checkpoints.save(name, Net(Config()), Config())
    first = load()
    load("net-b")
    assert load() is not first
    assert torch.equal(load().layer.weight, first.layer.weight)


def test_users_who_come_at_once_read_a_model_once(assets, monkeypatch):
    checkpoints.save("net-a", Net(Config()), Config())
    read, made = checkpoints._load, []
    monkeypatch.setattr(checkpoints, "_load", lambda *given: made.append(read(*given)) or made[-1])
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: load(), range(8)))
    assert len(made) == 1
    assert all(model is made[0] for model in loaded)
