"""The explanations on an encoder whose answers are known: it counts red pixels and reads single words."""

import pytest
import torch
import torch.nn.functional as F

from genai_core.clip import explain as ex

WORDS = {"red": 0, "left": 1, "blue": 2}


class Reader:
    """Pictures -> (red, red in the left half, blue, 1); texts -> a direction for each known word."""

    def encode_image(self, x):
        red, blue = x[:, 0] - x[:, 1:].mean(1), x[:, 2] - x[:, :2].mean(1)
        half = x.shape[-1] // 2
        parts = [red.mean((1, 2)), red[..., :half].mean((1, 2)), blue.mean((1, 2)), 0.1 * torch.ones(len(x))]
        return F.normalize(torch.stack(parts, 1), dim=1)

    def encode_text(self, texts):
        rows = [[float(word in ex.words(text)) for word in WORDS] + [0.1] for text in texts]
        return F.normalize(torch.tensor(rows), dim=1)


PICTURE = torch.zeros(3, 16, 16)
PICTURE[0, 4:8, 8:12] = 1  # a red square on black
RED = Reader().encode_text(["red"])[0]


def test_the_word_that_counts_contributes_and_others_do_not():
    picture = torch.tensor([1.0, 0, 0, 0])
    found = dict(ex.word_contributions(Reader(), picture, "a red thing, blue"))
    assert list(found) == ["a", "red", "thing", "blue"]
    assert found["a"] == found["thing"] == pytest.approx(0, abs=1e-6)
    assert found["red"] > 0.5
    assert found["blue"] < 0
    assert ex.word_contributions(Reader(), picture, "red")[0][1] > 0.9
    with pytest.raises(ValueError, match="at least one word"):
        ex.word_contributions(Reader(), picture, ", ")


def test_the_patch_that_counts_is_where_the_thing_is():
    relevance = ex.patch_relevance(Reader(), PICTURE, RED, cells=4)
    assert relevance.shape == (4, 4)
    assert divmod(int(relevance.argmax()), 4) == (1, 2)
    away = relevance[[0, 0, 3, 3], [0, 3, 0, 3]]
    assert away.abs().max() < 0.02 * relevance.max()
    with pytest.raises(ValueError, match="2 to 32 cells"):
        ex.patch_relevance(Reader(), PICTURE, RED, cells=1)


def test_probabilities_sum_to_one_and_cool_to_the_nearest():
    a, b = F.normalize(torch.eye(4)[:2] + 0.1, dim=1), torch.eye(4)[:3]
    warm, cold = ex.probabilities(a, b, 1.0), ex.probabilities(a, b, 0.001)
    torch.testing.assert_close(warm.sum(1), torch.ones(2))
    assert cold.argmax(1).tolist() == ex.similarities(a, b).argmax(1).tolist() == [0, 1]
    assert cold.max(1).values.min() > 0.99 > warm.max()
    with pytest.raises(ValueError, match="above 0"):
        ex.probabilities(a, b, 0.0)


def test_an_ensemble_is_the_mean_direction():
    found = ex.ensemble(Reader(), ["red", "blue"], ["a {}", "{} left"])
    both = Reader().encode_text(["a red", "red left"]).mean(0)
    torch.testing.assert_close(found[0], both / both.norm())
    with pytest.raises(ValueError, match="needs {}"):
        ex.ensemble(Reader(), ["red"], ["a picture"])
    with pytest.raises(ValueError, match="At least one label"):
        ex.ensemble(Reader(), [], ["a {}"])


def test_the_plane_holds_what_lies_in_a_plane(generator):
    """Points of a plane keep their distances; a gap between the kinds is the first axis, or gone."""
    basis = torch.linalg.qr(torch.randn(9, 9, generator=generator))[0]
    flat = torch.randn(30, 2, generator=generator)
    x, y = flat[:20] @ basis[:2], flat[20:] @ basis[:2]
    a, b, share = ex.project(x, y, together=False)
    torch.testing.assert_close(torch.cdist(a, b), torch.cdist(x, y), atol=1e-4, rtol=1e-4)
    assert sum(share) == pytest.approx(1)
    gap = 20 * basis[5]
    a, b, _ = ex.project(x, y + gap, together=False)
    assert (a[:, 0].mean() - b[:, 0].mean()).abs() > 10
    a, b, _ = ex.project(x, y + gap)
    torch.testing.assert_close(a.mean(0), b.mean(0), atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match="three points"):
        ex.project(x[:1], y[:1])


def test_a_text_that_weighs_as_much_as_three_pictures_is_as_good_as_said_three_times():
    generator = torch.Generator().manual_seed(3)
    x, y = torch.randn(20, 6, generator=generator), torch.randn(4, 6, generator=generator)
    for together in (True, False):
        a, b, share = ex.project(x, y, together=together, weight=3)
        c, d, same = ex.project(x, y.repeat(3, 1), together=together)
        torch.testing.assert_close(a, c, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(b, d[:4], atol=1e-5, rtol=1e-5)
        assert share == pytest.approx(same)
    only = ex.project(x, y, weight=1e9)[1]
    torch.testing.assert_close(torch.pdist(only), torch.pdist(ex.project(x[:0], y)[1]), atol=1e-3, rtol=1e-3)
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="weight"):
            ex.project(x, y, weight=wrong)
