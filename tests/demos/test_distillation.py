import base64
import math

import gradio as gr
import pytest
import torch

from demos import _checks, distillation
from demos.distillation import _models, alike, answers, cost, disagree, missing, race
from genai_core import checkpoints
from genai_core import distillation as core
from genai_core.distillation import hinton

DRAWING = base64.b64encode(bytes(range(196)) * 4).decode()


def test_the_page_is_told_every_classifiers_own_logits():
    x = _models.digits(_models.GENERATED)[0][:1]
    found = answers.answers({"pixels": base64.b64encode((x * 255).round().byte().numpy().tobytes()).decode()})
    assert list(found)[:3] == list(_models.NAMES)
    for name, z in found.items():
        expected = core.logits(core.load(name), (x * 255).round() / 255)[0]
        assert torch.tensor(z) == pytest.approx(expected, abs=1e-3)


def test_the_api_gives_probabilities_at_a_temperature():
    sharp, soft = (distillation.distillation_ask(DRAWING, t) for t in (1.0, 20.0))
    for name in _models.NAMES:
        assert sum(sharp[name]) == pytest.approx(1, abs=1e-5)
        assert max(soft[name]) < max(sharp[name])


@pytest.mark.parametrize("label", answers.PRESETS)
def test_a_preset_shows_what_it_says(label):
    state = answers.preset(gr.EventData(None, {"preset": label}))
    pixels = base64.b64decode(state["pixels"])
    assert len(pixels) == 784
    assert any(pixels) == (label != "An empty picture")
    if label == "A seven like a one":
        z = torch.tensor(answers.answers({"pixels": state["pixels"]})[_models.TEACHER])
        assert z.topk(2).indices.tolist() == [7, 1]


@pytest.mark.parametrize("kind", disagree.KINDS)
def test_of_those_shown_one_is_right_and_one_is_wrong(kind):
    right, wrong = disagree.KINDS[kind]
    for one in disagree.found(kind, _models.GENERATED):
        assert int(one.probabilities[right].argmax()) == one.label
        assert int(one.probabilities[wrong].argmax()) != one.label
    assert disagree.show(kind, _models.GENERATED).startswith('<div class="card')


def test_similarity_rows_are_distributions_and_warm_up():
    cold, warm = (alike.alike({"temperature": t})["matrices"] for t in (1, 10))
    for name in _models.NAMES:
        for found in (cold[name], warm[name]):
            assert torch.tensor(found).view(10, 10).sum(1) == pytest.approx(torch.ones(10), abs=1e-3)
        diagonal = [torch.tensor(found[name]).view(10, 10).diagonal().mean() for found in (cold, warm)]
        assert diagonal[1] < diagonal[0]


def test_a_bias_brings_out_what_a_student_never_saw():
    value = missing.look({"source": _models.GENERATED})
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


def test_the_table_shows_the_cards_figures():
    page = cost.show("digits", "parameters")
    for name, m in cost.figures("mnist").items():
        assert f"<td>{m['errors']:,}</td>" in page
        assert cost.title(name) in page
        assert m == checkpoints.read_json(name, "metrics.json")
    assert "measured just now" in cost.measure("digits", "ms a picture, batch 1")


@pytest.mark.parametrize("width", cost.WIDTHS.values())
def test_no_name_on_the_cost_plot_covers_a_dot_or_another_name(width):
    at = {name: (200 + 9 * (k % 4), 100 + 5 * (k % 3)) for k, name in enumerate(("ensemble", "control-30", *"abcd"))}
    boxes = []
    for name, (x, y, anchor) in cost.labels(at, width).items():
        wide = 7 * len(cost.title(name))
        boxes.append((x if anchor == "start" else x - wide, x + wide if anchor == "start" else x, y - 9, y + 1))
    boxes += [(x - 5, x + 5, y - 5, y + 5) for x, y in at.values()]
    for k, (a, b, c, d) in enumerate(boxes[: len(at)]):
        assert a > 0
        assert b < width
        assert all(a > right or b < left or c > low or d < high for left, right, high, low in boxes[k + 1 :])


QUERIES = {
    "ask": {"pixels": DRAWING, "temperature": "3.5"},
    "disagree": {"kind": "student wrong, teacher right", "source": "generated"},
    "alike": {"temperature": "8", "source": "generated"},
    "missing": {"model": "distill-78", "source": "generated", "bias": "2.5"},
    "cost": {"data": "digits", "axis": "bytes on disk"},
    "race": {"hidden": "16", "temperature": "2", "alpha": "0.5", "examples": "200", "seed": "3"},
}


@pytest.mark.parametrize("part", distillation.PARTS)
def test_a_link_fills_its_part_and_no_other_and_a_tampered_one_gets_a_sentence(part):
    with gr.Blocks():
        places = distillation.build_tab()
    answer = distillation.restore({"tab": "distillation", "part": part, **QUERIES[part]})
    assert len(answer) == len(places)
    before = sum(list(distillation.PARTS.values())[: list(distillation.PARTS).index(part)])
    filled = [k for k, value in enumerate(answer[1:]) if value != gr.skip()]
    assert filled == list(range(before, before + distillation.PARTS[part]))
    for field in QUERIES[part]:
        with pytest.raises(_checks.InputError):
            distillation.restore({"tab": "distillation", "part": part, **QUERIES[part], field: "\x00?"})


def test_saved_pictures_bring_their_settings_back():
    assert answers.restore({"png": answers.save({"pixels": DRAWING, "temperature": 7})})["temperature"] == 7
    assert alike.restore({"png": alike.save({"temperature": 6})})["temperature"] == 6
    assert missing.restore({"png": missing.save({"bias": 1.5})})["bias"] == 1.5
    for part, values in ((disagree, QUERIES["disagree"]), (cost, QUERIES["cost"])):
        assert part.picture(*values.values()).width > 50


BAD = [
    lambda: answers.answers({}),
    lambda: answers.answers({"pixels": "AAAA"}),
    lambda: answers.example({"seed": -1}),
    lambda: answers.example({"seed": 1, "source": "the web"}),
    lambda: answers.save({"pixels": DRAWING, "temperature": math.nan}),
    lambda: answers.save({"pixels": DRAWING, "temperature": 0}),
    lambda: alike.alike({"temperature": 21}),
    lambda: alike.alike({"temperature": "hot"}),
    lambda: alike.alike({"source": 5}),
    lambda: missing.look({"model": "distill-teacher"}),
    lambda: missing.look({"bias": -1}),
    lambda: missing.look([]),
    lambda: race.settings_of(3, 4, 0.9, 300, 0),
    lambda: race.settings_of(32, 0, 0.9, 300, 0),
    lambda: race.settings_of(32, 4, 1.5, 300, 0),
    lambda: race.settings_of(32, 4, 0.9, 10, 0),
    lambda: race.settings_of(32.5, 4, 0.9, 300, 0),
    lambda: disagree.settings_of("all wrong", "generated"),
    lambda: cost.settings_of("digits", "beauty"),
]


@pytest.mark.parametrize("call", BAD)
def test_bad_requests_get_one_sentence(call):
    answer = _checks.guarded(lambda _: call())()
    assert list(answer) == ["error"]
    assert answer["error"] != _checks.UNKNOWN
    assert len(answer["error"]) < 400
