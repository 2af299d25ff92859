"""What a page, a link, a saved picture or a program may send: every bad value gets one sentence, and the app lives.

Endpoints, server functions, events and parts are found in the app itself, so that a new tab is tried as it comes.
"""

import ast
import base64
import inspect
import math
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

import app
from benchmarks._browser import ROOT
from demos._ui import errors, sharing, validation
from demos._ui.tab import Part, Tab, accepts
from tests.server.wire import API

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
ONE_BAD = (None, True, math.nan, -1e308, 2**63, "\ud800", "../../../etc/passwd", [], [math.nan], {"a": [1]}, "9" * 9000)
GOOD = {"seed": 0, "tokens": 3, "steps": 5, "index": 0, "dimension": 0, "frame": 0, "class": 3, "kept": [1, 2]}
FREE = {  # fields that take any text, an empty list, either truth; or names of settings that are none, like a link
    *((name, str) for name in ("prompt", "text", "without", "own", "labels", "true", "false", "reference")),
    *((name, list) for name in ("kept", "filters", "pressed")),
    *((name, bool) for name in ("crop", "fold", "grey", "holes", "jitter", "linear", "show_f", "shuffled")),
    ("settings", dict),
}
ANY_TEXT = (
    "score",
    "features",
    "hub",
    "yours",
)  # parts that take any text, any name of a model, or nothing from a link
HEARS_NOTHING = ("lambda", "select")  # events that look at the kind of their value alone
TEXTS = ("NaN", "-1e999", "../../etc/passwd", "<script>alert(1)</script>", "9" * 400)
TOLD = re.compile(r"\S[^\n]{8,600}", re.DOTALL)
LEAKS = re.compile(rf"Traceback|File \"|line \d+, in|site-packages|{re.escape(str(ROOT))}|/tmp/|/root|/home/|\.py\b")
GROWTH = 60  # MB that the server may grow by while it refuses everything a second time
asked = []


def complaint(answer, what, fine=False):
    """What is wrong with an answer: one sentence, no trace of a stack or a path; or, if `fine`, a result."""
    asked.append(what)
    if "ok" in answer:
        return None if fine else f"{what}: taken"
    sentence = answer["error"]
    if not isinstance(sentence, str) or not TOLD.fullmatch(sentence) or sentence == errors.UNKNOWN:
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


def settled(answer: dict) -> dict:
    """An answer without what is never the same twice: the milliseconds that it took."""
    ok = answer.get("ok")
    return answer | {"ok": {key: value for key, value in ok.items() if key != "ms"}} if isinstance(ok, dict) else answer


def asks_for_nothing(function) -> bool:
    return next(iter(inspect.signature(function).parameters)).startswith("_")


PARTS = {f"{one.id}/{part.id}": (one, part) for one in app.TABS for part in one.parts}
FIELDS = sorted({setting.name for _, part in PARTS.values() for setting in part.settings})


def taken(name: str, function, one: Tab, part: Part) -> tuple[list[str], dict]:
    """The fields that a server function of a part reads, and a request that it takes."""
    settings = part.parse(part.first)
    whole = {"settings": settings, "shown": None}
    if name == "open":
        return ["png"], {"png": saved({"tab": one.id, "part": part.id, **sharing.linked(part, settings)})}
    if name in ("save", "code"):
        reads = [fn for fn in (part.picture, part.code) if fn and accepts(fn, "shown")]
        return ["settings", "shown"] if reads else ["settings"], whole
    if name == "preset":
        return ["label"], {"label": part.presets[0].label}
    read = set() if name == "show" and part.settings else words(function)
    return sorted(read | settings.keys()), {key: GOOD[key] for key in read & GOOD.keys()} | settings


@pytest.fixture(scope="module")
def functions(wire, behind):
    """(component, name, fields it reads, a request that it takes) of every server function of a part that reads one."""
    owner = {c["id"]: (c["props"].get("props") or {}).get("part") for c in wire.config["components"]}
    found, seen = [], set()
    for (component, name), function in zip(wire.server_functions(), behind, strict=True):
        id_ = owner[component]
        if id_ in PARTS and not asks_for_nothing(function) and (id_, name) not in seen:
            seen.add((id_, name))
            found.append((component, name, *taken(name, function, *PARTS[id_])))
    assert len(found) > 3 * len(PARTS)
    return found


