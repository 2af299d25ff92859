"""Distillation's Model: its values are those of the networks and of a training step; what its presets say is so."""

import pytest
import torch

from demos.distillation import model as part
from genai_core import distillation
from genai_core.distillation import distil


def of(**given):
    return part.values(**part.PART.parse(given))


def preset(label):
    (found,) = [one for one in part.PART.presets if one.label == label]
    return of(**found.given())


@pytest.mark.parametrize("given", [{}, {"temperature": 20, "alpha": 0.9, "label": "1"}, {"model": "distill-no3"}])
def test_the_values_are_those_of_the_networks_and_of_a_training_step(given):
    """Compared with what passes through both when `distil.train`'s own objective is computed."""
    settings, seen = part.PART.parse(given), {}
    found = part.values(**settings)
    networks = {"v": distillation.load(part.TEACHER), "z": distillation.load(settings["model"])}
    hooks = [
        network.register_forward_hook(lambda _net, given, out, name=name: seen.update({name: (given[0], out)}))
        for name, network in networks.items()
    ]
    objective = distil.matching(settings["temperature"], settings["alpha"])
    x = found["x"][None]
    with torch.no_grad():
        terms = objective(networks["z"], x, found["y"].argmax()[None], distillation.logits(networks["v"], x))
    for hook in hooks:
        hook.remove()
    for name in networks:
        assert torch.equal(seen[name][0], x)
        assert torch.allclose(seen[name][1][0], found[name])
    assert torch.allclose(found["p"], (found["v"] / settings["temperature"]).softmax(0))
    assert torch.allclose(found["q"], (found["z"] / settings["temperature"]).softmax(0))
    kl = (found["p"].double() * (found["p"].double() / found["q"].double()).log()).sum()
    assert float(found["soft"]) == pytest.approx(settings["temperature"] ** 2 * float(kl), abs=1e-3)
    assert float(found["hard"]) == pytest.approx(-float(found["answer"][found["y"].argmax()].log()), abs=1e-5)
    for name in ("soft", "hard", "loss"):
        assert float(found[name]) == pytest.approx(float(terms[name]), abs=1e-6)


def test_at_a_temperature_of_one_the_soft_labels_say_hardly_more_than_the_label():
    first, one = of(), preset("T = 1")
    assert float(one["p"].max()) > 0.999
    assert float(first["p"].max()) < 0.8
    assert abs(float(one["soft"])) < 1e-3


def test_a_wrong_label_is_seen_by_the_hard_loss_alone():
    first, wrong = of(), preset("The wrong label")
    assert {name for name in first if not torch.equal(first[name], wrong[name])} == {"y", "hard", "loss"}
    assert float(wrong["hard"]) > float(first["hard"]) + 3


def test_what_labels_alone_do_not_teach_is_seen_by_the_soft_loss_alone():
    student, control = of(), preset("Labels alone")
    assert float(control["soft"]) > 10 * float(student["soft"])
    assert max(float(one["hard"]) for one in (student, control)) < 0.01
    assert student["answer"].argmax() == control["answer"].argmax() == 7


def test_a_student_that_never_saw_a_3_reads_one_less_surely_than_its_teacher():
    own, full = preset("It never saw a 3"), of(digit="3")
    assert own["answer"].argmax() == own["p"].argmax() == 3
    assert float(own["hard"]) < 0.1
    assert float(own["q"][3]) < float(own["p"][3]) - 0.1
    assert float(own["soft"]) > 10 * float(full["soft"])


@pytest.mark.parametrize("model", part.STUDENTS)
def test_the_page_says_how_the_student_was_trained(model):
    said = part.show(**part.PART.parse({"model": model}))["note"]
    assert ("labels alone" in said) == (model == part.CONTROL)
    assert ("without any 3" in said) == (model == "distill-no3")
