"""One digit through four models that differ in beta alone: what the rate buys, and where the posterior collapses."""

import torch
from PIL import Image

from demos._ui import images
from demos._ui.settings import Setting, choice
from demos._ui.tab import Answer, Part, Preset
from demos.vae import _models
from genai_core import vae
from genai_core.common import checkpoints

BETAS = (0.25, 1.0, 4.0, 16.0)
DIGITS = [str(d) for d in range(10)]


def name_of(beta: float) -> str:
    return f"vae-mnist-beta{beta:g}"


def bars(kl: list[float], top: float) -> str:
    """KL per dimension as an SVG of bars, strongest first; collapsed ones in the colour of noise."""
    width, height = 15, 56
    parts = []
    for k, value in enumerate(sorted(kl, reverse=True)):
        tall = max(1.5, value / top * height)
        colour = "--noise" if value < vae.ACTIVE else "--real"
        parts.append(
            f'<rect x="{k * width}" y="{height - tall:.1f}" width="{width - 4}" height="{tall:.1f}" rx="2" '
            f'fill="var({colour})"><title>{value:.2f} nat</title></rect>'
        )
    active = sum(v >= vae.ACTIVE for v in kl)
    return (
        f'<svg viewBox="0 0 {width * len(kl)} {height}" width="{width * len(kl)}" height="{height}" role="img" '
        f'aria-label="{active} of {len(kl)} dimensions active">{"".join(parts)}</svg>'
    )


def plane(measured: dict[float, dict]) -> str:
    """Rate-distortion plane (Alemi 2018) as SVG: one point a model, and the line of equal ELBO through the best."""
    width, height, left, low = 430, 250, 52, 42
    rates = [m["rate"] for m in measured.values()]
    distortions = [m["distortion"] for m in measured.values()]
    r1 = max(rates) * 1.25
    d0, d1 = min(distortions) * 0.8, max(distortions) * 1.1

    def x(rate):
        return left + rate / r1 * (width - left - 10)

    def y(distortion):
        return 10 + (d1 - distortion) / (d1 - d0) * (height - low - 10)

    best = max(m["elbo"] for m in measured.values())
    r_left, r_right = max(0, -best - d1), min(r1, -best - d0)  # where rate + distortion = -best is inside the frame
    line = (
        f'<line x1="{x(r_left):.0f}" y1="{y(-best - r_left):.0f}" x2="{x(r_right):.0f}" y2="{y(-best - r_right):.0f}" '
        'stroke="var(--noise)" stroke-dasharray="4 4"/>'
    )
    ticks = "".join(
        f'<text x="{x(v):.0f}" y="{height - low + 16}" text-anchor="middle">{v}</text>' for v in range(0, int(r1), 10)
    ) + "".join(
        f'<text x="{left - 8}" y="{y(v) + 4:.0f}" text-anchor="end">{v}</text>'
        for v in range(50, int(d1), 50)
        if v > d0
    )
    path = " ".join(f"{x(m['rate']):.0f},{y(m['distortion']):.0f}" for m in measured.values())
    points = "".join(
        f'<circle cx="{x(m["rate"]):.0f}" cy="{y(m["distortion"]):.0f}" r="6" fill="var(--made)"/>'
        f'<text class="name" x="{x(m["rate"]) + 10:.0f}" y="{y(m["distortion"]) - 7:.0f}">β = {beta:g}</text>'
        for beta, m in measured.items()
    )
    return (
        f'<svg class="plane" viewBox="0 0 {width} {height}" role="img" aria-label="Rate and distortion of four models">'
        f'<path d="M{left} 10V{height - low}H{width - 10}" fill="none" stroke="var(--line)"/>{line}'
        f'<polyline points="{path}" fill="none" stroke="var(--made)" opacity=".4"/>{points}{ticks}'
        f'<text x="{(width + left) / 2}" y="{height - 6}" text-anchor="middle">rate: KL, nat</text>'
        f'<text transform="translate(13 {height / 2 - 16}) rotate(-90)" text-anchor="middle">distortion, nat</text>'
        "</svg>"
    )


