"""The flow tab: maps that can be inverted, and the likelihood that they give exactly."""

from demos._ui.tab import Tab
from demos.flow import _api, compare, lab, layers, likelihood, match, model, sample
from genai_core.data.plane import distribution
from genai_core.flows import base, couplings, ledger
from genai_core.flows.matching import generate, solvers
from genai_core.flows.matching import model as picture_matching
from genai_core.flows.plane import continuous, discrete, matching, velocity
from genai_core.flows.plane import lab as core_lab
from genai_core.flows.plane import layers as plane_layers

HOW = r"""
A **normalising flow** is a map between data $x$ and noise $z \sim \mathcal{N}(0, I)$ that can be inverted. Run one way
it draws samples; run the other way it tells how likely anything is, exactly, by the **change of variables**
(Dinh 2014, [arXiv 1410.8516](https://arxiv.org/abs/1410.8516)):

$$\log p(x) = \log \mathcal{N}(z; 0, I) + \log \left| \det \frac{\partial z}{\partial x} \right|, \qquad z = f(x)$$

Where the map squeezes space, the density rises, and where it stretches space, the density falls: the integral stays 1.
Of a chain of layers the $\log |\det|$ add up. The trouble is a layer that can be inverted **and** whose determinant is
cheap, and the models differ in how they come by it.

- A **coupling** (RealNVP, Dinh 2016, [arXiv 1605.08803](https://arxiv.org/abs/1605.08803)) leaves one half of the
  coordinates alone, and lets it say how the other half is scaled and shifted:
  $$z_1 = x_1, \qquad z_2 = x_2 \odot e^{s(x_1)} + t(x_1), \qquad \log |\det| = \sum s(x_1)$$
  $s$ and $t$ may be any network: it is never inverted. The next coupling changes the other half. NICE (Dinh 2014) had
  $s = 0$, which keeps every volume.
- **Glow** (Kingma & Dhariwal 2018, [arXiv 1807.03039](https://arxiv.org/abs/1807.03039)) puts two layers before each
  coupling: *actnorm*, a scale and a shift of each channel set by the first batch, and a learned mixture of the
  channels, the *1 × 1 convolution*, kept as $W = P L (U + \operatorname{diag}(s))$, so that $\log |\det W| = \sum \log
  |s|$ costs a sum. In the plane there are two channels, and $P = I$.
- **FFJORD** (Grathwohl 2018, [arXiv 1810.01367](https://arxiv.org/abs/1810.01367)) makes the layers infinitely many and
  infinitely thin: points follow a velocity, $\frac{dx}{dt} = v(x, t)$, and the determinant becomes a trace, the
  **instantaneous change of variables** (Chen 2018, [arXiv 1806.07366](https://arxiv.org/abs/1806.07366)):
  $$\frac{d \log p(x(t))}{dt} = - \operatorname{tr} \frac{\partial v}{\partial x}$$
  No layer needs a form of its own, but every step of the training integrates. In two dimensions the trace is exact
  here; in many, **Hutchinson's estimator** $\operatorname{tr} J = \mathbb{E}\, \epsilon^\top J \epsilon$ takes one
  product with a random $\epsilon$ instead of one for each dimension.
- **Flow matching** (Lipman 2022, [arXiv 2210.02747](https://arxiv.org/abs/2210.02747); rectified flow, Liu 2022,
  [arXiv 2209.03003](https://arxiv.org/abs/2209.03003)) trains the same velocity without integrating anything. Noise and
  data are joined by straight lines, and the network learns what moves along them:
  $$\mathcal{L} = \mathbb{E}_{z, x, t}\, \lVert v(x_t, t) - (x - z) \rVert^2, \qquad x_t = (1 - t)\, z + t\, x$$
  Where lines cross, it learns their mean, so that its own paths bend. Samples come by Euler's or Heun's rule; the
  likelihood, which nothing was trained for, by integrating the trace.

**What no flow can do.** A map that is continuous both ways keeps what is connected connected: it cannot tear one round
Gaussian into eight islands, and leaves thin bridges between them (the first preset).

**Pictures.** A grey level is a whole number, and a density of whole numbers could be as high as one likes. So each
gets uniform noise, $v = (255 x + u) / 256$, and what is told is $8 - \log_2 p(v) / 784$ **bits per dimension**, an
upper bound of what the whole numbers need (Theis 2016, [arXiv 1511.01844](https://arxiv.org/abs/1511.01844)). NICE,
RealNVP and Glow are chains of such layers over 784 numbers; *squeeze* turns 2 × 2 pixels into channels, and with
several scales half of the channels are latent early. *Layers* shows all of them, and *Sample* what each scale decides.
Glow's couplings here bend as well as stretch, by a mixture of logistics (Flow++, Ho 2019,
[arXiv 1902.00275](https://arxiv.org/abs/1902.00275)).

**Flow matching of pictures** trains the U-Net of the Diffusion tab to predict $x - z$. **Reflow** (Liu 2022) lets that
model draw pairs of noise and sample, and trains again on the straight lines between them: these cross less, so that the
new paths are straighter and need fewer steps. *Match* draws with both from one noise, beside diffusion.

**Likely is not real.** A flow that was trained on garments gives digits a higher likelihood than garments (Nalisnick
2018, [arXiv 1810.09136](https://arxiv.org/abs/1810.09136)). A density is highest at its peak, and in many dimensions
hardly any sample lies there: samples are **typical**, near the average of $\log p$. A picture far from that average to
either side is suspect (Nalisnick 2019, [arXiv 1906.02994](https://arxiv.org/abs/1906.02994)); here, one outside of the
middle 90 % of test pictures. One test picture in ten is, too.

**What is measured.** Data are drawn anew for every step. The likelihood is that of 500 points that no step saw, beside
the true density's on the same points; their difference estimates the Kullback-Leibler divergence. The integral is a
sum: the density in the middles of 128 × 128 cells (48 × 48 for the two ODEs), and of larger cells around what is
shown, each times its area; an ODE is integrated in six steps of RK4, so that its sum can be off by a few hundredths
where the data are narrow.
"""


