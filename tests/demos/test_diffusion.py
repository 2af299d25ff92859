import base64
import math

import gradio as gr
import numpy as np
import pytest
import torch

from demos import _checks, _points, diffusion
from demos.diffusion import _models, denoise, forward, hub, inpaint, lab, race
from genai_core import diffusion as core
from genai_core.diffusion import schedules
from genai_core.diffusion.samplers import SAMPLERS

DRAWING = base64.b64encode(bytes(range(196)) * 4).decode()
MASK = base64.b64encode(bytes(392) + b"\xff" * 392).decode()


def controls(**changes):
    fields = {"model": "ddpm-mnist", "class": "7", "sampler": "DDIM", "steps": 4, "guidance": 1.0}
    return tuple({**fields, "schedule": "cosine", "eta": 0.0, "seed": 3, **changes}.values())


def steps_of(messages):
    return [step for message in messages for step in message["new"]]


def unpacked(text, low, high):
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, 28, 28) / 255 * (high - low) + low


def test_every_step_reaches_the_page_once_and_in_order():
    messages = list(denoise.sample(*controls(steps=30, guidance=2.0)))
    steps = steps_of(messages)
    assert [step["step"] for step in steps] == list(range(30))
    assert [message["done"] for message in messages] == [False] * (len(messages) - 1) + [True]
    assert len({message["run"] for message in messages}) == 1
    assert len(messages[0]["new"]) == 1  # the first picture waits for nothing
    assert steps[0]["t"] == pytest.approx(messages[0]["levels"][0], abs=1e-3)
    assert steps[0]["norm"] >= 0
    assert all(step["norm"] > 0 for step in steps[1:])


def test_what_is_shown_is_the_samplers_own_run_whatever_is_streamed():
    messages = list(denoise.sample(*controls()))
    model = core.load("ddpm-mnist")
    x = core.sample(
        model, 6, generator=torch.Generator().manual_seed(3), labels=torch.full((6,), 7), sampler="ddim", steps=4
    )
    shown = (unpacked(steps_of(messages)[-1]["after"], -2.5, 2.5) + 1) / 2
    assert np.abs(shown.clip(0, 1) - x[:, 0].cpu().numpy()).max() < 0.02
    assert steps_of(messages)[-1]["after"] == steps_of(list(denoise.sample(*controls())))[-1]["after"]
    assert denoise.picture(*controls()).size == (3 * 28 * 6 + 2 * 2, 2 * 28 * 6 + 2)


def test_the_state_is_what_picture_and_noise_make_it():
    for step in steps_of(list(denoise.sample(*controls()))):
        alpha, sigma = (float(f) for f in schedules.factors(torch.tensor(step["t"])))
        x, noise, x0 = (
            unpacked(step[key], *ends) for key, ends in (("x", (-2.5, 2.5)), ("noise", (-2.5, 2.5)), ("x0", (-1, 1)))
        )
        inside = (np.abs(x) < 2.4) & (np.abs(noise) < 2.4)
        assert np.abs(alpha * x0 + sigma * noise - x)[inside].max() < 0.05


def test_a_branch_leaves_the_run_at_its_step_and_another_seed_is_another_branch():
    whole = steps_of(list(denoise.sample(*controls(steps=6))))
    a, b, again = (
        steps_of(list(denoise.branch({"branch": {"step": 3, "seed": seed}}, *controls(steps=6)))) for seed in (1, 2, 1)
    )
    assert [step["step"] for step in a] == [3, 4, 5]
    assert a[0]["x"] == whole[3]["x"]
    assert a[-1]["after"] != b[-1]["after"]
    assert a[-1]["after"] == again[-1]["after"]


def test_the_student_offers_only_what_it_can():
    chosen, sampler, steps = denoise.choose("ddpm-mnist-fewstep", "7", "DDPM, ancestral", 50)
    assert [choice[0] for choice in sampler.choices] == ["DDIM"]
    assert (chosen.value, sampler.value, steps) == ("7", "DDIM", 4)
    chosen, _, steps = denoise.choose("ddpm-mnist", "7", "DDIM", 4)
    assert (chosen.value, steps) == ("7", 50)
    with pytest.raises(gr.Error, match="DDIM's jumps alone"):
        list(denoise.sample(*controls(model="ddpm-mnist-fewstep", sampler="DDPM, ancestral")))
    with pytest.raises(gr.Error, match="cannot be branched"):
        list(denoise.branch({"branch": {"step": 1, "seed": 1}}, *controls(model="ddpm-mnist-fewstep")))


