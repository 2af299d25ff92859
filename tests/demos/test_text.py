"""The text tab: what its parts show, without a server. What holds for all parts is in test_tabs.py."""

import itertools
import math
import re

import pytest
import torch

from demos._ui import errors, validation
from demos._ui.tab import streamed
from demos._ui.tokens import candidate
from demos.text import _explain, _models, compare, draft, hub, score, search, train, write
from demos.text._api import text_generate
from genai_core.common import model_cache
from genai_core.language import live
from genai_core.language.sampling import FILTERS, Temperature, TopK, generate
from genai_core.language.search import BeamStep, Candidate
from genai_core.language.text_stream import REPLACEMENT
from tests.core.language.test_hub import TEMPLATE, saved
from tests.core.language.test_text_stream import metaspace_bpe

SETTINGS = {"model": "ngram-shakespeare", "prompt": "KING:\n", "filters": "temperature=0.7", "seed": 5, "tokens": 40}


def written(request=None, **changes):
    return list(write.write(request, **write.PART.parse({**SETTINGS, **changes})))


def tokens_of(messages):
    return [token for message in messages for token in message["new"]]


def ids(messages):
    return [token["id"] for token in tokens_of(messages)]


def explained(kept, **changes):
    return write.inspect({**SETTINGS, **changes, "kept": kept})


def show(module, **changes):
    return module.show(**module.PART.parse(changes))


def printed(program, capsys):
    exec(compile(program, "program", "exec"), {"__name__": "__main__"})
    return capsys.readouterr().out.removesuffix("\n")


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
    text = ids(written())
    assert text[:15] + ids(written({"kept": text[:15]})) == text


def test_a_branch_begins_with_the_chosen_token_and_has_the_draws_of_its_stem():
    text = ids(written())
    other = next(i for i in range(65) if i != text[10])
    branch = written({"kept": text[:10]}, choices=f"10:{other}")
    assert ids(branch)[0] == other
    assert tokens_of(branch)[0]["hand"]
    assert branch[0]["kept"] == tokens_of(branch)[0]["at"] == 10
    assert len(ids(branch)) == 30
    assert text[:10] + ids(written({"kept": text[:10]}, choices=f"10:{text[10]}")) == text


def test_the_choices_alone_write_the_branch_again():
    text = ids(written())
    first, second = ((text[k] + 1) % 65 for k in (10, 25))
    branch = ids(written(choices=f"25:{second},10:{first}"))
    assert branch[:10] == text[:10]
    assert (branch[10], branch[25]) == (first, second)
    assert branch[10:] == ids(written({"kept": branch[:10]}, choices=f"10:{first},25:{second}"))
    settings = write.PART.parse({**SETTINGS, "choices": f"25:{second},99:1,10:{first}"})
    assert settings["choices"] == f"10:{first},25:{second}"  # 99 lies after the last token


def test_tokens_kept_from_other_filters_are_written_again_as_choices():
    kept = ids(written(filters="temperature=2"))[:20]
    go_on = ids(written({"kept": kept}))
    choices = ",".join(f"{k}:{token}" for k, token in enumerate(kept))
    assert ids(written(choices=choices)) == kept + go_on
    longest = ",".join(f"{k}:{64}" for k in range(_models.MOST))
    assert write.choices_text(longest, {"model": SETTINGS["model"], "tokens": _models.MOST}) == longest


def test_a_text_that_ran_out_of_time_has_the_settings_of_what_there_is(monkeypatch):
    monkeypatch.setattr(write, "SECONDS", 0.0)
    *_, last = messages = written()
    assert last["done"]
    assert last["settings"]["tokens"] == len(ids(messages)) == 1
    monkeypatch.undo()
    assert ids(written(**last["settings"])) == ids(messages)


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "caf€ 'ñ\" \\ "},
        {"prompt": "", "filters": ",".join(f"{name}={knob[4]}" for name, knob in _models.KNOBS.items())},
        {"choices": "3:1,4:2,39:3", "filters": ""},
        {"model": "gpt-stories", "prompt": "\n Once", "tokens": 20, "choices": "5:300"},
    ],
)
def test_the_code_prints_the_text_whatever_the_settings(changes, capsys):
    settings = write.PART.parse({**SETTINGS, **changes})
    assert printed(write.code(**settings), capsys) == write.written(settings)


