import dataclasses
import math
import random

import pytest
import torch
import torch.nn.functional as F

from genai_core import clip
from genai_core.clip import model as model_of_clip
from genai_core.clip import tokenizer as clip_text
from genai_core.common import checkpoints, model_cache
from genai_core.common.training import seeded
from genai_core.data import scenes

CONFIG = clip.CLIPConfig(
    embedding=32,
    vision_width=8,
    head_width=32,
    text_width=32,
    text_layers=2,
    text_heads=2,
    batch=8,
    warmup=2,
    lr=3e-3,
)
TEXTS = ["a small red circle", "two stars to the left of a ring on a navy background", "red"]


def built(config=CONFIG) -> clip.CLIP:
    model = seeded(0, lambda: clip.CLIP(config)).eval().requires_grad_(False)
    model.tokenizer = clip_text.WordTokenizer.of(config.context)
    return model


@pytest.fixture(scope="module")
def model():
    return built()


def test_the_loss_is_the_one_written_out_by_hand(model):
    x, captions = clip.minibatch(CONFIG, "train", 0, random.Random(0))
    images, texts, s, total = model.image_features(x), model.encode_text(captions), float(model.scale), 0.0
    for i in range(8):
        row = [math.exp(s * float(images[i] @ t)) for t in texts]
        column = [math.exp(s * float(y @ texts[i])) for y in images]
        total -= math.log(row[i] / sum(row)) + math.log(column[i] / sum(column))
    terms = clip.loss(model, x, model.tokenizer.encode(captions))
    assert float(terms["loss"]) == pytest.approx(total / 16, rel=1e-4)
    nearest = [max(range(8), key=lambda j, i=i: float(images[i] @ texts[j])) for i in range(8)]
    assert float(terms["accuracy"]) == sum(i == j for i, j in enumerate(nearest)) / 8


def test_the_text_tower_is_open_clips_and_padding_changes_nothing(model):
    ids = model.tokenizer.encode(TEXTS)
    full = F.pad(ids, (0, CONFIG.context - ids.shape[1]))
    theirs = model.towers.encode_text(full, normalize=True)
    torch.testing.assert_close(model.text_features(ids), theirs, atol=1e-5, rtol=1e-4)
    for text, vector in zip(TEXTS, model.encode_text(TEXTS), strict=True):
        torch.testing.assert_close(model.encode_text([text])[0], vector, atol=1e-5, rtol=1e-4)


def test_vectors_are_of_unit_length_and_batches_change_nothing(model):
    x = scenes.render([scenes.scene("test", i) for i in range(5)])
    whole = model.encode_image(x)
    assert whole.shape == (5, CONFIG.embedding)
    torch.testing.assert_close(whole.norm(dim=1), torch.ones(5))
    torch.testing.assert_close(model.encode_image(x, batch=2), whole, atol=1e-5, rtol=1e-4)
    assert model.encode_image(x[:0]).shape == model.encode_text([]).shape == (0, CONFIG.embedding)


def test_bad_input_is_told(model):
    with pytest.raises(ValueError, match="Pictures of 3 x 64 x 64 are needed"):
        model.encode_image(torch.zeros(1, 1, 28, 28))
    with pytest.raises(ValueError, match="at least one word"):
        model.encode_text(["a star", "  "])
    with pytest.raises(ValueError, match="at most 1000 characters"):
        model.encode_text(["star " * 2000])
    assert model.encode_text(["star " * 150]).shape == (1, CONFIG.embedding)  # cut to what it can read


