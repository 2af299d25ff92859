"""The entropy model of the learned codec: a distribution of whole numbers for each channel and context.

In training it is a mixture of logistics over real numbers, whose mass between y - 1/2 and y + 1/2 is the probability
of y [Balle 2018, appendix 6.1, has a small network instead]. `freeze` turns it into tables of whole numbers, which are
all that a file needs to be read; what was counted in pictures of the training corrects them. The context is a class of
how much has been written nearby, as in CABAC [Marpe 2003].
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 8  # pixels of a side of a place
NEAR = (1, 4, 12, 32)  # limits of the classes of what was written of the four places before: 5 classes
HERE = (1, 3, 9)  # and of this place's groups of channels before: 4 classes
CONTEXTS = (len(NEAR) + 1) * (len(HERE) + 1)
LARGEST = 24  # of the whole numbers that a file can hold; the encoder clips to it
LEVELS = 11  # qualities for which there are tables of frequencies; those between are mixed
TOTAL = 1 << 20  # sum of the frequencies of a table
PRIOR = 30  # symbols that the learned mixtures count for, beside those that were counted


class Prior(nn.Module):
    """Distributions of whole numbers, one for each context and channel: mixtures of logistics that vary with q."""

    frequencies: Tensor  # [LEVELS, contexts, channels, symbols]

    def __init__(self, channels: int, contexts: int, anchors: int, mixture: int):
        super().__init__()
        shape = (anchors, contexts, channels, mixture)
        spread = torch.linspace(-1, 1, mixture) if mixture > 1 else torch.zeros(1)
        self.weight = nn.Parameter(torch.zeros(shape))
        self.mean = nn.Parameter(0.5 * spread.expand(shape).clone())
        self.log_scale = nn.Parameter(spread.abs().expand(shape).clone() - 0.5)
        self.register_buffer("frequencies", torch.zeros(LEVELS, contexts, channels, 2 * LARGEST + 1, dtype=torch.int32))

    def probability(self, y: Tensor, context: Tensor, q: Tensor) -> Tensor:
        """P(y - 1/2 < . < y + 1/2): y, context [N, channels, h, w], q [N] -> the same shape."""
        anchors, contexts, channels, _ = self.weight.shape
        at = q.clamp(0, 1) * (anchors - 1)
        low = at.long().clamp(max=anchors - 2)  # [N]
        rows = (low[:, None, None, None] * contexts + context) * channels  # of the flat tables
        rows = rows + torch.arange(channels, device=y.device)[:, None, None]  # [N, channels, h, w]
        table = torch.cat((self.weight, self.mean, self.log_scale), -1).flatten(0, 2)  # [rows, 3 mixture]
        first, second = F.embedding(rows, table), F.embedding(rows + contexts * channels, table)
        weight, mean, log_scale = torch.lerp(first, second, (at - low)[:, None, None, None, None]).chunk(3, -1)
        off = (y[..., None] - mean).abs()  # [N, channels, h, w, mixture]; the lower tail is the more exact one
        sharp = (-log_scale.clamp(-4, 5)).exp()
        mass = ((0.5 - off) * sharp).sigmoid() - ((-0.5 - off) * sharp).sigmoid()
        return (weight.softmax(-1) * mass).sum(-1).clamp(min=1e-7)

    @torch.no_grad()
    def freeze(self, counts: Tensor | None = None) -> None:
        """Fill `frequencies`: whole numbers, at least 1, that sum to TOTAL for each level, context and channel.

        counts: of each symbol, of the same shape, in pictures of the training; they weigh against the mixtures as
        the number of symbols seen does against PRIOR.
        """
        _, contexts, channels, _ = self.weight.shape
        symbols = torch.arange(-LARGEST, LARGEST + 1, device=self.weight.device)
        y = symbols.float().expand(channels, contexts, -1)[None]  # [1, channels, contexts, symbols]
        context = torch.arange(contexts, device=y.device)[:, None].expand_as(y)
        for level in range(LEVELS):
            p = self.probability(y, context, torch.full((1,), level / (LEVELS - 1), device=y.device))
            p = p[0].double().transpose(0, 1)  # [contexts, channels, symbols]
            if counts is not None:
                p = counts[level] + PRIOR * p / p.sum(-1, keepdim=True)
            whole = 1 + (p / p.sum(-1, keepdim=True) * (TOTAL - len(symbols))).long()
            largest = whole.argmax(-1, keepdim=True)
            whole.scatter_add_(-1, largest, TOTAL - whole.sum(-1, keepdim=True))
            self.frequencies[level] = whole.to(torch.int32)

    def count(self, y: Tensor, context: Tensor) -> Tensor:
        """How often each symbol comes in y [N, channels, h, w], whole numbers: [contexts, channels, symbols]."""
        shape = self.frequencies.shape[1:]
        channel = torch.arange(y.shape[1], device=y.device)[:, None, None]
        at = (context * shape[1] + channel) * shape[2] + y.long() + LARGEST
        return at.flatten().bincount(minlength=shape.numel()).view(shape)


def contexts(y: Tensor, groups: int) -> Tensor:
    """The context of every latent y [N, channels, h, w], whole numbers: what was written before it, in classes.

    The places are written row by row, the groups of channels of each one after the other. The sum of the magnitudes
    at the four neighbours written before gives the first part of the class, that of the groups before the second.
    """
    size = y.abs().unflatten(1, (groups, -1)).sum(2)  # [N, groups, h, w]
    padded = F.pad(size.sum(1), (1, 1, 1, 0))  # [N, h + 1, w + 2]
    above, row = padded[:, :-1], padded[:, 1:]
    near = above[:, :, :-2] + above[:, :, 1:-1] + above[:, :, 2:] + row[:, :, :-2]  # [N, h, w]
    here = size.cumsum(1) - size  # [N, groups, h, w]
    limits = (torch.tensor(limit, device=y.device, dtype=y.dtype) for limit in (NEAR, HERE))
    first, second = (torch.bucketize(x, limit, right=True) for x, limit in zip((near, here), limits, strict=True))
    return (first[:, None] * (len(HERE) + 1) + second).repeat_interleave(y.shape[1] // groups, 1)
