"""What a page is sent: the script of the page, and Gradio's data as JSON."""

import json
import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from demos._server.head import Head

CONFIG = {"title": "</script>; \u00e9 '", "components": [1, 2]}
ENDPOINTS = {"named_endpoints": {"/vae_decode": {}}, "unnamed_endpoints": {}}


def page(_request):
    config, endpoints = (json.dumps(value).replace("<", "\\u003c") for value in (CONFIG, ENDPOINTS))
    scripts = f"<script>window.gradio_config = {config};</script><script>window.gradio_api_info = {endpoints};</script>"
    return HTMLResponse(f"<html><head>{scripts}</head><body></body></html>")


def held(text):
    return {
        name: json.loads(data)
        for name, data in re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', text)
    }


@pytest.fixture
def client():
    routes = [
        Route("/", page),
        Route("/plain", lambda _request: HTMLResponse("<html><head></head></html>")),
        Route("/config", lambda _request: JSONResponse({"head": "<head>"})),
    ]
    with TestClient(Starlette(routes=routes, middleware=[Middleware(Head, tag="<script src=a></script>")])) as found:
        yield found


def test_the_script_comes_first_and_the_data_is_json(client):
    answer = client.get("/")
    assert answer.text.startswith("<html><head><script src=a></script>")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert held(answer.text) == {
        "gradio_config": CONFIG,
        "gradio_api_info": {"named_endpoints": {}, "unnamed_endpoints": {}},
    }
    assert answer.text.count("JSON.parse") == 2
    assert "window.gradio_config = {" not in answer.text


def test_other_answers_stay_as_they_are(client):
    assert client.get("/plain").text == "<html><head><script src=a></script></head></html>"
    assert client.get("/config").json() == {"head": "<head>"}
