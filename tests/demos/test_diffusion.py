"""The diffusion tab: what its parts show, without a server. What holds for all parts is in test_tabs.py."""

import base64
import math

import numpy as np
import pytest
import torch
from PIL import Image

from demos._ui import digits, distributions, errors, interpolation, sharing, validation
from demos.diffusion import TAB, _models, denoise, forward, hub, inpaint, lab, race
from demos.diffusion._api import diffusion_sample
from genai_core import diffusion, evaluation
from genai_core.common import checkpoints
from genai_core.diffusion import exact, samplers, schedules
from genai_core.diffusion.evaluation import BUDGETS, GRID
from genai_core.diffusion.samplers import SAMPLERS

DRAWING = base64.b64encode(bytes(range(196)) * 4).decode()
MASK = base64.b64encode(bytes(392) + b"\xff" * 392).decode()
NOTHING = base64.b64encode(bytes(784)).decode()


def settings(**changes):
    return denoise.PART.parse({"label": "7", "steps": 4, "seed": 3, **changes})


def steps_of(messages):
    return [step for message in messages for step in message["new"]]


def run(**changes):
    return steps_of(denoise.sample(**settings(**changes)))


def unpacked(text, low, high):
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, 28, 28) / 255 * (high - low) + low


def test_every_step_reaches_the_page_once_and_in_order():
    messages = list(denoise.sample(**settings(steps=30, guidance=2.0)))
    steps = steps_of(messages)
    assert [step["step"] for step in steps] == list(range(30))
    assert [message["done"] for message in messages] == [False] * (len(messages) - 1) + [True]
    assert [message["begins"] for message in messages] == [True] + [False] * (len(messages) - 1)
    assert len(messages[0]["new"]) == 1  # the first picture waits for nothing
    assert steps[0]["t"] == pytest.approx(messages[0]["levels"][0], abs=1e-3)
    assert steps[0]["norm"] >= 0
    assert all(step["norm"] > 0 for step in steps[1:])
    assert denoise.show(**settings(steps=30, guidance=2.0))["new"][-1]["after"] == steps[-1]["after"]


def test_what_is_shown_is_the_samplers_own_run_whatever_is_streamed():
    last = run()[-1]["after"]
    x = diffusion.sample(
        diffusion.load("ddpm-mnist"),
        6,
        generator=torch.Generator().manual_seed(3),
        labels=torch.full((6,), 7),
        sampler="ddim",
        steps=4,
        guidance=1.5,
    )
    shown = (unpacked(last, -2.5, 2.5) + 1) / 2
    assert np.abs(shown.clip(0, 1) - x[:, 0].cpu().numpy()).max() < 0.02
    assert last == run()[-1]["after"]


def test_the_api_draws_what_the_page_draws():
    drawn, details = diffusion_sample(3, label="7", steps=4)
    assert details["nfe"] == 4
    assert [caption for _, caption in drawn] == ["7"] * 6
    shown = (unpacked(run()[-1]["after"], -2.5, 2.5) + 1) / 2 * 255
    pictures = np.stack([np.asarray(picture.convert("L"), np.float32) for picture, _ in drawn])
    assert np.abs(shown.clip(0, 255) - pictures).max() < 5


def test_the_state_is_what_picture_and_noise_make_it():
    for step in run():
        alpha, sigma = (float(f) for f in schedules.factors(torch.tensor(step["t"])))
        x, noise, x0 = (
            unpacked(step[key], *ends) for key, ends in (("x", (-2.5, 2.5)), ("noise", (-2.5, 2.5)), ("x0", (-1, 1)))
        )
        inside = (np.abs(x) < 2.4) & (np.abs(noise) < 2.4)
        assert np.abs(alpha * x0 + sigma * noise - x)[inside].max() < 0.05


def test_a_branch_leaves_the_run_at_its_step_and_another_seed_is_another_branch():
    whole = run(steps=6)
    a, b, again = (run(steps=6, branch_step=3, branch_seed=seed) for seed in (1, 2, 1))
    assert [step["step"] for step in a] == list(range(6))
    assert [step["after"] for step in a[:3]] == [step["after"] for step in whole[:3]]
    assert a[3]["x"] == whole[3]["x"]
    assert len({branch[-1]["after"] for branch in (a, b, whole)}) == 3
    assert a[-1]["after"] == again[-1]["after"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"branch_step": 4}, "one of the steps"),
        ({"model": _models.STUDENT, "branch_step": 1}, "cannot be branched"),
        ({"model": _models.STUDENT, "sampler": "DDPM, ancestral"}, "must be one of: DDIM"),
        ({"model": "ddpm-fashion"}, "must be one of: some of each"),  # a 7 is no garment
    ],
)
def test_what_does_not_go_together_gets_a_sentence(change, sentence):
    with pytest.raises(validation.InputError, match=sentence):
        settings(**change)


