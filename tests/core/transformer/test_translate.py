"""The laws of the translator and its beam search."""

import itertools

import pytest
import torch

from genai_core.common.training import seeded
from genai_core.transformer import translate
from genai_core.transformer.translate import beam_search, score

SMALL = translate.TranslateConfig(
    vocab_size=4, longest=12, n_encoder=1, n_decoder=2, n_head=2, n_embd=16, dropout=0.0, tokens=64
)


def made(config=SMALL, seed=0):
    model = seeded(seed, lambda: translate.Translator(config)).eval().requires_grad_(False)
    for p in model.parameters():
        p += 0.4 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel() + seed))
    return model


def test_padding_changes_nothing():
    model = made()
    target = torch.tensor([[model.start, 1, 2]])
    alone = model(torch.tensor([[0, 3, 2]]), target)
    beside = model(translate.padded([[0, 3, 2], [1] * 7], model.padding), target.expand(2, -1))
    assert torch.allclose(alone[0], beside[0], atol=1e-5)


def test_the_decoder_sees_no_later_token_and_all_of_the_source():
    model, source = made(), torch.tensor([[0, 3, 2, 1]])
    target = torch.tensor([[model.start, 1, 2, 3]])
    other = target.clone()
    other[0, 2] = 0
    a, b = model(source, target), model(source, other)
    assert torch.allclose(a[:, :2], b[:, :2], atol=1e-6)
    assert not torch.allclose(a[:, 2:], b[:, 2:], atol=1e-3)
    for place in range(4):
        changed = source.clone()
        changed[0, place] = (changed[0, place] + 1) % 4
        assert not torch.allclose(model(changed, target)[0, 0], a[0, 0], atol=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.6])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_beam_as_wide_as_there_are_beginnings_finds_the_best_of_all(seed, alpha):
    model = made(seed=seed)
    source, tokens = [0, 3, 2], [*range(4), model.end]
    steps = beam_search(model, source, width=25, alpha=alpha)
    next(steps)
    beam = next(steps)

    def log_p(ids):
        logits = model(torch.tensor([source]), torch.tensor([[model.start, *ids[:-1]]]))
        logits[..., [model.start, model.padding]] = -torch.inf
        return float(logits.log_softmax(-1)[0].gather(1, torch.tensor(ids)[:, None]).sum())

    every = [(model.end,), *itertools.product(tokens[:-1], tokens)]
    best = max(
        (translate.Hypothesis(ids, log_p(ids), ids[-1] == model.end) for ids in every), key=lambda h: score(h, alpha)
    )
    assert beam[0].ids == best.ids
    assert abs(beam[0].log_p - best.log_p) < 1e-4
    assert len(beam) == len(every)


def test_a_cached_decoder_says_what_it_says_without():
    model, source = made(), torch.tensor([[0, 3, 2, 1, 1]])
    memory, mask = model.encode(source)
    cache = translate.DecoderCache(model.config.n_decoder)
    written = torch.tensor([[model.start]])
    found = model.decode(written, memory, mask, cache)
    for rows, tokens in (([0, 0, 0], [2, 0, 1]), ([2, 0, 2], [3, 3, 0]), ([1], [2])):  # beginnings multiply and end
        cache.select(torch.tensor(rows))
        newest = torch.tensor(tokens)[:, None]
        written = torch.cat([written[rows], newest], 1)
        found = model.decode(newest, memory, mask, cache)
        n = len(rows)
        whole = model.decode(written, memory.expand(n, -1, -1), mask.expand(n, -1, -1, -1))
        assert torch.allclose(found[:, 0], whole[:, -1], atol=1e-5)


def test_what_is_pruned_is_shown_and_changes_nothing():
    model, source, width = made(), [0, 3, 2], 3
    steps = list(translate.beam_steps(model, source, width, shown=5))
    plain = list(beam_search(model, source, width))
    assert [[(h.ids, h.ended) for h in step.kept] for step in steps] == [[(h.ids, h.ended) for h in b] for b in plain]
    going = [translate.Hypothesis((), 0.0, False)]
    for step in steps:
        assert len(step.kept) == width
        values = [score(h, 0.6) for h in (*step.kept, *step.pruned)]
        assert values == sorted(values, reverse=True)
        new = [h for h in (*step.kept, *step.pruned) if len(h.ids) == len(going[0].ids) + 1]
        assert len(new) == 5 * len(going)
        assert all(h.ids[:-1] == going[h.parent].ids for h in new)
        going = [h for h in step.kept if not h.ended]