def test_the_stage_begins_with_a_whole_run():
    value = denoise.start({})
    assert [step["step"] for step in value["new"]] == list(range(len(value["levels"])))
    assert value["done"]
    assert 0 < base64.b64decode(inpaint.start({})["mask"]).count(255) < 784
    assert forward.start({})["from"] == "example"


@pytest.mark.parametrize("label", denoise.PRESETS)
def test_a_preset_sets_the_controls(label):
    found = denoise.preset(gr.EventData(None, {"preset": label}))
    assert len(found) == len(controls())
    model, _chosen, _sampler, steps, *_ = found
    assert model in _models.MODELS
    assert 1 <= steps <= 50


def test_every_sampler_has_a_name_on_the_page():
    assert set(_models.SAMPLERS.values()) == set(SAMPLERS)


def test_the_race_gives_every_sampler_the_same_noise_and_budget():
    *_, table = race.show("4", _models.MIXED, 0)
    assert table.count('class="race"') == len(SAMPLERS)
    assert table.count("<img") == 6 * len(SAMPLERS)
    clean = race.settings("8", "7", 0)
    ddim, euler = (race.run(clean, name) for name in ("ddim", "euler"))
    assert ddim[1] == euler[1] == 8
    assert race.run(clean, "heun")[1] == 7  # the last of its steps is Euler's
    assert torch.equal(ddim[0], race.run(clean, "ddim")[0])


def test_the_samplers_of_a_race_start_from_one_noise_and_draw_others_later(monkeypatch):
    begun, drawn = [], []
    sample_steps = core.sample_steps

    def watched(*arguments, generator, **options):
        for step in sample_steps(*arguments, generator=generator, **options):
            begun.append(step.x) if step.step == 0 else drawn.append(generator.get_state())
            yield step

    monkeypatch.setattr(core, "sample_steps", watched)
    clean = race.settings("4", "7", 5)
    for name in ("ddim", "ddpm"):
        race.run(clean, name)
    assert torch.equal(*begun)
    assert torch.equal(begun[0].cpu(), _models.noise(5))
    unused = torch.Generator().manual_seed(5).get_state()
    assert not any(torch.equal(state, unused) for state in drawn)


def test_a_measured_figure_is_shown_and_a_missing_one_is_a_dash():
    assert race.figure({"frechet_ratio_8nfe_ddim": 1.234}, "ddim", "8") == "1.23×"
    assert race.figure({}, "ddim", "8") == "–"


def test_the_forward_process_sends_the_schedules_and_the_noise_of_its_seed():
    value = forward.restored({"pixels": DRAWING, "step": "250", "seed": "4"})
    assert (value["step"], value["seed"], value["pixels"]) == (250, 4, DRAWING)
    for name, table in value["tables"].items():
        assert table[25] == pytest.approx(float(schedules.schedule(name).t[250]), abs=1e-4)
    noise = np.frombuffer(base64.b64decode(value["noise"]), np.uint8) / 255 * 8 - 4
    assert np.abs(noise.reshape(28, 28) - _models.noise(4, 1)[0, 0].numpy()).max() < 0.02
    assert forward.restore({"png": forward.save(value)})["step"] == 250


def view(**changes):
    return {"pixels": DRAWING, "mask": MASK, **changes}


def test_inpainting_keeps_what_is_known_and_fills_the_rest():
    frames = list(inpaint.fill(view(), _models.NONE, 1, 1.0, 0))
    made = unpacked(frames[-1]["made"], 0, 1)
    known = np.frombuffer(bytes(range(196)) * 2, np.uint8).reshape(14, 28) / 255
    assert made.shape == (4, 28, 28)
    assert np.abs(made[:, :14] - known).max() < 0.005
    assert np.abs(made[0, 14:] - made[1, 14:]).max() > 0.3
    assert (frames[-1]["done"], frames[-1]["total"]) == (25, 25)
    with pytest.raises(gr.Error, match="Paint over a part"):
        list(inpaint.fill(view(mask=base64.b64encode(bytes(784)).decode()), _models.NONE, 1, 1.0, 0))


