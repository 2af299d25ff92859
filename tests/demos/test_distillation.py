"""The distillation tab: what its parts show, without a server. What holds for all parts is in test_tabs.py."""

import base64
import math
import re

import pytest
import torch
from PIL import Image

from demos._ui import charts, digits, errors, sharing, validation
from demos.distillation import TAB, _models, alike, ask, cost, disagree, missing, race
from demos.distillation._api import distillation_ask
from genai_core import distillation
from genai_core.common import checkpoints
from genai_core.distillation import hinton, live

DRAWING = base64.b64encode(bytes(range(196)) * 4).decode()


def test_the_page_gets_every_classifiers_own_logits():
    x = _models.digits(_models.GENERATED)[0][:1]
    found = ask.answers({"pixels": digits.packed(x)})
    assert list(found)[:3] == list(_models.NAMES)
    for name, z in found.items():
        expected = distillation.logits(distillation.load(name), (x * 255).round() / 255)[0]
        assert torch.tensor(z) == pytest.approx(expected, abs=1e-3)


def test_the_api_gives_probabilities_at_a_temperature():
    sharp, soft = (distillation_ask(temperature=t) for t in (1.0, 20.0))
    for name in _models.NAMES:
        assert sum(sharp[name]) == pytest.approx(1, abs=1e-5)
        assert max(soft[name]) < max(sharp[name])


@pytest.mark.parametrize("preset", ask.PART.presets, ids=lambda preset: preset.label)
def test_a_preset_draws_what_it_says(preset):
    pixels = ask.PART.parse(preset.given())["pixels"]
    assert any(base64.b64decode(pixels)) == (preset.label != "An empty picture")
    z = torch.tensor(ask.answers({"pixels": pixels})[_models.TEACHER])
    if preset.label == "A seven like a one":
        assert z.topk(2).indices.tolist() == [7, 1]
    if preset.label == "Between two classes":
        best = z.div(4).softmax(0).topk(2).values
        assert best[0] - best[1] < 0.05
        student, control = (
            torch.tensor(ask.answers({"pixels": pixels})[name]).div(4).softmax(0)[[4, 9]]
            for name in (_models.STUDENT, "distill-control")
        )
        assert student.max() < 1.5 * student.min()
        assert control[1] > 5 * control[0]


def test_the_third_that_is_compared_is_saved_and_drawn():
    """It was known to the page alone, so that a saved picture showed the control whatever was on the stage."""
    settings = ask.PART.parse({"third": "compact-mnist"})
    opened = sharing.opened(TAB, ask.PART, {"png": sharing.saved(TAB, ask.PART, {"settings": settings})})
    assert opened["settings"]["third"] == "compact-mnist"
    assert ask.picture(**settings).tobytes() != ask.picture(**ask.PART.parse({})).tobytes()
    assert list(ask.probabilities(**settings))[2] == "compact-mnist"


def test_the_sentence_about_the_teacher_names_its_own_second_choice():
    pixels = ask.PART.parse({})["pixels"]
    p = distillation.probabilities(distillation.load(_models.TEACHER), digits.drawing(pixels))[0]
    first, second, third = p.topk(3).indices.tolist()
    said = ask.second_choice(pixels)
    assert said.startswith(f"The teacher says {first}. If it were not, it would be {second} ({100 * p[second]:.1f} %")
    assert f"or else {third} (" in said


def test_the_pairs_that_the_teacher_finds_alike_are_the_largest_sums():
    found = alike.show(4.0, _models.GENERATED)
    m = torch.tensor(found["matrices"][_models.TEACHER]).view(10, 10)
    both = (m + m.T).triu(1)
    a, b = divmod(int(both.argmax()), 10)
    assert found["note"].startswith(f"What the teacher finds most alike: {a} and {b}, then ")


@pytest.mark.parametrize("kind", disagree.KINDS)
def test_of_those_shown_one_is_right_and_one_is_wrong(kind):
    right, wrong = disagree.KINDS[kind]
    found = disagree.disagreements(kind, _models.GENERATED)
    for one in found:
        assert int(one.probabilities[right].argmax()) == one.label
        assert int(one.probabilities[wrong].argmax()) != one.label
    assert disagree.show(kind, _models.GENERATED).count("<img") == len(found)


def test_similarity_rows_are_distributions_and_warm_up():
    cold, warm = (alike.show(t, _models.GENERATED)["matrices"] for t in (1.0, 10.0))
    for name in _models.NAMES:
        both = [torch.tensor(found[name]).view(10, 10) for found in (cold, warm)]
        for matrix in both:
            assert matrix.sum(1) == pytest.approx(torch.ones(10), abs=1e-3)
        assert both[1].diagonal().mean() < both[0].diagonal().mean()


