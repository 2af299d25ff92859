"""The way in for Hub models, on folders that transformers and tokenizers themselves save here."""

import pytest
import torch
import torch.nn.functional as F
import transformers

from genai_core import hub_text, text, text_search
from genai_core import text_sampling as ts
from genai_core.training import seeded

STORY = "One day a bird sang and a cat heard it. The cat and the bird sang on all day.\n" * 30


def saved(folder, family="gpt2") -> str:
    inner = text.BPETokenizer.train(STORY, 280).inner
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
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request, tmp_path_factory) -> hub_text.HubText:
    return hub_text.load(saved(tmp_path_factory.mktemp(request.param), request.param))


def test_the_tokenizer_goes_there_and_back(model):
    ids = model.tokenizer.encode(STORY)
    assert model.tokenizer.decode(ids) == STORY
    assert max(ids) < model.vocab
    assert model.stop == (280,)
    assert model.tokenizer.known("ж") == ("ж", [])


def test_reading_on_is_what_the_network_says_of_the_whole(model):
    ids, reader = model.tokenizer.encode(STORY)[:24], model.reader()
    with torch.inference_mode():
        whole = model.network(torch.tensor([ids])).logits[0]
    for n in (1, 2, 7, 24):
        torch.testing.assert_close(reader.next_logits(ids[:n]), whole[n - 1], atol=1e-4, rtol=1e-4)
        assert reader.states.shape == (n, 16)
    twin = reader.copy()
    branch = [*ids[:5], 7]
    torch.testing.assert_close(reader.next_logits(branch), model.next_logits(branch), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(twin.next_logits(ids), whole[-1], atol=1e-4, rtol=1e-4)


def test_beyond_its_context_it_reads_on_and_scores_alike(model):
    string = STORY[:200]
    ids = [model.start, *model.tokenizer.encode(string)]
    assert len(ids) > 40
    reader, expected = model.reader(), []
    for n in range(1, len(ids)):
        expected.append(-F.log_softmax(reader.next_logits(ids[:n]), 0)[ids[n]])
    torch.testing.assert_close(model.score(string), torch.stack(expected), atol=1e-3, rtol=1e-3)
    assert model.score("").tolist() == []


def test_our_sampler_and_our_searches_drive_it(model):
    ids = model.tokenizer.encode("One day")
    theirs = model.network.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False, pad_token_id=280)
    greedy = ts.generate(model, ids, chain=[ts.Greedy()], max_tokens=12, generator=torch.Generator(), stop=model.stop)
    assert greedy == theirs[0, len(ids) :].tolist()
    *_, beams = text_search.beam_search(model, ids, width=2, max_tokens=4)
    assert len(beams.best.tokens) == 4
    assert len(list(text_search.contrastive_search(model, ids, k=3, max_tokens=5))) == 5


def test_what_cannot_be_loaded_is_told_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(hub_text.HubError, match=r"^The model '.*nowhere' could not be loaded: .*\.$"):
        hub_text.load(str(tmp_path / "nowhere"))
    with pytest.raises(hub_text.HubError, match="could not be loaded"):
        list(hub_text.loading(str(tmp_path / "nowhere")))


def test_loading_says_how_far_it_is_and_ends_with_the_model(tmp_path):
    *said, model = hub_text.loading(saved(tmp_path))
    assert said
    assert all("MiB so far" in sentence for sentence in said)
    assert model.next_logits([1]).shape == (model.vocab,)
