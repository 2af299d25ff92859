"""The way in for pretrained CLIPs, on a tiny model that is saved here as open_clip wants it."""

import json

import open_clip
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torchvision.transforms.functional import to_tensor

from genai_core.clip import hub
from genai_core.common.training import seeded

CONFIG = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("open_clip")
    model = seeded(0, lambda: open_clip.CLIP(CONFIG["embed_dim"], CONFIG["vision_cfg"], CONFIG["text_cfg"]))
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": CONFIG}), encoding="utf-8")
    return f"local-dir:{folder}"


@pytest.fixture(scope="module")
def model(folder):
    return hub.load(folder)


def test_vectors_are_those_of_open_clip(folder, model):
    theirs, _, preprocess = open_clip.create_model_and_transforms(folder)
    theirs.eval()
    picture = Image.effect_noise((32, 32), 80).convert("RGB")
    tokenizer = open_clip.get_tokenizer(folder)
    with torch.no_grad():
        expected = theirs.encode_image(preprocess(picture)[None], normalize=True)
        words = theirs.encode_text(tokenizer(["a photo of a cat", "a dog"]), normalize=True)
    torch.testing.assert_close(model.encode_image(to_tensor(picture)[None]), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model.encode_text(["a photo of a cat", "a dog"]), words, atol=1e-5, rtol=1e-4)


def test_pictures_of_any_size_become_unit_vectors(model, generator):
    assert model.size == 32
    x = torch.rand(3, 3, 64, 48, generator=generator)
    found = model.encode_image(x)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
    small = F.interpolate(x, (32, 32), mode="bicubic", antialias=True).clamp(0, 1)
    torch.testing.assert_close(model.encode_image(small, batch=2), found, atol=1e-5, rtol=1e-4)
    assert model.encode_image(x[:0]).shape == model.encode_text([]).shape == (0, 24)


def test_bad_input_is_told(model):
    with pytest.raises(ValueError, match="3 x H x W"):
        model.encode_image(torch.zeros(1, 1, 32, 32))
    with pytest.raises(ValueError, match="at least one word"):
        model.encode_text([" "])
    with pytest.raises(ValueError, match="at most 1000"):
        model.encode_text(["word " * 2000])
    assert model.encode_text(["word " * 190]).shape == (1, 24)


def test_loading_says_how_far_it_is_and_ends_with_the_model(folder):
    *said, model = hub.loading(folder)
    assert said
    assert all("MiB so far" in sentence for sentence in said)
    assert model.encode_text(["a cat"]).shape == (1, 24)


@pytest.mark.parametrize(
    ("name", "weights"), [("ViT-B-32", "laion2b_s34b_b79k"), ("ViT-B-32", "nowhere"), ("Nothing", None)]
)
def test_what_cannot_be_loaded_is_told_in_one_sentence(name, weights, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(hub.HubError, match=rf"^The model '{name}' .* could not be loaded: .*\.$"):
        hub.load(name, weights)