def test_inpainting_begins_by_itself_where_there_is_no_answer_yet():
    controls = (_models.NONE, 1, 1.0, 0)
    first = inpaint.start({})
    for nothing_yet in (None, first):
        assert list(inpaint.fill_first(nothing_yet, *controls))[-1]["mask"] == first["mask"]
    assert not list(inpaint.fill_first(first | {"made": ""}, *controls))


@pytest.mark.parametrize("label", inpaint.PRESETS)
def test_a_preset_asks_for_a_part_and_leaves_a_part(label):
    value, passes = inpaint.preset(gr.EventData(None, {"preset": label}))
    mask = base64.b64decode(value["mask"])
    assert 0 < mask.count(255) < 784
    assert mask.count(0) + mask.count(255) == 784
    assert passes == (1 if label == "No resampling" else 5)


def first(generator, n=1):
    found = [next(generator) for _ in range(n)]
    generator.close()
    return found


def test_a_training_in_the_plane_goes_on_from_its_state():
    whole = first(lab.train(0, None, None, "two moons", "ODE, smooth", 0), 3)
    (_, state) = first(lab.train(0, None, None, "two moons", "ODE, smooth", 0), 2)[-1]
    ((value, _),) = first(lab.train(0, state, None, "two moons", "ODE, smooth", 0))
    assert value == whole[2][0]
    assert [frame["step"] for frame, _ in whole] == [50, 100, 150]
    ((late, _),) = first(lab.train(1, state, None, "two moons", "ODE, smooth", 0))
    assert late["step"] == 50
    ((walked, _),) = first(lab.walk(0, state, value, "SDE, shaken"))
    assert walked["learned"] == whole[1][0]["learned"]
    assert walked["flow"] != whole[1][0]["flow"]


def test_the_planes_numbers_are_the_frames():
    ((value, _),) = first(lab.train(0, None, None, "ring of 8", "ODE, smooth", 0))
    flow = np.frombuffer(base64.b64decode(value["flow"]), np.int16).reshape(-1, lab.SENT, 2)
    start = torch.randn((1, 2), generator=torch.Generator().manual_seed(0))
    assert flow.shape[0] == 21
    assert start.isfinite().all()
    field = np.frombuffer(base64.b64decode(value["perfect"]), np.int8).reshape(5, 17, 17, 2)
    assert field[4, 8, 0, 0] > 0 > field[4, 8, 16, 0]  # from both sides towards the data
    assert lab.picture(0, value, "ring of 8", "ODE, smooth", 0).getpixel((0, 0)) == (255, 255, 255)


def test_a_drawing_is_learned_and_goes_with_its_link():
    drawing = [[0.5, 0.5], [-0.5, 0.1]]
    ((value, _),) = first(lab.train(0, None, {"drawn": drawing}, "my drawing", "ODE, smooth", 0))
    assert value["drawn"] == drawing
    kept = lab.settings(0, {"drawn": drawing}, "my drawing", "ODE, smooth", 0)
    assert lab.values(kept)[1]["drawn"] == drawing
    assert _points.kept(drawing) == "0.50,0.50,-0.50,0.10"


