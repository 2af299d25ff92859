"""What a page, a link, a saved picture or a program may send: every bad value gets one sentence, and the app lives.

Endpoints, server functions, events and parts are found in the app itself, so that a new tab is tried as it comes.
"""

import ast
import base64
import inspect
import io
import json
import math
import re
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

import app
from demos import _checks
from tests.browser.conftest import ROOT

ALL_BAD = {  # never right, whatever is asked for
    "NaN": math.nan,
    "infinity": -math.inf,
    "huge": 10**400,
    "nested": [[[[[]]]]],
    "object": {"__proto__": {"a": 1}, "constructor": None},
    "path": "../../../etc/passwd",
    "markup": "<img src=x onerror=alert(1)>{{7*7}}${7*7}",
    "half a character": "\ud800",
    "null byte": "\0\n\r\t\u202e",
    "file": {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    "fetched file": {"path": "http://127.0.0.1:9/x.png", "url": "", "meta": {"_type": "gradio.FileData"}},
    "long list": [0] * 50_000,
    "long text": "9" * 200_000,
}
ONE_BAD = (None, True, math.nan, -1e308, 2**63, "\ud800", "../../../etc/passwd", [], [math.nan], {"a": [1]}, "é" * 9000)
GOOD = {"seed": 0, "tokens": 3, "steps": 5, "index": 0, "dimension": 0, "frame": 0, "class": 3, "kept": [1, 2]}
FREE = {("prompt", str), ("text", str), ("kept", list)}  # fields that take any text, or an empty list
ONLY_SHOW = ("x",)
TEXTS = ("NaN", "-1e999", "../../etc/passwd", "<script>alert(1)</script>", "9" * 3000)
TOLD = re.compile(r"\S[^\n]{8,600}", re.DOTALL)
LEAKS = re.compile(rf"Traceback|File \"|line \d+, in|site-packages|{re.escape(str(ROOT))}|/tmp/|/root|/home/|\.py\b")
GROWTH = 60  # MB that the server may grow by while it refuses everything a second time
asked = []


def complaint(answer, what, fine=False):
    """What is wrong with an answer; it is one sentence without a trace of a stack or a path, or, if `fine`, a result."""
    asked.append(what)
    if "ok" in answer:
        return None if fine else f"{what}: taken"
    sentence = answer["error"]
    if not isinstance(sentence, str) or not TOLD.fullmatch(sentence) or sentence == _checks.UNKNOWN:
        return f"{what}: {str(sentence)[:300]}"
    leak = LEAKS.search(sentence.replace("/etc/passwd", ""))
    return f"{what}: {leak[0]} in {sentence[:300]}" if leak else None


def check(answers):
    """Of [(answer, what, fine)] none gives cause to complain."""
    found = [c for c in (complaint(*row) for row in answers) if c]
    assert not found, "\n".join(c[:400] for c in found[:40])


def together(calls):
    """Do [(call, what, fine)], four at a time, and check every answer."""
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda c: c[0](), calls)
        check((answer, what, fine) for answer, (_, what, fine) in zip(answers, calls, strict=True))


def words(function) -> set[str]:
    """The names of fields that a function's module, and the `_models` beside it, read from a request."""
    module = inspect.getmodule(function)
    beside = sys.modules.get(f"{module.__name__.rpartition('.')[0]}._models")
    nodes = [n for m in {module, beside} - {None} for n in ast.walk(ast.parse(inspect.getsource(m)))]
    read = [n.slice for n in nodes if isinstance(n, ast.Subscript)]
    read += [n.args[0] for n in nodes if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "get" and n.args]
    return {n.value for n in read if isinstance(n, ast.Constant) and isinstance(n.value, str)}


@pytest.fixture(scope="module")
def functions(wire):
    """(component, name, fields it reads, a request that it takes) of every server function that reads one."""
    blocks = app.build_app().blocks  # numbered as in the server
    first, found = {}, []
    for component, name in wire.server_functions():
        function = inspect.unwrap(getattr(blocks[component], name))
        if hasattr(inspect.getmodule(function), "FIRST"):
            first[component] = inspect.getmodule(function).FIRST
        elif next(iter(inspect.signature(function).parameters)).startswith("_"):
            made = wire.ask(component, name).get("ok")
            if isinstance(made, dict):
                first[component] = {"model": made.get("chosen")} | made | made.get("settings", {})
    for component, name in wire.server_functions():
        function = inspect.unwrap(getattr(blocks[component], name))
        if not next(iter(inspect.signature(function).parameters)).startswith("_"):
            fields = sorted(words(function))
            begun = first.get(component, {}) | GOOD
            found.append((component, name, fields, {key: begun[key] for key in fields if key in begun}))
    return found


