"""The tab of the smallest technique."""

from demos.brightness import samples

from demos._ui import images
from demos._ui.tab import Tab
from genai_core import brightness


def four() -> dict:
    """Four pictures, for the card on Home."""
    return {"image": images.png(samples.picture("brightness-sprites", 0)), "alt": "Four grey pictures"}


TAB = Tab(
    title="Brightness",
    group="Foundations",
    headline="Grey",
    text="A model that knows how bright pictures are, and nothing else.",
    picture=four,
    parts=(samples.PART,),
    how="The mean of all pixels.",
    sources=(brightness.sample, brightness.train),
    cards={"brightness-sprites": "Sprites"},
)
