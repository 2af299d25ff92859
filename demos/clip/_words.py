"""Texts of the page, one per line, and what they say where it can be read."""

import functools

from demos._ui import validation
from demos.clip import _models
from genai_core.data import scenes

LONGEST = 10_000  # characters of all lines


def lines(value, name: str, most: int) -> list[str]:
    """The lines of a text that are not empty, each once. Raises: InputError."""
    if not isinstance(value, str):
        raise validation.InputError(f"The {name}s must be text, one {name} per line.")
    if len(value) > LONGEST:
        raise validation.InputError(f"The {name}s have {len(value):,} characters; at most {LONGEST:,} are read.")
    found = [_models.text(f"{line} x", f"The {name}").removesuffix(" x") for line in value.splitlines() if line.strip()]
    found = list(dict.fromkeys(found))
    if not 0 < len(found) <= most:
        raise validation.InputError(f"There must be 1 to {most} {name}s, one per line, not {len(found)}.")
    return found


@functools.lru_cache(maxsize=512)
def meaning(label: str, templates: tuple[str, ...]) -> scenes.Query | None:
    """What a label says, as all templates that can be read say it, or else by itself; None where that is unclear."""
    found = [query for template in templates if (query := read(template.replace("{}", label)))]
    if not found:
        return read(label)
    return found[0] if all(query == found[0] for query in found) else None


def read(text: str) -> scenes.Query | None:
    try:
        return scenes.parse(text)
    except ValueError:
        return None