def family(x: torch.Tensor) -> str:
    """One picture [1, 1, 28, 28] through the four models, as HTML. Raises: CheckpointError."""
    measured = {beta: checkpoints.read_json(name_of(beta), "metrics.json") for beta in BETAS}
    top = max(max(m["kl_per_dimension"]) for m in measured.values())
    rows = []
    for beta, m in measured.items():
        model = vae.load(name_of(beta))
        rebuilt = reconstruction(model, x)
        pictures = "".join(
            f'<img class="pixels" src="{images.data_uri(images.tile(p[None], 1))}" alt="{what}, beta {beta:g}">'
            for p, what in zip(
                [*rebuilt, *draws(model)], ["reconstruction", *["sample from the prior"] * 6], strict=True
            )
        )
        rows.append(
            f'<div class="beta"><div class="num"><b>β = {beta:g}</b><br>rate {m["rate"]:.1f} nat<br>'
            f"distortion {m['distortion']:.1f} nat<br>{m['active_dimensions']} of {len(m['kl_per_dimension'])} in use"
            f'</div><div class="pictures">{pictures}</div><div>{bars(m["kl_per_dimension"], top)}</div></div>'
        )
    original = images.data_uri(images.tile(x, 1))
    head = (
        f'<div class="beta head"><div><img class="pixels" src="{original}" alt="the digit given to all four"></div>'
        "<div>first its reconstruction, then six samples from the prior, seed 0</div>"
        "<div>KL of each latent dimension</div></div>"
    )
    return f'<div class="card stage">{head}{"".join(rows)}</div><div class="card" style="margin-top:16px">' + (
        f'<h3>Rate and distortion over the test digits</h3><div class="rd">{plane(measured)}<p class="caption">'
        "A high β makes every nat of KL expensive: dimensions switch off one by one (their bar turns grey: the "
        "posterior equals the prior), reconstructions lose what those nats held, and samples stay in step with them. "
        "A low β spends many nats: sharp reconstructions, and samples that fall apart, because the prior no longer "
        "covers where codes lie. On the dashed line the ELBO is that of the best of the four.</p></div></div>"
    )


def picture(digit: str) -> Image.Image:
    """The four models' rows as one picture: reconstruction, then six samples."""
    x = digit_picture(digit)
    rows = []
    for beta in BETAS:
        model = vae.load(name_of(beta))
        rows += [reconstruction(model, x), draws(model)]
    return images.tile(torch.cat(rows), 7, gap=4, zoom=3)


def digit_picture(digit: str) -> torch.Tensor:
    """The digit as `vae-mnist` draws it, [1, 1, 28, 28]."""
    return _models.picture("vae-mnist", _models.rounded(_models.reading(int(digit))))


@torch.inference_mode()
def reconstruction(model: vae.VAE, x: torch.Tensor) -> torch.Tensor:
    """x [1, 1, 28, 28] -> the decoded mean of its posterior."""
    mu, _ = model.encode(x.to(checkpoints.default_device()))
    return _models.decode(model, mu.cpu())


def draws(model: vae.VAE) -> torch.Tensor:
    """Six samples from the prior, the same z for every model."""
    return vae.sample(model, 6, generator=torch.Generator().manual_seed(0)).cpu()


def show(digit: str) -> str:
    """One digit through the four models, as HTML."""
    return family(digit_picture(digit))


def code(digit: str) -> str:
    z = _models.rounded(_models.reading(int(digit)))
    return f"""import torch

from genai_core import vae
from genai_core.common.pictures import tile

rows = []
with torch.inference_mode():
    x = vae.load("vae-mnist").decode(torch.tensor([{z}]))
    for beta in ("0.25", "1", "4", "16"):
        model = vae.load(f"vae-mnist-beta{{beta}}")
        mu, _ = model.encode(x)
        rows += [model.decode(mu), vae.sample(model, 6, generator=torch.Generator().manual_seed(0))]
image = tile(torch.cat(rows), 7, gap=4, zoom=3)
image.save("picture.png")
"""


PART = Part(
    id="beta",
    title="Beta",
    lead="<b>Pick a digit</b> and read downwards: the higher the weight of the KL, the fewer dimensions stay in use. "
    "Look for the one that the picture loses first.",
    settings=(Setting("digit", choice(DIGITS), "5", "Digit, as our own VAE draws it"),),
    presets=(
        Preset(
            "How many stay in use",
            "Each model has ten latents. How many are still in use at β = 16?",
            {"digit": "5"},
            "Five. A latent that saves less than sixteen times its own nats is given up, and stays at the prior.",
            (
                Answer("All ten, each a little.", "At a high price the weakest are given up altogether, one by one."),
                Answer("Half of them."),
                Answer("None: the posterior collapses.", "What tells digits apart best is worth even that price."),
            ),
        ),
        Preset(
            "A four at β = 16",
            "The code of a 4 may cost hardly any nats. What is drawn from it?",
            {"digit": "4"},
            "Nearly the same blur as of other digits: 1.9 nats cannot even say which of ten it is, for ln 10 = 2.3.",
            (
                Answer("A blurred 4.", "To say that it is a 4, and no other digit, takes more nats than are left."),
                Answer("Black.", "That explains the ink of no digit; the mean of them all explains some of each."),
                Answer("A shape like that of all digits."),
            ),
        ),
        Preset(
            "The best of the four",
            "The dashed line has the best sum of rate and distortion, the ELBO. Which β lies on it?",
            {"digit": "8"},
            "β = 1: it was trained on just that sum. 0.25 has the better pictures, and pays more nats than they save.",
            (
                Answer("β = 1."),
                Answer(
                    "β = 0.25: its pictures are the sharpest.", "Its distortion is the lowest, its rate the highest."
                ),
                Answer(
                    "β = 16: its rate is the lowest.", "What it saves in rate, it loses many times over in distortion."
                ),
            ),
        ),
    ),
    form=True,
    wide=True,
    show=show,
    picture=picture,
    code=code,
)
