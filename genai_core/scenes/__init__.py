"""Scenes: a world of small pictures about which everything is known (in the manner of CLEVR, Johnson 2017).

world     what a scene is, scene i of a split, what stands where, which combinations are held out
drawing   its picture
queries   what can be said of it: truth, true descriptions, false ones, a scene for a description
words     the same in English, and back
twins     two scenes that differ in one respect alone
"""

from genai_core.scenes.drawing import SIZE, render
from genai_core.scenes.queries import DETAILS, Phrase, Query, complete, compose, contradict, describe, holds, novel
from genai_core.scenes.twins import describe_both, twin
from genai_core.scenes.words import captions, parse, say, unknown
from genai_core.scenes.world import Kind, Scene, Thing, draw, scene

__all__ = [
    "DETAILS",
    "SIZE",
    "Kind",
    "Phrase",
    "Query",
    "Scene",
    "Thing",
    "captions",
    "complete",
    "compose",
    "contradict",
    "describe",
    "describe_both",
    "draw",
    "holds",
    "novel",
    "parse",
    "render",
    "say",
    "scene",
    "twin",
    "unknown",
]
