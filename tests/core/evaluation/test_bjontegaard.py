import math

import numpy as np
import pytest

from genai_core.evaluation.bjontegaard import bd_rate, bytes_at, interpolate

CURVE = [(100, 25.0), (180, 28.0), (300, 31.0), (520, 33.5), (900, 35.0)]


def scaled(factor: float, shift: float = 0.0) -> list[tuple[float, float]]:
    return [(factor * size, psnr + shift) for size, psnr in CURVE]


@pytest.mark.parametrize("factor", [0.5, 0.7, 1.0, 1.25])
def test_a_constant_ratio_of_bytes_is_the_rate(factor):
    assert bd_rate(CURVE, scaled(factor)) == pytest.approx(factor - 1, abs=1e-9)


def test_two_straight_lines_have_the_rate_of_their_closed_form():
    """log bytes = a + b PSNR: the mean difference over [26, 34] is that at 30 dB."""
    first = [(math.exp(1 + 0.15 * psnr), psnr) for psnr in (24, 27, 30, 34)]
    second = [(math.exp(0.2 + 0.17 * psnr), psnr) for psnr in (26, 29, 33, 36)]
    assert bd_rate(first, second) == pytest.approx(math.exp(-0.8 + 0.02 * 30) - 1, abs=1e-6)


def test_rates_of_both_directions_are_reciprocal():
    other = [(90, 25.5), (150, 28.5), (290, 32.0), (700, 35.5)]
    assert (1 + bd_rate(CURVE, other)) * (1 + bd_rate(other, CURVE)) == pytest.approx(1)


def test_the_interpolation_is_that_of_scipy_and_monotone():
    scipy = pytest.importorskip("scipy.interpolate")
    x, y = np.array([0.0, 1, 1.5, 4, 4.2]), np.array([0.0, 0.1, 3, 3.1, 9])
    at = np.linspace(0, 4.2, 301)
    assert np.allclose(interpolate(at, x, y), scipy.PchipInterpolator(x, y)(at))
    assert (np.diff(interpolate(at, x, y)) >= -1e-12).all()


def test_bytes_at_a_psnr_of_the_curve_are_its_own():
    assert bytes_at(CURVE, 31.0) == pytest.approx(300)
    with pytest.raises(ValueError, match=r"reaches from 25.00 to 35.00 dB"):
        bytes_at(CURVE, 40)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (CURVE[:3], "needs 4 points"),
        (scaled(1, 20), "no PSNR in common"),
        ([(100, 30), (200, 29), (300, 31), (400, 32)], "must rise"),
    ],
)
def test_curves_that_cannot_be_compared_get_a_sentence(other, sentence):
    with pytest.raises(ValueError, match=sentence):
        bd_rate(CURVE, other)
