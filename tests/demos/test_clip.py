"""The CLIP tab: search, own pictures, the Hub, without a server. What holds for all parts is in test_tabs.py."""

import base64
import contextlib
import io
import json
import math
import zipfile

import gradio as gr
import pytest
import torch
from torchvision.transforms.functional import to_pil_image

from demos._ui import errors, letters, tab, validation
from demos.clip import TAB, _collections, _models, _query, classify, hub, search, yours
from demos.clip._api import clip_classify, clip_search
from genai_core.clip import gallery
from genai_core.clip.explain import words
from genai_core.common import model_cache, zvec_store
from genai_core.data import scenes
from tests.core.clip.test_hub import folder  # noqa: F401


class Request:
    session_hash = "one"


def found(**settings):
    return search.show_request(settings)


def text(*terms):
    return [[weight, "text", value] for weight, value in terms]


def picture_file(i=3, size=64):
    buffer = io.BytesIO()
    to_pil_image(gallery.pictures([i])[0]).resize((size, size)).save(buffer, "PNG")
    return buffer.getvalue()


def printed(settings):
    """What the program of a search prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(search.code(**search.PART.parse(settings)), "search", "exec"), {"__name__": "__main__"})
    return out.getvalue().removesuffix("\n")


# --- the search ---


def test_results_are_the_nearest_of_all_in_order():
    value = found(terms=text((1, "a large yellow ring")), results=20)
    query = _models.load("clip-scenes").encode_text(["a large yellow ring"])[0]
    cosines = gallery.load("clip-scenes") @ query
    assert [hit["similarity"] for hit in value["hits"]] == pytest.approx(cosines.topk(20).values.tolist(), abs=2e-3)
    assert value["of"] == gallery.SIZE


def test_the_tick_is_the_truth():
    said = "a large yellow ring"
    value = found(terms=text((1, said)), results=20)
    query = scenes.parse(said)
    for hit in value["hits"]:
        assert hit["true"] == scenes.holds(scenes.scene("test", int(hit["id"])), query)
        assert hit["caption"] == scenes.say(scenes.complete(scenes.scene("test", int(hit["id"]))))
    assert value["to_find"] == sum(scenes.holds(scene, query) for scene in gallery.world())


def test_what_is_not_wanted_must_not_be_true():
    value = found(terms=text((1, "a star"), (-0.5, "a circle")))
    for hit in value["hits"]:
        scene = scenes.scene("test", int(hit["id"]))
        shapes = {thing.kind.shape for thing in scene.things}
        assert hit["true"] == ("star" in shapes and "circle" not in shapes)


def test_filters_are_facts():
    value = found(terms=text((1, "a heart")), shape="star", colour="blue", things="2", background="navy")
    assert value["hits"]
    for hit in value["hits"]:
        scene = scenes.scene("test", int(hit["id"]))
        assert len(scene.things) == 2
        assert scene.background == "navy"
        assert any((thing.kind.shape, thing.kind.colour) == ("star", "blue") for thing in scene.things)


def test_a_picture_finds_itself_and_a_sum_moves_away_from_it():
    value = found(terms=[[1, "scene", "7"]])
    assert value["hits"][0]["id"] == "7"
    assert value["hits"][0]["similarity"] > 0.99
    assert value["hits"][0]["true"] is None
    assert "neither true nor false" in value["note"]
    assert list(value["thumbs"]) == ["7"]
    own = found(terms=[[1, "picture", search.shrink({"png": base64.b64encode(picture_file(7)).decode()})]])
    assert "7" in [hit["id"] for hit in own["hits"]]
    assert found(terms=[[1, "scene", "7"], [1, "text", "a blue star"]])["hits"][0]["similarity"] < 0.99


def test_folding_leaves_no_near_duplicates():
    terms = text((1, "one object"), (1, "a red circle"))
    value = found(terms=terms, fold=True, results=30)
    vectors = gallery.collection("clip-scenes").vectors([hit["id"] for hit in value["hits"]])
    cosines = vectors @ vectors.T - 2 * torch.eye(len(vectors))
    assert cosines.max() < _query.FOLD + 1e-4
    assert len(value["hits"]) <= 30


def test_needles_are_what_was_asked_for_and_the_same_each_time():
    settings = {"terms": text((1, "two small red circles above a blue star")), "plant": True, "results": 60}
    value = found(**settings)
    clean = _query.parse(settings)
    needles = _query.needles(clean)
    assert len(needles) == value["needles"] == _query.NEEDLES
    assert all(scenes.holds(scene, scenes.parse(clean["terms"][0][2])) for scene in needles.values())
    shown = {hit["id"]: hit for hit in value["hits"] if hit["id"] in needles}
    assert all(hit["true"] for hit in shown.values())
    assert found(**settings)["hits"] == value["hits"]
    similarities = [hit["similarity"] for hit in value["hits"]]
    assert similarities == sorted(similarities, reverse=True)
    assert not _query.needles(clean | {"shape": "star"})
    planted = next(iter(needles))
    reason = search.why({**settings, "id": planted})
    encoder = _models.load("clip-scenes")
    x = scenes.render([needles[planted]])
    similarity = encoder.encode_image(x)[0] @ _query.vector(clean)
    assert reason["similarity"] == pytest.approx(float(similarity), abs=1e-3)
    with pytest.raises(validation.InputError, match="another query"):
        search.why({"terms": text((1, "a star")), "plant": True, "id": "new9"})


def test_unknown_words_are_named():
    value = found(terms=text((1, "a purple dinosaur")))
    assert value["unknown"] == ["dinosaur"]
    assert "dinosaur" in value["note"]
    assert all(hit["true"] is None for hit in value["hits"])


def test_why_adds_up():
    settings = {"terms": text((1, "a large red heart"))}
    first = found(**settings)["hits"][0]
    reason = search.why({**settings, "id": first["id"]})
    assert reason["similarity"] == pytest.approx(first["similarity"], abs=5e-3)
    (string, weight, contributions), *_ = reason["words"]
    assert (string, weight) == ("a large red heart", 1)
    assert [word for word, _ in contributions] == words(string)
    encoder = _models.load("clip-scenes")
    picture = encoder.encode_image(gallery.pictures([int(first["id"])]))[0]
    both = encoder.encode_text(["a large red heart", "a large  heart"]) @ picture
    assert dict(contributions)["red"] == pytest.approx(float(both[0] - both[1]), abs=1e-3)
    assert len(reason["relevance"]) == 64


def test_the_matrix_holds_cosines_and_truth():
    settings = {"terms": text((1, "a red heart and a blue square"))}
    ids = [hit["id"] for hit in found(**settings)["hits"][:4]]
    value = search.matrix({**settings, "ids": ids})
    assert value["captions"][0] == "a red heart and a blue square"
    assert len(value["captions"]) > 3
    encoder = _models.load("clip-scenes")
    expected = encoder.encode_image(gallery.pictures(map(int, ids))) @ encoder.encode_text(value["captions"]).T
    assert torch.tensor(value["cosines"]) == pytest.approx(expected, abs=1e-3)
    for row, id_ in zip(value["true"], ids, strict=True):
        assert row == [scenes.holds(scenes.scene("test", int(id_)), scenes.parse(c)) for c in value["captions"]]
    own = search.matrix({**settings, "ids": ids, "captions": ["a cat", "a star"]})
    assert [row[0] for row in own["true"]] == [None] * len(ids)


def test_a_saved_search_shows_the_query_the_scores_why_and_the_near_misses(monkeypatch):
    written = []
    monkeypatch.setattr(letters, "write", lambda pen, at, text, *options, **more: written.append(text))
    settings = search.PART.parse({"terms": text((1, "a синий star"), (-0.5, "red")), "results": 4})
    hits = search.show(**settings)["hits"]
    search.picture(**settings, shown={"chosen": hits[2]["id"], "captions": ["one heart", "a star"]})
    assert "+1.00  a синий star" in written
    assert "−0.50  red" in written
    assert all(any(line.startswith(f"{hit['similarity']:.3f}") for line in written) for hit in hits)
    reason = search.why({**settings, "id": hits[2]["id"]})
    assert any(line.endswith(f"{reason['similarity']:.3f}.") for line in written)
    assert {"синий", "one heart"} <= set(written)
    for bad in (5, {"captions": "x"}, {"captions": [""]}):
        with pytest.raises(validation.InputError):
            search.picture(**settings, shown=bad)
    search.picture(
        **settings, shown={"chosen": "7000", "captions": None}
    )  # not among the results: nothing is explained


@pytest.mark.parametrize("preset", search.PART.presets, ids=lambda preset: preset.label)
def test_a_preset_finds_something(preset):
    assert len(found(**preset.given())["hits"]) == 15


def test_the_sum_of_a_picture_and_words_finds_what_its_preset_says():
    preset = next(preset for preset in search.PART.presets if "red + blue" in preset.label)
    first = found(**preset.given())["hits"][0]
    assert scenes.holds(scenes.scene("test", int(first["id"])), scenes.parse("a large blue heart"))


def scenes_of(label, **changes):
    """The scenes that a preset finds."""
    preset = next(preset for preset in search.PART.presets if preset.label == label)
    hits = found(**{**preset.given(), **changes})["hits"]
    return [gallery.world()[int(hit["id"])] for hit in hits]


def test_presets_of_the_search_come_true():
    def true(label, query, **changes):
        return sum(scenes.holds(scene, scenes.parse(query)) for scene in scenes_of(label, **changes))

    assert true("Never seen together", "a large teal circle") == 15

    def dark(*terms):
        changes = {"terms": text(*terms)} if terms else {}
        return sum(scene.background in ("charcoal", "navy", "black") for scene in scenes_of("All but", **changes))

    assert all(6 <= n <= 9 for n in (dark(), dark((1, "two stars")), dark((1, "two stars, not on a dark background"))))

    both = ("a red heart and a blue square", "a blue heart and a red square")
    for model, counts in (("clip-scenes", (4, 1)), ("clip-scenes-plain", (1, 7))):
        assert tuple(true("Who is blue?", query, model=model) for query in both) == counts
    queries = [scenes.parse(query) for query in both]
    assert [sum(scenes.holds(scene, query) for scene in gallery.world()) for query in queries] == [4, 9]

    kinds = [{thing.kind.colour for thing in scene.things} for scene in scenes_of("Not in the vocabulary")]
    assert all("purple" in colours for colours in kinds)


@pytest.mark.parametrize(
    "settings",
    [
        {"terms": text((1, "a star"), (-0.5, "a circle")), "fold": True, "results": 8},
        {"terms": text((1, "a heart")), "shape": "star", "colour": "blue", "things": "2", "plant": True},
        {"terms": [[1, "scene", "7"], [0.5, "text", "a “red” star"]], "model": "clip-scenes-plain"},
        {"terms": text((1, "two small red circles"), (-0.5, "a star")), "plant": True, "results": 5},
    ],
)
def test_a_program_prints_what_was_found(settings):
    assert printed(settings) == search.says(**search.PART.parse(settings))


def test_what_no_program_can_have_is_said():
    own = search.shrink({"png": base64.b64encode(picture_file()).decode()})
    for settings in ({"terms": [[1, "picture", own]]}, {"collection": "sample"}):
        with pytest.raises(validation.InputError, match="There is a program for"):
            search.code(**search.PART.parse(settings))


def test_links_of_older_versions_still_open():
    terms = [[1, "scene", "7"], [-0.5, "text", "a red “star”"]]
    link = {"terms": json.dumps(terms, ensure_ascii=False), "fold": "True", "shape": "star", "results": "5"}
    opened = tab.opened([TAB], {"tab": "clip", "part": "search", **link})
    assert opened["settings"]["terms"] == terms
    assert opened["settings"]["fold"] is True
    assert opened["value"]["hits"] == found(terms=terms, fold=True, shape="star", results=5)["hits"]
    for bad in ({"terms": "[[1]]"}, {"results": "many"}, {"model": "x"}, {"shape": "egg"}, {"collection": "mine"}):
        with pytest.raises(validation.InputError):
            tab.opened([TAB], {"tab": "clip", "part": "search", **link, **bad})
    assert tab.opened([TAB], {"tab": "clip", "part": "hub", "source": hub.KNOWN[0]})["settings"]


def test_the_api_searches():
    rows, pictures = clip_search("a star", without="a circle", results=3)
    assert len(rows) == len(pictures) == 3
    assert set(rows[0]) == {"id", "similarity", "caption", "true"}
    assert [caption for _, caption in pictures] == [row["caption"] for row in rows]


def test_the_api_classifies_as_the_page_does():
    shares, details = clip_classify(scene=40, labels=["a star", "a circle"], templates=["{}"])
    given = {"scene": 40, "labels": "a star\na circle", "templates": "{}"}
    p, t, _ = classify.shares(**classify.PART.parse(given))
    assert (list(shares.values()), details["temperature"]) == (p, t)
    assert sum(shares.values()) == pytest.approx(1)
    for bad in (
        {"labels": [1]},
        {"labels": [str(k) for k in range(99)]},
        {"temperature": 0},
        {"scene": -1},
        {"picture": b"x"},
    ):
        with pytest.raises(validation.InputError):
            clip_classify(**bad)


BAD = [
    {"terms": []},
    {"terms": "["},
    {"terms": [[1, "text", ""]]},
    {"terms": [[1, "text", "?!"]]},
    {"terms": [[1, "text", "a" * 10_000]]},
    {"terms": [[1, "text", 5]]},
    {"terms": [[1, "text", "\ud800 star"]]},
    {"terms": [[math.nan, "text", "a star"]]},
    {"terms": [[2, "text", "a star"]]},
    {"terms": [[0, "text", "a star"]]},
    {"terms": [[1, "text", "a star"], [-1, "text", "a star"]]},
    {"terms": [[1, "sound", "a star"]]},
    {"terms": [[1, "scene", "10000"]]},
    {"terms": [[1, "scene", "../../etc/passwd"]]},
    {"terms": [[1, "scene", "new1"]]},
    {"terms": [[1, "picture", "AAAA"]]},
    {"terms": [[1, "picture", "not base64"]]},
    {"terms": [[1, "text", "a"]] * 7},
    {"results": 0},
    {"results": 10**9},
    {"results": math.inf},
    {"model": "../clip"},
    {"model": None},
    {"collection": "someone else's"},
    {"collection": 5},
    {"collection": "named:../x"},
    {"collection": "sample"},
    {"shape": "' or 1=1"},
    {"things": 9},
]


@pytest.mark.parametrize("settings", BAD)
def test_bad_queries_get_one_sentence(settings):
    answer = errors.guarded(search.show_request)(settings)
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN
    assert len(answer["error"]) < 400


@pytest.mark.parametrize(
    "call",
    [
        lambda: search.why({"id": "x"}),
        lambda: search.why({"id": None}),
        lambda: search.why({"id": "new0"}),
        lambda: search.matrix({"ids": []}),
        lambda: search.matrix({"ids": ["1"] * 50}),
        lambda: search.matrix({"ids": ["1"], "captions": [""]}),
        lambda: search.matrix({"ids": ["1"], "captions": "a star"}),
        lambda: search.shrink({"png": base64.b64encode(b"GIF89a").decode()}),
        lambda: search.shrink({}),
        lambda: hub.named("a/../b"),
        lambda: hub.named("http://x/y"),
        lambda: hub.named(5),
        lambda: yours.paths(None),
        lambda: yours.paths([5]),
    ],
)
def test_bad_requests_get_one_sentence(call):
    answer = errors.guarded(lambda _: call())()
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN


# --- own pictures ---


@pytest.fixture
def dropped(tmp_path):
    files = []
    for i in range(3):
        files.append(tmp_path / f"photo {i}.png")
        files[-1].write_bytes(picture_file(i, 90))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and no more")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("a/four.png", picture_file(4))
        archive.writestr("../../climbs.png", picture_file(5))
    yield [str(file) for file in [*files, tmp_path / "broken.png", tmp_path / "more.zip"]]
    _collections.leave("one")
    _collections.leave("two")


def last(events):
    *_, end = events
    return end


def test_dropped_pictures_are_searched_at_once_and_what_was_skipped_is_listed(dropped):
    told, control, emptied = last(yours.index(dropped, "clip-scenes", None, Request()))
    assert "4 pictures read" in told
    assert "broken.png" in told
    assert "leads out of the archive" in told
    assert emptied is None
    value = control.value
    assert {hit["caption"] for hit in value["hits"]} == {"photo 0.png", "photo 1.png", "photo 2.png", "four.png"}
    again = search.show_request(value["settings"] | {"terms": [[1, "scene", value["hits"][1]["id"]]]})
    assert again["hits"][0]["id"] == value["hits"][1]["id"]
    assert len(search.why({**value["settings"], "id": value["hits"][0]["id"]})["relevance"]) == 64


def test_pictures_of_one_page_are_not_those_of_another(dropped):
    class Other:
        session_hash = "two"

    one = last(yours.index(dropped[:1], "clip-scenes", None, Request()))[1].value
    two = last(yours.index(dropped[1:2], "clip-scenes", None, Other()))[1].value
    assert one["settings"]["collection"] != two["settings"]["collection"]
    assert [hit["caption"] for hit in one["hits"]] == ["photo 0.png"]
    assert [hit["caption"] for hit in two["hits"]] == ["photo 1.png"]
    yours.left(Request())
    with pytest.raises(validation.InputError, match="drop them in again"):
        search.show_request(one["settings"])
    with pytest.raises(validation.InputError, match="drop them in again"):
        search.why({**one["settings"], "id": one["hits"][0]["id"]})
    assert search.show_request(two["settings"])["hits"]


def test_no_link_picture_or_program_holds_own_pictures(dropped):
    with gr.Blocks():
        stage = search.stage("clip/yours")
    value = last(yours.index(dropped[:1], "clip-scenes", None, Request()))[1].value
    assert set(value["settings"]) == set(stage.props["unlinked"])
    assert [yours.PART.settings, yours.PART.picture, yours.PART.code] == [(), None, None]
    with pytest.raises(validation.InputError, match="There is a program for"):
        search.code(**value["settings"])


def test_another_model_reads_the_pictures_again(dropped):
    before = last(yours.index(dropped[:3], "clip-scenes", None, Request()))[1].value
    after = last(yours.read_again("clip-scenes-plain", Request()))[1].value
    assert {hit["caption"] for hit in after["hits"]} == {hit["caption"] for hit in before["hits"]}
    assert len(after["hits"]) == 3
    assert after["settings"]["model"] == "clip-scenes-plain"
    with pytest.raises(validation.InputError):
        search.show_request(before["settings"])


def test_named_collections_outlast_the_page_and_need_a_folder(dropped, tmp_path, monkeypatch):
    with pytest.raises(gr.Error, match="without --collections"):
        last(yours.index(dropped[:1], "clip-scenes", "holiday", Request()))
    monkeypatch.setenv("GENAI_COLLECTIONS", str(tmp_path / "kept"))
    told, control, _ = last(yours.index(dropped[1:2], "clip-scenes", "holiday", Request()))
    assert "kept on this server" in told
    yours.left(Request())
    assert _collections.names() == ["holiday"]
    assert len(search.show_request(control.value["settings"])["hits"]) == 1
    _collections._named.pop("holiday").close()  # as a restart would
    assert len(yours.open_named("holiday", "clip-scenes")[1].value["hits"]) == 1
    with pytest.raises(gr.Error, match="choose that model"):
        yours.open_named("holiday", "clip-scenes-plain")
    with pytest.raises(gr.Error, match="name has 1 to 40"):
        last(yours.index(dropped[2:3], "clip-scenes", "../out", Request()))
    _collections._named.pop("holiday").close()


def test_where_zvec_does_not_run_the_same_is_found_and_a_line_says_so(dropped, monkeypatch):
    asked = {"terms": text((1, "a large yellow ring")), "results": 20, "background": "navy", "shape": "ring"}
    right = found(**asked)
    assert right["store"] == ""
    gallery.collection.cache_clear()
    monkeypatch.setattr(zvec_store, "runs", lambda: False)
    value = found(**asked)
    gallery.collection.cache_clear()
    assert value["store"] == search.NO_ZVEC
    assert [hit["id"] for hit in value["hits"]] == [hit["id"] for hit in right["hits"]]
    own = last(yours.index(dropped[:3], "clip-scenes", None, Request()))[1].value
    assert {hit["caption"] for hit in own["hits"]} == {"photo 0.png", "photo 1.png", "photo 2.png"}


def test_a_drop_that_fails_does_not_stay_listed():
    with gr.Blocks() as demo, gr.Tab() as panel:
        yours.build("clip/yours", panel)
    (run,) = (fn for fn in demo.fns.values() if fn.name == "index")
    (failed,) = (fn for fn in demo.fns.values() if fn.trigger_after == run._id and fn.trigger_only_on_failure)
    (files,) = (block for block in demo.blocks.values() if isinstance(block, gr.File))
    assert files in failed.outputs
    assert failed.fn()[failed.outputs.index(files)] is None


# --- a model of the Hub ---


def test_a_hub_model_looks_at_a_sample_and_joins_the_menus(folder, monkeypatch):  # noqa: F811
    monkeypatch.setattr(hub, "SAMPLE", 20)
    monkeypatch.setattr(_models, "FETCHED", model_cache.ModelCache())
    source = folder.removeprefix("local-dir:")
    value = found(**last(hub.fetch(source))["search"])
    assert value["of"] == 20
    assert all(int(hit["id"]) < 20 for hit in value["hits"])
    assert source in value["models"]
    assert source in [name for _, name in yours.models()]
    assert found(**value["settings"] | {"terms": text((1, "a dog"))})["unknown"] == []
    assert hub.show(source) == last(hub.fetch(source))


def test_a_model_that_cannot_be_had_ends_its_run_with_one_sentence():
    *_, end = tab.streamed(hub.PART)({"ask": {"settings": {"source": "/no/such/folder"}, "run": "7"}})
    assert end["over"]
    assert end["run"] == "7"
    assert "could not be loaded" in end["error"]
    (end,) = tab.streamed(hub.PART)({"ask": {"settings": {"source": "javascript:x"}, "run": "8"}})
    assert end.keys() == {"over", "error", "run"}
