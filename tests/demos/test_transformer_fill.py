"""The part Fill: what it shows is what the BERT says, and its presets come true."""

import json

import pytest
import torch

from demos._ui.validation import InputError
from demos.transformer import _masks, fill
from genai_core.transformer import bert

PART = fill.PART
NONE = "Nothing is masked."


def shown(**settings):
    return PART.value(PART.parse(settings))


def preset(label):
    return PART.value(PART.parse(next(p for p in PART.presets if p.label == label).given()))


def masked(value):
    return [unit for unit in value["units"] if "guess" in unit]


def looked_at(value):
    return next(unit for unit in masked(value) if unit["at"] == value["settings"]["word"])


def test_a_word_that_is_pressed_is_masked_and_filled_in_by_the_model():
    value, model = shown(), bert.load("bert-english")
    (unit,) = masked(value)
    assert unit["text"] == "␣ball"
    ids, _ = bert.read(model, fill.STORY)
    p = model.fill(ids, [unit["at"]])[0].exp()
    assert [row[1] for row in value["likeliest"][:10]] == pytest.approx(p.topk(10).values.tolist(), abs=1e-6)
    stood = [row for row in value["likeliest"] if row[2]]
    assert stood == [["␣ball", pytest.approx(float(p[ids[unit["at"]]]), abs=1e-6), True]]
    assert value["rank"] == 1 + int((p > p[ids[unit["at"]]]).sum())
    assert shown(pressed=[])["units"] == [
        {k: v for k, v in u.items() if k in ("at", "text", "tokens")} for u in value["units"]
    ]


def test_without_a_mask_nothing_is_looked_at():
    value = shown(pressed=[])
    assert not masked(value)
    assert "likeliest" not in value
    assert value["settings"]["word"] == 0
    assert PART.says(**value["settings"]) == NONE


def test_at_random_a_share_is_masked_and_a_press_turns_it_round():
    value = shown(share=30, seed=5, pressed=[])
    drawn = [unit["at"] for unit in masked(value)]
    assert len(drawn) == round(0.3 * len(value["units"]))
    assert value["score"] == (sum(unit["right"] for unit in masked(value)), len(drawn))
    other = next(unit["at"] for unit in value["units"] if unit["at"] not in drawn)
    turned = shown(share=30, seed=5, pressed=[drawn[0], other])
    assert {unit["at"] for unit in masked(turned)} == {*drawn[1:], other}
    assert [u["at"] for u in masked(shown(share=30, seed=6, pressed=[]))] != drawn
    assert shown(share=100)["score"][1] == len(value["units"])


def test_what_is_right_is_what_stood_there():
    for unit in masked(shown(share=50)):
        assert unit["right"] == (unit["guess"] == unit["text"])


def test_a_word_of_several_tokens_is_masked_whole_or_token_by_token():
    text = "The Kalmora barked."
    (start,) = fill.of_word(text, "Kalmora")
    value = shown(text=text, pressed=[start + 1])  # a place within it
    count = looked_at(value)["tokens"]
    assert count > 1
    assert value["settings"]["pressed"] == [start]
    assert len(value["greedy"]) == count
    alone = shown(text=text, kind="tokens", pressed=[start + 1])
    assert [unit["at"] for unit in masked(alone)] == [start + 1]
    assert looked_at(alone)["tokens"] == 1


def test_the_two_sides_are_the_model_with_and_without_what_follows():
    value, model = shown(), bert.load("bert-english")
    ids, place = bert.read(model, fill.STORY)[0], value["settings"]["word"]
    whole, left = (float(model.fill(some, [place])[0, ids[place]].exp()) for some in (ids, ids[: place + 1]))
    assert [side["p"] for side in value["sides"]] == pytest.approx([whole, left], rel=1e-3)


def test_a_mask_in_the_text_is_filled_in_and_is_neither_right_nor_wrong():
    value = shown(text="The [MASK] sang in the tree.")
    assert value["score"] == (0, 0)
    assert value["sides"] is None
    assert value["rank"] is None
    assert looked_at(value)["right"] is None
    same = shown(text=fill.SANG, pressed=fill.of_word(fill.SANG, "bird"))
    assert [row[:2] for row in value["likeliest"]] == [row[:2] for row in same["likeliest"][:10]]


def test_he_and_she_are_their_forms_together():
    at = _masks.reading(**PART.parse({"text": fill.SHE, "pressed": fill.of_word(fill.SHE, "he")}))
    p, encode = _masks.distribution(at), bert.load("bert-english").tokenizer.encode
    total = sum(float(p[encode(form)[0]]) for form in ("She", " She", " she") if len(encode(form)) == 1)
    assert _masks.he_or_she(at)["she"] == pytest.approx(total)