def test_an_alignment_is_where_the_decoder_looks_before_it_writes():
    model, source, target = made(), [0, 3, 2, 1], [1, 2, 3]
    weights = translate.alignments(model, source, target)
    assert weights.shape == (2, 2, 3, 4)
    assert torch.allclose(weights.sum(-1), torch.ones(2, 2, 3))
    assert torch.equal(translate.alignments(model, source, [1, 2, 0])[:, :, :3], weights)  # the last is not yet written
    assert not torch.allclose(translate.alignments(model, source, [1, 3, 3])[:, :, 2], weights[:, :, 2], atol=1e-4)
    last = model.layers["decoder"][-1]
    memory, mask = model.encode(torch.tensor([source]))
    seen = []
    last.cross.register_forward_hook(lambda module, given, out: seen.append(out))
    model.decode(torch.tensor([[model.start, *target[:-1]]]), memory, mask)
    values = last.cross.split(last.cross.v(memory))[0]  # [heads, S, d]
    brought = last.cross.out((weights[-1] @ values).transpose(0, 1).flatten(1))
    assert torch.allclose(brought, seen[0][0], atol=1e-5)  # what the last layer draws by these weights


def test_a_sentence_is_scored_against_its_reference():
    right = "Le chat noir dort sur le lit."
    assert translate.sentence_scores(right, right) == pytest.approx((100, 100))
    near, far = (translate.sentence_scores(text, right) for text in ("Le chat noir dort.", "Il pleut."))
    assert 0 < far[0] < near[0] < 100
    assert 0 <= far[1] < near[1] < 100


def test_width_1_is_greedy():
    model, source = made(), [0, 3, 2]
    *_, beam = beam_search(model, source, width=1)
    ids = [model.start]
    for _ in beam[0].ids:
        logits = model(torch.tensor([source]), torch.tensor([ids]))[0, -1]
        logits[[model.start, model.padding]] = -torch.inf
        ids.append(int(logits.argmax()))
    assert tuple(ids[1:]) == beam[0].ids


def test_every_pair_is_in_one_batch_and_none_is_too_large(generator):
    pairs = [([0] * int(n), [0] * int(m)) for n, m in torch.randint(1, 12, (100, 2), generator=generator)]
    made_ = list(translate.batches(pairs, 64, generator))
    assert sorted(itertools.chain(*made_)) == list(range(100))
    assert all(len(b) * (max(max(map(len, pairs[k])) for k in b) + 1) <= 64 for b in made_)


def test_it_learns_to_reverse():
    pairs = [([*ids], [*reversed(ids)]) for ids in itertools.product(range(4), repeat=3)]
    config = translate.TranslateConfig(4, 12, 1, 1, 2, 32, dropout=0.0, tokens=256)
    *_, last = translate.train(config, translate.Sentences(pairs, None), steps=150)
    found = []
    for source, target in pairs[::7]:
        *_, beam = beam_search(last.model, source)
        found.append(list(beam[0].ids) == [*target, last.model.end])
    assert sum(found) >= 0.8 * len(found)


@pytest.mark.parametrize(("source", "width", "sentence"), [([], 4, "1 to 12"), ([0] * 13, 4, "13"), ([0], 0, "width")])
def test_what_cannot_be_translated_is_refused(source, width, sentence):
    with pytest.raises(ValueError, match=sentence):
        next(beam_search(made(), source, width))


@pytest.mark.parametrize(("source", "target"), [([], [1]), ([1], []), ([0] * 13, [1]), ([1], [0] * 13)])
def test_what_cannot_be_aligned_is_refused(source, target):
    with pytest.raises(ValueError, match="1 to 12 tokens"):
        translate.alignments(made(), source, target)
