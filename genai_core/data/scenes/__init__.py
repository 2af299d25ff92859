"""Scenes: a procedural world of small pictures with known contents (in the style of CLEVR, Johnson 2017).

world     scenes, scene i of a split, positions and relations, held-out combinations
drawing   pictures of scenes
queries   structured descriptions: truth, true and false ones, a scene for a description
words     queries in English
parsing   from English to queries
contrast  twins: two scenes that differ in one respect only
"""

from genai_core.data.scenes.contrast import describe_both, twin
from genai_core.data.scenes.drawing import SIZE, render
from genai_core.data.scenes.parsing import parse
from genai_core.data.scenes.queries import DETAILS, Phrase, Query, complete, compose, contradict, describe, holds, novel
from genai_core.data.scenes.words import captions, say, unknown
from genai_core.data.scenes.world import Kind, Scene, Thing, draw, scene

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
