"""The scripts, markup and styles of the page as one file, which browsers keep: what all share, then every control's.

A control's script is `demos/<name>.js`. It sees `element`, `props`, `server`, `trigger`, `watch` and `upload`, which
are Gradio's, and all that `js/kit.js` and the files after it define.
"""

import functools
import hashlib
import json
import re
from pathlib import Path

DEMOS = Path(__file__).parent.parent
JS = Path(__file__).parent / "js"
KIT = (
    "kit",
    "canvas",
    "heat",
    "plot",
    "tiles",
    "chips",
    "tree",
    "pad",
    "camera",
    "points",
    "fetch",
    "readings",
    "graph",
)
GRADIO = "element, props, server, trigger, watch, upload"
STYLE = "</style>"


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def shared() -> dict[str, Path]:
    """The scripts of the controls that several tabs use, by name: "form"."""
    return {
        file.stem: file for file in sorted(JS.glob("*.js")) if file.with_suffix(".html").exists() if file.stem != "pad"
    }


@functools.cache
def template(name: str) -> tuple[str, str]:
    """Markup and style of a control: `demos/<name>.html` (markup, then one <style>), or a file of `_ui/js`.

    A line `<!-- pad -->` stands for the drawing pad of `_ui/js/pad.html`.
    """
    file = (DEMOS if "/" in name else JS) / f"{name}.html"
    markup, _, style = _read(file).partition("<style>")
    return markup.replace("<!-- pad -->\n", _read(JS / "pad.html")), style.removesuffix(f"{STYLE}\n")


def controls() -> dict[str, Path]:
    """The scripts of own controls by name: "vae/plane", or "form" for those in `_ui/js`."""
    beside = {f"{file.parent.name}/{file.stem}": file for file in sorted(DEMOS.glob("[!_]*/*.js"))}
    return shared() | beside


def css_class(name: str) -> str:
    """Of the element of a control: "control-vae-plane"."""
    return "control-" + name.replace("/", "-")


def styles() -> str:
    """The style of each control, for its element alone; #_ gives it more weight than Gradio's own rules have."""
    return "\n".join(f":is(.{css_class(name)}, #_) {{ {template(name)[1]} }}" for name in controls())


@functools.cache
def script() -> str:
    """All of it."""
    kit = "\n".join(_read(JS / f"{name}.js") for name in KIT)
    names = ", ".join(dict.fromkeys(re.findall(r"^(?:const|let) ([\w$]+)", kit, re.MULTILINE)))
    parts = [
        "(() => {\n" + _read(JS / "page.js") + "\n" + _read(JS / "queue.js") + "\n})();",
        f"genai.kit = ({{ {GRADIO} }}) => {{\n{kit}\nreturn {{ {names} }};\n}};",
    ]
    parts.append(
        'document.head.append(Object.assign(document.createElement("style"), '
        f"{{ textContent: {json.dumps(styles(), ensure_ascii=False)} }}));"
    )
    markup = {name: template(name)[0] for name in controls()}
    parts.append(f"genai.markup = {json.dumps(markup, ensure_ascii=False)};")
    for name, file in controls().items():
        body = f"const {{ {names} }} = kit, {{ {GRADIO} }} = gradio;\n{{\n{_read(file)}\n}}"
        parts.append(f'genai.controls["{name}"] = (kit, gradio) => {{\n{body}\n}};')
    return "\n".join(parts)


@functools.cache
def version() -> str:
    """A name for this very script, so that browsers may keep it for ever."""
    return hashlib.sha256(script().encode()).hexdigest()[:16]
