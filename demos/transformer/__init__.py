"""The transformer tab: attention step by step, positions, what a block does, learning from examples in the prompt."""

from demos._ui.tab import Tab
from demos.transformer import _api, attention, block
from genai_core.transformer import attention as core
from genai_core.transformer import blocks

HOW = r"""
"""


def arcs() -> dict:
    """To come."""
    return {"dots": [], "alt": ""}


TAB = Tab(
    title="Transformer",
    group="Language",
    headline="Who looks at whom",
    text="Follow one token through a real transformer: every head, every position, every layer's guess.",
    picture=arcs,
    parts=(attention.PART, block.PART),
    how=HOW,
    sources=(core.attention, blocks.Attention, blocks.Layer),
    cards={},
    endpoints=_api.ENDPOINTS,
)
