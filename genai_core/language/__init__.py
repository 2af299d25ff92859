"""Language models: n-gram, LSTM and GPT, their tokenizers, sampling, search and speculative decoding."""

from genai_core.language.decoding import DecodingSession, session
from genai_core.language.pretrained import RECIPES, load
from genai_core.language.sampling import generate, generate_steps

__all__ = ["RECIPES", "DecodingSession", "generate", "generate_steps", "load", "session"]
