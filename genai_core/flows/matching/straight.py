"""How straight a path is: its distance from the chord between its ends, and the straightness of Liu 2022."""

from torch import Tensor

from genai_core.common import checks


def plane(states: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """States [T, ...] in the plane of the chord from start to end: along it, and away from it, [T] each.

    Both in units of the chord, whose ends are (0, 0) and (1, 0); `away` is a distance, 0 or more.
    Raises: ValueError unless start and end have the shape of a state.
    """
    flat, first, chord, length = _chord(states, start, end)
    along = (flat - first) @ chord / length**2  # [T]
    away = (flat - first - along[:, None] * chord).norm(dim=1) / length
    return along.float(), away.float()


def deviation(states: Tensor, times: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """|x_t - ((1 - t) start + t end)| over |end - start| for states [T, ...] at times [T] in [0, 1]: [T].

    Raises: ValueError for another number of times, or unless start and end have the shape of a state.
    """
    checks.shape("The times", times, len(states))
    flat, first, chord, length = _chord(states, start, end)
    return ((flat - first - times.to(flat)[:, None] * chord).norm(dim=1) / length).float()


def straightness(states: Tensor, times: Tensor) -> Tensor:
    """[N]: the mean over time of |velocity - chord|^2, over |chord|^2, for states [T + 1, N, ...] at rising times.

    0 for a straight path at constant speed. Liu 2022, section 2.2: S(Z) is the integral over t in [0, 1] of
    E |(Z_1 - Z_0) - dZ_t/dt|^2. Here the velocity is that between two states, the whole path takes one unit of time,
    and the square of its chord is the unit, so that paths of different lengths compare.
    Raises: ValueError for fewer than two states, or another number of times.
    """
    checks.count("The number of states", len(states), 2)
    checks.shape("The times", times, len(states))
    flat = states.double().flatten(2)  # [T + 1, N, D]
    chord = flat[-1] - flat[0]
    h = (times[1:] - times[:-1]).to(flat) / (times[-1] - times[0])  # [T], sums to 1
    apart = flat.diff(dim=0) / h[:, None, None] - chord  # [T, N, D]
    return ((apart.square().sum(2) * h[:, None]).sum(0) / chord.square().sum(1).clamp(min=1e-24)).float()


def _chord(states: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    """States [T, D] and start [D] in float64, the chord [D], and its length, which is above 0."""
    for side in (start, end):
        checks.shape("A state", side, *states.shape[1:])
    flat, first = states.double().flatten(1), start.double().flatten()
    chord = end.double().flatten() - first
    return flat, first, chord, max(float(chord.norm()), 1e-12)
