"""What every technique owes: it learns, resumes exactly, repeats itself for a seed, and comes back from its file.

Each offers `TINY`, the recipe that is trained here. The text corpora are replaced by one sentence, and the sentence
pairs by two; nothing else is read but the sprites and scenes that genai_core draws itself.
"""

import contextlib
import dataclasses
import functools
import inspect
import io
import json
import sys
from itertools import chain
from types import SimpleNamespace

import pytest
import torch

from genai_core import diffusion, evaluate, gan, techniques, train
from genai_core.common import cards, checkpoints
from genai_core.common.checkpoints import CheckpointError
from genai_core.common.training import Recipe, TrainStep, seeded
from genai_core.data import corpora, parallel
from genai_core.diffusion.fewstep import FewStepConfig
from genai_core.diffusion.unet import UNet
from genai_core.distillation import compact
from genai_core.gan import cgan, dcgan, wgan
from genai_core.techniques import TECHNIQUES, examples, find

SENTENCE = "One day a small brown bird sang in the old garden, and everybody there stopped to listen to its song.\n"
PAIRS = "The old bird sang.\tLe vieil oiseau chantait.\nEverybody in the garden listened.\tTous au jardin écoutaient.\n"

each = pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda technique: technique.__name__.split(".", 1)[1])

VARIANTS = (  # trainings besides the TINY ones: technique and config
    (gan, dcgan.DCGANConfig(latents=4, channels=(8, 8), batch=8)),
    (gan, cgan.CGANConfig(latents=4, channels=(8, 8), features=8, batch=8)),
    (gan, wgan.WGANConfig(latents=4, channels=(8, 8), batch=8)),
    (diffusion, FewStepConfig(channels=(8, 8, 8), embedding=16, heads=2, batch=16, rounds=(2, 1))),
    (compact, compact.CompactConfig(channels=(4, 4, 4), features=8, batch=16, teacher="")),
)
TRAININGS = [*((technique, technique.TINY.config) for technique in TECHNIQUES), *VARIANTS]


@pytest.fixture(scope="module", autouse=True)
def own_corpora(tmp_path_factory):
    """One folder for all tests, so that the sprites are drawn once."""
    folder = tmp_path_factory.mktemp("data")
    for file in chain.from_iterable(corpora.FILES.values()):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(SENTENCE * 20, encoding="utf-8")
    (folder / parallel.FOLDER).mkdir()
    (folder / parallel.FOLDER / "train.tsv").write_text(PAIRS * 10, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENAI_DATA", str(folder))
        yield


@functools.cache
def given(technique):
    """The examples of its TINY recipe, made once: no training may change them."""
    return examples(technique, technique.TINY)


def run(technique, *, steps=None, batch=False, **options) -> list[TrainStep]:
    """All steps of its TINY recipe; batch: on a single batch of pictures, again and again."""
    config, data = technique.TINY.config, given(technique)
    if batch and isinstance(data, tuple):
        data = tuple(part[: getattr(config, "batch", None)] for part in data)
    return list(technique.train(config, data, steps=steps or technique.TINY.steps, **options))


def weights(model) -> torch.Tensor:
    return torch.cat([v.flatten().double() for v in model.state_dict().values()])


def losses(technique) -> list[float]:
    """The loss of every step on one batch. Skips what back-propagates none, or draws new examples at every step."""
    if isinstance(given(technique), str):
        pytest.skip("its examples are drawn anew at every step")
    steps = run(technique, batch=True)
    if "loss" not in steps[0].losses:
        pytest.skip("it has no single loss to bring down")
    return [step.losses["loss"] for step in steps]


@each
def test_the_loss_falls_on_one_batch(technique):
    values = losses(technique)
    assert sum(values[-5:]) < 0.8 * sum(values[:5])


@pytest.mark.parametrize(("technique", "config"), TRAININGS, ids=[type(config).__name__ for _, config in TRAININGS])
def test_a_resumed_training_ends_as_the_uninterrupted_one(technique, config):
    """From a state that was asked for at its step; asked for later, it is the same or is refused."""
    steps, data = min(6, technique.TINY.steps), given(technique)
    options = {"steps": steps, "seed": 2}
    if isinstance(config, FewStepConfig):
        options["teacher"] = seeded(0, lambda: UNet(diffusion.TINY.config))
    whole = list(technique.train(config, data, **options))
    assert [step.step for step in whole] == list(range(1, steps + 1))
    if steps == 1:
        pytest.skip("it has one step")
    file, at = io.BytesIO(), steps // 2
    for step in technique.train(config, data, **options):
        if step.step == at:
            torch.save(step.state(), file)  # as genai_core.train does
            break
    file.seek(0)
    states = [torch.load(file, weights_only=True)]
    with contextlib.suppress(RuntimeError):
        states.append(whole[at - 1].state())
    for state in states:
        rest = list(technique.train(config, data, **options, resume=state))
        assert [step.losses for step in rest] == [step.losses for step in whole[at:]]
        assert torch.equal(weights(rest[-1].model), weights(whole[-1].model))


def test_every_kind_of_config_is_among_the_trainings():
    kinds = {type(recipe.config) for technique in TECHNIQUES for recipe in technique.RECIPES.values()}
    assert kinds <= {type(config) for _, config in TRAININGS}


@each
def test_the_same_seed_trains_the_same_model(technique):
    steps = min(2, technique.TINY.steps)
    ends = [run(technique, steps=steps, seed=seed)[-1] for seed in (0, 0, 1)]
    first, again, other = (weights(end.model) for end in ends)
    assert torch.equal(first, again)
    random = ends[0].state().get("generator") is not None
    assert torch.equal(first, other) != random  # counting and rounding draw nothing


@pytest.mark.parametrize(
    "technique", [t for t in TECHNIQUES if hasattr(t, "sample")], ids=lambda technique: technique.__name__
)
def test_the_same_seed_gives_the_same_sample(technique):
    model = run(technique, steps=2)[-1].model
    x, again, other = (technique.sample(model, 3, generator=torch.Generator().manual_seed(s)) for s in (4, 4, 5))
    assert torch.equal(x, again)
    assert not torch.equal(x, other)
    assert x.dtype is torch.float32
    assert x.ndim == 4
    assert len(x) == 3
    assert 0 <= x.min() <= x.max() <= 1


@each
def test_a_saved_model_comes_back(technique, tmp_path, monkeypatch):
    config = technique.TINY.config
    name = next(name for name, recipe in technique.RECIPES.items() if type(recipe.config) is type(config))
    model = run(technique, steps=min(3, technique.TINY.steps))[-1].model
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    checkpoints.save(name, model, config)
    loaded = technique.load(name)
    assert loaded.config == config
    assert not loaded.training
    came, made = ({key: v.double() for key, v in net.cpu().state_dict().items()} for net in (loaded, model))
    for key in [key for key in made if key.startswith(getattr(model, "eight_bit", ())) and made[key].dim() > 1]:
        off, row = (came.pop(key) - made[key]).abs().flatten(1), made.pop(key).abs().flatten(1)
        assert (off <= row.amax(1, keepdim=True) / 254 + 1e-6).all()  # half a step of int8
    torch.testing.assert_close(came, made, atol=1e-3, rtol=1e-3)  # float16
    with pytest.raises(CheckpointError, match=name):
        technique.load("nothing-of-that-name")


@each
def test_no_value_in_a_config_breaks_loading(technique, tmp_path, monkeypatch):
    """Whatever a field says, the checkpoint loads or is refused as one."""
    model = run(technique, steps=1)[-1].model
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    checkpoints.save("it", model, technique.TINY.config)
    file, refusals = tmp_path / "it" / "config.json", 0
    fields = json.loads(file.read_text(encoding="utf-8"))["model"]
    for field in fields:
        for value in (None, "foo", "", -1, 0, 0.5, 3, True, [], [0], [0, 0], [0, 0, 0], [-1, 8, 8], {}):
            file.write_text(json.dumps({"model": fields | {field: value}}), encoding="utf-8")
            try:
                checkpoints._load("it", type(model), type(technique.TINY.config))  # past the cache
            except CheckpointError:
                refusals += 1
    assert refusals > 9 * len(fields)


@each
def test_a_card_says_what_the_metrics_say(technique):
    for name, recipe in technique.RECIPES.items():
        card = cards.render(name, technique.CARD, technique.LABELS)
        config = json.loads(json.dumps(dataclasses.asdict(recipe.config)))
        config = {field: "none" if value == "" else value for field, value in config.items()}
        assert technique.CARD["overview"].format(**config) in card
        rows = cards.rows(checkpoints.read_json(name, "metrics.json"), technique.LABELS)
        assert rows
        assert all(f"| {what} | {value} |" in card for what, value in rows)


@each
def test_it_offers_what_train_and_evaluate_call(technique):
    assert {"overview", "use", "limits"} <= set(technique.CARD)
    parameters = inspect.signature(technique.train).parameters
    assert {"steps", "seed", "device", "resume"} <= set(parameters) or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values()
    )
    assert all(find(name) is technique for name in technique.RECIPES)


