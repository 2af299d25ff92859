import base64
import math

import gradio as gr
import pytest
import torch

from demos import _checks, text
from demos.text import _models, compare, draft, hub, learn, score, search, write
from genai_core import checkpoints, live_text
from genai_core.text_sampling import FILTERS, Temperature, TopK, generate
from tests.core.test_hub_text import saved

ASK = {"model": "ngram-shakespeare", "prompt": "KING:\n", "filters": [["temperature", 0.7]], "seed": 5, "tokens": 40}


def written(**changes):
    return list(write.write({"ask": {**ASK, **changes}}))


def tokens_of(messages):
    return [token for message in messages for token in message["new"]]


def ids(messages):
    return [token["id"] for token in tokens_of(messages)]


def test_what_streams_is_what_the_core_writes_with_that_seed():
    model = _models.load("ngram-shakespeare")
    prompt = model.tokenizer.encode("\nKING:\n")
    generator = torch.Generator().manual_seed(5)
    expected = generate(model, prompt, chain=[Temperature(0.7)], max_tokens=40, generator=generator)
    messages = written()
    assert ids(messages) == expected
    assert [token["at"] for token in tokens_of(messages)] == list(range(40))
    assert [message["done"] for message in messages] == [False] * (len(messages) - 1) + [True]
    assert len(messages[0]["new"]) == 1  # the first token waits for nothing
    assert "".join(token["text"] for token in tokens_of(messages)) == model.tokenizer.decode(expected)


def test_going_on_from_where_a_text_was_cut_gives_the_same_text():
    whole = ids(written())
    assert whole[:15] + ids(written(kept=whole[:15])) == whole


def test_a_branch_begins_with_the_chosen_token_and_has_the_luck_of_its_stem():
    whole = ids(written())
    other = next(i for i in range(65) if i != whole[10])
    branch = written(kept=whole[:10], chosen=other)
    assert ids(branch)[0] == other
    assert branch[0]["kept"] == 10
    assert tokens_of(branch)[0]["at"] == 10
    assert len(ids(branch)) == 30
    same = written(kept=whole[:10], chosen=whole[10])
    assert whole[:10] + ids(same) == whole


def test_a_token_is_explained_by_the_very_draw_that_chose_it():
    chain = [["temperature", 0.8], ["top_k", 5]]
    made = tokens_of(written(filters=chain))
    for k in (0, 7, 39):
        found = write.inspect({**ASK, "filters": chain, "kept": [t["id"] for t in made[:k]]})
        assert found["token"] == made[k]["id"]
        assert found["left"] == made[k]["left"] == 5
        assert found["entropy"] == pytest.approx(made[k]["entropy"], abs=2e-3)
        assert [e["title"] for e in found["effects"]] == ["Temperature", "Top-k"]
        assert found["effects"][1]["removed"] == found["vocab"] - 5
        before = {c["id"]: c["before"] for c in found["candidates"]}
        assert before[made[k]["id"]] == pytest.approx(made[k]["p"], abs=1e-4)
        assert sum(c["after"] for c in found["candidates"]) == pytest.approx(1, abs=1e-3)
        low = max([0.0, *(end for _, end in found["bar"] if end <= found["draw"])])
        assert low <= found["draw"] < 1


def test_what_was_drawn_is_listed_however_unlikely_it_was():
    made = tokens_of(written(filters=[["temperature", 2.0]]))
    lists = [write.inspect({**ASK, "filters": [["temperature", 2.0]], "kept": [t["id"] for t in made[:k]]})
             for k in range(12)]  # fmt: skip
    assert all(found["token"] in [c["id"] for c in found["candidates"]] for found in lists)
    assert any(found["token"] not in [c["id"] for c in found["candidates"][:-1]] for found in lists)


def test_what_a_filter_removed_is_named_and_its_order_matters():
    request = {**ASK, "kept": [], "filters": [["top_k", 3], ["temperature", 2.0], ["top_p", 0.5]]}
    found = write.inspect(request)
    gone = [c for c in found["candidates"] if c["by"] == "Top-k"]
    assert gone
    assert all(c["after"] == 0 for c in gone)
    turned = write.inspect({**request, "filters": [["top_p", 0.5], ["top_k", 3], ["temperature", 2.0]]})
    assert [e["title"] for e in turned["effects"]] == ["Top-p", "Top-k", "Temperature"]