def noise_to_moons() -> dict:
    """The grid of latent space at three moments of its way to the moons, carried by the exact velocity."""
    moons = distribution("moons").scaled(core_lab.SCALE, 0.15)
    states = matching.sample(matching.exact_velocity(moons), core_lab.lattice()[::2], "heun", 20)
    dots = [
        [round(50 + 100 * k + 13.5 * x, 1), round(46 - 13.5 * y, 1), ink]
        for k, (moment, ink) in enumerate(((0, "--noise"), (12, "--made"), (20, "--real")))
        for x, y in states[moment].tolist()
    ]
    return {"dots": dots, "alt": "A grid of noise on its way to two moons"}


TAB = Tab(
    title="Flow",
    group="Likelihood",
    headline="Bend space, keep the account",
    text="A map from noise to data that runs both ways, and so knows exactly how likely anything is. Watch four of "
    "them bend a grid, layer by layer.",
    picture=noise_to_moons,
    parts=(model.PART, lab.PART, layers.PART, sample.PART, likelihood.PART, match.PART, compare.PART),
    how=HOW,
    sources=(
        couplings.AffineCoupling,
        ledger.ledger,
        plane_layers.Coupling,
        plane_layers.Mixing,
        discrete.Discrete,
        velocity.Velocity,
        velocity.hutchinson,
        continuous.Continuous,
        matching.FlowMatching,
        matching.sample,
        base.sample,
        core_lab.Lab,
        picture_matching.loss,
        generate.pairs,
        solvers.euler,
    ),
    cards={
        "nice-mnist": "NICE, digits",
        "realnvp-mnist": "RealNVP, digits",
        "glow-mnist": "Glow, digits",
        "realnvp-fashion": "RealNVP, garments",
        "flowmatch-mnist": "Flow matching, digits",
        "reflow-mnist": "Rectified flow, digits",
    },
    endpoints=_api.ENDPOINTS,
    unnamed="lab",
)
