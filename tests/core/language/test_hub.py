"""The way in for Hub models, on folders that transformers and tokenizers themselves save here."""

import json

import pytest
import torch
import torch.nn.functional as F
import transformers
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from genai_core.common.training import seeded
from genai_core.language import hub, hub_files, search, tokenizers
from genai_core.language import sampling as ts

STORY = "One day a bird sang and a cat heard it. The cat and the bird sang on all day.\n" * 30


TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def saved(folder, family="gpt2", inner=None, template=None) -> str:
    inner = inner or tokenizers.BPETokenizer.train(STORY, 280).inner
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|end|>")
    size = {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    if family == "gpt2":
        config = transformers.GPT2Config(**size, n_positions=24, n_embd=16, n_layer=2, n_head=2, initializer_range=0.4)
    else:
        config = transformers.LlamaConfig(
            **size,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=24,
            initializer_range=0.4,
        )
    network = seeded(0, lambda: transformers.AutoModelForCausalLM.from_config(config))
    if template:
        tokenizer.chat_template = template
        network.generation_config.eos_token_id = [tokenizer.eos_token_id, 10, 11]
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request, tmp_path_factory) -> hub.HubText:
    return hub.load(saved(tmp_path_factory.mktemp(request.param), request.param))


def test_the_tokenizer_goes_there_and_back(model):
    ids = model.tokenizer.encode(STORY)
    assert model.tokenizer.decode(ids) == STORY
    assert max(ids) < model.vocab_size
    assert model.tokenizer.stop == (280,)
    assert model.tokenizer.known("ж") == ("ж", [])
    assert tokenizers.tokenizer_from_json(model.tokenizer.to_json()).encode(STORY) == ids


def test_reading_on_is_what_the_network_says_of_the_whole(model):
    ids, session = model.tokenizer.encode(STORY)[:24], model.decoding_session()
    with torch.inference_mode():
        whole = model.network(torch.tensor([ids])).logits[0]
    for n in (1, 2, 7, 24):
        torch.testing.assert_close(session.next_logits(ids[:n]), whole[n - 1], atol=1e-4, rtol=1e-4)
        assert session.states.shape == (n, 16)
    twin = session.copy()
    branch = [*ids[:5], 7]
    torch.testing.assert_close(session.next_logits(branch), model.next_logits(branch), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(twin.next_logits(ids), whole[-1], atol=1e-4, rtol=1e-4)


def test_beyond_its_context_it_reads_on_and_scores_alike(model):
    string = STORY[:200]
    ids = [model.tokenizer.start, *model.tokenizer.encode(string)]
    assert len(ids) > 40
    session, expected = model.decoding_session(), []
    for n in range(1, len(ids)):
        expected.append(-F.log_softmax(session.next_logits(ids[:n]), 0)[ids[n]])
    torch.testing.assert_close(model.score(string), torch.stack(expected), atol=1e-3, rtol=1e-3)
    assert model.score("").tolist() == []


def test_our_sampler_and_our_searches_drive_it(model):
    ids = model.tokenizer.encode("One day")
    theirs = model.network.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False, pad_token_id=280)
    greedy = ts.generate(
        model, ids, chain=[ts.Greedy()], max_tokens=12, generator=torch.Generator(), stop=model.tokenizer.stop
    )
    assert greedy == theirs[0, len(ids) :].tolist()
    *_, beams = search.beam_search(model, ids, width=2, max_tokens=4)
    assert len(beams.best.tokens) == 4
    assert len(list(search.contrastive_search(model, ids, k=3, max_tokens=5))) == 5


def test_a_chat_model_stops_at_every_end_token_and_has_its_template(tmp_path):
    model = hub.load(saved(tmp_path, template=TEMPLATE))
    assert model.tokenizer.stop == (280, 10, 11)
    assert model.has_chat_template
    assert model.tokenizer.decode(model.chat("A cat")) == "<user>A cat\n<assistant>"
    message = [{"role": "user", "content": "A cat"}]
    theirs = model.tokenizer.inner.apply_chat_template(message, add_generation_prompt=True)["input_ids"]
    assert model.chat("A cat") == theirs


