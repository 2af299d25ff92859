import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from genai_core.common import checkpoints, model_cache
from genai_core.common.checkpoints import CheckpointError


@dataclass(frozen=True)
class Config:
    sizes: tuple[int, int] = (3, 2)
    heads: int = 1
    norm: str = "layer"
    dropout: float = 0.0
    stages: int | tuple[int, ...] = 2


class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = nn.Linear(*config.sizes)
        self.width = config.sizes[0] // config.heads
        self.norm = {"layer": nn.LayerNorm, "batch": nn.BatchNorm1d}[config.norm](config.sizes[1])


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


def test_a_model_that_was_first_asked_for_in_inference_mode_has_gradients(assets):
    checkpoints.save("net-a", Net(Config()), Config(), run={"seed": 0})
    with torch.inference_mode():
        loaded = load()
    x = torch.ones(1, 3, device=loaded.layer.weight.device, requires_grad=True)
    (gradient,) = torch.autograd.grad(loaded.layer(x).sum(), x)
    assert torch.allclose(gradient[0], loaded.layer.weight.sum(0))


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
    (folder / "config.json").write_text(json.dumps({"model": asdict(Config(sizes=(4, 4)))}), encoding="utf-8")


def other_field(folder):
    (folder / "config.json").write_text(json.dumps({"model": asdict(Config()) | {"width": 4}}), encoding="utf-8")


def no_json(folder):
    (folder / "config.json").write_text("{", encoding="utf-8")


def no_text(folder):
    (folder / "config.json").write_bytes(b"\xff\xfe{}")


def deep(folder):
    (folder / "config.json").write_text("[" * 100_000, encoding="utf-8")


def noise(folder):
    (folder / "model.safetensors").write_bytes(bytes(range(256)))


def not_finite(folder):
    changed(folder, lambda values: values.fill_(torch.nan))


def other_kind(folder):
    changed(folder, torch.Tensor.long)


def without_one(folder):
    save_file({"layer.bias": torch.zeros(2)}, folder / "model.safetensors")


def changed(folder, change):
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"layer.bias": change(weights["layer.bias"])}, folder / "model.safetensors")


DAMAGES = [
    (remove, "model.safetensors is missing"),
    (truncate, "model.safetensors is missing, damaged"),
    (noise, "model.safetensors is missing, damaged"),
    (without_one, "model.safetensors is missing, damaged or of another model"),
    (other_shape, "model.safetensors is missing, damaged or of another model"),
    (other_kind, "model.safetensors holds layer.bias as torch.int64, not as torch.float32"),
    (not_finite, "model.safetensors holds values of layer.bias that are not finite"),
    (other_field, "config.json has width, which the code does not know"),
    (no_json, "config.json is missing or damaged"),
    (no_text, "config.json is missing or damaged"),
    (deep, "config.json is missing or damaged"),
]


def refused(fault):
    return pytest.raises(CheckpointError, match=rf"'net-a' cannot be used: {fault}.*\. .*make train NAME=net-a$")


@pytest.mark.parametrize(("damage", "fault"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES])
def test_a_damaged_checkpoint_is_named_and_others_still_load(assets, damage, fault):
    for name in ("net-a", "net-b"):
        checkpoints.save(name, Net(Config()), Config())
    damage(assets / "net-a")
    with refused(fault):
        load()
    assert isinstance(load("net-b"), Net)