def test_the_tokenizer_knows_every_word_of_the_captions_and_names_the_others(tmp_path, monkeypatch, model):
    rng, tokenizer = random.Random(0), model.tokenizer
    for i in range(100):
        for caption in scenes.captions(scenes.scene("test", i), rng).values():
            assert tokenizer.unknown(caption) == []
            ids = tokenizer.encode([caption])[0]
            assert int(ids.argmax()) == len(ids) - 1  # the end is the highest id, and is never cut off
            assert len(ids) < CONFIG.context
    assert tokenizer.unknown("A red Zebra, a yak and a Zebra") == ["Zebra", "yak"]
    assert int(tokenizer.encode(["star " * 100]).argmax()) == CONFIG.context - 1
    assert tokenizer.inner.get_vocab_size() == clip_text.VOCAB
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    checkpoints.save("tiny", model, CONFIG)
    again = clip.load("tiny")
    assert torch.equal(again.tokenizer.encode(TEXTS), tokenizer.encode(TEXTS))
    torch.testing.assert_close(again.encode_text(TEXTS), model.encode_text(TEXTS), atol=5e-3, rtol=0)
    (tmp_path / "tiny" / "tokenizer.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(checkpoints, "_cache", model_cache.ModelCache())
    with pytest.raises(checkpoints.CheckpointError, match=r"tokenizer\.json is missing or damaged"):
        clip.load("tiny")


def test_hidden_words_are_words(generator, model):
    ids = model.tokenizer.encode(TEXTS)
    hidden = clip_text.hidden(ids, 1.0, generator)
    assert set((hidden - ids).eq(0).nonzero()[:, 1].tolist()) >= {0}  # [start] stays
    assert torch.equal(hidden.argmax(1), ids.argmax(1))
    assert torch.equal(clip_text.hidden(ids, 0.0, generator), ids)


def test_captions_are_true_and_name_nothing_held_out():
    x, captions = clip.minibatch(CONFIG, "train", 40, random.Random(0))
    assert len(x) == len(captions) == 8
    for i in range(8):
        query = scenes.parse(captions[i])
        assert scenes.holds(scenes.scene("train", 40 + i), query)
        assert not scenes.novel(query)


def test_the_first_scenes_hold_one_thing(monkeypatch):
    asked, draw = [], clip.minibatch
    monkeypatch.setattr(model_of_clip, "minibatch", lambda *given: asked.append(given[-1]) or draw(*given))
    list(clip.train(dataclasses.replace(CONFIG, alone=0.5), "train", steps=4))
    assert asked == [1, 1, 4, 4]


@pytest.mark.parametrize("twins", [False, True])
def test_the_loss_falls_on_one_batch(twins):
    config = dataclasses.replace(CONFIG, twins=twins)
    model = built(config).requires_grad_(True).train()
    x, captions = clip.minibatch(config, "train", 0, random.Random(0))
    ids = model.tokenizer.encode(captions)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        terms = clip.loss(model, x, ids)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        losses.append(terms["loss"].item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("tower", [{}, {"vision_layers": 1, "vision_width": 32, "head_width": 16}])
def test_a_residual_network_or_a_transformer_looks(tower):
    from open_clip.modified_resnet import ModifiedResNet
    from open_clip.transformer import VisionTransformer

    model = built(dataclasses.replace(CONFIG, **tower))
    assert type(model.towers.visual) is (VisionTransformer if tower else ModifiedResNet)
    assert model.encode_image(torch.rand(2, 3, 64, 64)).shape == (2, CONFIG.embedding)


def test_with_twins_most_scenes_have_one_beside_them_and_captions_tell_them_apart():
    x, captions = clip.minibatch(dataclasses.replace(CONFIG, twins=True, batch=64), "train", 0, random.Random(0))
    said, told = [scenes.parse(caption) for caption in captions], 0
    for i in range(0, 64, 2):
        scene = scenes.scene("train", i)
        assert scenes.holds(scene, said[i])
        told += torch.equal(x[i], scenes.render([scene])[0]) and not scenes.holds(scene, said[i + 1])
    assert told > 20
    assert not any(map(scenes.novel, said))


def test_a_run_begins_with_the_weights_it_is_told_to(tmp_path, monkeypatch, model):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    checkpoints.save("first", model, CONFIG)
    step = next(clip.train(dataclasses.replace(CONFIG, init_from="first", lr=0.0), "train", steps=1))
    for began, given in zip(step.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(began.detach(), given, atol=2e-3, rtol=2e-3)


def test_the_second_recipe_goes_on_from_the_first_with_the_same_net():
    further, plain = (clip.RECIPES[name].config for name in ("clip-scenes", "clip-scenes-plain"))
    own = ("init_from", "twins", "details", "lr", "alone")
    assert further.init_from == "clip-scenes-plain"
    assert dataclasses.replace(further, **{field: getattr(plain, field) for field in own}) == plain
    assert clip.examples(clip.RECIPES["clip-scenes"]) == "train"


def test_the_card_is_whole():
    said = [clip.CARD["overview"].format(**dataclasses.asdict(CONFIG)), clip.CARD["use"], clip.CARD["limits"]]
    assert not any(set("{}") & set(text) for text in said)