def test_a_hub_model_that_cannot_be_had_gets_one_sentence(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(gr.Error, match="could not be loaded"):
        list(hub.draw("nobody/nothing", "DDIM", 2, 0))


QUERIES = {
    "denoise": {"model": "ddpm-mnist", "class": "7", "sampler": "DDIM", "steps": "8", "guidance": "2", "seed": "3"},
    "race": {"nfe": "8", "class": "7", "seed": "1"},
    "forward": {"pixels": DRAWING, "step": "250", "seed": "4"},
    "inpaint": {"pixels": DRAWING, "mask": MASK, "class": "7", "resample": "2", "guidance": "1", "seed": "4"},
    "interpolate": {"model": "ddpm-mnist", "from": "1", "to": "2", "path": "straight", "label": "4"},
    "lab": {"data": "spiral", "way": "SDE, shaken", "seed": "2"},
    "hub": {"source": "google/ddpm-cat-256", "sampler": "DDIM", "steps": "9", "seed": "2"},
}


@pytest.mark.parametrize("part", diffusion.PARTS)
def test_a_link_fills_its_part_and_no_other_and_a_tampered_one_gets_a_sentence(part):
    with gr.Blocks():
        places = diffusion.build_tab()
    answer = diffusion.restore({"tab": "diffusion", "part": part, **QUERIES[part]})
    assert len(answer) == len(places)
    before = sum(list(diffusion.PARTS.values())[: list(diffusion.PARTS).index(part)])
    filled = [k for k, value in enumerate(answer[1:]) if value != gr.skip()]
    assert filled == list(range(before, before + diffusion.PARTS[part]))
    for field in QUERIES[part]:
        with pytest.raises(_checks.InputError):
            diffusion.restore({"tab": "diffusion", "part": part, **QUERIES[part], field: "\x00?"})


def test_settings_of_a_run_come_back_as_they_were():
    given = controls(guidance=2.5, eta=0.5, schedule="linear")
    clean = _models.settings(*given)
    assert _models.values({key: str(value) for key, value in clean.items()}) == given


def test_the_api_draws_what_the_page_draws():
    answer = diffusion.diffusion_sample(3, label="7", steps=4)
    assert answer["nfe"] == 4
    assert _checks.picture(base64.b64decode(answer["sheet"])).size == (84, 56)


BAD = {
    "model": [None, "x", "../ddpm-mnist", ["ddpm-mnist"]],
    "class": [None, "11", 7, ""],
    "sampler": [None, "ddim", "Magic"],
    "steps": [0, 201, 1.5, math.nan, "x", True, None],
    "guidance": [-1, 9, math.inf, "x"],
    "schedule": ["cubic", None],
    "eta": [-0.1, 1.1, math.nan],
    "seed": [-1, 0.5, 2**31, "x"],
}


@pytest.mark.parametrize(
    "call",
    [
        lambda field=field, bad=bad: list(denoise.sample(*controls(**{field: bad})))
        for field in BAD
        for bad in BAD[field]
    ]
    + [
        lambda bad=bad: list(denoise.branch(bad, *controls()))
        for bad in (None, {}, {"branch": 1}, {"branch": {"step": 4, "seed": 0}}, {"branch": {"step": 0, "seed": -1}})
    ]
    + [
        lambda bad=bad: list(race.show(*bad))
        for bad in (("5", _models.MIXED, 0), ("8", "x", 0), ("8", "7", math.nan), (8, "7", 0))
    ]
    + [
        lambda bad=bad: list(inpaint.fill(*bad))
        for bad in (
            (None, "7", 5, 1, 0),
            (view(pixels="AAAA"), "7", 5, 1, 0),
            (view(mask=5), "7", 5, 1, 0),
            (view(), "ten", 5, 1, 0),
            (view(), "7", 0, 1, 0),
            (view(), "7", 5, math.nan, 0),
            (view(), "7", 5, 1, None),
        )
    ]
    + [
        lambda bad=bad: list(lab.train(*bad))
        for bad in (
            (0, None, None, "cube", "ODE, smooth", 0),
            (0, None, None, "spiral", "fly", 0),
            (0, None, None, "spiral", "ODE, smooth", -1),
            (0, None, [1], "my drawing", "ODE, smooth", 0),
            (0, None, {"drawn": [[0, math.nan]]}, "my drawing", "ODE, smooth", 0),
        )
    ]
    + [
        lambda bad=bad: list(hub.draw(*bad))
        for bad in (
            (None, "DDIM", 5, 0),
            ("../secret", "DDIM", 5, 0),
            ("a b;c", "DDIM", 5, 0),
            ("x" * 300, "DDIM", 5, 0),
            ("google/x", "DDIM", 0, 0),
            ("google/x", "fast", 5, 0),
        )
    ],
)
def test_bad_input_gets_one_sentence(call):
    with pytest.raises(gr.Error) as caught:
        call()
    assert caught.value.message != _checks.UNKNOWN
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("call", [forward.example, forward.noise, forward.save, forward.restore])
@pytest.mark.parametrize(
    "bad", [None, 5, [], {"seed": -1, "pixels": 1}, {"seed": "x", "png": "AAAA"}, {"seed": math.nan}]
)
def test_bad_requests_of_the_forward_process_get_one_sentence(call, bad):
    answer = _checks.guarded(call)(bad)
    assert list(answer) == ["error"]
    assert answer["error"] != _checks.UNKNOWN
