import copy
import zlib

import numpy as np
import pytest
import torch

from genai_core.autoencoders import codec
from genai_core.autoencoders.codec import classical, evaluation, file, model, prior
from genai_core.autoencoders.codec.prior import LARGEST, LEVELS, TOTAL
from genai_core.common import checkpoints
from genai_core.common.pictures import picture
from genai_core.common.training import seeded
from genai_core.data import scenes

SHIPPED = "codec-scenes"


def built(seed: int = 0) -> codec.Codec:
    one = seeded(seed, lambda: codec.Codec(codec.TINY.config)).eval().requires_grad_(False)
    for part in (one.prior_y, one.prior_z):
        generator = torch.Generator().manual_seed(seed)
        part.mean += 0.5 * torch.randn(part.mean.shape, generator=generator)
        part.freeze()
    return one


@pytest.fixture(scope="module")
def tiny() -> codec.Codec:
    return built()


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return scenes.render([scenes.scene("validation", i) for i in range(3)])


def latents(one: codec.Codec, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random ones, from none at all to the largest there are."""
    rng, config = np.random.default_rng(seed), one.config
    most = (0, 1, 3, LARGEST)[seed % 4]
    y = rng.integers(-most, most + 1, (config.latents, 8, 8)) * (rng.random((config.latents, 8, 8)) < rng.random())
    return y.astype(np.int32), rng.integers(-most, most + 1, config.overall).astype(np.int32)


@pytest.mark.parametrize("seed", range(16))
def test_a_file_holds_exactly_the_latents_that_were_written(tiny, seed):
    y, z = latents(tiny, seed)
    quality = (0, 3, 50, 97, 100)[seed % 5]
    read_y, read_z, read_quality = file.read(tiny, file.write(tiny, y, z, quality))
    assert np.array_equal(read_y, y)
    assert np.array_equal(read_z, z)
    assert read_quality == quality


def test_a_decoded_file_is_the_picture_of_the_rounded_latents(tiny, x):
    for quality in (0, 41, 100):
        y, z = file.quantise(tiny, x[0], quality)
        data = codec.encode(tiny, x[0], quality)
        assert torch.equal(codec.decode(tiny, data), file.rebuild(tiny, y, z, quality))
        assert data == codec.encode(tiny, x[0], quality)


def test_reading_uses_tables_of_whole_numbers_and_no_network(tiny):
    """So another machine, whose floats differ, reads the same latents."""
    other = copy.deepcopy(tiny)
    for parameter in other.parameters():
        parameter.fill_(torch.nan)
    y, z = latents(tiny, 6)
    data = file.write(tiny, y, z, 30)
    assert data == file.write(other, y, z, 30)
    assert all(np.array_equal(a, b) for a, b in zip(file.read(other, data), (y, z, 30), strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_a_file_is_as_long_as_its_entropy(tiny, seed):
    y, z = latents(tiny, seed)
    body = len(file.write(tiny, y, z, 70)) - file.HEADER
    assert -2 <= body - file.entropy(tiny, y, z, 70) / 8 <= 2  # bytes: a value in an interval needs no more


def test_a_cut_changed_or_foreign_file_gets_one_sentence(tiny):
    data = file.write(tiny, *latents(tiny, 2), 40)
    changed = [data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :] for i in range(len(data))]
    foreign = [classical.write("webp", picture(torch.zeros(3, 64, 64)), 50), bytes(200), b"\x89PNG\r\n", data + b"\0"]
    wrong = [data[:3] + b"\x07" + data[4:], data[:4] + b"\x20\x20" + data[6:], data[:6] + b"\xff" + data[7:]]
    for bad in (*(data[:n] for n in range(len(data))), *changed, *foreign, *wrong):
        with pytest.raises(codec.CodecFileError, match=r"^[A-Z][^\n]+\.$"):
            codec.decode(tiny, bad)
    with pytest.raises(codec.CodecFileError, match="of another model"):
        codec.decode(built(1), data)
    assert issubclass(codec.CodecFileError, ValueError)


def test_a_body_that_no_encoder_writes_gets_a_sentence_too(tiny):
    start = file.MAGIC + bytes([file.VERSION, 64, 64, 40])
    for seed in range(20):
        body = np.random.default_rng(seed).bytes(50)
        data = start + file._checksum(tiny, start, body) + body
        try:
            y, z, _ = file.read(tiny, data)
        except codec.CodecFileError as error:
            assert str(error) == file.DAMAGED  # noqa: PT017
        else:
            assert max(np.abs(y).max(), np.abs(z).max()) <= LARGEST


def test_the_checksum_covers_every_byte_and_the_tables(tiny):
    data = file.write(tiny, *latents(tiny, 3), 10)
    tables = [p.frequencies.numpy().astype("<i4").tobytes() for p in (tiny.prior_z, tiny.prior_y)]
    expected = zlib.crc32(data[:7] + data[9:] + b"".join(tables)) & 0xFFFF
    assert int.from_bytes(data[7:9], "big") == expected


def test_frequencies_are_whole_positive_and_sum_to_the_total(tiny):
    for part in (tiny.prior_y, tiny.prior_z):
        assert part.frequencies.shape[0] == LEVELS
        assert part.frequencies.min() >= 1
        assert (part.frequencies.long().sum(-1) == TOTAL).all()


def test_counts_of_symbols_correct_the_tables(tiny, x):
    """Tables fitted to counts give the counted latents fewer bits than the mixtures alone do."""
    other = copy.deepcopy(tiny)
    latents_ = [file.quantise(other, one, 0) for one in x]
    y = torch.from_numpy(np.stack([y for y, _ in latents_])).float()
    context = prior.contexts(y, other.config.groups)
    counted = other.prior_y.count(y, context)
    assert counted.sum() == y.numel()
    expected = ((y == 1) & (context == 0))[:, 3].sum()
    assert counted[0, 3, LARGEST + 1] == expected
    before = sum(file.entropy(other, *pair, 0) for pair in latents_)
    other.prior_y.freeze(counted.expand(LEVELS, -1, -1, -1))
    assert sum(file.entropy(other, *pair, 0) for pair in latents_) < before
    assert (other.prior_y.frequencies.long().sum(-1) == TOTAL).all()
    assert other.prior_y.frequencies.min() >= 1


def test_a_distribution_sums_to_one_over_the_whole_numbers(tiny):
    y = torch.arange(-400.0, 401)[None, None, None].expand(3, tiny.config.overall, 1, -1)
    q = torch.tensor([0.0, 0.37, 1.0])
    p = tiny.prior_z.probability(y, torch.zeros_like(y, dtype=torch.long), q)
    torch.testing.assert_close(p.sum(-1), torch.ones(3, tiny.config.overall, 1), atol=1e-3, rtol=0)


def test_a_context_knows_only_what_was_written_before_it():
    generator = torch.Generator().manual_seed(0)
    y = (torch.rand((1, 8, 5, 5), generator=generator) < 0.2).float()
    contexts = prior.contexts(y, 4)
    order = np.arange(25).reshape(1, 5, 5) * 4 + np.arange(8)[:, None, None] // 2  # place by place, group by group
    for channel, i, j in ((0, 0, 0), (3, 2, 1), (7, 4, 4), (5, 1, 4)):
        other = y.clone()
        other[0, channel, i, j] += 40
        changed = (prior.contexts(other, 4) != contexts)[0].numpy()
        assert not changed[order <= order[channel, i, j]].any()
        assert changed.any() == (order[channel, i, j] < order.max())


def test_rounding_passes_the_gradient_straight_through():
    y = torch.tensor([0.2, 1.7, -0.6], requires_grad=True)
    rounded = model.round_through(y)
    assert torch.equal(rounded, torch.tensor([0.0, 2.0, -1.0]))
    (rounded * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert torch.equal(y.grad, torch.tensor([1.0, 2.0, 3.0]))


def test_lambda_goes_from_the_lowest_to_the_highest():
    config = codec.CodecConfig()
    ends = model.lagrange(config, torch.tensor([0.0, 0.5, 1.0]))
    middle = (config.lowest * config.highest) ** 0.5
    torch.testing.assert_close(ends, torch.tensor([config.lowest, middle, config.highest]))


def test_a_picture_of_another_shape_or_quality_gets_a_sentence(tiny, x):
    for bad, quality in ((x[0, :1], 5), (x, 5), (x[0, :, :32], 5), (x[0], 101), (x[0], -1), (x[0], 2.5)):
        with pytest.raises(ValueError, match=r"\.$"):
            codec.encode(tiny, bad, quality)


def test_the_nearest_file_of_a_classical_codec_is_the_nearest(x):
    shown = picture(x[0])
    sizes = {quality: len(classical.write("webp", shown, quality)) for quality in range(0, 101, 1)}
    for wanted in (0, 250, 400, 10_000):
        quality, data = classical.nearest("webp", shown, wanted)
        assert data == classical.write("webp", shown, quality)
        assert abs(len(data) - wanted) <= min(abs(size - wanted) for size in sizes.values()) + 6
    assert classical.psnr(classical.read(classical.lossless(shown)), shown) == float("inf")


def test_more_quality_costs_more_bytes_and_brings_more_psnr():
    one = codec.load(SHIPPED)
    some = scenes.render([scenes.scene("test", 20_000 + i) for i in range(6)])
    points = []
    for quality in (0, 25, 50, 75, 100):
        files = [codec.encode(one, x, quality) for x in some]
        decoded = [classical.psnr(picture(codec.decode(one, f)), picture(x)) for f, x in zip(files, some, strict=True)]
        points.append((np.mean([len(f) for f in files]), np.mean(decoded)))
    assert points == sorted(points)
    assert (np.diff(np.array(points), axis=0) > 0).all()


def test_the_card_says_what_files_have():
    metrics, one = checkpoints.read_json(SHIPPED, "metrics.json"), codec.load(SHIPPED)
    some = evaluation.QUALITIES.index(50)
    sizes = [len(codec.encode(one, scenes.render([scenes.scene("test", i)])[0], 50)) for i in range(24)]
    assert np.mean(sizes) == pytest.approx(metrics["bytes"][some], rel=0.2)
    assert abs(metrics["above_entropy"]) < 0.03
    assert metrics["bytes"] == sorted(metrics["bytes"])
    assert metrics["psnr"] == sorted(metrics["psnr"])
