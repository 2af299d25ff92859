"""A learned image codec (Balle 2017, 2018): networks, entropy model, files, and WebP and JPEG beside it.

model       analysis, synthesis, rate and distortion
training    the loop, and the tables after it
prior       the entropy model, and its tables of whole numbers
file        real files: encode, decode
classical   WebP and JPEG
evaluation  the figures on the card
"""

from genai_core.autoencoders.codec.evaluation import LABELS, evaluate
from genai_core.autoencoders.codec.file import BEST, SUFFIX, CodecFileError, decode, encode
from genai_core.autoencoders.codec.model import Codec, CodecConfig, loss
from genai_core.autoencoders.codec.training import CARD, RECIPES, TINY, examples, load, train

__all__ = [
    "BEST",
    "CARD",
    "LABELS",
    "RECIPES",
    "SUFFIX",
    "TINY",
    "Codec",
    "CodecConfig",
    "CodecFileError",
    "decode",
    "encode",
    "evaluate",
    "examples",
    "load",
    "loss",
    "train",
]
