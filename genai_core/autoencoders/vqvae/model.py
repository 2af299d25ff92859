"""VQ-VAE: a picture as a small grid of tokens (van den Oord 2017), with an EMA codebook (Razavi 2019).

An encoder turns a picture of 64x64 pixels into 8x8 vectors, each is replaced by the nearest of 512 codes, and a decoder
draws the picture again from the codes alone: 64 tokens of 9 bits are the whole picture.

    k    = argmax_j z . e_j                        the nearest code: z and e_j are unit vectors [Yu 2021, section 3.2]
    q    = z + stop_gradient(e_k - z)              straight-through: backward as if q = z [2017, section 3.2]
    loss = |x - x'| + (x - x')^2 + beta |z - stop_gradient(e_k)|^2 + gamma (mean of H(p) - H(mean of p))
    p    = softmax_j(z . e_j / tau)                how much a vector could mean each code [Yu 2023, eq. 5]

No gradient reaches the codes: each is the moving average of the vectors that choose it [2017, appendix A.1], and one
that nobody chooses any more is moved to a vector that its own code fits badly. The last term of the loss wants each
vector to be sure of its code, and all of them together to use every code alike.

Pixels alone teach slowly what a scene is about: whether it is dotted or striped is a matter of few of them. So a head
on the decoder's first layers has to name the things from the codes, in training only.

And where the phase of dots or stripes is not in the codes, the mean of all phases has the least error: plain colour.
So in a second stage, in which the codes stay as they are, a reader of scenes has to find in the picture what is there:
a perceptual loss [Johnson 2016], with the answers of a network in place of its features,

    loss = |x - x'| + (x - x')^2 + delta CE(reader(degraded x'), what is there)

Whoever judges the pictures is another reader, with other weights and other examples (`evaluation/scene_reader`).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.autoencoders.scene_layers import decoder_layers, encoder_layers, layout_layers
from genai_core.common import checks
from genai_core.data import scenes
from genai_core.evaluation import scene_reader

GRID = 8  # tokens of a side
PATCH = scenes.SIZE // GRID  # pixels of a token's side
REACHES = 5  # tokens: how far the decoder's layers carry one token at most, on each side
SIGMA = 0.5  # tokens: spread of the head's targets around a centre


@dataclass(frozen=True)
class VQVAEConfig:
    codes: int = 512
    dimension: int = 8  # of a code
    channels: tuple[int, int, int] = (128, 64, 32)  # at 8x8, 16x16 and, in the decoder only, 32x32
    # objective
    commitment: float = 0.05  # beta
    entropy: float = 0.01  # gamma
    temperature: float = 0.07  # tau
    naming: float = 0.04  # weight of naming the things from the codes
    reading: float = 0.02  # weight, in the second stage, of what a reader owes to the pictures
    # codebook
    decay: float = 0.98  # of the moving averages
    dead: float = 0.2  # a code that this many vectors of a batch choose, on average, is dead
    revive_every: int = 20  # steps
    revive_until: float = 0.8  # as a share of the steps, so that the decoder can settle
    gentle: float = 0.1  # the share of the steps over which more and more pictures are drawn from codes, not from z
    second: int = 2000  # steps of the second stage, the last ones
    # optimisation
    batch: int = 32
    lr: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 1.0


class Codebook(nn.Module):
    """Unit vectors [codes, dimension], learned as moving averages of what chooses them."""

    vectors: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, config: VQVAEConfig):
        super().__init__()
        self.config = config
        self.register_buffer("vectors", F.normalize(torch.randn(config.codes, config.dimension), dim=1))
        self.register_buffer("counts", torch.zeros(config.codes))  # vectors of a batch that choose a code
        self.register_buffer("sums", torch.zeros(config.codes, config.dimension))  # and their sum

    def forward(self, z: Tensor) -> Tensor:
        """Unit vectors [N, dimension] -> the nearest code of each, [N]."""
        return (z @ self.vectors.T).argmax(1)

    @torch.no_grad()
    def update(self, z: Tensor, tokens: Tensor) -> None:
        """One step of the moving averages [Razavi 2019, eq. 2], from vectors z [N, dimension] and their tokens [N]."""
        chosen = F.one_hot(tokens, self.config.codes).to(z)  # [N, codes]
        self.counts.lerp_(chosen.sum(0), 1 - self.config.decay)
        self.sums.lerp_(chosen.T @ z, 1 - self.config.decay)
        alive = self.counts > 1e-3
        self.vectors[alive] = F.normalize(self.sums[alive], dim=1)

    @torch.no_grad()
    def revive(self, z: Tensor, generator: torch.Generator, everything: bool = False) -> int:
        """Move dead codes to vectors of z [N, dimension], preferring those far from their code; returns how many."""
        dead = (self.counts < (math.inf if everything else self.config.dead)).nonzero()[:, 0][: len(z)]
        if len(dead):
            far = torch.ones(len(z)) if everything else 1 - (z @ self.vectors.T).amax(1).cpu()
            new = z[torch.multinomial(far.clamp(min=1e-6), len(dead), generator=generator).to(z.device)]
            self.vectors[dead], self.sums[dead] = new, new * self.config.dead * 2
            self.counts[dead] = self.config.dead * 2
        return len(dead)


class VQVAE(nn.Module):
    """Pictures of 64x64 pixels in colour as 8x8 tokens, and back."""

    def __init__(self, config: VQVAEConfig):
        super().__init__()
        self.config = config
        self.encoder = nn.Sequential(*encoder_layers(config.channels, config.dimension))
        self.codebook = Codebook(config)
        self.layout = nn.Sequential(*layout_layers(config.channels, config.dimension))
        # in training only
        self.naming = nn.Sequential(nn.SiLU(), nn.Conv2d(config.channels[0], scene_reader.OUTPUTS, 1))
        self.decoder = nn.Sequential(*decoder_layers(config.channels))

    def vectors(self, x: Tensor) -> Tensor:
        """Pictures [N, 3, 64, 64] in [0, 1] -> unit vectors [N, dimension, 8, 8]."""
        return F.normalize(self.encoder(2 * x - 1).float(), dim=1)

    def draw(self, q: Tensor) -> Tensor:
        """Codes [N, dimension, 8, 8] -> pictures [N, 3, 64, 64], in [0, 1] but for an error of the network."""
        return self.paint(self.layout(q))

    def paint(self, y: Tensor) -> Tensor:
        """What the decoder's first layers make of codes, [N, channels, 8, 8] -> pictures as `draw` gives them."""
        return (self.decoder(y).float() + 1) / 2

    @torch.inference_mode()
    def encode(self, x: Tensor) -> Tensor:
        """Pictures [N, 3, 64, 64] in [0, 1] -> tokens [N, 8, 8] int64. Raises: ValueError for another shape."""
        checks.shape("Pictures", x, None, 3, scenes.SIZE, scenes.SIZE)
        z = self.vectors(x).movedim(1, -1)  # [N, 8, 8, dimension]
        with torch.autocast(x.device.type, enabled=False):
            return self.codebook(z.flatten(0, 2)).view(-1, GRID, GRID)

    @torch.inference_mode()
    def decode(self, tokens: Tensor) -> Tensor:
        """Tokens [N, 8, 8] -> pictures [N, 3, 64, 64] in [0, 1].

        Raises: ValueError for another shape, or tokens that are not whole numbers from 0 to codes - 1.
        """
        checks.shape("Tokens", tokens, None, GRID, GRID)
        whole = not (tokens.is_floating_point() or tokens.is_complex())
        if not whole or bool(((tokens < 0) | (tokens >= self.config.codes)).any()):
            raise ValueError(f"Tokens must be whole numbers from 0 to {self.config.codes - 1}.")
        return self.draw(self.codebook.vectors[tokens].movedim(-1, 1)).clamp(0, 1)