def test_the_code_of_the_other_parts_leaves_out_unknown_characters_too(capsys):
    found = ({"tokens": 5}, {"stop": "full_stop"}, {"way": "contrastive"}, {"way": "contrastive", "stop": "newline"})
    for part, more in ((compare, {}), (draft, {}), *((search, each) for each in found)):
        settings = part.PART.parse({"prompt": "caf€ ñ", "tokens": 12, "model": "lstm-shakespeare"} | more)
        assert part.says(**settings) in printed(part.code(**settings), capsys)


def test_a_token_is_explained_by_the_very_draw_that_chose_it():
    filters = "temperature=0.8,top_k=5"
    tokens = tokens_of(written(filters=filters))
    for k in (0, 7, 39):
        why = explained([t["id"] for t in tokens[:k]], filters=filters)
        assert why["token"] == tokens[k]["id"]
        assert why["left"] == tokens[k]["left"] == 5
        assert why["entropy"] == pytest.approx(tokens[k]["entropy"], abs=2e-3)
        assert [e["title"] for e in why["effects"]] == ["Temperature", "Top-k"]
        assert why["effects"][1]["removed"] == why["vocab"] - 5
        before = {c["id"]: c["before"] for c in why["candidates"]}
        assert before[tokens[k]["id"]] == pytest.approx(tokens[k]["p"], abs=1e-4)
        assert sum(c["after"] for c in why["candidates"]) == pytest.approx(1, abs=1e-3)
        ends = [0.0, *(end for _, end in why["bar"])]
        taken = next(name for (name, end) in why["bar"] if why["draw"] < end)
        assert taken == next(c["text"] for c in why["candidates"] if c["id"] == why["token"])
        assert ends == sorted(ends)
        assert ends[-1] == pytest.approx(1, abs=1e-4)  # the bar has an end, however many tokens there are
        shares = [why["p"], *(e["p"] for e in why["effects"])]
        assert shares[0] == before[tokens[k]["id"]]
        assert shares[-1] == next(c["after"] for c in why["candidates"] if c["id"] == why["token"])
        assert why["effects"][-1]["entropy"] == why["after"] <= math.log(5) + 1e-3
        assert [c["after"] for c in why["candidates"]] == sorted((c["after"] for c in why["candidates"]), reverse=True)


def test_what_was_drawn_is_listed_however_unlikely_it_was():
    tokens = ids(written(filters="temperature=2"))
    lists = [explained(tokens[:k], filters="temperature=2") for k in range(12)]
    assert all(why["token"] in [c["id"] for c in why["candidates"]] for why in lists)
    assert any(why["token"] not in [c["id"] for c in why["candidates"][: _explain.CANDIDATES]] for why in lists)


def test_what_a_filter_removed_is_named_and_its_order_matters():
    why = explained([], filters="top_k=3,temperature=2,top_p=0.5")
    removed = [c for c in why["candidates"] if c["by"] == "Top-k"]
    assert removed
    assert all(c["after"] == 0 for c in removed)
    turned = explained([], filters="top_p=0.5,top_k=3,temperature=2")
    assert [e["title"] for e in turned["effects"]] == ["Top-p", "Top-k", "Temperature"]
    assert (why["left"], turned["left"]) == (2, 3)  # half of what three tokens have needs two; half of all, more than 3


def test_every_filter_of_the_core_has_a_knob_and_every_knob_makes_its_filter():
    assert set(_models.KNOBS) == set(FILTERS) - {"greedy"}  # which is temperature 0
    for name, (_, low, high, _, default, hint) in _models.KNOBS.items():
        for value in (low, default, high):
            text = _models.filters_text([[name, value]])
            assert text == _models.filters_text(text)
            assert isinstance(_models.filters(text)[0], FILTERS[name])
        assert hint.endswith(".")


def test_filters_that_would_leave_nothing_leave_the_likeliest_and_it_is_counted():
    held = [token for token in tokens_of(written(filters="no_repeat_ngram=1", tokens=120)) if token["held"]]
    assert held[0]["held"] == ["No-repeat n-gram"]


def test_unknown_characters_are_named_and_left_out():
    messages = written(prompt="caf€ ñ")
    assert "“€” “ñ”" in messages[0]["note"]
    assert ids(messages) == ids(written(prompt="caf "))
    assert "empty" in written(prompt="")[0]["note"]


