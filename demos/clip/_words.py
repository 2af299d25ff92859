"""Texts of the page, one a line, and what they say where it can be read."""

import functools

from demos import _checks
from demos.clip import _models
from genai_core import scenes


def lines(value, name: str, most: int) -> list[str]:
    """The lines of a text that are not empty, each once. Raises: InputError."""
    if not isinstance(value, str) or len(value) > 10_000:
        raise _checks.InputError(f"The {name}s must be text, one {name} a line.")
    found = [_models.text(f"{line} x", f"The {name}").removesuffix(" x") for line in value.splitlines() if line.strip()]
    found = list(dict.fromkeys(found))
    if not 0 < len(found) <= most:
        raise _checks.InputError(f"There must be 1 to {most} {name}s, one a line, not {len(found)}.")
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
