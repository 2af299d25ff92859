import torch

from genai_core.common.interpolation import lerp, slerp


def test_slerp_keeps_the_norm_of_equal_norms_and_both_ways_meet_at_the_ends(generator):
    a = torch.randn(16, generator=generator)
    b = torch.randn(16, generator=generator)
    b = b / b.norm() * a.norm()
    t = torch.linspace(0, 1, 9)
    assert torch.allclose(slerp(a, b, t).norm(dim=1), a.norm().expand(9), atol=1e-4)
    assert lerp(a, b, t).norm(dim=1)[4] < a.norm()
    for way in (lerp, slerp):
        assert torch.allclose(way(a, b, t)[[0, -1]], torch.stack([a, b]), atol=1e-4)


def test_slerp_turns_at_even_speed(generator):
    a, b = torch.randn(2, 8, generator=generator)
    z = torch.nn.functional.normalize(slerp(a, b, torch.linspace(0, 1, 6)), dim=1)
    angles = (z[1:] * z[:-1]).sum(1).acos()
    assert torch.allclose(angles, angles.mean().expand(5), atol=1e-3)
    assert torch.isfinite(slerp(a, a, torch.linspace(0, 1, 3))).all()