def test_a_bad_argument_of_an_endpoint_gets_a_sentence(wire):
    calls = []
    for name, endpoint in wire.info.items():
        parameters = endpoint["parameters"]
        good = [p["parameter_default"] if p["parameter_has_default"] else 0 for p in parameters]
        for i, parameter in enumerate(parameters):
            for bad in (math.nan, {"a": 1}, "../../../etc/passwd"):
                data = [*good[:i], bad, *good[i + 1 :]]
                fine = parameter["parameter_name"] == "prompt" and isinstance(bad, str)
                calls.append((lambda n=name, d=data: wire.call(n, d), (name, parameter["parameter_name"], bad), fine))
        for kind, bad in ALL_BAD.items():
            calls.append((lambda n=name, d=[bad] * len(good): wire.call(n, d), (name, kind), False))
        calls.append((lambda n=name: wire.call(n, []), (name, "nothing"), False))
    together(calls)


def test_a_bad_request_of_a_control_gets_a_sentence(wire, functions):
    calls = []
    for component, name, fields, _ in functions:
        for kind, bad in ALL_BAD.items():
            for request in (dict.fromkeys(fields, bad), [] if isinstance(bad, dict) else bad):
                call, fine = (component, name, request), "text" in fields and isinstance(bad, str)
                calls.append((lambda call=call: wire.ask(*call), (component, name, kind), fine))
    together(calls)


def test_one_bad_field_among_good_ones_gets_a_sentence_or_changes_nothing(wire, functions):
    def tried(component, name, fields, good):
        usual = wire.ask(component, name, good)
        for i, field in enumerate(fields):
            for bad in ONE_BAD[i % 3 :: 3]:
                answer = wire.ask(component, name, good | {field: bad})
                if answer != usual:
                    yield answer, (component, name, field, bad), (field, type(bad)) in FREE

    with ThreadPoolExecutor(2) as pool:
        check(row for rows in pool.map(lambda row: list(tried(*row)), functions) for row in rows)


def saved(settings: dict) -> str:
    """A PNG in base64 that carries these settings, whatever they are."""
    return base64.b64encode(_checks.png_with(Image.new("L", (4, 4)), settings)).decode()


def test_an_event_with_bad_values_gets_a_sentence(wire):
    calls = []
    for event in wire.events():
        for kind in ("NaN", "object", "half a character", "file"):
            data, name = [ALL_BAD[kind]] * len(event["inputs"]), event["api_name"]
            call = (event["id"], data, {"preset": ALL_BAD[kind], "tab": [], "index": math.nan})
            fine = not data or name.startswith(ONLY_SHOW)
            calls.append((lambda call=call: wire.event(*call), (name, kind), fine))
    together(calls)


def parts(wire) -> list[tuple[str, str]]:
    """(tab, part) of all parts: a tab's id is that of a link, and so is its sub-tab's."""
    ids = {c["id"]: c["props"]["id"] for c in wire.config["components"] if c["type"] == "tabitem"}

    def walk(node, path):
        path = [*path, ids[node["id"]]] if node["id"] in ids else path
        inner = [found for child in node.get("children", []) for found in walk(child, path)]
        return inner or ([tuple(path)] if node["id"] in ids else [])

    found = walk(wire.config["layout"], [])
    assert len(found) > 2 * len(app.TABS)
    return [path for path in found if len(path) == 2]


def test_a_tampered_link_gets_a_sentence(wire, functions):
    fields = sorted({field for *_, names, _ in functions for field in names if field.islower()})
    load = next(d for d in wire.config["dependencies"] if d["targets"] == [[0, "load"]] or d["api_name"] == "restore")
    notice = 0  # the first output of the page's load is the line that a link's error is written to
    links = [{"tab": tab, "part": part} | dict.fromkeys(fields, bad) for tab, part in parts(wire) for bad in TEXTS]
    links += [{"tab": tab, "part": "../x"} for tab in {tab for tab, _ in parts(wire)}]

    def told(query):
        shown = wire.event(load["id"], [], query="?" + urllib.parse.urlencode(query, errors="surrogatepass"))
        if "ok" not in shown:
            return shown
        line = shown["ok"][notice]
        return {"error": re.sub("<[^>]*>", "", line)} if isinstance(line, str) else {"ok": line}

    together(
        [(lambda q=query: told(q), ("link", query["tab"], query["part"], query.get("seed")), False) for query in links]
    )