def test_the_comparison_gives_each_model_the_prompt_and_measures_its_time():
    value = show(compare, tokens=30, order=3)
    assert [part["title"] for part in value["all"]] == ["3-gram", "LSTM", "GPT"]
    for part in value["all"]:
        assert len(part["new"]) == 30
        assert part["ms"] > 0
        assert part["nll"] == pytest.approx(sum(-math.log(p) for _, p in part["new"]) / 30, abs=0.02)
    losses = [part["loss"] for part in value["all"]]
    assert losses[0] > losses[1] > losses[2]
    three = _models.load("ngram-shakespeare").at(3)
    prompt = three.tokenizer.encode("\n" + compare.PART.parse({})["prompt"])
    text = generate(three, prompt, chain=[Temperature(0.8)], max_tokens=30, generator=torch.Generator().manual_seed(1))
    assert "".join(piece for piece, _ in value["all"][0]["new"]) == three.tokenizer.decode(text)


def test_the_tree_of_a_beam_search_hangs_together():
    value = show(search, model="ngram-shakespeare", width=3, tokens=6)
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
    assert value["text"] == value["finals"][0]["text"]
    greedy = show(search, model="ngram-shakespeare", width=1, tokens=6)
    model = _models.load("ngram-shakespeare")
    prompt = model.tokenizer.encode("\n" + search.PART.parse({})["prompt"])
    best = generate(model, prompt, chain=[TopK(1)], max_tokens=6, generator=torch.Generator())
    assert greedy["text"] == model.tokenizer.decode(best)


def test_where_texts_end_the_length_penalty_ranks_them():
    asked = {"model": "ngram-shakespeare", "width": 4, "tokens": 20, "stop": "newline"}
    free, short, long = (
        show(search, **asked | more) for more in ({"stop": "none"}, {"penalty": 0.0}, {"penalty": 2.0})
    )
    assert not any(c["ended"] for level in free["levels"] for c in level)
    for value, penalty in ((short, 0.0), (long, 2.0)):
        finals = value["finals"]
        assert len(finals) == 4
        assert [f["value"] for f in finals] == sorted((f["value"] for f in finals), reverse=True)
        for f in finals:
            assert f["value"] == pytest.approx(f["score"] / len(f["text"]) ** penalty, abs=2e-3)
            assert f["ended"] == f["text"].endswith("\n")
            assert "\n" not in f["text"][:-1]
        for level in value["levels"]:
            beams = [c for c in level if c["kept"] and not c["ended"]]
            assert len(beams) == 4  # what ends takes no beam's place
            assert level[:4] == beams
    assert short["finals"][0]["ended"]
    assert len(long["text"]) > len(short["text"])


def test_what_the_preset_of_the_length_penalty_says_is_so():
    settings, said = observed(search.PART, "Length penalty")
    first, second = re.findall("“(.*?)”", said)
    worth = [float(v.replace("−", "-")) for v in re.findall(r"−\d\.\d\d", said)]
    finals = {f["text"]: f for f in search.show(**settings)["finals"]}
    assert next(iter(finals)) == first
    assert all(finals[text]["ended"] for text in (first, second))
    assert [round(finals[text]["value"], 2) for text in (first, second)] == worth
    assert search.show(**settings | {"penalty": 0.0})["text"] == second


def test_a_contrastive_search_takes_the_highest_score_and_needs_states():
    value = show(search, model="lstm-shakespeare", way="contrastive", tokens=5, k=4)
    for token in value["tokens"]:
        taken = [c for c in token["candidates"] if c["taken"]]
        assert [c["score"] for c in taken] == [max(c["score"] for c in token["candidates"])]
    with pytest.raises(validation.InputError, match="no"):
        show(search, model="ngram-shakespeare", way="contrastive")


def text_drafted(tokens):
    return "".join(piece for piece, kind, _ in tokens if kind != "refused")


