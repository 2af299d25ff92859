"""What of this machine can be reached through the app: its own pages and endpoints, and nothing else."""

import gradio as gr
import httpx
import pytest

import app
from benchmarks._browser import ROOT
from demos import serve as _serve
from demos.serve import BLOCKS, serve
from tests.server.wire import API

OUTSIDE = (
    "/etc/passwd",
    "//etc/passwd",
    "/proc/self/environ",
    str(ROOT / "app.py"),
    str(ROOT / "assets/vae-mnist/config.json"),
    "app.py",
    "demos/../app.py",
    "assets/vae-mnist/model.safetensors",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%252e%252e%252f%252e%252e%252fetc%252fpasswd",
    "....//....//etc/passwd",
    "..\\..\\app.py",
    "%00/etc/passwd",
    "file:///etc/passwd",
    "https://example.com/",
    "HTTPS:%2f%2fexample.com/",
    "http:/127.0.0.1/",
)
PLACES = (
    f"{API}/file=",
    f"{API}/file/",
    "/file=",
    "/static/",
    "/assets/",
    "/svelte/",
    f"{API}/proxy=",
    f"{API}/stream/",
)


@pytest.mark.parametrize("place", PLACES)
def test_no_file_but_the_app_s_own_can_be_fetched(wire, place):
    for path in OUTSIDE:
        for answer in (wire.client.get(place + path), wire.client.head(place + path)):
            assert 400 <= answer.status_code < 500, path
            assert not any(sign in answer.text for sign in ("root:", "PATH=", "import ", "latents", "Example Domain"))


def test_the_server_fetches_nothing_from_another_host(wire):
    for path in (f"{API}/file=https://example.com/x.png", f"{API}/proxy=https://x.hf.space/", f"{API}/file/http://a/"):
        assert wire.client.get(path).json() == {"detail": "This server gives its own files only."}
    address = {"path": "https://example.com/x.png", "meta": {"_type": "gradio.FileData"}}
    assert "uploaded" in wire.call("/vae_sample", [address, "vae-mnist"])["error"]


def test_uploads_and_requests_have_a_limit(wire):
    heavy = {"files": ("x.png", bytes(_serve.MAX_FILE + 1))}
    assert wire.client.post(f"{API}/upload", files=heavy).status_code == 413
    assert wire.client.post(f"{API}/queue/join", content=bytes(18_000_000)).json()["detail"].endswith("than 17 MB.")
    pieces = (bytes(1_000_000) for _ in range(20))  # without saying how many there are
    assert wire.client.post(f"{API}/component_server", content=pieces).status_code == 400


def test_an_upload_is_never_shown_as_a_page(wire):
    for name in ("x.svg", "x.html"):
        place = wire.client.post(f"{API}/upload", files={"files": (f"../../{name}", b"<script>")}).json()[0]
        answer = wire.client.get(f"{API}/file={place}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert ".." not in place


def test_nothing_is_reported_and_nothing_is_monitored(wire):
    config = wire.config
    assert not config["analytics_enabled"]
    assert not config["show_error"]
    assert not config["run_history"]
    assert config["max_file_size"] == _serve.MAX_FILE
    for path in ("/monitoring", "/monitoring/summary", f"{API}/vibe-code", f"{API}/runs", "/docs"):
        assert wire.client.get(path).status_code in (403, 404), path


def test_every_public_endpoint_says_what_it_does_and_what_it_takes(wire):
    named = {d["api_name"] for d in wire.config["dependencies"] if d["api_visibility"] == "public"}
    assert {name.removeprefix("/") for name in wire.info} == named
    for name, endpoint in wire.info.items():
        assert len(endpoint["description"] or "") > 30, name
        assert name[1:].startswith(tuple(f"{tab.id}_" for tab in app.TABS)), name
        for parameter in endpoint["parameters"]:
            assert not parameter["parameter_name"].startswith(("param_", "_")), name
            assert parameter["python_type"]["type"] != "Any", (name, parameter["parameter_name"])
    assert not wire.client.get(f"{API}/info").json()["unnamed_endpoints"]


@pytest.mark.parametrize("wrong", ["nobody", ":secret", "user:", ":"])
def test_auth_that_is_no_user_and_password_gets_one_sentence(wrong, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["app.py", "--auth", wrong])
    with pytest.raises(SystemExit):
        app.main()
    assert capsys.readouterr().err.endswith("--auth: it must be a user and a password with a colon between them.\n")


def test_with_auth_nothing_is_given_before_the_log_in():
    """Blocks of its own: what is asked is whether `serve` passes it on and Gradio holds to it."""
    with gr.Blocks(**BLOCKS) as demo:
        gr.HTML("secret")
    _, url, _ = serve(demo, auth=app.user_and_password("ada:love:lace"), prevent_thread_lock=True, quiet=True)
    try:
        with httpx.Client(base_url=url) as client:
            for path in ("config", "gradio_api/info", "gradio_api/file=x", "gradio_api/queue/status"):
                assert client.get(path).status_code == 401, path
            assert client.post("gradio_api/component_server", json={}).status_code == 401
            assert "secret" not in client.get("").text
            assert client.post("login", data={"username": "ada", "password": "x"}).status_code == 400
            assert client.post("login", data={"username": "ada", "password": "love:lace"}).status_code == 200
            assert "secret" in client.get("").text
    finally:
        demo.close()
