"""The part Features: what is shown is what the GPT and its autoencoder say, and what the presets observe is so."""

import pytest
import torch

from demos._ui import errors
from demos._ui.tab import preset_function
from demos.autoencoder import _api_sparse, features
from genai_core.autoencoders import contexts, sae_gpt

PART = features.PART


def of(label: str) -> dict:
    return preset_function(PART)({"label": label})["settings"]


def shown(label: str) -> tuple[list[str], list[int], dict]:
    """The letters of a preset, the places where its feature is active, and what the GPT writes."""
    settings = of(label)
    value = features.show(**settings)
    texts = features.both(*(settings[key] for key in ("text", "feature", "strength", "seed")))
    return value["letters"], [i for i, level in enumerate(value["levels"]) if level > 0], texts


def test_the_preset_of_speeches_observes_what_is_shown():
    letters, places, texts = shown("Here ends a speech")
    assert places == [i for i in range(1, len(letters)) if letters[i - 1] == letters[i] == "\n"]
    capitals = {key: sum(c.isupper() for c in text) for key, text in texts.items()}
    assert capitals["steered"] >= 3 * capitals["plain"]


def test_the_preset_of_commas_observes_what_is_shown():
    letters, places, texts = shown("Commas")
    assert places == [i for i, letter in enumerate(letters) if letter == ","]
    assert texts["plain"] == texts["steered"]


def test_the_preset_of_f_observes_what_is_shown():
    letters, places, texts = shown("An f after an o")
    assert places == [i for i, letter in enumerate(letters) if letter == "f" and letters[i - 1] == "o"]
    assert texts["steered"].count("f") >= 3 * max(1, texts["plain"].count("f"))


def test_a_letter_has_the_features_that_the_autoencoder_gives_it():
    settings = PART.parse({"text": "My lord, what news?", "at": 8})
    rows = features.show(**settings)["active"]
    code = features.codes(settings["text"])[8]
    assert 0 < len(rows) == int((code > 0).sum()) <= 32
    assert [row["z"] for row in rows] == sorted((row["z"] for row in rows), reverse=True)
    assert all(row["z"] == pytest.approx(float(code[row["id"]]), abs=0.006) for row in rows)


def test_a_letter_has_the_same_features_whatever_follows():
    a, b = features.codes("My lord, what news?"), features.codes("My lord, what is it that you say to me?")
    torch.testing.assert_close(a[:13], b[:13], atol=1e-2, rtol=1e-2)


def test_a_context_is_shaded_as_strongly_as_it_was_kept():
    feature = int(contexts.load("sae-gpt").strength[:, 0].argmax())
    known = features.about(feature)
    assert known["places"][0]["levels"][known["places"][0]["at"]] == pytest.approx(known["strongest"], rel=0.02)
    for place in known["places"]:
        assert len(place["text"]) == len(place["levels"])
        assert max(place["levels"]) == place["levels"][place["at"]]
    assert known["up"] == sorted(known["up"], key=lambda row: -row[1])
    assert known["up"][-1][1] > known["down"][0][1]


def test_at_strength_zero_both_texts_are_the_same():
    texts = features.both("ROMEO:\n", 5, 0.0, 3)
    assert texts["plain"] == texts["steered"] == features.written("ROMEO:\n", 5, 0.0, 3)
    assert len(texts["plain"]) == features.WRITTEN


def test_letters_that_the_gpt_does_not_know_are_left_out_and_said():
    value = features.show(**PART.parse({"text": "Ärger — 5 times"}))
    assert "".join(value["letters"]) == "rger   times"
    assert value["note"].startswith("Not in this GPT's vocabulary, and left out: “Ä” “—” “5”")


def test_a_letter_beyond_the_text_is_its_last():
    assert PART.parse({"text": "Hello", "at": 200})["at"] == 4


@pytest.mark.parametrize(
    "bad",
    [
        {"text": ""},
        {"text": "12"},
        {"text": "x" * 201},
        {"at": -1},
        {"feature": 2048},
        {"feature": 1.5},
        {"strength": 21},
        {"strength": float("nan")},
        {"seed": -1},
        None,
        7,
    ],
)
def test_bad_input_is_one_sentence(bad):
    for function in (PART.parse, features.steer):
        answer = errors.guarded(function)(bad)
        assert answer["error"] != errors.UNKNOWN
        assert "\n" not in answer["error"]


def test_the_endpoints_give_what_the_page_shows():
    rows = _api_sparse.autoencoder_features("O Romeo")
    assert [row["letter"] for row in rows] == list("O Romeo")
    shown = features.show(**PART.parse({"text": "O Romeo", "at": 3}))["active"]
    assert rows[3]["features"] == [[row["id"], row["z"]] for row in shown]
    steered, plain = _api_sparse.autoencoder_steer("O Romeo", 9, 6.0, 1)
    assert {"plain": plain, "steered": steered} == features.both("O Romeo", 9, 6.0, 1)


def test_a_dead_feature_is_said_to_be_one():
    kept = contexts.load("sae-gpt")
    dead = (kept.density == 0).nonzero()
    if not len(dead):
        pytest.skip("every feature is active somewhere in the texts")
    assert features.about(int(dead[0]))["places"] == []


def test_a_feature_is_on_the_letters_that_have_its_activation():
    """Recomputed from the first texts: the most frequent of its letters is the one that is told."""
    kept, sae = contexts.load("sae-gpt"), sae_gpt.load("sae-gpt")
    code = torch.cat([sae_gpt.activations(sae, part) for part in kept.ids[:64].split(16)]).flatten(0, 1)
    clear = (kept.share[:, 0] > 0.9) & (kept.density > 0.002)
    assert clear.sum() > 20
    for feature in clear.nonzero()[:20, 0].tolist():
        mass = torch.zeros(65).index_add_(0, kept.ids[:64].flatten(), code[:, feature])
        assert int(mass.argmax()) == int(kept.on[feature, 0])