def test_drafts_write_what_the_page_writes_without_them_and_passes_stream():
    asked = {"prompt": "KING:\n", "temperature": 0.8, "tokens": 60, "seed": 4, "k": 4}
    messages = list(draft.draft(**draft.PART.parse(asked)))
    tokens = tokens_of(messages)
    assert all(message["plain"] is None for message in messages[:-1])
    assert messages[-1]["plain"] | {"seconds": 0} == {"seconds": 0, "alike": 60, "tokens": 60}
    plain = show(write, **{**asked, "model": draft.MODEL, "filters": "temperature=0.8"})
    assert text_drafted(tokens) == "".join(token["text"] for token in plain["new"])
    assert tokens == show(draft, **asked)["new"]
    passes = tokens[-1][2]
    assert passes < 60 / 1.5
    for number in range(1, passes + 1):
        kinds = [kind for _, kind, at in tokens if at == number]
        assert kinds == sorted(kinds, key=["kept", "refused", "own", "bonus", "alone"].index)
        assert kinds[-1] == ("own" if "refused" in kinds else "bonus" if "kept" in kinds else "alone")
    poor = show(draft, **{**asked, "order": 1})["new"]
    assert text_drafted(poor) == text_drafted(tokens)
    assert poor[-1][2] > passes
    none = show(draft, **{**asked, "k": 0})
    assert [kind for _, kind, _ in none["new"]] == ["alone"] * 60
    counts = {"tokens": 60, "passes": 60, "drafted": 0, "checked": 0, "accepted": 0, "rate": None, "predicted": None}
    assert none["figures"] == counts


def observed(part, label):
    """A preset's settings and what it says was to be seen."""
    preset = next(preset for preset in part.presets if preset.label == label)
    return part.parse(preset.given()), preset.observation


def test_what_the_presets_of_drafts_say_is_so():
    said, figures = {}, {}
    for label in ("Greedy", "Hot", "Long drafts"):
        settings, said[label] = observed(draft.PART, label)
        figures[label] = draft.figures(list(draft.passes(**settings)), settings["k"])
    usual = draft.PART.parse({})
    figures["usual"] = draft.figures(list(draft.passes(**usual)), usual["k"])
    percent = {label: str(round(100 * f["rate"])) for label, f in figures.items()}
    assert re.findall(r"(\d+) %", said["Greedy"]) == [percent["Greedy"], percent["usual"]]
    assert re.findall(r"(\d+) %", said["Hot"]) == [percent["Hot"]]
    assert re.findall(r"(\d+) %", said["Long drafts"]) == [percent["Long drafts"]] == [percent["usual"]]
    predicted = [figures[label]["predicted"] for label in ("usual", "Long drafts")]
    assert re.findall(r"\d\.\d\d", said["Long drafts"]) == [f"{value:.2f}" for value in predicted]
    for f in figures.values():
        assert f["tokens"] / f["passes"] == pytest.approx(f["predicted"], rel=0.06)


def test_the_figures_of_drafts_are_those_of_the_chips():
    value = show(draft, tokens=80, k=4)
    kinds, figures = [kind for _, kind, _ in value["new"]], value["figures"]
    kept, refused, own = (kinds.count(kind) for kind in ("kept", "refused", "own"))
    assert figures["tokens"] == 80
    assert figures["passes"] == value["new"][-1][2]
    assert (figures["accepted"], figures["drafted"]) == (kept, kept + refused)
    assert figures["checked"] == kept + own < kept + refused  # of each refused draft its first wrong token, and no more
    rate = kept / (kept + own)
    assert figures["rate"] == pytest.approx(rate)
    assert figures["predicted"] == pytest.approx((1 - rate**5) / (1 - rate))


def test_scores_add_up_and_are_per_character():
    text = "To be, or not to be"
    value = show(score, text=text)
    assert [row["bits"] for row in value["rows"]] == sorted(row["bits"] for row in value["rows"])
    for row in value["rows"]:
        assert "".join(token for token, _ in row["tokens"]) == text
        assert row["unknown"] == []
        total = sum(nll for _, nll in row["tokens"])
        assert row["bits"] == pytest.approx(total / len(text) / math.log(2), abs=0.01)
        assert row["perplexity"] == pytest.approx(math.exp(total / len(row["tokens"])), rel=0.02)


