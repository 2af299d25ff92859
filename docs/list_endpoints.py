"""Write the list of endpoints into docs/api.md: `python -m docs.list_endpoints`."""

import json
from pathlib import Path

import app

PAGE = Path(__file__).parent / "api.md"
BEGIN, END = "<!-- endpoints -->\n", "<!-- end -->\n"


def cell(value: object) -> str:
    """A value as one cell of a Markdown table."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def listed(name: str, endpoint: dict) -> str:
    """An endpoint of Gradio's /info as a section."""
    rows = ["| Parameter | Type | Default | |", "| --- | --- | --- | --- |"]
    for one in endpoint["parameters"]:
        default = "" if one["parameter_default"] is None else f"`{json.dumps(one['parameter_default'])}`"
        kind, what = one["python_type"]["type"], one["python_type"]["description"]
        if kind.startswith("Literal"):
            kind, what = "str", f"{what}, one of {', '.join(one['type']['enum'])}"
        cells = (f"`{one['parameter_name']}`", kind, default, what)
        rows.append(f"| {' | '.join(map(cell, cells))} |")
    returned = "\n".join(
        f"{k}. {cell(one['python_type']['type'])}: {one['label']}." for k, one in enumerate(endpoint["returns"], 1)
    )
    table = "\n".join(rows)
    return f"### {name}\n\n{endpoint['description']}\n\n{table}\n\nReturns\n\n{returned}\n"


def page(text: str, endpoints: dict) -> str:
    """The page with the list as it is now; endpoints: of Gradio's /info, by name."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n" + "\n".join(listed(*one) for one in endpoints.items()) + f"\n{end}{after}"


if __name__ == "__main__":
    found = app.build_app().get_api_info()["named_endpoints"]
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