@pytest.fixture(scope="module")
def free(wire):
    """The components of parts that take any text."""
    owner = {c["id"]: (c["props"].get("props") or {}).get("part") or "" for c in wire.config["components"]}
    return {component for component, id_ in owner.items() if id_.endswith(ANY_TEXT)}


def test_a_bad_argument_of_an_endpoint_gets_a_sentence(wire):
    calls = []

    def add(endpoint, data, what, fine=False):
        if fine and endpoint.endswith("_train"):  # it would train
            return
        calls.append((lambda: wire.call(endpoint, data), (endpoint, what), fine))

    for k, (name, endpoint) in enumerate(wire.info.items()):
        parameters = endpoint["parameters"]
        good = [p["parameter_default"] if p["parameter_has_default"] else 0 for p in parameters]
        for i, parameter in enumerate(parameters):
            for bad in (math.nan, {"a": 1}, "../../../etc/passwd"):
                what = (parameter["parameter_name"], bad)
                add(name, [*good[:i], bad, *good[i + 1 :]], what, (what[0], type(bad)) in FREE)
        for kind in list(ALL_BAD)[k % 2 :: 2]:
            fine = name.endswith(ANY_TEXT) and isinstance(ALL_BAD[kind], str)
            add(name, [ALL_BAD[kind]] * len(parameters), kind, fine)
        add(name, [], "nothing")
    together(calls)


def refused(wire, functions, free, every=1):
    """Send each function every bad value, or one in `every` of them, and check the answers.

    As the request itself, or as each of its fields: a function gets the one, the next function the other.
    """
    calls = []
    for k, (component, name, fields, _) in enumerate(functions):
        for j, (kind, bad) in enumerate(list(ALL_BAD.items())[k % every :: every]):
            whole = [] if isinstance(bad, dict) else bad
            call = (component, name, whole if (j + k) % 2 else dict.fromkeys(fields, bad))
            told = name in ("save", "code") and isinstance(bad, dict)  # no setting is named: those of a first visit
            fine = told or (component in free and isinstance(bad, str))
            calls.append((lambda call=call: wire.ask(*call), (component, name, kind), fine))
    together(calls)


def test_a_bad_request_of_a_control_gets_a_sentence(wire, functions, free):
    refused(wire, functions, free)


def test_one_bad_field_among_good_ones_gets_a_sentence_or_changes_nothing(wire, functions):
    def tried(component, name, fields, good):
        usual = settled(wire.ask(component, name, good))
        for i, field in enumerate(fields):
            for bad in ONE_BAD[i % 4 :: 4]:
                answer = wire.ask(component, name, good | {field: bad})
                if settled(answer) != usual:
                    yield answer, (component, name, field, bad), (field, type(bad)) in FREE

    with ThreadPoolExecutor(2) as pool:
        check(row for rows in pool.map(lambda row: list(tried(*row)), functions) for row in rows)


def ended(answer: dict) -> dict:
    """A run's answer: an error is a field of its last value."""
    last = answer["ok"][0] if answer.get("ok") else None
    return {"error": last["error"]} if isinstance(last, dict) and last.get("error") else answer


def saved(settings: dict) -> str:
    """A PNG in base64 that carries these settings, whatever they are."""
    return base64.b64encode(validation.png_with(Image.new("L", (4, 4)), settings)).decode()


def test_an_event_with_bad_values_gets_a_sentence(wire):
    calls = []
    for k, event in enumerate(wire.events()):
        if event["inputs"] or event["collects_event_data"]:
            kind = ("NaN", "object", "half a character", "file")[k % 4]
            said = {"preset": ALL_BAD[kind], "tab": [], "index": math.nan}
            call = (event["id"], [ALL_BAD[kind]] * len(event["inputs"]), said)
            fine = event["api_name"].startswith(HEARS_NOTHING)
            calls.append((lambda call=call: ended(wire.event(*call)), (event["api_name"], kind), fine))
    together(calls)