def test_every_filter_of_the_core_has_a_knob_and_every_knob_makes_its_filter():
    assert set(_models.KNOBS) == set(FILTERS) - {"greedy"}  # which is temperature 0
    for name, (_, low, high, _, given, hint) in _models.KNOBS.items():
        for value in (low, given, high):
            assert isinstance(_models.filters(_models.chain([[name, value]]))[0], FILTERS[name])
        assert hint.endswith(".")


def test_filters_that_would_leave_nothing_leave_the_likeliest_and_it_is_counted():
    messages = written(filters=[["no_repeat_ngram", 1]], tokens=120)
    held = [token for token in tokens_of(messages) if token["held"]]
    assert held
    assert held[0]["held"] == ["No-repeat n-gram"]


def test_unknown_characters_are_named_and_left_out():
    messages = written(prompt="caf€ ñ")
    assert "“€” “ñ”" in messages[0]["told"]
    assert ids(messages) == ids(written(prompt="caf "))
    assert "empty" in written(prompt="")[0]["told"]


def test_the_comparison_gives_each_model_the_prompt_and_measures_its_time():
    value = compare.whole({"tokens": 30, "order": 3})
    assert [part["title"] for part in value["all"]] == ["3-gram", "LSTM", "GPT"]
    for part in value["all"]:
        assert len(part["new"]) == part["made"] == 30
        assert part["ms"] > 0
        assert part["nats"] > 0
    losses = [part["loss"] for part in value["all"]]
    assert losses[0] > losses[1] > losses[2]
    three = _models.load("ngram-shakespeare").at(3)
    prompt = three.tokenizer.encode("\n" + compare.FIRST["prompt"])
    made = generate(three, prompt, chain=[Temperature(0.8)], max_tokens=30, generator=torch.Generator().manual_seed(1))
    assert "".join(text for text, _ in value["all"][0]["new"]) == three.tokenizer.decode(made)


def test_the_tree_of_a_beam_search_hangs_together():
    value = search.search({"model": "ngram-shakespeare", "width": 3, "tokens": 6})
    assert len(value["levels"]) == 6
    for k, level in enumerate(value["levels"]):
        kept = [c for c in level if c["kept"]]
        assert len(kept) == 3
        assert level[:3] == kept
        assert [c["score"] for c in kept] == sorted((c["score"] for c in kept), reverse=True)
        assert all(c["parent"] < (3 if k else 1) for c in level)
        assert sum(c["best"] for c in level) == 1
    path = "".join(next(c["text"] for c in level if c["best"]) for level in value["levels"])
    assert path == value["finals"][0]["text"].replace(" ", "␣").replace("\n", "↵")
    greedy = search.search({"model": "ngram-shakespeare", "width": 1, "tokens": 6})
    model = _models.load("ngram-shakespeare")
    prompt = model.tokenizer.encode("\n" + search.FIRST["prompt"])
    best = generate(model, prompt, chain=[TopK(1)], max_tokens=6, generator=torch.Generator())
    assert greedy["finals"][0]["text"] == model.tokenizer.decode(best)


def made(tokens):
    return "".join(text for text, kind, _ in tokens if kind != "refused")


def test_drafts_write_what_the_page_writes_without_them_and_passes_stream():
    asked = {"prompt": "KING:\n", "temperature": 0.8, "tokens": 60, "seed": 4, "k": 4}
    messages = list(draft.draft({"ask": asked}))
    tokens = [token for message in messages for token in message["new"]]
    assert all(message["plain"] is None for message in messages[:-1])
    assert messages[-1]["plain"] | {"seconds": 0} == {"seconds": 0, "alike": 60, "tokens": 60}
    plain = write.whole({**asked, "model": draft.MODEL, "filters": "temperature=0.8"})
    assert made(tokens) == "".join(token["text"] for token in plain["new"])
    assert tokens == draft.whole(asked)["new"]
    passes = tokens[-1][2]
    assert passes < 60 / 1.5
    for number in range(1, passes + 1):
        kinds = [kind for _, kind, at in tokens if at == number]
        assert kinds == sorted(kinds, key=["kept", "refused", "own", "bonus", "alone"].index)
        assert kinds[-1] == ("own" if "refused" in kinds else "bonus" if "kept" in kinds else "alone")
    poor = draft.whole({**asked, "order": 1})["new"]
    assert made(poor) == made(tokens)
    assert poor[-1][2] > passes
    assert [kind for _, kind, _ in draft.whole({**asked, "k": 0})["new"]] == ["alone"] * 60