@dataclasses.dataclass(frozen=True)
class DummyConfig:
    lr: float = 0.1


class Dummy(torch.nn.Module):
    """Grey pictures, all of the brightness that it has learned."""

    def __init__(self, config: DummyConfig):
        super().__init__()
        self.config, self.brightness = config, torch.nn.Parameter(torch.zeros(()))


def load_dummy(name):
    return checkpoints.load(name, Dummy, DummyConfig)


def train_dummy(config, data, *, steps, seed=0, device="cpu", resume=None):
    model = Dummy(config).to(device)
    for step in range(steps):
        with torch.no_grad():
            model.brightness += config.lr * (data[0].mean() - model.brightness)
        yield TrainStep(step + 1, {}, model, dict)


DUMMY = SimpleNamespace(  # as a module of genai_core would be
    RECIPES={"dummy-sprites": Recipe(DummyConfig(), "sprites", steps=30)},
    CARD={"overview": "One number, learned with rate {lr}.", "use": "This test.", "limits": "It is grey."},
    LABELS={"brightness": ("Brightness", "{:.2f}")},
    load=load_dummy,
    train=train_dummy,
    sample=lambda model, n, *, generator: model.brightness.expand(n, 1, 28, 28),
    evaluate=lambda name: {"brightness": float(load_dummy(name).brightness)},
)


def test_a_new_technique_is_one_entry_in_the_list(tmp_path, monkeypatch):
    monkeypatch.setattr(techniques, "TECHNIQUES", (*TECHNIQUES, DUMMY))
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path / "assets")
    monkeypatch.setenv("GENAI_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(sys, "argv", ["train", "dummy-sprites", "--device", "cpu"])
    train.main()
    metrics = evaluate.evaluate("dummy-sprites")
    folder = tmp_path / "assets" / "dummy-sprites"
    assert metrics["brightness"] == pytest.approx(
        float(examples(DUMMY, DUMMY.RECIPES["dummy-sprites"])[0].mean()), rel=0.1
    )
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "One number, learned with rate 0.1." in card
    assert f"| Brightness | {metrics['brightness']:.2f} |" in card
    assert (folder / "samples.png").exists()


def test_an_unknown_checkpoint_is_given_the_known_ones():
    with pytest.raises(CheckpointError, match=r"no recipe 'vae-cats'.*vae-mnist.*clip-scenes"):
        find("vae-cats")
