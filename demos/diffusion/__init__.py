"""The diffusion tab: denoising step by step, a race of samplers, noising, inpainting, a lab in 2-D, Hub models."""

import torch

from demos._ui import images, interpolation
from demos._ui.tab import Tab
from demos.diffusion import _api, _models, denoise, forward, hub, inpaint, lab, model, race
from genai_core import diffusion
from genai_core.diffusion import fewstep, guidance, samplers, schedules, unet
from genai_core.diffusion.inpaint import inpaint_steps

HOW = r"""
A **diffusion model** (Sohl-Dickstein 2015; Ho 2020, [arXiv 2006.11239](https://arxiv.org/abs/2006.11239)) is one
network that was shown pictures under every amount of noise, and asked what is noise in them:

$$x_t = \alpha_t\, x_0 + \sigma_t\, \epsilon, \qquad \epsilon \sim \mathcal{N}(0, I), \qquad \alpha_t^2 + \sigma_t^2
= 1$$

$\alpha_t = \sqrt{\bar\alpha_t}$ is how much of the picture $x_0$ is left at noise level $t$, $\sigma_t = \sqrt{1 -
\bar\alpha_t}$ how much noise is in it, from $t = 0$, the picture, to $t = 1$, noise alone. A **schedule** says which
level each of 1,000 steps has: *cosine* (Nichol & Dhariwal 2021) visits the levels evenly, *linear* (Ho 2020) and
*sigmoid* (Jabri 2022) do not; the part *Forward* draws all three.

**Training.** Ours predicts $v = \alpha_t\,\epsilon - \sigma_t\,x_0$ (Salimans & Ho 2022) from $x_t$, the level and the
class $y$, by the mean squared error over pictures, noise and levels:

$$\mathcal{L} = \mathbb{E}_{x_0, \epsilon, t}\, \lVert v_\theta(x_t, t, y) - v \rVert^2$$

From $v$ follow the predicted noise $\hat\epsilon = \sigma_t x_t + \alpha_t v$ and the predicted picture $\hat x_0 =
\alpha_t x_t - \sigma_t v$. One label in ten is hidden, so that the same network also knows "no class", $\varnothing$.

**Sampling** begins with noise and goes from level to level, $t$ to a lower $s$: ask the network, move, ask again.

- **DDIM** (Song 2020) puts picture and noise together anew, $x_s = \alpha_s \hat x_0 + \sqrt{\sigma_s^2 -
  \eta^2\beta^2}\, \hat\epsilon + \eta\,\beta\,z$, with fresh noise $z \sim \mathcal{N}(0, I)$ and $\beta =
  \frac{\sigma_s}{\sigma_t} \sqrt{1 - \alpha_t^2 / \alpha_s^2}$. At $\eta = 0$ no noise is added, and the first noise
  decides everything; $\eta = 1$ is **DDPM**'s ancestral sampling (Ho 2020).
- **Euler**'s rule takes straight steps along the probability-flow ODE (Song 2021; Karras 2022), whose paths have the
  same distributions as the noising:
  $$\frac{d\,(x/\alpha)}{d\,(\sigma/\alpha)} = \epsilon_\theta(x, t)$$
  On the same levels it is DDIM at $\eta = 0$; in *Denoise* it visits Karras's levels, as Heun does.
- **Heun** takes the mean of the slopes at both ends of a step, for two evaluations, and **DPM-Solver++ 2M** (Lu 2022)
  extrapolates the predicted picture from the last two: both are of second order, so that fewer, longer steps do.
- **Langevin** dynamics (Song & Ermon 2019) follows the score, $\nabla_x \log p_t(x) = -\epsilon / \sigma_t$, and adds
  noise, $x \leftarrow x - \tfrac{1}{2} \sigma_t \hat\epsilon + \sigma_t z$, at one falling level after the other. It
  needs many: at 50 steps its samples are about 1.4 times too wide, at 200 about 1.1 times.

**Guidance** (Ho & Salimans 2022) of strength $w$ exaggerates what the class changes, $v = v_\varnothing + w\,(v_y -
v_\varnothing)$; at $w = 1$ it is off. Each evaluation then is two passes of the network, with and without the class:
25 evaluations are 50 passes.

The **few-step student** learned to go in one step where its teacher goes in two, again and again (progressive
distillation, Salimans & Ho 2022). **RePaint** (Lugmayr 2022) fills holes by setting the known pixels at every step, and
steps back to let both parts meet.
"""


def noise_to_digits() -> dict:
    """Ten digits at three moments of their denoising."""
    steps = list(
        diffusion.sample_steps(
            diffusion.load("ddpm-mnist-fewstep"),
            10,
            generator=torch.Generator().manual_seed(5),
            labels=torch.arange(10),
            steps=4,
        )
    )
    states = torch.cat([diffusion.picture(x) for x in (steps[0].x, steps[2].x, steps[-1].after)]).cpu()
    return {"image": images.png(images.tile(states, 10, gap=2)), "alt": "Noise becoming ten digits"}


TAB = Tab(
    title="Diffusion",
    group="Diffusion",
    headline="Noise, step by step a picture",
    text="One network that tells noise from picture, asked again and again. Watch what it predicts at every step, "
    "race six samplers, and let it fill what you paint over.",
    picture=noise_to_digits,
    parts=(
        model.PART,
        denoise.PART,
        race.PART,
        forward.PART,
        inpaint.PART,
        interpolation.part(_models.SPACE),
        lab.PART,
        hub.PART,
    ),
    how=HOW,
    sources=(
        unet.loss,
        guidance.denoiser,
        samplers.ddpm,
        samplers.ddim,
        samplers.euler,
        samplers.heun,
        samplers.dpmpp_2m,
        samplers.langevin,
        fewstep.train,
        inpaint_steps,
        schedules.schedule,
    ),
    cards=_models.NAMES,
    endpoints=_api.ENDPOINTS,
    unnamed="denoise",
)
