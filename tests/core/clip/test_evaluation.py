"""The measures, on an encoder that knows the truth and on one that knows nothing."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from genai_core import clip
from genai_core.clip import evaluation as ce
from genai_core.clip import gallery, tokenizer
from genai_core.common import checkpoints
from genai_core.common.training import seeded
from genai_core.data import scenes
from genai_core.data.scenes.world import COLOURS, SHAPES

N = 600
SHOWN = gallery.world(N)
PAIRS = {pair: i for i, pair in enumerate(itertools.product(COLOURS, SHAPES))}


class Oracle:
    """Which colour and shape come together: a picture by its description, a text by what it says."""

    def __init__(self, shown):
        self.shown = shown

    def vectors(self):
        rows = torch.zeros(len(self.shown), len(PAIRS))
        for row, scene in zip(rows, self.shown, strict=True):
            for thing in scene.things:
                row[PAIRS[thing.kind.colour, thing.kind.shape]] = 1
        return rows

    def encode_text(self, texts):
        rows = torch.zeros(len(texts), len(PAIRS))
        for row, text in zip(rows, texts, strict=True):
            for phrase in scenes.parse(text).phrases:
                fits = [i for (c, s), i in PAIRS.items() if phrase.colour in (None, c) and phrase.shape in (None, s)]
                row[fits] += 1 / len(fits)
        return rows


class Blind:
    """Always the same."""

    def encode_image(self, x):
        return F.normalize(torch.ones(len(x), 4), dim=1)

    def encode_text(self, texts):
        return F.normalize(torch.ones(len(texts), 4), dim=1)


def test_answerable_queries_are_those_that_are_true_of_enough():
    for queries in (ce.one_thing(), ce.two_things()[::40], ce.relations()[::7], ce.counts()):
        found = ce.answerable(queries, SHOWN, least=5)
        assert found == [query for query in queries if sum(scenes.holds(scene, query) for scene in SHOWN) >= 5]
    assert len(ce.one_thing()) == 128
    assert len(ce.two_things()) == 8 * 8 * 7 * 7 / 2
    assert len(ce.relations()) == 8 * 7 * 4


def test_an_oracle_is_precise_and_a_blind_one_as_good_as_chance():
    queries = ce.answerable([query for query in ce.one_thing() if query.phrases[0].size == "small"], SHOWN, 5)
    sizeless = [scenes.Query((scenes.Phrase(q.phrases[0].shape, q.phrases[0].colour),)) for q in queries]
    oracle = Oracle(SHOWN)
    assert ce.precision(oracle, oracle.vectors(), SHOWN, sizeless, top=5) == 1
    blind = ce.precision(Blind(), torch.ones(N, 4), SHOWN, sizeless)
    assert blind < 0.3


def test_recall_is_whole_for_equal_vectors_and_chance_for_none():
    class Same:
        def encode_text(self, texts):
            return torch.eye(len(texts))

    captions = {}
    for i, scene in enumerate(SHOWN):
        captions.setdefault(scenes.say(scenes.complete(scene)), i)
    first = dict(itertools.islice(captions.items(), 50))
    embeddings = torch.zeros(N, 50)
    embeddings[list(first.values())] = torch.eye(50)
    assert ce.recalls(Same(), embeddings, SHOWN, 50) == {"recall_image_to_text": 1, "recall_text_to_image": 1}
    assert ce.recalls(Blind(), torch.ones(N, 4), SHOWN, 50)["recall_image_to_text"] == pytest.approx(1 / 50)


def test_zero_shot_of_colour_and_shape_is_whole_for_the_oracle():
    oracle = Oracle(SHOWN)
    vectors = oracle.vectors()
    found = ce.zero_shot(oracle, vectors, SHOWN)
    assert found["zero_shot_colour"] == found["zero_shot_shape"] == 1
    assert found["zero_shot_relation"] < 0.6  # it knows nothing of places


@pytest.mark.parametrize("probe", ce.PROBES)
def test_each_probe_asks_for_what_is_true_against_what_is_false(probe):
    for true, false, scene in ce.cases(probe, 20):
        assert scenes.holds(scene, true)
        assert not scenes.holds(scene, false)
        assert not scenes.novel(true)
        if probe in ("binding", "order"):
            assert sorted(scenes.say(true).split()) == sorted(scenes.say(false).split())
    assert list(ce.cases(probe, 3, 7)) == list(ce.cases(probe, 5, 7))[:3] != list(ce.cases(probe, 3))


def test_the_false_negation_alone_names_what_the_picture_shows():
    """A model of words that passes over "no" then prefers the false caption: its words fit the picture better."""
    for true, false, scene in ce.cases("negation", 20):
        shown = {thing.kind.shape for thing in scene.things}
        (wanted, absent), (same, unwanted) = true.phrases, false.phrases
        assert wanted == same
        assert shown == {wanted.shape, unwanted.shape}
        assert absent.shape not in shown
        assert absent.count == unwanted.count == 0


def test_a_tie_is_no_preference_and_an_unknown_probe_is_named():
    assert set(ce.probes(Blind(), 3).values()) == {0.0}
    with pytest.raises(ValueError, match="no probe 'smell'"):
        next(ce.cases("smell", 1))


def test_every_figure_has_a_label_and_the_gallery_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    config = clip.CLIPConfig(vision_width=8, head_width=32, text_width=32, text_layers=1, text_heads=2)
    model = seeded(0, lambda: clip.CLIP(config)).eval().requires_grad_(False)
    model.tokenizer = tokenizer.WordTokenizer.of(config.context)
    checkpoints.save("tiny", model, config)
    monkeypatch.setattr(ce, "two_things", list)
    found = ce.measure("tiny", model, n=500)
    known = set(found) - {"queries_shown"} - {key for key in found if key.startswith("queries_")}
    assert known <= set(ce.LABELS)
    assert all(0 <= found[key] <= 1 for key in known - {"scenes"})
    stored = gallery.load("tiny")
    assert stored.shape == (500, config.embedding)
    torch.testing.assert_close(stored, gallery.encode(model, 500), atol=2e-3, rtol=0)
    hits = gallery.collection("tiny").search(stored[7], 500, where={"things": 2})
    assert {hit.id for hit in hits} == {str(i) for i, scene in enumerate(SHOWN[:500]) if len(scene.things) == 2}
    for hit in hits:
        assert hit.attributes == gallery.attributes(SHOWN[int(hit.id)])
        assert scenes.holds(SHOWN[int(hit.id)], scenes.parse(hit.attributes["caption"]))
    gallery.collection("tiny").close()
    (tmp_path / "tiny" / gallery.FILE).unlink()
    with pytest.raises(checkpoints.CheckpointError, match="gallery"):
        gallery.load("tiny")


def test_what_filters_ask_is_true_of_the_scene():
    for scene in SHOWN[:50]:
        of = gallery.attributes(scene)
        assert of["things"] == len(scene.things)
        for word in of["has"]:
            assert scenes.holds(scene, scenes.parse(word)), word
        colours = {word for word in of["has"] if word in COLOURS}
        assert colours == {c for c in COLOURS if scenes.holds(scene, scenes.parse(c))}


@pytest.mark.parametrize("seed", range(3))
def test_pairs_are_true_of_their_scenes_and_as_alike_as_their_kind_says(seed):
    for kind in ce.PAIRS:
        for n in (2, 8):
            captions, shown = zip(*ce.pairs(kind, n, seed), strict=True)
            assert all(scenes.holds(scene, scenes.parse(text)) for text, scene in zip(captions, shown, strict=True))
            assert len(set(captions)) == n - (kind == "alike")
            assert not any(scenes.novel(scenes.parse(text)) for text in captions)
        assert ce.pairs(kind, 2, seed) == ce.pairs(kind, 2, seed)
    first, second = (text for text, _ in ce.pairs("exchanged", 2, seed))
    assert sorted(first.replace("an ", "a ").split()) == sorted(second.replace("an ", "a ").split())
    for bad in (("same", 2), ("alike", 1), ("alike", 33)):
        with pytest.raises(ValueError, match="pairs"):
            ce.pairs(*bad)
