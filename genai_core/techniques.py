"""The techniques: what each one offers, and the one list of them. `train` and `evaluate` read everything from here."""

from collections.abc import Iterator
from typing import Any, Protocol

from torch import nn

from genai_core import clip, contrastive, data, diffusion, distillation, evaluation, gan, vae
from genai_core.autoencoders import ae, anomaly, codec, denoising, nested, principal, sae_gpt, sparse, vqvae
from genai_core.common.cards import Labels
from genai_core.common.checkpoints import CheckpointError
from genai_core.common.training import Recipe, TrainStep
from genai_core.evaluation import scene_reader
from genai_core.flows import glow, matching, nice, realnvp
from genai_core.language import pretrained
from genai_core.transformer import bert, icl, positions, translate, vit


class Technique(Protocol):
    """A module or package with its shipped checkpoints. It may also offer

    examples(recipe)                what `train` takes for a recipe; without it, pictures and labels of the data set
    sample(model, n, *, generator)  pictures [n, C, H, W] in [0, 1], shown on the card
    preview(model)                  a square number of pictures, saved at twelve steps of a training
    """

    RECIPES: dict[str, Recipe]
    TINY: Recipe  # a training of a second or two, which the tests run
    CARD: dict[str, str]
    LABELS: Labels

    def load(self, name: str, /) -> nn.Module:
        """A trained model, ready to use. Raises: CheckpointError."""

    def train(
        self,
        config: Any,
        examples: Any,
        /,
        *,
        steps: int,
        seed: int = 0,
        device: str = "cpu",
        resume: dict | None = None,
    ) -> Iterator[TrainStep]:
        """An explicit loop that yields every step. resume: what a step's `state()` gave, to continue from there."""

    def evaluate(self, name: str, /) -> dict:
        """Figures of a trained model, with the keys of LABELS. Raises: CheckpointError, DataError."""


TECHNIQUES: tuple[Technique, ...] = (
    evaluation,
    vae,
    gan,
    diffusion,
    *pretrained.FAMILIES,
    *distillation.EXPERIMENTS,
    clip,
    ae,
    principal,
    denoising,
    anomaly,
    sparse,
    sae_gpt,
    codec,
    nested,
    scene_reader,
    vqvae,
    nice,
    realnvp,
    glow,
    matching,
    icl,
    positions,
    vit,
    bert,
    translate,
    contrastive,
)


def find(name: str) -> Technique:
    """The technique of a checkpoint. Raises: CheckpointError, which says which names there are."""
    for technique in TECHNIQUES:
        if name in technique.RECIPES:
            return technique
    names = (name for technique in TECHNIQUES for name in technique.RECIPES)
    raise CheckpointError(f"There is no recipe '{name}'. There are: {', '.join(names)}.")


def examples(technique: Technique, recipe: Recipe) -> Any:
    """What a technique's `train` takes for a recipe. Raises: DataError."""
    own = getattr(technique, "examples", None)
    return own(recipe) if own else data.load(recipe.dataset, "train")