def test_a_tampered_link_gets_a_sentence(wire):
    router = next(component for component, name in wire.server_functions() if name == "open")
    links = [
        {"tab": one.id, "part": part.id} | dict.fromkeys(FIELDS, bad)
        for k, (one, part) in enumerate(PARTS.values())
        for bad in (TEXTS[k % len(TEXTS)], TEXTS[(k + 2) % len(TEXTS)])
    ]
    links += [{"tab": one.id, "part": "../x"} for one in app.TABS]
    links += [{"tab": bad} for bad in TEXTS]
    together(
        [
            (
                lambda query=query: wire.ask(router, "open", query),
                tuple(query.items())[:3],
                query.get("part") in ANY_TEXT,
            )
            for query in links
        ]
    )


def test_a_tampered_picture_gets_a_sentence(wire, functions):
    files = ("open", "open_picture", "shrink")  # functions that take a picture file
    takers = [(component, name) for component, name, *_ in functions if name in files]
    assert len(takers) > 2 * len(app.TABS)
    carried = [{"tab": one.id, "part": part.id} | dict.fromkeys(FIELDS, "9" * 99) for one, part in PARTS.values()]
    picture = base64.b64decode(saved(carried[0]))
    contents = {
        "text": b"no picture",
        "cut": picture[:60],
        "other settings": validation.png_with(Image.new("L", (4, 4)), {"tab": ["vae"], "part": math.nan}),
        "no settings": validation.png_with(Image.new("L", (4, 4)), {}),
        "a bomb": validation.png_with(Image.new("1", (12_000, 12_000)), carried[0]),
        "a page": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "scrambled": bytes(255 - byte if k > 40 else byte for k, byte in enumerate(picture)),
    }
    encoded = {kind: base64.b64encode(data).decode() for kind, data in contents.items()}
    encoded |= {"no base64": "!" * 40, "no text": 7, "nothing": None, "a path": "/etc/passwd"}
    calls = []
    for component, name in takers:
        opens = name != "open"  # a drawing, which needs no settings
        for kind, png in encoded.items():
            ask = (component, name, {"png": png, "pixels": png})
            calls.append((lambda ask=ask: wire.ask(*ask), (component, name, kind), opens and "settings" in kind))
        for settings in carried:
            ask = (component, name, {"png": saved(settings)})
            fine = opens or settings["part"] in ANY_TEXT
            calls.append((lambda ask=ask: wire.ask(*ask), (component, name, settings["part"]), fine))
    together(calls)


RAW = {
    "no JSON": "{",
    "a list": "[]",
    "too deep": '{"data":' + "[" * 100_000 + "]" * 100_000 + "}",
    "no control": '{"data":1,"component_id":999999,"session_hash":"x","fn_name":"start"}',
    "no number": '{"data":1,"component_id":{},"session_hash":[],"fn_name":5}',
    "a method": '{"data":1,"component_id":COMPONENT,"session_hash":"x","fn_name":"__class__"}',
    "no server function": '{"data":1,"component_id":COMPONENT,"session_hash":"x","fn_name":"get_config"}',
    "no event": '{"data":[],"fn_index":999999,"session_hash":"x"}',
    "half": '{"data":[],"fn_index":"x","session_hash":{}}',
}


@pytest.mark.parametrize(
    "place", ["component_server", "queue/join", "call/vae_sample", "call/nothing", "call/v2/x", "upload"]
)
def test_what_is_not_the_protocol_is_refused_without_a_trace(wire, place):
    component = str(wire.server_functions()[0][0])
    for kind, body in RAW.items():
        asked.append((place, kind))
        sent = body.replace("COMPONENT", component)
        answer = wire.client.post(f"{API}/{place}", content=sent, headers={"content-type": "application/json"})
        joined = "event_id" in answer.text  # the number of an event is not looked at where a name is given
        assert 400 <= answer.status_code < 500 or joined, (kind, answer.text[:300])
        assert not LEAKS.search(answer.text), (kind, answer.text[:300])


def test_after_all_this_the_app_lives_and_has_not_grown(server, functions, free):
    process, wire = server

    def size():
        return (
            int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8"))[1]) / 1000
        )

    before = size()
    refused(wire, functions, free, every=3)
    assert process.poll() is None
    assert wire.call("/vae_sample", [3, "vae-mnist"])["ok"][1]["seed"] == 3
    assert len(asked) > 500
    assert size() - before < GROWTH
