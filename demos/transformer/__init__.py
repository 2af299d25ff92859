"""The transformer tab: attention step by step, positions, what a block does, learning from examples in the prompt."""

from demos._ui.tab import Tab
from demos.transformer import _api, positions
from genai_core.transformer import attention, blocks

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
    parts=(positions.PART,),
    how=HOW,
    sources=(attention.attention, blocks.Attention, blocks.Layer),
    cards={
        "positions-none": "No positions",
        "positions-learned": "Learned positions",
        "positions-sinusoidal": "Sinusoidal positions",
        "positions-rotary": "Rotary positions",
        "positions-alibi": "ALiBi",
    },
    endpoints=_api.ENDPOINTS,
)