def test_contrastive_search_needs_states():
    value = search.search({"model": "lstm-shakespeare", "way": "contrastive", "tokens": 5, "k": 4})
    assert all(sum(c["taken"] for c in token["candidates"]) == 1 for token in value["tokens"])
    answer = _checks.guarded(search.search)({"model": "ngram-shakespeare", "way": "contrastive"})
    assert "no" in answer["error"]


def test_scores_add_up_and_are_per_character():
    value = score.score({"text": "To be, or not to be€"})
    assert [row["bits"] for row in value["rows"]] == sorted(row["bits"] for row in value["rows"])
    for row in value["rows"]:
        kept = "To be, or not to be" + ("€" if row["model"] == "gpt-stories" else "")
        if row["model"] != "gpt-stories":
            assert "".join(token for token, _ in row["tokens"]) == kept
            assert row["unknown"] == ["€"]
        total = sum(nats for _, nats in row["tokens"])
        assert row["bits"] == pytest.approx(total / len(kept) / math.log(2), abs=0.01)
        assert row["perplexity"] == pytest.approx(math.exp(total / len(row["tokens"])), rel=0.02)


def test_the_texts_to_train_on_are_long_enough_and_true():
    for source in learn.SOURCES[:3]:
        live_text.check(learn.text_of(source, ""))
    a, rest = learn.sums().split("\n")[0].split("+")
    b, c = rest.split("=")
    assert int(a) + int(b) == int(c)
    assert [learn.roman(n) for n in (4, 9, 14, 90, 399)] == ["IV", "IX", "XIV", "XC", "CCCXCIX"]