def test_a_bias_brings_out_what_a_student_never_saw():
    value = missing.show("distill-no3", _models.GENERATED, 0.0)
    assert value["classes"] == [3]
    assert value["missing"][round(10 * min(value["chosen"], missing.TOP))] > value["missing"][0]
    assert value["missing"] == sorted(value["missing"])  # a higher bias never hides a 3 again
    assert set(value["labels"]) == {3}
    z, y = _models.logits("distill-no3", _models.GENERATED), _models.digits(_models.GENERATED)[1]
    at = hinton.with_bias(z, [3], 2.0).argmax(1) == y
    assert value["all"][20] == pytest.approx(float(at.float().mean()), abs=1e-4)


def test_the_front_holds_what_nothing_beats():
    front = cost.frontier([(1, 9), (2, 5), (3, 7), (4, 5), (5, 1)])
    assert front == [(1, 9), (2, 5), (5, 1)]


@pytest.mark.parametrize("data", cost.DATASETS)
def test_the_table_shows_the_cards_figures(data):
    page = cost.show(data, "parameters")
    for name, m in cost.figures(cost.DATASETS[data]).items():
        assert f"<td>{m['errors']:,}</td>" in page
        assert cost.title(name) in page
        assert m == checkpoints.read_json(name, "metrics.json")


def test_costs_are_measured_on_this_machine_when_asked(monkeypatch):
    """One classifier is enough: its milliseconds change, its errors stay the card's."""
    (name, m), *_ = cost.figures("mnist").items()
    monkeypatch.setattr(cost, "figures", lambda dataset: {name: m})
    monkeypatch.setattr(distillation, "cost", lambda *_: {"ms_batch1": 123.45, "ms_batch256": 6.5, "bytes": 1})
    (value,) = cost.measure("digits", "ms a picture, batch 1")
    page = value["html"]
    assert "measured just now" in page
    assert "<td>123.45</td>" in page
    assert f"<td>{m['errors']:,}</td>" in page
    assert f"<td>{m['bytes'] / 1000:,.0f}</td>" in page
    settings = {"data": "digits", "axis": "parameters"}
    said = []
    monkeypatch.setattr(charts, "table", lambda rows, inks=(): said.append(rows) or Image.new("RGB", (9, 9)))
    cost.picture(**settings, shown=value["shown"])
    assert "123.45" in said[-1][1]
    cost.picture(**settings)
    assert "123.45" not in said[-1][1]
    for bad in (5, {name: 5}, {name: {"ms_batch1": math.nan, "ms_batch256": 1}}, {name: {"ms_batch1": "fast"}}):
        with pytest.raises(validation.InputError):
            cost.picture(**settings, shown=bad)


def test_students_stand_beside_the_same_net_trained_on_labels_alone():
    for data in cost.DATASETS.values():
        for name, control in cost.pairs(cost.figures(data)).items():
            mine, its = distillation.RECIPES[name].config, distillation.RECIPES[control].config
            assert mine.teacher
            assert not its.teacher
            assert distillation.load(name)(torch.zeros(1, 1, 28, 28)).shape == (1, 10)
            assert cost.figures(data)[name]["parameters"] == cost.figures(data)[control]["parameters"]
    assert list(cost.pairs(cost.figures("mnist"))) == [
        *("distill-student", "distill-student-300", "distill-student-30", "compact-mnist", "mimic-mnist")
    ]


def test_what_the_cost_page_says_is_what_the_metrics_say():
    rows = {row[0]: row[1:] for row in cost.compared(cost.figures("mnist"))}
    each = [checkpoints.read_json(f"distill-{who}", "metrics.json")["errors_by_seed"] for who in ("student", "control")]
    for said, counts in zip(rows["student"], each, strict=False):
        assert said == f"{round(sum(counts) / len(counts))} ({min(counts)} to {max(counts)})"
    assert rows["student"][2] == "the teacher helps"
    assert max(each[0]) < min(each[1])
    assert cost.verdict(62, 59) == cost.verdict(59, 62) == "no clear difference"
    assert cost.verdict(1121, 983) == "the teacher does harm"
    sentence = cost.conclusion(cost.figures("mnist"), "parameters")
    assert sentence in cost.show("digits", "parameters")
    assert "clearly helps" in sentence
    assert "and no student" in sentence
    assert "compact int8" in cost.conclusion(cost.figures("mnist"), "bytes on disk")