@pytest.mark.parametrize(
    "config",
    [[], None, {}, {"model": None}, {"model": []}, {"model": "net"}, {"model": {}}, {"Model": {"sizes": [3, 2]}}],
    ids=json.dumps,
)
def test_a_config_that_describes_no_model_is_refused(assets, config):
    checkpoints.save("net-a", Net(Config()), Config())
    (assets / "net-a" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with refused("config.json (is missing or damaged|lacks )"):
        load()


TYPES = [("sizes", value) for value in ("3, 2", [3], [3, 2, 1], [3.0, 2.0], [3, None], {"in": 3}, 3)]
TYPES += [("heads", value) for value in ("1", 1.0, True, None, [1])]
TYPES += [("norm", value) for value in (0, None, ["layer"])]
TYPES += [("dropout", value) for value in ("0.1", None, True, [0.1], float("nan"), float("inf"), 10**400)]
TYPES += [("stages", value) for value in (1.5, "2", [1, 1.5], None)]


@pytest.mark.parametrize(("field", "value"), TYPES)
def test_a_value_of_the_wrong_type_is_refused(assets, field, value):
    checkpoints.save("net-a", Net(Config()), Config())
    file = assets / "net-a" / "config.json"
    file.write_text(json.dumps({"model": asdict(Config()) | {field: value}}), encoding="utf-8")
    with refused(f"config.json (has {field} = .*, which is no |has values that do not fit)"):
        load()


@pytest.mark.parametrize(("field", "value"), [("heads", 0), ("norm", "foo"), ("sizes", [-3, 2])])
def test_values_of_which_no_model_can_be_built_are_refused(assets, field, value):
    checkpoints.save("net-a", Net(Config()), Config())
    file = assets / "net-a" / "config.json"
    file.write_text(json.dumps({"model": asdict(Config()) | {field: value}}), encoding="utf-8")
    with refused("config.json describes no model that can be built"):
        load()


@pytest.mark.parametrize("field", asdict(Config()))
def test_a_missing_field_is_named_not_filled_in(assets, field):
    checkpoints.save("net-a", Net(Config()), Config())
    fields = {key: value for key, value in asdict(Config()).items() if key != field}
    (assets / "net-a" / "config.json").write_text(json.dumps({"model": fields}), encoding="utf-8")
    with refused(f"config.json lacks {field}"):
        load()


@pytest.mark.parametrize(("dropout", "stages"), [(0, 2), (0.5, (1, 2, 3))])
def test_a_config_comes_back_as_it_was(assets, dropout, stages):
    config = Config(dropout=dropout, stages=stages)
    checkpoints.save("net-a", Net(config), config)
    made = checkpoints._config("net-a", Config)
    assert made == config


def test_what_completes_a_model_is_damaged_by_errors_too(assets):
    def complete(model, folder):
        raise ZeroDivisionError

    checkpoints.save("net-a", Net(Config()), Config())
    with refused("config.json does not fit the code"):
        checkpoints.load("net-a", Net, Config, complete)


@pytest.mark.parametrize(
    ("value", "fault"),
    [(1e5, "beyond float16's largest, 65504"), (-7e4, "beyond float16"), (torch.nan, "not finite"), (torch.inf, "not")],
)
def test_what_float16_cannot_hold_is_not_saved(assets, value, fault):
    checkpoints.save("net-a", Net(Config()), Config())
    before = {file.name: file.read_bytes() for file in (assets / "net-a").iterdir()}
    net = Net(Config())
    with torch.no_grad():
        net.layer.bias[1] = value
    for name in ("net-a", "net-new"):
        with pytest.raises(CheckpointError, match=rf"'{name}' cannot be saved: values of layer\.bias are {fault}"):
            checkpoints.save(name, net, Config())
    assert {file.name: file.read_bytes() for file in (assets / "net-a").iterdir()} == before
    assert checkpoints.names() == ["net-a"]


def test_a_config_that_is_not_finite_is_not_saved(assets):
    with pytest.raises(CheckpointError, match="its config holds a number that is not finite"):
        checkpoints.save("net-a", Net(Config()), Config(dropout=float("nan")))
    assert not checkpoints.names()


def test_the_largest_and_the_smallest_of_float16_are_saved(assets):
    net = Net(Config())
    with torch.no_grad():
        net.layer.bias.copy_(torch.tensor([65504.0, 2**-24]))
    checkpoints.save("net-a", net, Config())
    assert load().layer.bias.tolist() == [65504.0, 2**-24]


def net(mib: float) -> nn.Module:
    return nn.Linear(int(mib * 2**18), 1, bias=False)


def test_the_least_recently_used_models_go_when_they_outgrow_the_budget():
    kept = model_cache.ModelCache(budget=3)
    for key in "abc":
        kept.put(key, net(1))
    assert kept.get("a") is not None
    kept.put("d", net(0.5))
    assert list(kept) == ["c", "a", "d"]
    kept.put("large", net(4))
    assert list(kept) == ["large"]
    assert kept.get("a") is None


def test_what_holds_no_weights_itself_names_what_does():
    kept = model_cache.ModelCache(budget=3)
    kept.put("a", "reader", net(2))
    kept.put("b", "reader", net(2))
    assert list(kept) == ["b"]


def test_a_forgotten_model_is_read_again_and_gives_the_same(assets, monkeypatch):
    monkeypatch.setattr(checkpoints, "_cache", model_cache.ModelCache(budget=1e-6))
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