def test_the_student_takes_four_steps_unless_more_are_asked_for():
    steps = [denoise.PART.parse(given)["steps"] for given in ({"model": _models.STUDENT}, {}, {"steps": 7})]
    assert steps == [4, 50, 7]


def drawn(preset, **changes):
    """The steps of a preset of Denoise."""
    return list(denoise.steps_of(**denoise.PART.parse({**preset.given(), **changes})))


def samples(steps):
    return diffusion.picture(steps[-1].after).cpu()


def read(x, dataset="mnist"):
    """Pictures [N, 1, 28, 28] -> what the LeNet reads them as, [N], and its probabilities of that, [N]."""
    p = evaluation.read(evaluation.evaluation_classifier(dataset), x)
    return p.argmax(1).tolist(), p.amax(1)


SEVEN, EIGHT_STEPS, STUDENT, GUIDED, NO_CLASS = denoise.PART.presets


@pytest.mark.parametrize("preset", denoise.PART.presets, ids=lambda preset: preset.label)
def test_a_preset_of_denoise_is_drawn_to_its_last_step(preset):
    given = denoise.PART.parse(preset.given())
    value = denoise.show(**given)
    assert (len(value["new"]), value["done"]) == (given["steps"], True)


def test_the_sevens_of_a_preset_are_sevens_from_the_first_steps_on():
    steps = drawn(SEVEN)
    assert read(samples(steps))[0] == [7] * 6
    assert read(diffusion.picture(steps[7].x0).cpu())[0] == [7] * 6
    few = samples(drawn(EIGHT_STEPS))
    assert read(few)[0] == [7] * 6
    assert (few - samples(steps)).abs().mean() < 0.05  # the same sevens


def test_the_first_picture_and_the_students_are_what_their_classes_say():
    for steps in (list(denoise.steps_of(**denoise.PART.parse(denoise.PART.first))), drawn(STUDENT)):
        classes, sure = read(samples(steps))
        assert classes == list(range(6))
        assert sure.min() > 0.8


def test_guidance_of_4_gives_bolder_strokes_than_none():
    bold, plain = samples(drawn(GUIDED)), samples(drawn(GUIDED, guidance=1))
    assert read(bold)[0] == list(range(6))
    assert bold.mean() > 1.2 * plain.mean()