def straight_through(z: Tensor, e: Tensor) -> Tensor:
    """e, whose gradient goes to z unchanged."""
    return z + (e - z).detach()


def perplexity(shares: Tensor) -> Tensor:
    """exp(entropy) of shares [K] that add up to 1: how many equally used codes would be as varied."""
    return torch.special.entr(shares).sum().exp()


def loss(
    model: VQVAE, x: Tensor, truth: dict[str, Tensor], quantised: float = 1.0
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """The terms for pictures x [N, 3, 64, 64] in [0, 1], the vectors z [64 N, dimension] and their tokens [64 N].

    truth: the `scene_reader.targets` of their scenes on a grid of 8x8. quantised: the share of the pictures, the first
    ones, that the decoder draws from codes, the others from z itself. "named" is what the head owes, "perplexity" that
    of the tokens of this batch.
    """
    config = model.config
    z = model.vectors(x)  # [N, dimension, 8, 8]
    rows = z.movedim(1, -1).flatten(0, 2)  # [64 N, dimension]
    with torch.autocast(x.device.type, enabled=False):
        near = rows @ model.codebook.vectors.T  # [64 N, codes]
        tokens = near.argmax(1)
        p = (near / config.temperature).softmax(1)
        sure, alike = torch.special.entr(p).sum(1).mean(), torch.special.entr(p.mean(0)).sum()
        used = torch.bincount(tokens, minlength=config.codes) / len(tokens)
        e = model.codebook.vectors[tokens].view(len(x), GRID, GRID, -1).movedim(-1, 1)
        commitment = (z - e).square().sum(1).mean()
    n = round(quantised * len(x))
    y = model.layout(torch.cat([straight_through(z[:n], e[:n]), z[n:]]))  # [N, channels, 8, 8]
    named = scene_reader.detection(*scene_reader.answers(model.naming(y)), truth)
    accuracy = named.pop("accuracy")
    owed = torch.stack(list(named.values())).sum()
    rebuilt = model.paint(y)
    l1, mse = (rebuilt - x).abs().mean(), F.mse_loss(rebuilt, x)
    codes = config.commitment * commitment + config.entropy * (sure - alike)
    terms = {"l1": l1, "mse": mse, "commitment": commitment, "named": owed, "accuracy": accuracy}
    terms = {"loss": l1 + mse + codes + config.naming * owed, **terms, "perplexity": perplexity(used)}
    return terms, rows.detach(), tokens


def reading_loss(
    model: VQVAE,
    reader: scene_reader.SceneReader,
    x: Tensor,
    truth: dict[str, Tensor],
    *,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """The terms of the second stage for pictures x [N, 3, 64, 64], which teach the decoder alone.

    truth: the `scene_reader.targets` of their scenes on the reader's grid. "read" is what the reader owes where it
    looks at what is rebuilt, half of it blurred or noisy; "accuracy" the share of the things that it reads right.
    """
    with torch.no_grad():
        z = model.vectors(x).movedim(1, -1).flatten(0, 2)  # [64 N, dimension]
        with torch.autocast(x.device.type, enabled=False):
            e = model.codebook.vectors[model.codebook(z)].view(len(x), GRID, GRID, -1).movedim(-1, 1)
    rebuilt = model.draw(e)
    l1, mse = (rebuilt - x).abs().mean(), F.mse_loss(rebuilt, x)
    seen = scene_reader.degrade(rebuilt, reader.config.noise, generator)
    centre, offset, attributes, _ = reader(seen)
    named = scene_reader.detection(centre, offset, attributes, truth)
    accuracy = named.pop("accuracy")
    owed = torch.stack(list(named.values())).sum()
    return {"loss": l1 + mse + model.config.reading * owed, "l1": l1, "mse": mse, "read": owed, "accuracy": accuracy}


@torch.inference_mode()
def sample(model: VQVAE, n: int, *, generator: torch.Generator) -> Tensor:
    """n random scenes as they are rebuilt from their tokens, each to the right of its original: [n, 3, 64, 64]."""
    checks.count("The number of pictures", n)
    first = int(torch.randint(10_000, (), generator=generator))
    x = scenes.render([scenes.scene("validation", first + i) for i in range((n + 1) // 2)])
    device = model.codebook.vectors.device
    return torch.stack([x, model.decode(model.encode(x.to(device))).cpu()], 1).flatten(0, 1)[:n]


@torch.inference_mode()
def swatches(model: VQVAE) -> Tensor:
    """The patch that every code draws where its neighbours are the same, in [0, 1]: [codes, 3, 8, 8]."""
    side = 5  # codes a side: of the middle one's patch most comes from these
    same = model.codebook.vectors[:, :, None, None].expand(-1, -1, side, side)
    first = PATCH * (side // 2)
    return model.draw(same)[:, :, first : first + PATCH, first : first + PATCH].clamp(0, 1)