@pytest.mark.parametrize("axis", cost.AXES)
@pytest.mark.parametrize("data", cost.DATASETS)
@pytest.mark.parametrize("size", cost.WIDTHS)
def test_no_name_on_the_cost_plot_covers_a_dot_or_another_name(data, axis, size):
    page = cost.plot(cost.figures(cost.DATASETS[data]), axis, size)
    boxes = [
        (x - cost.DOT, x + cost.DOT, y - cost.DOT, y + cost.DOT)
        for x, y in (map(int, dot) for dot in re.findall(r'<circle cx="(\d+)" cy="(\d+)"', page))
    ]
    for x, y, anchor, name in re.findall(r'class="name" x="(\d+)" y="(\d+)" text-anchor="(\w+)">([^<]+)<', page):
        left = int(x) - (7 * len(name) if anchor == "end" else 0)
        boxes.append((left, left + 7 * len(name), int(y) - 9, int(y) + 1))
    names = boxes[len(boxes) // 2 :]
    assert len(names) == len(cost.figures(cost.DATASETS[data]))
    for k, (left, right, high, low) in enumerate(names):
        assert left > 0
        assert right < cost.WIDTHS[size]
        others = boxes[: len(boxes) // 2 + k]
        assert all(left > b or right < a or high > d or low < c for a, b, c, d in others)


def race_of(**changes):
    return [frame for frame in race.race(**race.PART.parse({"hidden": 8, "examples": 50, **changes})) if frame]


def test_a_race_ends_with_its_steps_and_is_its_own_again(monkeypatch):
    monkeypatch.setattr(race, "STEPS", 2 * live.FRAME)
    frames, again, other = race_of(), race_of(), race_of(seed=1)
    assert [frame["step"] for frame in frames][-1] == race.STEPS
    results = [[(f["step"], f["student"], f["control"], f["losses"]) for f in run] for run in (frames, again, other)]
    assert results[0] == results[1] != results[2]
    assert not frames[-1]["timed_out"]
    assert all(frame["student"] == pytest.approx(sum(frame["students"]) / 3) for frame in frames)
    assert frames[-1]["note"] == race.outcome(frames[-1]["students"], frames[-1]["controls"])
    assert not frames[0]["note"]


def test_races_side_by_side_are_those_of_the_seeds_one_after_the_other(monkeypatch):
    monkeypatch.setattr(live, "test_digits", lambda seed: (_models.digits(_models.GENERATED), False))
    some = {"hidden": 8, "examples": 50, "steps": live.FRAME}
    (both,) = live.race(**some, seed=4, races=2)
    for k in range(2):
        (alone,) = live.race(**some, seed=4 + k)
        assert (alone.student, alone.control) == (both.students[k], both.controls[k])


def test_the_outcome_of_races_says_the_lead_and_its_spread():
    said = race.outcome([0.8, 0.7, 0.9], [0.75, 0.72, 0.8])
    assert said.startswith(
        "The student is ahead in 2 of 3 races; its lead is +4.3 points in the mean, from −2.0 to +10.0."
    )
    assert "cannot tell" in said
    assert "cannot tell" not in race.outcome([0.8, 0.9], [0.7, 0.8])
    assert "one seed" in race.outcome([0.8], [0.7])


def test_before_a_race_its_pictures_are_seen_with_the_teachers_two_most_likely_classes():
    shown = race.show(**race.PART.parse({"seed": 2}))["shown"]
    assert len(shown) == race.SHOWN
    for one in shown:
        p = distillation.probabilities(distillation.load(_models.TEACHER), digits.drawing(one["pixels"]), race.SOFT_T)
        best, second = one["labels"]
        assert [best["digit"], second["digit"]] == p[0].topk(2).indices.tolist()
        assert best["p"] == pytest.approx(float(p[0].max()), abs=0.02)


def test_a_saved_race_shows_its_curves_or_before_it_its_pictures():
    settings = race.PART.parse({})
    curves = {"step": [20, 40], "students": [[0.5, 0.8], [0.4, 0.7]], "controls": [[0.4, 0.7], [0.3, 0.6]]}
    inks = {ink for _, ink in race.picture(**settings, shown=curves).getcolors(10**6)}
    assert {(0xEA, 0x58, 0x0C), (0x94, 0xA3, 0xB8)} <= inks
    assert race.picture(**settings).tobytes() == race.picture(**settings, shown={"step": None}).tobytes()
    for bad in (
        *(5, [1], curves | {"students": [0.5]}, curves | {"step": [20, math.nan]}, curves | {"controls": "x"}),
        *(curves | {"students": [[0.5, 0.8]]}, curves | {"students": [[0.5], [0.4]]}, curves | {"controls": [[]] * 6}),
    ):
        with pytest.raises(validation.InputError):
            race.picture(**settings, shown=bad)


@pytest.mark.parametrize(
    ("part", "old", "now"),
    [
        ("ask", {"pixels": DRAWING, "temperature": "3.5"}, {"pixels": DRAWING, "temperature": 3.5}),
        ("disagree", {"kind": "student wrong, teacher right", "source": "generated"}, {"source": "generated"}),
        ("alike", {"temperature": "8", "source": "generated"}, {"temperature": 8.0}),
        ("missing", {"model": "distill-78", "source": "generated", "bias": "2.5"}, {"model": "distill-78"}),
        ("cost", {"data": "digits", "axis": "bytes on disk"}, {"axis": "bytes on disk"}),
        ("race", {"hidden": "16", "alpha": "0.5", "examples": "200", "seed": "3"}, {"hidden": 16, "alpha": 0.5}),
    ],
)
def test_links_of_older_versions_still_open(part, old, now):
    found = TAB.part(part).parse(old)
    assert {name: found[name] for name in now} == now


BAD = [
    (ask.answers, {"pixels": "AAAA"}),
    (ask.answers, {"pixels": DRAWING, "temperature": math.nan}),
    (ask.answers, []),
    (ask.example, {"seed": -1}),
    (ask.example, {"seed": 1, "source": "the web"}),
    (ask.example, 5),
    (alike.PART.parse, {"temperature": 21}),
    (alike.PART.parse, {"temperature": "hot"}),
    (missing.PART.parse, {"model": "distill-teacher"}),
    (missing.PART.parse, {"bias": -1}),
    (race.PART.parse, {"hidden": 32.5}),
    (race.PART.parse, {"examples": 10}),
    (lambda t: distillation_ask(temperature=t), 0),
    (lambda picture: distillation_ask(picture), b"AAAA"),
]


@pytest.mark.parametrize(("call", "bad"), BAD)
def test_bad_requests_get_one_sentence(call, bad):
    answer = errors.guarded(call)(bad)
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN
    assert len(answer["error"]) < 400


# --- what presets say


def given(part, label):
    (preset,) = [preset for preset in part.presets if preset.label == label]
    return part.parse(preset.given())


def test_what_the_presets_of_alike_say():
    def matrix(label):
        settings = given(alike.PART, label)
        return torch.tensor(alike.matrices(**settings)[_models.TEACHER]).view(10, 10), alike.show(**settings)["note"]

    assert float(matrix("As trained on labels")[0].diagonal().min()) > 0.97
    assert matrix("Softened")[1].startswith("What the teacher finds most alike: 4 and 9")
    soft, _ = matrix("Too soft")
    assert 0.2 < float(soft.diagonal().min()) < float(soft.diagonal().max()) < 0.3
    assert float(soft.sub(soft.diagonal().diag()).max()) < 0.13


def test_what_the_presets_of_missing_say():
    def read(label):
        settings = given(missing.PART, label)
        value = missing.show(**settings)
        at = round(settings["bias"] / missing.TOP * (len(value["all"]) - 1))
        return value["missing"][at], value["all"][at]

    unseen, everything = read("Never saw a 3")
    assert 0.9 < unseen < 0.95
    better = read("Its bias corrected")
    assert better[0] > max(unseen, 0.975)
    assert better[1] > everything
    assert 0.63 < read("Sevens and eights alone")[0] < 0.7


def test_what_the_presets_of_disagree_say():
    wrong, other, better = (disagree.disagreements(**disagree.PART.parse(p.given())) for p in disagree.PART.presets)
    sure = [float(one.probabilities[_models.CONTROL].max()) for one in wrong]
    assert sum(p > 0.8 for p in sure) > len(sure) / 2
    assert 0 < len(other) < len(wrong) / 2
    assert sum(int(one.probabilities[_models.TEACHER].argmax()) != one.label for one in other) >= len(other) / 2
    assert 0 < len(better) < len(wrong) / 2


def test_what_the_presets_of_cost_say():
    verdicts = [row[3] for row in cost.compared(cost.figures(cost.DATASETS["digits"]))]
    assert (verdicts.count("the teacher helps"), verdicts.count("the teacher does harm"), len(verdicts)) == (3, 0, 5)
    errors = [cost.figures(d)[f"ensemble-{d}"]["errors"] for d in ("fashion", "mnist")]
    assert 15 < errors[0] / errors[1] < 25
    garments = [row[3] for row in cost.compared(cost.figures(cost.DATASETS["garments"]))]
    assert sorted(garments) == ["no clear difference", "the teacher does harm"]
    by_bytes = cost.conclusion(cost.figures(cost.DATASETS["digits"]), "bytes on disk")
    assert "compact int8" in by_bytes
    assert (
        "compact int8"
        not in cost.conclusion(cost.figures(cost.DATASETS["digits"]), "parameters").split("On the line")[1]
    )