def test_a_hub_model_that_cannot_be_had_gets_one_sentence(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(gr.Error, match="could not be loaded"):
        list(hub.fetch("nobody/nothing"))
    with pytest.raises(_checks.InputError, match="fetch it first"):
        _models.load("distilgpt2")


def test_a_fetched_model_writes_and_explains_behind_the_same_controls(tmp_path, monkeypatch):
    monkeypatch.setattr(_models, "FETCHED", checkpoints.Kept())
    name = saved(tmp_path / "tiny")
    *waiting, (told, control) = list(hub.fetch(name))
    assert told == ""
    assert control.visible
    value = control.value
    assert value["models"] == {name: name}
    assert len(value["new"]) > 0
    found = write.inspect({**value["settings"], "kept": []})
    assert found["token"] == value["new"][0]["id"]
    assert all(name in message[0] for message in waiting)
    assert [row["model"] for row in score.score({"text": "a bird"})["rows"]].count(name) == 0


QUERIES = {
    "write": {"model": "ngram-shakespeare", "prompt": "A", "filters": "top_k=5", "seed": "3", "tokens": "9"},
    "compare": {"prompt": "A", "order": "4", "temperature": "0.5", "tokens": "5", "seed": "2"},
    "draft": {"prompt": "A", "k": "3", "order": "4", "temperature": "0", "tokens": "5", "seed": "2"},
    "search": {"model": "ngram-shakespeare", "way": "beam", "width": "2", "tokens": "3", "penalty": "0.5"},
    "score": {"text": "To be"},
    "train": {"source": "sums", "seed": "4"},
    "hub": {"source": "distilgpt2"},
}


@pytest.mark.parametrize("part", text.PARTS)
def test_a_link_fills_its_part_and_no_other_and_a_tampered_one_gets_a_sentence(part):
    with gr.Blocks():
        places = text.build_tab()
    answer = text.restore({"tab": "text", "part": part, **QUERIES[part]})
    assert len(answer) == len(places)
    before = sum(list(text.PARTS.values())[: list(text.PARTS).index(part)])
    filled = {k for k, value in enumerate(answer[1:]) if value != gr.skip()}
    assert filled
    assert filled <= set(range(before, before + text.PARTS[part]))
    for field in set(QUERIES[part]) - {"prompt", "text"}:
        with pytest.raises(_checks.InputError):
            text.restore({"tab": "text", "part": part, **QUERIES[part], field: "\x00?"})


def test_a_saved_page_brings_its_settings_back():
    value = write.whole(ASK)
    page = write.save({**ASK, "made": [token["id"] for token in value["new"]]})
    again = write.restore({"png": page})
    assert again["settings"] == value["settings"]
    assert again["new"] == value["new"]
    for part, request in (
        (compare, {"tokens": 5}),
        (draft, {"tokens": 5}),
        (search, {"tokens": 3, "width": 2}),
        (score, {"text": "To be"}),
    ):
        assert part.restore({"png": part.save(request)})
    with pytest.raises(_checks.InputError, match="another part"):
        score.restore({"png": page})


def test_the_api_writes_what_the_page_writes():
    answer = text.text_generate("KING:\n", "ngram-shakespeare", "temperature=0.7", 5, 40)
    assert answer["text"] == "".join(token["text"] for token in tokens_of(written()))
    assert len(answer["written"]) == 40


BAD = {
    "model": [None, "gpt", ["gpt-shakespeare"], "../gpt-shakespeare"],
    "prompt": [None, 5, "x" * 1_000_000, "\ud800"],
    "filters": [
        None,
        5,
        "warm=1",
        [["temperature"]],
        [["temperature", math.nan]],
        [["temperature", -1]],
        [["top_k", -5]],
        [["top_k", 2.5]],
        [["top_p", 0]],
        [["top_p", "x"]],
        [["min_p", True]],
        [["temperature", 1], ["temperature", 1]],
        [[["temperature"], 1]],
    ],
    "seed": [-1, 0.5, "x", None],
    "tokens": [0, 501, math.inf, "x"],
    "kept": ["x", [70], [-1], [0.5], [0] * 600, [None]],
    "chosen": ["x", 65, -1, 1.5],
}


@pytest.mark.parametrize(("field", "bad"), [(field, bad) for field in BAD for bad in BAD[field]])
def test_bad_settings_get_one_sentence_and_nothing_is_written(field, bad):
    with pytest.raises(gr.Error) as caught:
        written(**{field: bad})
    assert caught.value.message != _checks.UNKNOWN
    assert len(caught.value.message) < 400


PNG = base64.b64encode(b"not a picture").decode()


@pytest.mark.parametrize(
    "call",
    [
        lambda: write.inspect({**ASK, "kept": [99]}),
        lambda: write.restore({"png": PNG}),
        lambda: write.save({**ASK, "made": "x"}),
        lambda: search.search({"width": 9}),
        lambda: search.search({"tokens": 30}),
        lambda: search.search({"prompt": "x" * 201}),
        lambda: search.search({"way": "far"}),
        lambda: search.search({"alpha": math.nan, "way": "contrastive"}),
        lambda: search.search([]),
        lambda: score.score({"text": ""}),
        lambda: score.score({"text": "x" * 1501}),
        lambda: score.score({"text": None}),
        lambda: compare.whole({"order": 9}),
        lambda: compare.whole({"temperature": -1}),
        lambda: draft.whole({"k": 17}),
        lambda: draft.whole({"order": 0}),
        lambda: learn.text_of("my text", "short"),
        lambda: learn.text_of("my text", "ab" * 200_000),
        lambda: learn.text_of("a book", ""),
        lambda: learn.text_of("my text", 5),
    ],
)
def test_bad_requests_get_one_sentence(call):
    answer = _checks.guarded(lambda _: call())()
    assert list(answer) == ["error"]
    assert answer["error"] != _checks.UNKNOWN
    assert len(answer["error"]) < 400


def test_a_stage_that_asks_for_nothing_gets_one_sentence():
    for bad in (None, 5, {}, {"ask": 1}):
        for stream in (write.write, compare.compare, draft.draft):
            with pytest.raises(gr.Error) as caught:
                list(stream(bad))
            assert caught.value.message != _checks.UNKNOWN