def test_a_template_that_is_missing_or_refuses_is_told_in_one_sentence(model, tmp_path):
    assert not model.has_chat_template
    with pytest.raises(ValueError, match=r"^The model .* has no chat template\.$"):
        model.chat("A cat")
    strict = hub.load(saved(tmp_path, template="{{ raise_exception('no') }}"))
    with pytest.raises(ValueError, match=r"^The chat template .* does not take this message\.$"):
        strict.chat("A cat")


def remove(*names):
    def act(folder):
        for name in names:
            (folder / name).unlink()

    return act


def write(name, content):
    def act(folder):
        (folder / name).write_bytes(content)

    return act


def change_config(**fields):
    def act(folder):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(config | fields), encoding="utf-8")

    return act


def cut(name):
    def act(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return act


def change_weights(change):
    def act(folder):
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors", {"format": "pt"})

    return act


def only_sentencepiece(folder):
    remove("tokenizer.json")(folder)
    write("tokenizer.model", b"\x0a\x0e\x0a\x05<unk>")(folder)


FAULTS = {
    "no weights": (remove("model.safetensors"), "no weights"),
    "a tensor missing": (change_weights(lambda w: w.pop("transformer.h.1.ln_1.bias")), "1 are missing, such as"),
    "weights cut off": (cut("model.safetensors"), "weights are damaged"),
    "NaN": (change_weights(lambda w: w["transformer.wpe.weight"].fill_(float("nan"))), "not numbers"),
    "other shapes": (change_config(n_positions=32), "shapes"),
    "no tokenizer": (remove("tokenizer.json", "tokenizer_config.json"), "no tokenizer"),
    "no tokenizer.json": (remove("tokenizer.json"), "no tokenizer"),
    "tokenizer cut off": (cut("tokenizer.json"), r"tokenizer is damaged \(tokenizer.json\)"),
    "tokenizer.model alone": (only_sentencepiece, "packages sentencepiece and protobuf"),
    "no config": (remove("config.json"), "no config.json"),
    "config cut off": (cut("config.json"), "its config.json is damaged"),
    "config of another type": (write("config.json", b"[1]"), "which kind of model"),
    "config with a wrong field": (change_config(n_embd="wide"), "does not describe a 'gpt2' model"),
    "generation config": (write("generation_config.json", b"{"), "its generation_config.json is damaged"),
    "unknown kind": (change_config(model_type="gpt99"), "does not know its kind, 'gpt99'"),
    "own code": (change_config(model_type="gpt99", auto_map={"AutoConfig": "a.B"}), "Python code of its own"),
    "quantised": (change_config(quantization_config={"quant_method": "gptq", "bits": 4}), "quantised"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_a_folder_is_one_sentence_of_its_own(fault, tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.utils.is_sentencepiece_available", lambda: False)
    damage, words = FAULTS[fault]
    name = saved(tmp_path)
    damage(tmp_path)
    with pytest.raises(hub.HubError, match=words) as caught:
        hub.load(name)
    assert_one_sentence(str(caught.value), name)
    others = [other for _, other in FAULTS.values() if other != words]
    assert not any(other in str(caught.value) for other in others)


def assert_one_sentence(text, name):
    start = f"The model '{name}' could not be loaded: "
    assert text.startswith(start)
    assert text.endswith(".")
    assert "\n" not in text
    assert ". " not in text.removeprefix(start)


UNSUPPORTED = {
    "BertForMaskedLM": ({}, "it is an encoder .'bert'"),
    "DistilBertForMaskedLM": ({}, "it is an encoder .'distilbert'"),
    "T5ForConditionalGeneration": ({}, "encoder-decoder .'t5'"),
    "MambaForCausalLM": ({"state_size": 4}, "'mamba' model, which has a recurrent state"),
    "RwkvForCausalLM": (
        {"attention_hidden_size": 16, "num_hidden_layers": 2},
        "'rwkv' model, which has a recurrent state",
    ),
    "OpenAIGPTLMHeadModel": ({"n_embd": 16, "n_layer": 1, "n_head": 2}, "'openai-gpt' model, which has no cache"),
    "ViTForImageClassification": ({}, "not a causal language model .'vit'"),
}
SMALL = {"vocab_size": 281, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
SMALL |= {"intermediate_size": 16, "dim": 16, "n_heads": 2, "n_layers": 1, "hidden_dim": 16}
SMALL |= {"d_model": 16, "d_ff": 16, "d_kv": 8, "num_layers": 1, "num_heads": 2}


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_each_kind_of_model_that_does_not_work_here_is_named(kind, tmp_path):
    more, words = UNSUPPORTED[kind]
    saved(tmp_path)  # its tokenizer stays
    network = getattr(transformers, kind)
    network(network.config_class(**SMALL | more)).save_pretrained(tmp_path)
    with pytest.raises(hub.HubError, match=words) as caught:
        hub.load(str(tmp_path))
    assert_one_sentence(str(caught.value), str(tmp_path))


def test_a_multimodal_gemma_is_refused_and_one_of_text_is_not(tmp_path):
    text = {"vocab_size": 281, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "head_dim": 8}
    text |= {"num_attention_heads": 2, "num_key_value_heads": 1}
    saved(tmp_path)
    transformers.Gemma3Config(text_config=text).save_pretrained(tmp_path)
    with pytest.raises(hub.HubError, match="multimodal model .'gemma3'.") as caught:
        hub.load(str(tmp_path))
    assert_one_sentence(str(caught.value), str(tmp_path))
    assert hub_files.unsupported(transformers.Gemma3TextConfig(**text)) is None


def test_a_bert_that_was_trained_to_continue_a_text_works(tmp_path):
    saved(tmp_path)
    config = transformers.BertConfig(**{key: SMALL[key] for key in list(SMALL)[:5]}, is_decoder=True)
    transformers.BertLMHeadModel(config).save_pretrained(tmp_path)
    model = hub.load(str(tmp_path))
    torch.testing.assert_close(model.next_logits([1, 2, 3]), model.network(torch.tensor([[1, 2, 3]])).logits[0, -1])


def test_offline_and_missing_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for name, words in (("nobody/nothing", "offline"), (str(tmp_path / "nowhere"), "no such folder")):
        with pytest.raises(hub.HubError, match=words) as caught:
            hub.load(name)
        assert_one_sentence(str(caught.value), name)


@pytest.mark.parametrize("file", ["tokenizer.json", "model.safetensors"])
def test_offline_with_half_of_a_model_in_the_cache_is_offline(file, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--nobody--half" / "snapshots" / ("0" * 40)
    saved(snapshot)
    (tmp_path / "models--nobody--half" / "refs").mkdir()
    (tmp_path / "models--nobody--half" / "refs" / "main").write_text("0" * 40, encoding="utf-8")
    assert hub.load("nobody/half").tokenizer.stop == (280,)
    (snapshot / file).unlink()
    with pytest.raises(hub.HubError, match="offline"):
        hub.load("nobody/half")


def test_what_cannot_be_loaded_is_told_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(hub.HubError, match=r"^The model '.*nowhere' could not be loaded: .*\.$"):
        hub.load(str(tmp_path / "nowhere"))
    with pytest.raises(hub.HubError, match="could not be loaded"):
        list(hub.loading(str(tmp_path / "nowhere")))


def test_loading_says_how_far_it_is_and_ends_with_the_model(tmp_path):
    *said, model = hub.loading(saved(tmp_path))
    assert said
    assert all("MiB so far" in sentence for sentence in said)
    assert model.next_logits([1]).shape == (model.vocab_size,)