@pytest.mark.parametrize(("text", "read", "unknown"), [("😀😀😀", "", "😀"), ("To be€ or 😀", "To be or ", "€😀")])
def test_only_a_model_that_reads_all_of_a_text_is_ranked(text, read, unknown, capsys):
    rows = show(score, text=text)["rows"]
    assert [row["model"] for row in rows] == ["gpt-stories", "gpt-shakespeare", "lstm-shakespeare", "ngram-shakespeare"]
    assert rows[0]["unknown"] == []  # its tokens are of bytes
    total = sum(nll for _, nll in rows[0]["tokens"])
    assert rows[0]["bits"] == pytest.approx(total / len(text) / math.log(2), abs=0.01)
    assert rows[0]["bits"] > 0
    for row in rows[1:]:
        assert (row["bits"], row["perplexity"]) == (None, None)
        assert row["unknown"] == list(unknown)
        assert "".join(token for token, _ in row["tokens"]) == read
    said = score.says(text).splitlines()
    assert [line.split(": ")[1] for line in said if "stories" not in line] == ["cannot read this"] * 3
    assert printed(score.code(text), capsys) == score.says(text)


def test_many_unknown_characters_are_counted():
    row = score.scored("gpt-shakespeare", "".join(map(chr, range(0x4E00, 0x4E00 + 40))))
    assert (len(row["unknown"]), row["more"], row["tokens"]) == (12, 28, [])


def test_the_texts_to_train_on_are_long_enough_and_true():
    for source in train.SOURCES[:3]:
        live.check(train.text_of(source, ""))
    a, rest = train.sums().split("\n")[0].split("+")
    b, c = rest.split("=")
    assert int(a) + int(b) == int(c)
    assert [train.roman(n) for n in (4, 9, 14, 90, 399)] == ["IV", "IX", "XIV", "XC", "CCCXCIX"]


def test_a_text_of_ones_own_is_trained_on_and_stays_out_of_links():
    own = "to be or not to be, that is the question\n" * 40
    settings = train.PART.parse({"source": train.OWN, "own": own})
    assert show(train, **settings)["example"] == own[:400]
    assert train.text_of(settings["source"], settings["own"]) == own
    assert "own" not in train.PART.table.to_text(settings)