def test_the_measured_rows_are_shares_of_words_that_the_corpus_has():
    found = shown()["measured"]
    assert len(found["rows"]) >= 14
    assert all(0 <= row[key] <= 1 for row in found["rows"] for key in ("she_model", "she_corpus"))
    assert min(row["count"] for row in found["rows"]) >= 30
    assert 0.3 < found["correlation"] <= 1  # that the model repeats its corpus is said below the table


def test_without_measurements_the_page_still_shows(monkeypatch):
    monkeypatch.setattr(fill.checkpoints, "read_json", lambda *_: {"parameters": 1})
    assert shown()["measured"] == {}


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"text": ""}, "is empty"),
        ({"text": " \n "}, "is empty"),
        ({"text": "x" * 10_000}, "at most 300"),
        ({"text": "漢" * 100}, "at most 126"),
        ({"text": "😀" * 120}, "at most 126"),
        ({"pressed": "a,b"}, "numbers with commas"),
        ({"pressed": [0]}, "between 1 and 126"),
        ({"pressed": [1] * 200}, "at most 126 places"),
        ({"pressed": {"a": 1}}, "list"),
        ({"word": "x"}, "must be a number"),
        ({"share": 101}, "between 0 and 100"),
        ({"kind": "letters"}, "must be one of"),
    ],
)
def test_bad_settings_get_a_sentence(bad, sentence):
    with pytest.raises(InputError, match=sentence):
        PART.parse(bad)


@pytest.mark.parametrize("text", ["漢字 و 😀", "<|endoftext|>", "[MASK][MASK]", "“Hello,” she said.", "a"])
def test_any_short_text_is_shown(text):
    value = shown(text=text, share=100)
    json.dumps(value, allow_nan=False)
    assert PART.picture(**value["settings"]).width > 100


def test_the_code_prints_what_is_shown(capsys):
    for settings in ({}, {"share": 40, "seed": 2}, {"pressed": []}):
        parsed = PART.parse(settings)
        exec(PART.code(**parsed), {})
        assert capsys.readouterr().out.strip() == PART.says(**parsed)


def test_the_endpoint_fills_in_every_mask():
    found = fill.transformer_fill(text="The [MASK] sang in the tree. [MASK] was sad.", share=0)
    assert found["given"] == "The [MASK] sang in the tree. [MASK] was sad."
    assert [one["word"] for one in found["filled"]] == [None, None]
    assert len(found["likeliest"]) == 10
    found = fill.transformer_fill(text=fill.SANG, pressed=fill.of_word(fill.SANG, "tree"))
    assert found["given"] == "The bird sang in the [MASK]."
    assert found["filled"][0]["word"] == " tree"


def test_mia_was_sad_as_what_follows_says():
    value = preset("How was Mia?")
    assert looked_at(value)["guess"] == looked_at(value)["text"] == "␣sad"
    assert value["likeliest"][0][1] > 5 * value["likeliest"][1][1]
    whole, left = value["sides"]
    assert whole["p"] > 10 * left["p"]
    assert left["p"] < 0.1
    assert left["first"] != "␣sad"


def test_what_follows_makes_the_bird_ten_times_as_likely_and_not_certain():
    value = preset("Both sides")
    whole, left = value["sides"]
    assert whole["first"] == "␣bird"
    assert 10 * left["p"] < whole["p"] < 0.5
    assert {"␣girl", "␣cat"} <= {row[0] for row in value["likeliest"]}


def test_of_half_of_the_words_more_than_half_come_back():
    def share(percent):
        hits, count = shown(text=fill.STORY, share=percent, pressed=[])["score"]
        return hits / count

    hits, count = preset("Half of the words")["score"]
    assert 0.5 < hits / count < 0.85
    assert share(15) > hits / count > share(80)


def test_tom_is_he_and_lily_is_she():
    lily = fill.SHE.replace("Tom", "Lily").replace(" he ", " she ").replace("his", "her")
    for value, wanted in (
        (preset("He or she?"), "␣he"),
        (shown(text=lily, pressed=fill.of_word(lily, "she")), "␣she"),
    ):
        assert looked_at(value)["guess"] == wanted


def test_the_probabilities_of_the_likeliest_fall():
    p = [row[1] for row in shown(share=50)["likeliest"][:10]]
    assert p == sorted(p, reverse=True)
    assert 0 < sum(p) <= 1 + 1e-6
    assert torch.isfinite(torch.tensor(p)).all()
