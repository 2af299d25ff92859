"""Positions: what each kind shows, the shuffled words, the measured losses, what the presets say, and bad requests."""

import base64
import json

import numpy as np
import pytest
import torch

from demos._ui import errors
from demos._ui.validation import InputError
from demos.transformer import positions as part
from demos.transformer.positions import KINDS, PART
from genai_core.common import checkpoints
from genai_core.transformer import attention, positions

each = pytest.mark.parametrize("kind", KINDS)


def of(**changes):
    return PART.parse(changes)


def shown(**changes) -> dict:
    return part.show(**of(**changes))


def preset(label: str) -> dict:
    return of(**next(one for one in PART.presets if one.label == label).given())


def numbers(packed: dict, columns: int) -> np.ndarray:
    whole = np.frombuffer(base64.b64decode(packed["values"]), "<i2").reshape(64, columns)
    return whole / 32767 * packed["largest"]


@each
def test_the_field_is_what_the_model_has_between_positions(kind):
    value = shown(kind=kind, head=2)
    assert json.dumps(value, allow_nan=False)
    wanted = positions.between(positions.load(f"positions-{kind}"), 64, 1).numpy()
    field = value["field"]
    assert np.abs(numbers(field, 64) - wanted).max() <= field["largest"] / 32767
    assert (value["encodings"] is None) == (kind == "none")


def test_encodings_are_those_that_are_added_or_turn():
    for kind in ("learned", "sinusoidal"):
        own = shown(kind=kind)["encodings"]
        wanted = positions.load(f"positions-{kind}").encodings()[:64].numpy()
        assert np.abs(numbers(own, own["columns"]) - wanted).max() <= own["largest"] / 32767
    turned = shown(kind="rotary")["encodings"]
    assert turned["columns"] == 12  # pairs of a head
    assert numbers(turned, 12)[:, 0] == pytest.approx(np.cos(np.arange(64)), abs=1e-4)
    biases = shown(kind="alibi")["encodings"]
    assert numbers(biases, 4) == pytest.approx(attention.alibi(4, 64)[:, :, 0].T.numpy(), abs=1e-3)


def test_the_head_chooses_the_bias_of_alibi_and_nothing_else():
    one, four = (shown(kind="alibi", head=head) for head in (1, 4))
    assert numbers(one["field"], 64)[10, 0] == pytest.approx(-10 / 4, abs=1e-3)
    assert numbers(four["field"], 64)[10, 0] == pytest.approx(-10 / 256, abs=1e-3)
    assert one["before"] == four["before"]


@each
def test_lists_are_the_likeliest_of_what_the_model_says(kind):
    text = "The king hath s"
    value, model = shown(kind=kind, text=text, seed=5), positions.load(f"positions-{kind}")
    moved = positions.shuffle_words(text, 5)
    assert (value["read"], value["moved"]) == (text, moved)
    p, q = model.next_probabilities(text), model.next_probabilities(moved)
    for rows, wanted in ((value["before"], p), (value["after"], q)):
        assert len(rows) == 10
        assert [v for _, v in rows] == pytest.approx(wanted.topk(10).values.tolist(), abs=1e-5)
    assert value["distance"] == pytest.approx(float((p - q).abs().sum() / 2), abs=1e-6)
    assert 0 <= value["distance"] <= 1
    kept = shown(kind=kind, text=text, shuffled=False)
    assert (kept["moved"], kept["after"], kept["distance"]) == (None, None, None)


def test_a_seed_is_an_order_and_repeats_it():
    assert shown(seed=3) == shown(seed=3)
    assert len({shown(seed=k)["moved"] for k in range(6)}) > 3


@each
def test_curves_are_the_measured_ones_and_learned_ends_at_64(kind):
    curves = shown()["curves"]
    assert curves[kind] == checkpoints.read_json(f"positions-{kind}", "metrics.json")["curve"]
    assert len(curves[kind]) == (8 if kind == "learned" else 32)


def within(kind: str) -> float:
    return part.metrics(kind)["loss_within"]


def test_without_positions_the_mask_tells_the_order_and_the_loss_is_highest():
    settings = preset("No positions at all")
    assert settings["kind"] == "none"
    assert part.show(**settings)["distance"] > 0.05
    assert part.metrics("none")["distance_shuffled"] > 0.05
    assert all(within("none") > within(kind) for kind in KINDS if kind != "none")


def test_only_alibi_predicts_as_well_beyond_its_training():
    assert preset("Four times as long")["kind"] == "alibi"
    assert part.metrics("alibi")["loss_beyond"] < within("alibi") + 0.03
    for kind in ("none", "sinusoidal", "rotary"):
        assert part.curve(kind)[-1] > within(kind) + 1.5


def test_learned_positions_read_the_last_64_and_neighbours_are_alike():
    settings = preset("The 65th character")
    assert len(settings["text"]) == 156
    assert part.show(**settings)["read"] == settings["text"][-64:]
    vectors = torch.nn.functional.normalize(positions.load("positions-learned").encodings(), dim=1)
    alike = vectors @ vectors.T
    assert alike.diagonal(1).mean() > 0.5
    assert alike.diagonal(1).mean() > alike.diagonal(20).mean() + 0.3


def test_diagonals_are_of_one_colour_for_rotary_and_sinusoidal():
    assert preset("Distances alone")["kind"] == "rotary"
    for kind, even in (("rotary", True), ("sinusoidal", True), ("learned", False)):
        field = shown(kind=kind)["field"]
        spread = max(np.ptp(numbers(field, 64).diagonal(-k)) for k in range(1, 60))
        assert (spread < 1e-3 * field["largest"]) == even
    model, text = positions.load("positions-rotary"), "The king hath s"
    assert torch.allclose(model.next_probabilities(text), model.next_probabilities(text, first=100), atol=1e-3)
    added = positions.load("positions-sinusoidal")
    assert part.distance(added.next_probabilities(text), added.next_probabilities(text, first=30)) > 0.02


def test_order_is_worth_a_quarter_of_a_nat():
    settings = preset("What is order worth?")
    last, shuffled = part.show(**settings)["held_out"]
    assert 0.2 < shuffled - last < 0.3
    assert part.show(**settings)["moved"] != settings["text"]


def test_the_endpoint_gives_what_the_page_shows():
    settings = of(kind="alibi", text="To be, or not to b")
    p = part.transformer_positions.function(**settings)
    assert sum(p.values()) == pytest.approx(1, abs=1e-4)
    assert len(p) == 65
    assert [round(v, 5) for v in list(p.values())[:10]] == [v for _, v in part.show(**settings)["before"]]


def test_typographic_quotes_are_read_as_straight_ones():
    assert of(text="Here’s")["text"] == "Here's"


def test_bad_requests_get_a_sentence():
    with pytest.raises(InputError, match="have never seen: é 7"):
        of(text="Café 77")
    for bad in ({"text": ""}, {"text": "a" * 201}, {"kind": "absolute"}, {"head": 5}, {"shuffled": 1}, {"seed": -1}):
        answer = errors.guarded(PART.parse)(bad)
        assert list(answer) == ["error"]
        assert answer["error"] != errors.UNKNOWN


def test_a_missing_kind_leaves_the_others(tmp_path, monkeypatch):
    (tmp_path / "positions-rotary").symlink_to(checkpoints.ASSETS / "positions-rotary")
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    value = shown(kind="rotary")
    assert value["curves"]["rotary"]
    assert value["curves"]["alibi"] is None
    assert errors.guarded(PART.parse)({"kind": "alibi"})["error"].startswith("There is no checkpoint 'positions-alibi'")