def test_a_hub_model_that_cannot_be_had_gets_one_sentence(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    *_, last = streamed(hub.PART)({"ask": {"settings": {"model": "nobody/nothing"}, "run": "1"}})
    assert "could not be loaded" in last["error"]
    with pytest.raises(validation.InputError, match="fetch it"):
        _models.load("distilgpt2")


def test_a_fetched_model_writes_and_explains_on_the_same_stage(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_models, "FETCHED", model_cache.ModelCache())
    name = saved(tmp_path / "tiny")
    settings = hub.PART.parse({"source": name, "filters": "top_k=20", "seed": 2})  # as older links name it
    assert show(hub, **settings)["new"] == []
    messages = list(hub.fetch(**settings))
    tokens = tokens_of(messages)
    assert 0 < len(tokens) <= 40
    assert all(name in message["note"] for message in messages if not message["new"] and not message["done"])
    for part in (write, search):
        assert name in part.menus()["models"]
    assert show(write, **settings)["new"] == tokens
    assert explained([], **settings)["token"] == tokens[0]["id"]
    branch = hub.PART.parse({**settings, "choices": f"2:{(tokens[2]['id'] + 1) % 280}"})
    for each in (settings, branch):
        assert printed(hub.PART.code(**each), capsys) == write.written(each)
    for way, stop in itertools.product(search.SEARCHES, search.STOPS):
        asked = {"model": name, "prompt": "A cat", "tokens": 8, "width": 2, "way": way, "stop": stop}
        found = search.PART.parse(asked)
        assert printed(search.code(**found), capsys) == search.says(**found)


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """Makes a tiny model and fetches it; returns its name."""
    monkeypatch.setattr(_models, "FETCHED", model_cache.ModelCache())

    def fetch(**options):
        name = saved(tmp_path / "tiny", **options)
        list(hub.fetch(**hub.PART.parse({"model": name, "tokens": 1})))
        return name

    return fetch


def by_hand(tokens):
    return ",".join(f"{k}:{token}" for k, token in enumerate(tokens))


def test_words_of_a_llama_type_model_keep_their_spaces(fetched, capsys):
    name = fetched(family="llama", inner=metaspace_bpe())
    will, hel = _models.load(name).tokenizer.encode("tri will hel")[1:]
    settings = hub.PART.parse({"model": name, "prompt": "tri", "choices": by_hand([will, hel]), "tokens": 2})
    assert [token["text"] for token in show(hub, **settings)["new"]] == [" will", " hel"]
    assert write.written(settings) == " will hel"
    assert printed(hub.PART.code(**settings), capsys) == " will hel"
    assert candidate(_models.text_stream(_models.load(name), "tri", [will]), hel) == "␣hel"
    why = hub.inspect({**settings, "kept": [will]})
    stream = _models.text_stream(_models.load(name), "tri", [will])
    assert [c["text"] for c in why["candidates"]] == [candidate(stream, c["id"]) for c in why["candidates"]]
    empty = {**settings, "prompt": "", "choices": by_hand(_models.load(name).tokenizer.encode("tri will hel"))}
    assert write.written({**empty, "tokens": 3}) == "tri will hel"


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_searches_of_a_llama_type_model_show_the_text_they_found(family, fetched, capsys):
    name = fetched(family=family, inner=metaspace_bpe())
    model = _models.load(name)
    for way in search.SEARCHES:
        found = search.PART.parse({"model": name, "prompt": "tri", "tokens": 8, "width": 2, "way": way})
        value = search.show(**found)
        assert printed(search.code(**found), capsys) == value["text"]
        if way == "contrastive":
            assert "".join(token["text"] for token in value["tokens"]) == value["text"]
    will = search.tree_value([beam_of(model, "tri will hel")], _models.text_stream(model, ""), 1, 0.0)
    assert will["levels"][0][0]["text"] == "␣hel"
    assert will["text"] == will["finals"][0]["text"] == "tri will hel"


def beam_of(model, text):
    tokens = tuple(model.tokenizer.encode(text))
    best = Candidate(0, tokens[-1], tokens, -1.0, kept=True, ended=False)
    return BeamStep(0, (best,), (best,), (best,))


@pytest.mark.parametrize("character", ["é", "€", "😀"])
def test_the_bytes_of_a_character_are_one_chip_of_the_shipped_gpt(character):
    tokens = _models.load("gpt-stories").tokenizer.encode(character)
    size = len(tokens)
    assert size > 1
    settings = write.PART.parse({"model": "gpt-stories", "prompt": "A", "choices": by_hand(tokens), "tokens": size})
    chips = write.show(**settings)["new"]
    assert [token["text"] for token in chips] == [""] * (size - 1) + [character]
    assert [token["text"] for token in write.show(**{**settings, "tokens": size - 1})["new"]] == [""] * (size - 1)
    branch = list(write.write({"kept": tokens[:-1]}, **settings))
    assert tokens_of(branch)[0]["text"] == character
    listed = explained(tokens[:1], **settings)
    texts = [*(c["text"] for c in listed["candidates"]), *(text for text, _ in listed["bar"])]
    assert all(text.count(REPLACEMENT) <= 1 for text in texts)  # one where it breaks the character off
    row = next(row for row in show(score, text=f"A {character}!")["rows"] if row["model"] == "gpt-stories")
    assert [text for text, _ in row["tokens"]][-size - 1 :] == [""] * (size - 1) + [character, "!"]


def test_candidates_within_a_character_are_marked_as_incomplete():
    model = _models.load("gpt-stories")
    first, *rest = model.tokenizer.encode("€")
    stream = _models.text_stream(model, "A")
    assert candidate(stream, first) == "…"
    stream.add(first)
    stream.add(rest[0])
    assert candidate(stream, rest[1]) == "€"


def test_a_chat_wraps_the_prompt_and_every_end_token_ends_it(fetched, capsys):
    name = fetched(template=TEMPLATE)
    model = _models.load(name)
    settings = hub.PART.parse({"model": name, "prompt": "A cat", "chat": True, "filters": "", "tokens": 500})
    ids, note = write.prompted(model, settings)
    assert ids == model.chat("A cat")
    assert note == "The model reads: <user>A cat\n<assistant>"
    assert show(hub, **settings)["template"]
    messages = list(hub.fetch(**settings))
    assert all(message["template"] for message in messages)
    tokens = tokens_of(messages)
    generator = torch.Generator().manual_seed(1)
    assert [t["id"] for t in tokens] == generate(
        model, ids, max_tokens=500, generator=generator, stop=model.tokenizer.stop
    )
    assert tokens[-1]["id"] in (10, 11, 280)
    assert printed(hub.PART.code(**settings), capsys) == write.written(settings)
    kept = [t["id"] for t in tokens[:3]]
    why, plain = (hub.inspect({**settings, "chat": chat, "kept": kept}) for chat in (True, False))
    assert why["token"] == tokens[3]["id"]
    assert why["candidates"] != plain["candidates"]


def test_a_chat_with_a_model_without_template_gets_one_sentence(fetched):
    name = fetched()
    settings = {"model": name, "chat": True}
    *_, last = streamed(hub.PART)({"ask": {"settings": settings, "run": "1"}})
    assert last["error"] == "This model has no chat template: switch “As a chat” off."
    assert not show(hub, model=name)["template"]
    with pytest.raises(validation.InputError, match="either true or false"):
        hub.PART.parse({"model": name, "chat": "perhaps"})


def test_a_text_that_has_ended_does_not_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(_models, "FETCHED", model_cache.ModelCache())
    name = saved(tmp_path / "tiny")
    list(hub.fetch(**hub.PART.parse({"model": name, "tokens": 1})))
    end = _models.load(name).tokenizer.stop[0]
    settings = write.PART.parse({**SETTINGS, "model": name})
    assert list(write.chips_of(settings, [5, end])) == []
    assert len(list(write.chips_of({**settings, "choices": f"1:{end}", "tokens": 3}, [5, end]))) == 1


def test_the_api_writes_what_the_page_writes():
    options = {"temperature": 0.7, "top_p": 1, "seed": 5, "tokens": 40}
    *_, (string, details) = text_generate("KING:\n", "ngram-shakespeare", **options)
    assert string == "".join(token["text"] for token in tokens_of(written()))
    assert len(details["tokens"]) == 40


def test_the_filters_of_the_api_are_parameters_that_act_in_one_order():
    *_, (_, details) = text_generate("My", "ngram-shakespeare", tokens=2, top_k=5, repetition_penalty=1.2)
    assert details["settings"]["filters"] == "repetition_penalty=1.2,temperature=0.8,top_k=5,top_p=0.95"
    for bad in ({"temperature": "hot"}, {"top_k": 2.5}, {"min_p": math.nan}, {"typical": 0}):
        with pytest.raises(validation.InputError):
            list(text_generate("My", **bad))


BAD = {
    "model": [["gpt-shakespeare"], "gpt", "../gpt-shakespeare"],
    "filters": [
        "warm=1",
        "temperature",
        "temperature=nan",
        "temperature=-1",
        "top_k=-5",
        "top_k=2.5",
        "top_p=0",
        "top_p=x",
        [["min_p", True]],
        "temperature=1,temperature=1",
        [[["temperature"], 1]],
    ],
    "tokens": [0, 501],
    "choices": ["1", "1:2:3", "-1:2", "1:-2", "1:1.5", "1:65", "500:1", "²:1", "1:1," * 2000],
}


@pytest.mark.parametrize(("name", "bad"), [(name, bad) for name in BAD for bad in BAD[name]])
def test_bad_settings_get_one_sentence_and_nothing_is_written(name, bad):
    (last,) = streamed(write.PART)({"ask": {"settings": {**SETTINGS, name: bad}, "run": "1"}})
    assert last["error"] != errors.UNKNOWN
    assert len(last["error"]) < 400


@pytest.mark.parametrize("bad", ["x", [70], [-1], [0.5], [0] * 600, [None]])
def test_bad_tokens_from_the_page_get_one_sentence(bad):
    for call in (lambda: explained(bad), lambda: written({"kept": bad})):
        with pytest.raises(validation.InputError) as caught:
            call()
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "call",
    [
        lambda: show(search, tokens=30),
        lambda: show(search, alpha=math.nan, way="contrastive"),
        lambda: show(score, text=" "),
        lambda: show(score, text="x" * 1501),
        lambda: show(compare, order=9),
        lambda: show(compare, temperature=-1),
        lambda: show(draft, k=17),
        lambda: show(draft, order=0),
        lambda: train.text_of(train.OWN, "short"),
        lambda: train.text_of(train.OWN, "ab" * 200_000),
        lambda: train.PART.parse({"source": train.OWN, "own": 5}),
    ],
)
def test_bad_requests_get_one_sentence(call):
    with pytest.raises(validation.InputError) as caught:
        call()
    assert len(str(caught.value)) < 400
