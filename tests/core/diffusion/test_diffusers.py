"""Step for step the same as diffusers' schedulers, where those exist, with one and the same denoiser."""

import diffusers
import pytest
import torch

from genai_core.diffusion import exact, samplers, schedules

BETAS = {"linear": "linear", "cosine": "squaredcos_cap_v2"}
MIXTURE = exact.mixture(torch.tensor([[-0.8, 0.0], [0.8, 0.4]]), 0.15)
STEPS = 20  # a divisor of 1000: theirs steps by 1000 // STEPS, whatever the next step kept is
each_schedule = pytest.mark.parametrize("schedule", BETAS)
each_spacing = pytest.mark.parametrize("spacing", ["trailing", "leading"])


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def start() -> torch.Tensor:
    return torch.randn((6, 2), generator=seed(0))


def noise_at(schedule: str, spread: bool = False):
    """(x, step of T) -> predicted noise; spread: for an x that is not shrunk (x / alpha)."""
    table = schedules.schedule(schedule).t

    def predict(x, step):
        t = table[int(step)]
        alpha, _ = schedules.factors(t)
        return MIXTURE(x * float(alpha) if spread else x, t).noise

    return predict


def options(schedule: str, spacing: str) -> dict:
    return {"beta_schedule": BETAS[schedule], "timestep_spacing": spacing}


def compare(states: list[torch.Tensor], ours) -> None:
    ours = [step.after for step in ours]
    assert len(states) == len(ours)
    for a, b in zip(states, ours, strict=True):
        torch.testing.assert_close(a, b, atol=2e-4, rtol=2e-3)  # theirs keeps its tables in float32


@each_schedule
@each_spacing
def test_ddpm(schedule, spacing):
    theirs = diffusers.DDPMScheduler(**options(schedule, spacing), clip_sample=False)
    theirs.set_timesteps(STEPS)
    x, states, generator, predict = start(), [], seed(1), noise_at(schedule)
    for step in theirs.timesteps:
        x = theirs.step(predict(x, step), step, x, generator=generator).prev_sample
        states.append(x)
    grid = schedules.grid(schedules.schedule(schedule), STEPS, spacing)
    compare(states, samplers.ddpm(MIXTURE, start(), grid, generator=seed(1)))


@each_schedule
@each_spacing
@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_ddim(schedule, spacing, eta):
    theirs = diffusers.DDIMScheduler(**options(schedule, spacing), clip_sample=False)
    theirs.set_timesteps(STEPS)
    x, states, generator, predict = start(), [], seed(1), noise_at(schedule)
    for step in theirs.timesteps:
        x = theirs.step(predict(x, step), step, x, eta=eta, generator=generator).prev_sample
        states.append(x)
    grid = schedules.grid(schedules.schedule(schedule), STEPS, spacing)
    compare(states, samplers.ddim(MIXTURE, start(), grid, generator=seed(1), eta=eta))


# From the cosine schedule's last step on, their x / alpha is of the size of 20,000 and has few digits left in float32.
@pytest.mark.parametrize(
    ("schedule", "spacing"), [("linear", "trailing"), ("linear", "leading"), ("cosine", "leading")]
)
@pytest.mark.parametrize("name", ["euler", "heun"])
def test_euler_and_heun(name, schedule, spacing):
    kind = {"euler": diffusers.EulerDiscreteScheduler, "heun": diffusers.HeunDiscreteScheduler}[name]
    theirs = kind(**options(schedule, spacing), beta_start=1e-4, beta_end=0.02)
    theirs.set_timesteps(STEPS)
    grid = schedules.grid(schedules.schedule(schedule), STEPS, spacing)
    alphas = schedules.factors(grid)[0].float()
    predict = noise_at(schedule, spread=True)
    x, states = start() / alphas[0], []
    assert len(theirs.timesteps) == (STEPS if name == "euler" else 2 * STEPS - 1)
    for i, step in enumerate(theirs.timesteps):
        theirs.scale_model_input(x, step)  # only our denoiser wants another scale than theirs
        x = theirs.step(predict(x, step), step, x).prev_sample
        if name == "euler" or i % 2 or i == 2 * STEPS - 2:
            states.append(alphas[len(states) + 1] * x)
    compare(states, samplers.SAMPLERS[name](MIXTURE, start(), grid, generator=seed(1)))


@each_schedule
def test_dpmpp_2m(schedule):
    theirs = diffusers.DPMSolverMultistepScheduler(**options(schedule, "trailing"), final_sigmas_type="zero")
    theirs.set_timesteps(STEPS)
    x, states, predict = start(), [], noise_at(schedule)
    for step in theirs.timesteps:
        x = theirs.step(predict(x, step), step, x).prev_sample
        states.append(x)
    grid = schedules.grid(schedules.schedule(schedule), STEPS, "trailing")
    compare(states, samplers.dpmpp_2m(MIXTURE, start(), grid, generator=seed(1)))


def test_karras_spacing():
    theirs = diffusers.EulerDiscreteScheduler(beta_schedule="linear", use_karras_sigmas=True)
    theirs.set_timesteps(STEPS)
    linear = schedules.schedule("linear")
    grid = schedules.grid(linear, STEPS, "karras")
    alpha, sigma = schedules.factors(grid)
    ours, sigmas = sigma / alpha, theirs.sigmas.double()
    assert ours[0] == pytest.approx(80, rel=1e-6)  # ours ends there, theirs goes on to the schedule's own end
    own = torch.linspace(0, 1, STEPS, dtype=torch.float64)
    ends = sigmas[[0, -2]] ** (1 / 7)
    torch.testing.assert_close(sigmas[:-1], torch.lerp(ends[0], ends[1], own) ** 7, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(ours[-2], sigmas[-2], rtol=1e-3, atol=1e-5)
