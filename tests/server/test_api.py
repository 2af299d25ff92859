"""docs/api.md is true: its examples run, and its list is that of the server. And what an endpoint does with files."""

import io
import re
import shutil
import subprocess

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from demos.text import write
from demos.vae import sliders
from docs.list_endpoints import PAGE, page
from tests.server.test_hostile import LEAKS, TOLD
from tests.server.wire import API

TEXT = PAGE.read_text(encoding="utf-8")
HERE = "http://127.0.0.1:7860"
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def client(wire):
    return Client(wire.url, verbose=False)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_the_list_of_endpoints_is_that_of_the_server(wire):
    assert page(TEXT, wire.info) == TEXT, "run python -m docs.list_endpoints"


def test_every_parameter_and_every_answer_is_described(wire):
    for name, endpoint in wire.info.items():
        assert endpoint["description"].endswith("."), name
        for parameter in endpoint["parameters"]:
            assert parameter["parameter_has_default"], (name, parameter["parameter_name"])
            assert parameter["python_type"]["description"], (name, parameter["parameter_name"])
        for returned in endpoint["returns"]:
            assert returned["python_type"]["description"], name


@pytest.mark.parametrize("k", range(len(EXAMPLES)))
def test_an_example_runs_as_it_stands(wire, k, tmp_path, monkeypatch):
    assert HERE in EXAMPLES[k]
    monkeypatch.chdir(tmp_path)
    exec(compile(EXAMPLES[k].replace(HERE, wire.url), f"example {k}", "exec"), {"__name__": "__main__"})


def test_every_endpoint_that_is_no_training_is_in_an_example(wire):
    for name in wire.info:
        assert name.endswith(("_train", "_interpolate")) or any(f'"{name}"' in example for example in EXAMPLES), name


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_the_example_with_curl_runs(wire, tmp_path):
    (tmp_path / "picture.png").write_bytes(png(Image.new("L", (28, 28), 9)))
    script = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)[0].replace(HERE, wire.url)
    run = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("event: complete\ndata: [{")


def test_the_same_seed_draws_and_writes_what_the_page_does(wire, client):
    path, drawn = client.predict(seed=5, api_name="/vae_sample")
    settings = sliders.PART.parse({"seed": 5})
    assert drawn["z"] == settings["z"]
    zoomed = Image.open(path).convert("L").resize((280, 280), Image.Resampling.NEAREST)
    assert zoomed.tobytes() == sliders.picture(**settings).convert("L").tobytes()
    options = {"temperature": 0.7, "top_p": 1, "seed": 5, "tokens": 30, "model": "ngram-shakespeare"}
    streamed = list(client.submit("KING:\n", **options, api_name="/text_generate"))
    page_settings = {"prompt": "KING:\n", "filters": "temperature=0.7,top_p=1", "seed": 5, "tokens": 30}
    assert streamed[-1][0] == write.written(write.PART.parse({**page_settings, "model": "ngram-shakespeare"}))
    assert client.predict("KING:\n", **options, api_name="/text_generate")[0] == streamed[-1][0]


def test_a_picture_of_28_x_28_is_taken_as_it_is_and_others_are_fitted(client, tmp_path):
    (tmp_path / "small.png").write_bytes(png(Image.new("L", (28, 28))))
    big = Image.new("RGB", (300, 200), "white")
    big.paste((0, 0, 0), (100, 20, 130, 180))  # a dark one on white
    big.save(tmp_path / "big.jpg")
    empty, one = (
        client.predict(picture=handle_file(tmp_path / name), api_name="/distillation_ask")
        for name in ("small.png", "big.jpg")
    )
    teacher = one["distill-teacher"]
    assert teacher.index(max(teacher)) == 1
    assert empty != one


BAD_FILES = {
    "text": b"no picture",
    "markup": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "bomb": png(Image.new("1", (12_000, 12_000))),
    "cut": png(Image.effect_noise((90, 90), 50))[:300],
    "heavy": bytes(13_000_000),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("endpoint", ["vae_encode", "diffusion_inpaint", "clip_classify", "distillation_ask"])
def test_a_bad_file_gets_one_sentence(wire, kind, endpoint):
    path = wire.client.post(f"{API}/upload", files={"files": (f"{kind}.png", BAD_FILES[kind])}).json()[0]
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    data = [
        file if "path" in p["type"].get("properties", ()) else p["parameter_default"]
        for p in wire.info[f"/{endpoint}"]["parameters"]
    ]
    error = wire.call(f"/{endpoint}", data)["error"]
    assert TOLD.fullmatch(error)
    assert not LEAKS.search(error)
    assert "picture" in error or "file" in error


def test_a_mask_must_have_the_size_of_the_pictures(client, tmp_path):
    (tmp_path / "mask.png").write_bytes(png(Image.new("L", (30, 28), 255)))
    with pytest.raises(AppError, match="28 x 28 pixels, not 30 x 28"):
        client.predict(mask=handle_file(tmp_path / "mask.png"), api_name="/diffusion_inpaint")


def test_a_file_of_this_machine_is_not_taken_for_an_upload(wire):
    for path in ("/etc/passwd", "app.py"):
        answer = wire.call("/distillation_ask", [{"path": path, "meta": {"_type": "gradio.FileData"}}, 4.0])
        assert TOLD.fullmatch(answer["error"])


def test_a_picture_that_was_made_can_be_fetched(wire):
    answer = wire.call("/vae_decode", [None, "vae-fashion"])["ok"]
    picture = Image.open(io.BytesIO(httpx.get(answer[0]["url"]).content))
    assert (picture.format, picture.size) == ("PNG", (28, 28))
