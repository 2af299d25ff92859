"""CLIP: pictures and texts in one space, trained to find each other (Radford 2021), with open_clip's own parts.

A picture x and a text t become unit vectors I = f(x), T = g(t) of the same space. In a batch of N pairs

    logits_ij = s I_i . T_j                                            s: a learned scale, 1 / temperature
    loss      = 1/2 (cross-entropy of the rows + of the columns), where the pair i, i is the right answer [figure 3]

The loss separates two captions with the same words only if a batch holds both: "a red circle and a blue star" beside
"a blue circle and a red star". That is rare in random batches, so CLIP learns bags of words. NegCLIP (Yuksekgonul 2022,
section 4) continues training with hard negatives: captions that are almost right, and pictures that look alike. In a
procedural world both can be generated: with `twins`, every other scene of a batch differs from the one before in one
respect only, and their captions name the difference.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from genai_core.clip import tokenizer
from genai_core.clip.tokenizer import WordTokenizer
from genai_core.common.training import (
    EMA,
    Recipe,
    TrainStep,
    autocast,
    cosine,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
)
from genai_core.data import scenes
from genai_core.data.scenes import Query, Scene
from genai_core.data.scenes.world import MOST


@dataclass(frozen=True)
class CLIPConfig:
    embedding: int = 192
    # vision tower
    size: int = 64  # pixels of a side
    vision_layers: int | tuple[int, ...] = (1, 1, 1, 1)  # blocks of a ResNet's stages, or layers of a transformer
    vision_width: int = 32
    head_width: int = 64
    patch: int = 8  # a transformer's
    # text transformer
    vocab_size: int = tokenizer.VOCAB
    context: int = 40  # tokens of a text, start and end included
    text_width: int = 128
    text_layers: int = 3
    text_heads: int = 4
    # captions: how often each of scenes.DETAILS
    details: tuple[float, ...] = (0.2, 0.22, 0.22, 0.12, 0.02, 0.22)
    twins: bool = False  # every other scene differs in one respect from the one before
    init_from: str = ""  # checkpoint to take the initial weights from; "": random
    alone: float = 0.05  # share of the steps, at the start, whose scenes hold a single thing: an easy start
    unknown: float = (
        0.01  # probability that a word of a caption is replaced by [unknown], so that unknown words mean nothing
    )
    # optimisation
    batch: int = 256
    lr: float = 1e-3
    weight_decay: float = 0.1
    warmup: int = 100
    clip: float = 1.0


class CLIP(nn.Module):
    """open_clip's two towers over pictures [N, 3, 64, 64] in [0, 1] and texts. `load` and `train` give it its
    `tokenizer`. Like every encoder it has the `size` of its input pictures, the `dimension` of its vectors, `scale`,
    `encode_image` and `encode_text`.
    """

    tokenizer: WordTokenizer
    eight_bit = ("towers.visual.attnpool.",)  # half of all weights: so the checkpoint is a quarter smaller

    def __init__(self, config: CLIPConfig):
        from open_clip.model import CLIPTextCfg, CLIPVisionCfg, CustomTextCLIP  # three seconds to import

        super().__init__()
        self.config, self.size, self.dimension = config, config.size, config.embedding
        vision = CLIPVisionCfg(
            layers=config.vision_layers,
            width=config.vision_width,
            head_width=config.head_width,
            patch_size=config.patch,
            image_size=config.size,
        )
        text = CLIPTextCfg(
            context_length=config.context,
            vocab_size=config.vocab_size,
            width=config.text_width,
            heads=config.text_heads,
            layers=config.text_layers,
        )
        self.towers = CustomTextCLIP(config.embedding, vision, text)

    @property
    def scale(self) -> Tensor:
        """s, one over the temperature; at most 100, as in the paper [section 2.5]."""
        return self.towers.logit_scale.clamp(max=math.log(100)).exp()

    def image_features(self, x: Tensor) -> Tensor:
        """Pictures [N, 3, 64, 64] in [0, 1] -> unit vectors [N, embedding]."""
        return F.normalize(self.towers.visual(2 * x - 1).float(), dim=-1)

    def text_features(self, ids: Tensor) -> Tensor:
        """Token ids [N, T] with [end] in each -> unit vectors [N, embedding].

        open_clip's text tower, but for any T up to the context; tokens after [end] change nothing.
        """
        tower, n, t = self.towers.text, *ids.shape
        x = tower.token_embedding(ids) + tower.positional_embedding[:t]  # [N, T, width]
        x = tower.transformer(x, attn_mask=tower.attn_mask[:t, :t])  # each token sees those before it
        x = tower.ln_final(x)[torch.arange(n), ids.argmax(-1)]  # [N, width] at [end], the highest id
        return F.normalize((x @ tower.text_projection).float(), dim=-1)

    @torch.inference_mode()
    def encode_image(self, x: Tensor, batch: int = 250) -> Tensor:
        """Pictures [N, 3, 64, 64] in [0, 1] -> unit vectors [N, embedding] float32 on the CPU, `batch` at a time.

        Raises: ValueError for pictures of another size.
        """
        if x.ndim != 4 or x.shape[1:] != (3, self.size, self.size):
            raise ValueError(f"Pictures of 3 x {self.size} x {self.size} are needed, not {list(x.shape[1:])}.")
        return self._encode(self.image_features, x, batch)

    @torch.inference_mode()
    def encode_text(self, texts: Sequence[str], batch: int = 500) -> Tensor:
        """Texts -> unit vectors [N, embedding] float32 on the CPU; long texts are truncated.

        Raises: ValueError for a text without a word, or a long one (see `WordTokenizer.encode`).
        """
        return self._encode(self.text_features, self.tokenizer.encode(texts), batch)

    def _encode(self, features: Callable[[Tensor], Tensor], inputs: Tensor, batch: int) -> Tensor:
        device = self.towers.logit_scale.device
        parts = inputs.split(batch) if len(inputs) else ()
        return torch.cat([torch.zeros(0, self.dimension), *(features(part.to(device)).cpu() for part in parts)])


def loss(model: CLIP, x: Tensor, ids: Tensor) -> dict[str, Tensor]:
    """open_clip's contrastive loss of pictures x [N, 3, 64, 64] and their captions ids [N, T].

    "accuracy": share of pictures whose own caption is the nearest in the batch.
    """
    from open_clip.loss import ClipLoss

    images, texts = model.image_features(x), model.text_features(ids)
    with torch.autocast(x.device.type, enabled=False):  # the logits need more precision than bfloat16 has
        return {"loss": ClipLoss()(images, texts, model.scale), "accuracy": _found(images, texts)}


def _found(images: Tensor, texts: Tensor) -> Tensor:
    return ((images @ texts.T).argmax(1) == torch.arange(len(images), device=images.device)).float().mean()


TRIES = 12  # twins and details to try until the captions differ


def minibatch(
    config: CLIPConfig, split: str, first: int, rng: random.Random, most: int = MOST
) -> tuple[Tensor, list[str]]:
    """Pictures [N, 3, 64, 64] of the scenes from `first` on of a split, and a caption of a random detail of each.

    With `config.twins` every other scene is the twin of the one before, if there are captions that are true of one
    only. most: maximum number of things in a scene.
    """
    world = [scenes.scene(split, first + i, most) for i in range(config.batch)]
    details = rng.choices(scenes.DETAILS, config.details, k=len(world))
    queries = [scenes.describe(one, rng, detail) for one, detail in zip(world, details, strict=True)]
    for i in range(0, config.batch - 1, 2) if config.twins else ():
        if pair := twins(world[i], config, rng, held_out=scenes.world.SPLITS[split]):
            world[i + 1], queries[i], queries[i + 1] = pair
    return scenes.render(world), [scenes.say(query, rng) for query in queries]


def twins(one: Scene, config: CLIPConfig, rng: random.Random, held_out: bool) -> tuple[Scene, Query, Query] | None:
    """A twin of a scene, a query that is true of the scene only, and one that is true of the twin only."""
    for detail in rng.choices(scenes.DETAILS, config.details, k=TRIES):
        other = scenes.twin(one, rng, held_out=held_out)
        if other and (queries := scenes.describe_both(one, other, rng, detail)):
            return other, *queries
    return None


@resumable
def train(
    config: CLIPConfig,
    split: str,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[CLIP]]:
    """Train on the scenes of a split, each rendered on demand and used once; yields each step with its EMA."""
    model = seeded(seed, lambda: CLIP(config)).to(device).to(memory_format=torch.channels_last).train()
    model.tokenizer = WordTokenizer.of(config.context)
    if config.init_from:
        model.load_state_dict(load(config.init_from).state_dict())
    ema = EMA(model)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), fused=True)
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step in range(done, steps):
        rng = random.Random(int(torch.randint(2**62, (), generator=generator)))
        most = 1 if step < config.alone * steps else MOST
        x, captions = minibatch(config, split, step * config.batch, rng, most)
        ids = tokenizer.hidden(model.tokenizer.encode(captions), config.unknown, generator).to(device)
        set_lr(optimizer, config.lr * cosine(step, steps, config.warmup))
        x = x.to(device, memory_format=torch.channels_last)
        with (
            autocast(device),
            sdpa_kernel(SDPBackend.MATH),
        ):  # on a CPU the backward pass of the others is twice as slow
            terms = loss(model, x, ids)
            optimizer.zero_grad()
            terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


RECIPES = {
    "clip-scenes": Recipe(
        CLIPConfig(
            init_from="clip-scenes-plain", twins=True, details=(0.1, 0.35, 0.3, 0.1, 0.02, 0.13), lr=5e-4, alone=0.0
        ),
        "scenes",
        steps=5500,
        seed=1,
    ),
    "clip-scenes-plain": Recipe(CLIPConfig(), "scenes", steps=4000),
}
TINY = Recipe(
    CLIPConfig(16, vision_width=8, head_width=32, text_width=16, text_layers=1, text_heads=2, batch=8),
    "scenes",
    steps=4,
)
CARD = {
    "overview": "CLIP (Radford 2021) trained from scratch with open_clip's own towers and loss: the paper's ResNet "
    "with attention pooling ({vision_layers} blocks a stage, width {vision_width}) and its text transformer "
    "({text_layers} layers of width {text_width}) over a vocabulary of {vocab_size} words, both ending in "
    "unit vectors of {embedding} numbers. Initial weights: {init_from} (none: random). Twins, scenes that "
    "differ in one respect only, in every batch (after NegCLIP, Yuksekgonul 2022): {twins}.",
    "stored": "float16, the projections of the attention pooling in int8 with a scale per row",
    "use": "Teaching: it drives the CLIP tab (search by words and pictures, zero-shot classes, why, where it fails).",
    "limits": "It knows one world of small drawings and the words of their captions; for a photograph it can only say "
    "what drawing it resembles. Its weakness is the order of a relation and, without twins, the binding of colours to "
    "shapes; the probes above measure both. A similarity is not the probability that a text is true.",
}


def load(name: str) -> CLIP:
    """A trained CLIP with its `tokenizer`, ready to use. Raises: CheckpointError, which says which names there are."""
    return tokenizer.load(name, CLIP, CLIPConfig)


def examples(recipe: Recipe) -> str:
    """What a recipe trains on: the name of a split of the scenes, which are rendered on demand."""
    return "train"