def test_without_a_class_most_pictures_settle_in_the_first_third():
    steps = drawn(NO_CLASS)
    ended, sure = read(samples(steps))
    settled, _ = read(diffusion.picture(steps[len(steps) // 3].x0).cpu())
    assert sum(a == b for a, b in zip(settled, ended, strict=True)) >= 4
    assert sure.min() < 0.7 < sure.max()  # some never become a clear one


@pytest.mark.parametrize(
    ("preset", "classes"),
    list(zip(inpaint.PART.presets, ([9, 0, 9, 9], [9, 8, 8, 8], [9, 4, 9, 4], [1, 1, 4, 4]), strict=True)),
    ids=lambda value: getattr(value, "label", ""),
)
def test_a_preset_of_inpaint_is_read_as_its_observation_says(preset, classes):
    x0, known, options = inpaint.question(**inpaint.PART.parse(preset.given()))
    assert read(inpaint.inpaint(diffusion.load(inpaint.NAME), x0, known, **options))[0] == classes


def test_five_passes_make_ones_of_what_one_pass_leaves_broken():
    given = inpaint.PART.parse({**inpaint.PART.presets[3].given(), "resample": 5})
    x0, known, options = inpaint.question(**given)
    assert read(inpaint.inpaint(diffusion.load(inpaint.NAME), x0, known, **options))[0] == [1] * 4


def test_guidance_is_on_where_there_is_a_class_to_guide_towards():
    given = [{}, {"label": "7"}, {"label": _models.NONE}, {"model": _models.STUDENT}, {"guidance": 3}]
    assert [denoise.PART.parse(one)["guidance"] for one in given] == [1.5, 1.5, 1, 1, 3]
    assert inpaint.PART.parse({"pixels": DRAWING})["guidance"] == 1


def test_an_evaluation_with_guidance_is_said_to_be_two_passes():
    plans = [next(denoise.sample(**settings(guidance=w))) for w in (1, 1.5)]
    assert [plan["passes"] for plan in plans] == [1, 2]


def test_a_link_to_a_long_run_is_answered_with_its_beginning():
    given = settings(sampler="Heun, probability-flow ODE", steps=200, branch_step=150, branch_seed=2)
    value = denoise.PART.value(given)
    assert (len(value["new"]), value["begins"], value["done"], value["branch"]) == (1, True, False, 150)
    assert value["settings"] == given
    first = inpaint.show(**question(resample=10))
    assert (first["done"], first["total"]) == (1, 241)


def test_a_branch_is_in_its_link_and_in_its_saved_picture():
    given = settings(steps=6, branch_step=3, branch_seed=1)
    assert denoise.PART.parse(denoise.PART.table.to_text(given)) == given
    png = sharing.saved(TAB, denoise.PART, {"settings": given, "shown": {"step": 6}})
    opened = sharing.opened(TAB, denoise.PART, {"png": png})
    assert opened["settings"] == given
    assert opened["value"]["new"][-1]["after"] == run(steps=6, branch_step=3, branch_seed=1)[-1]["after"]


def test_what_is_saved_is_the_step_that_the_stage_shows(tmp_path, monkeypatch):
    given = settings(steps=6, branch_step=3, branch_seed=1)
    pictures = [denoise.picture(**given, shown={"step": step}) for step in (2, 4, 6)]
    assert len({picture.tobytes() for picture in pictures}) == 3
    assert denoise.picture(**given).tobytes() == pictures[-1].tobytes()
    before = denoise.picture(**{**given, "branch_step": -1}, shown={"step": 2})
    assert before.tobytes() == pictures[0].tobytes()  # the branch begins later
    monkeypatch.chdir(tmp_path)
    for step, picture in zip((2, 4), pictures, strict=False):
        exec(compile(denoise.code(**given, shown={"step": step}), "code", "exec"), {"__name__": "__main__"})
        assert Image.open("picture.png").convert("RGB").tobytes() == picture.convert("RGB").tobytes()


@pytest.mark.parametrize(("steps", "width"), [(50, 1.4), (200, 1.1)])
def test_langevin_is_as_much_too_wide_as_the_page_says(steps, width):
    assert f"{width} times" in denoise.WIDE
    assert f"{width} times" in TAB.how
    grid = schedules.grid(schedules.schedule("cosine"), steps, samplers.SPACING["langevin"])
    data, start = 0.3, torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0))
    denoiser = exact.mixture(torch.zeros(1, 1), data)
    *_, last = samplers.langevin(denoiser, start, grid, generator=torch.Generator().manual_seed(1))
    assert float(last.after.std()) / data == pytest.approx(width, abs=0.05)
    remarks = [next(denoise.sample(**settings(sampler=name)))["remark"] for name in ("Langevin, annealed", "DDIM")]
    assert remarks == [denoise.WIDE, ""]


def test_every_sampler_has_a_name_on_the_page():
    assert set(_models.SAMPLERS.values()) == set(SAMPLERS)


def test_the_race_shows_every_sampler_in_order_with_its_figure():
    rows = list(race.race("4", _models.MIXED, 0))
    assert [table.count('class="race"') for table in rows] == list(range(1, len(SAMPLERS) + 1))
    assert rows[-1].count("<img") == 6 * len(SAMPLERS)
    places = [rows[-1].index(f"<b>{title}</b>") for title in _models.SAMPLERS]
    assert places == sorted(places)


def test_the_race_gives_every_sampler_the_same_budget_and_a_run_is_its_own_again():
    ddim, euler, heun = (race.pictures(name, "8", "7", 0) for name in ("ddim", "euler", "heun"))
    assert (ddim[1], euler[1], heun[1]) == (8, 8, 8)
    assert torch.equal(ddim[0], race.pictures("ddim", "8", "7", 0)[0])


def test_the_samplers_of_a_race_start_from_one_noise_and_draw_others_later(monkeypatch):
    begun, drawn = [], []
    sample_steps = diffusion.sample_steps

    def watched(*arguments, generator, **options):
        for step in sample_steps(*arguments, generator=generator, **options):
            begun.append(step.x) if step.step == 0 else drawn.append(generator.get_state())
            yield step

    monkeypatch.setattr(diffusion, "sample_steps", watched)
    for name in ("ddim", "ddpm"):
        race.pictures(name, "4", "7", 5)
    assert torch.equal(*begun)
    assert torch.equal(begun[0].cpu(), _models.noise(5))
    unused = torch.Generator().manual_seed(5).get_state()
    assert not any(torch.equal(state, unused) for state in drawn)


def test_a_measured_figure_is_shown_and_a_missing_one_is_a_dash():
    assert race.figure({"frechet_ratio_8nfe_ddim": 1.234}, "ddim", "8") == "1.23×"
    assert race.figure({"frechet_ratio_4nfe_langevin": 1234.5}, "langevin", "4") == "1,234×"
    assert race.figure({}, "ddim", "8") == "–"


@pytest.mark.parametrize("nfe", BUDGETS)
def test_every_budget_of_the_race_has_the_figures_that_were_measured(nfe):
    metrics = checkpoints.read_json(race.NAME, "metrics.json")
    figures = {sampler: race.figure(metrics, sampler, str(nfe)) for sampler in SAMPLERS}
    assert "–" not in figures.values()
    assert figures["ddim"] == figures["euler"]


def test_the_samplers_of_a_race_visit_one_grid(monkeypatch):
    visited = {}
    sample_steps = diffusion.sample_steps

    def watched(*arguments, sampler, **options):
        steps = list(sample_steps(*arguments, sampler=sampler, **options))
        visited[sampler] = [step.t for step in steps]
        return steps

    monkeypatch.setattr(diffusion, "sample_steps", watched)
    race.pictures.cache_clear()
    x = {sampler: race.pictures(sampler, "8", "7", 11)[0] for sampler in SAMPLERS}
    for sampler in SAMPLERS:
        wanted = schedules.grid(schedules.schedule("cosine"), len(visited[sampler]), GRID)[:-1]
        assert visited[sampler] == pytest.approx(wanted.tolist())
    assert (x["ddim"] - x["euler"]).abs().max() < 0.02


def test_the_forward_process_sends_the_schedules_and_the_noise_of_its_seed():
    value = forward.show(**forward.PART.parse({"pixels": DRAWING, "step": "250", "seed": "4"}))
    for name, table in value["tables"].items():
        assert table[25] == pytest.approx(float(schedules.schedule(name).t[250]), abs=1e-4)
    noise = np.frombuffer(base64.b64decode(value["noise"]), np.uint8) / 255 * 8 - 4
    assert np.abs(noise.reshape(28, 28) - _models.noise(4, 1)[0, 0].numpy()).max() < 0.02


def question(**changes):
    return inpaint.PART.parse({"pixels": DRAWING, "mask": MASK, "resample": 1, **changes})


def test_inpainting_keeps_what_is_known_and_fills_the_rest():
    frames = list(inpaint.fill(**question()))
    answers = unpacked(frames[-1]["state"], 0, 1)
    known = np.frombuffer(bytes(range(196)) * 2, np.uint8).reshape(14, 28) / 255
    assert answers.shape == (4, 28, 28)
    assert np.abs(answers[:, :14] - known).max() < 0.005
    assert np.abs(answers[0, 14:] - answers[1, 14:]).max() > 0.3
    assert (frames[-1]["done"], frames[-1]["total"]) == (25, 25)
    assert [frame["done"] for frame in frames] == sorted({frame["done"] for frame in frames})
    assert inpaint.show(**question()) == frames[-1]


def test_without_a_mask_nothing_is_filled_in():
    assert inpaint.show(**question(mask=NOTHING)) == {}
    with pytest.raises(validation.InputError, match="Paint over a part"):
        next(inpaint.fill(**question(mask=NOTHING)))


@pytest.mark.parametrize("preset", inpaint.PART.presets, ids=lambda preset: preset.label)
def test_a_preset_asks_for_a_part_and_leaves_a_part(preset):
    given = inpaint.PART.parse(preset.given())
    mask = base64.b64decode(given["mask"])
    assert 0 < mask.count(255) < 784
    assert mask.count(0) + mask.count(255) == 784
    assert given["resample"] == (1 if preset.label == "No resampling" else 5)


@pytest.mark.parametrize("path", interpolation.PATHS)
def test_interpolation_ends_at_the_pictures_of_its_noises(path):
    z, x = _models.SPACE.path(_models.STUDENT, "4", (1, 2), path, 3)
    assert torch.allclose(z[[0, 2]], torch.stack([_models.noise(seed, 1).flatten() for seed in (1, 2)]), atol=1e-5)
    made = diffusion.sample(
        diffusion.load(_models.STUDENT),
        1,
        generator=torch.Generator().manual_seed(1),
        labels=torch.tensor([4]),
        steps=4,
    )
    assert torch.allclose(x[0].clamp(0, 1), made[0].cpu().clamp(0, 1), atol=1e-2)


def train(n=1, state=None, action="run", **changes):
    """The first n values of a training in the plane: (frame, state)."""
    values = lab.train(state, action, **lab.PART.parse(changes))
    found = [next(values) for _ in range(n)]
    values.close()
    return found


def test_a_training_in_the_plane_goes_on_from_its_state():
    whole = train(3)
    *_, (_, state) = train(2)
    ((frame, _),) = train(1, state)
    assert frame == whole[2][0]
    assert [frame["step"] for frame, _ in whole] == [50, 100, 150]
    assert len({frame["exact_loss"] for frame, _ in whole}) == 1
    assert all(frame["loss"] > frame["exact_loss"] > 0 for frame, _ in whole)


def test_another_sampler_moves_the_particles_alone():
    *_, (frame, state) = train(1)
    ((moved, kept),) = list(lab.train(state, "flow", **lab.PART.parse({"solver": "stochastic (SDE)"})))
    assert {key for key in frame if frame[key] != moved[key]} == {"flow", "loss", "times"}
    assert moved["loss"] is None  # no step was taken since the last frame
    assert kept == state
    assert not list(lab.train(None, "flow", **lab.PART.parse({})))  # before a training there is nothing to move


def test_a_training_in_the_plane_ends_with_its_steps(monkeypatch):
    monkeypatch.setattr(lab, "STEPS", 120)
    frames = [frame for frame, _ in lab.train(None, "run", **lab.PART.parse({"seed": 1}))]
    assert [frame["step"] for frame in frames] == [50, 100, 120]
    assert sum(frames[-1]["error"]) < sum(frames[0]["error"])


def test_the_planes_numbers_are_the_frames():
    ((value, _),) = train(data="ring of 8")
    flow = np.frombuffer(base64.b64decode(value["flow"]), np.int16).reshape(-1, lab.SENT, 2)
    assert flow.shape[0] == len(value["times"]) == 21
    assert value["times"] == sorted(value["times"], reverse=True)
    assert value["times"][-1] == 0
    assert all(float(f"{e:.6g}") == e > 0 for e in value["error"])
    field = np.frombuffer(base64.b64decode(value["perfect"]), np.int8).reshape(5, 17, 17, 2)
    assert field[4, 8, 0, 0] > 0 > field[4, 8, 16, 0]  # from both sides towards the data
    before, after = (lab.picture(**lab.PART.parse({"data": "ring of 8"}), shown=shown) for shown in (None, value))
    assert before.getpixel((0, 0)) == after.getpixel((0, 0)) == (255, 255, 255)
    inks = [{ink for _, ink in image.getcolors(10**6)} for image in (before, after)]
    assert len(inks[1] - inks[0]) == 2  # the particles where they began, and where they ended


def test_a_drawing_is_learned():
    value, _ = train(data="my drawing", drawn="0.5,0.5,-0.5,0.1")[0]
    assert value["step"] == 50
    drawn = lab.show(**lab.PART.parse({"data": "my drawing", "drawn": "0.5,0.5,-0.5,0.1"}))
    real = distributions.unpacked(drawn["real"], "real", 2, 2 * lab.lab.PLANE)
    assert np.abs(real - [[0.5, 0.5], [-0.5, 0.1]]).max() < 1e-3


def test_a_hub_model_that_cannot_be_had_gets_one_sentence(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(validation.InputError, match="could not be loaded"):
        list(hub.draw(**hub.PART.parse({"source": "nobody/nothing", "steps": 2})))


@pytest.mark.parametrize(
    ("part", "old", "now"),
    [
        ("denoise", {"model": "ddpm-mnist", "class": "7", "sampler": "DDIM", "steps": "8"}, {"label": "7", "steps": 8}),
        ("denoise", {"class": "some of each", "guidance": "2.5", "eta": "0.5"}, {"guidance": 2.5, "eta": 0.5}),
        ("race", {"nfe": "16", "class": "no class", "seed": "1"}, {"nfe": "16", "label": "no class"}),
        ("forward", {"pixels": DRAWING, "step": "250", "seed": "4"}, {"pixels": DRAWING, "step": 250}),
        ("inpaint", {"pixels": DRAWING, "mask": MASK, "class": "7", "resample": "2"}, {"label": "7", "mask": MASK}),
        ("interpolate", {"from": "1", "to": "2", "path": "straight", "label": "4"}, {"from_seed": 1, "to_seed": 2}),
        ("interpolate", {"from": 1, "to": 2, "label": 4}, {"from_seed": 1, "label": "4"}),  # of a saved picture
        ("lab", {"data": "spiral", "way": "SDE, shaken", "seed": "2"}, {"solver": "stochastic (SDE)", "seed": 2}),
        ("lab", {"data": "spiral", "way": "ODE, smooth"}, {"solver": "deterministic (ODE)"}),
        ("hub", {"source": "google/ddpm-cat-256", "sampler": "DDIM", "steps": "9"}, {"sampler": "DDIM", "steps": 9}),
    ],
)
def test_links_of_older_versions_still_open(part, old, now):
    found = TAB.part(part).parse(old)
    assert {name: found[name] for name in now} == now


@pytest.mark.parametrize(
    "call",
    [
        lambda: inpaint.PART.parse({"pixels": "AAAA"}),
        lambda: inpaint.PART.parse({"mask": 5}),
        lambda: hub.PART.parse({"source": "../secret"}),
        lambda: hub.PART.parse({"source": "a b;c"}),
        lambda: hub.PART.parse({"source": "x" * 300}),
        lambda: train(action="fly"),
        lambda: train(data="my drawing"),
        lambda: lab.picture(**lab.PART.parse({}), shown={"flow": "AAAA"}),
        lambda: lab.picture(**lab.PART.parse({}), shown=[1]),
        lambda: denoise.picture(**settings(), shown={"step": 5}),
        lambda: denoise.code(**settings(), shown=[1]),
        lambda: diffusion_sample(label="ten"),
        lambda: diffusion_sample(guidance=math.nan),
    ],
)
def test_bad_input_gets_one_sentence(call):
    with pytest.raises(validation.InputError):
        call()


@pytest.mark.parametrize("call", [forward.example, forward.noise, digits.centre, digits.open_picture])
@pytest.mark.parametrize(
    "bad", [None, 5, [], {"seed": -1, "pixels": 1}, {"seed": "x", "png": "AAAA"}, {"seed": math.nan}], ids=str
)
def test_bad_requests_get_one_sentence(call, bad):
    answer = errors.guarded(call)(bad)
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN


# --- what presets of Forward and Race say


def test_what_the_presets_of_forward_say_of_the_schedules():
    def left(step):
        """The share of the picture's contrast that each schedule has left."""
        tables = {name: schedules.schedule(name).t for name in schedules.NAMES}
        return {name: float(schedules.factors(t[step].double())[0]) for name, t in tables.items()}

    half, late, last = (left(preset.given()["step"]) for preset in forward.PART.presets)
    assert round(half["linear"], 2) == 0.28
    assert all(round(half[name], 1) == 0.7 for name in ("cosine", "sigmoid"))
    assert round(late["linear"], 2) == 0.04
    assert round(last["linear"], 3) == 0.006
    assert max(last["cosine"], last["sigmoid"]) < 1e-4


def test_what_the_presets_of_race_say_of_the_samplers():
    metrics = checkpoints.read_json(race.NAME, "metrics.json")

    def best(nfe):
        return min(_models.SAMPLERS.values(), key=lambda sampler: metrics[f"frechet_ratio_{nfe}nfe_{sampler}"])

    four, same, fifty = (race.PART.parse(preset.given()) for preset in race.PART.presets)
    assert (best(four["nfe"]), best(fifty["nfe"])) == ("dpmpp_2m", "ddpm")
    ddim, euler = (race.pictures(sampler, **same)[0] for sampler in ("ddim", "euler"))
    assert torch.equal(ddim, euler)
