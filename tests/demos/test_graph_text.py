"""Text's Model: the values of its graph are the GPT's and the sampler's, and what its presets say is so."""

import pytest
import torch

from demos._ui.tokens import candidate
from demos._ui.validation import InputError
from demos.text import _models, model
from demos.text.model import PART
from genai_core import language
from genai_core.language import generate, generate_steps
from genai_core.language.sampling import Temperature, TopK


def shown(**given):
    return model.values(**PART.parse(given))


def outcome(label):
    (preset,) = [preset for preset in PART.presets if preset.label == label]
    return shown(**preset.given())


@pytest.mark.parametrize("name", model.NAMES)
@pytest.mark.parametrize("layer", [1, 4, 6])
def test_the_values_are_those_that_pass_through_the_model(name, layer):
    prompt = "Once there was a king"
    found, own = shown(model=name, prompt=prompt, layer=layer, head=3), language.load(name)
    ids, seen = _models.encoded(own, prompt)[0], {}
    places = {"embedding": own.embedding, "stream": own.blocks[layer - 1], "logits": own.head}
    hooks = [
        net.register_forward_hook(lambda _net, _given, out, place=place: seen.update({place: out[0]}))
        for place, net in places.items()
    ]
    with torch.inference_mode():
        own(torch.tensor([ids]))
    for hook in hooks:
        hook.remove()
    assert torch.allclose(found["embedding"], seen["embedding"])
    assert torch.allclose(found["stream"], seen["stream"], atol=1e-4)
    best = seen["logits"][-1].topk(model.RANKED).values
    assert list(found["logits"].values())[:-1] == pytest.approx(best[:-1].tolist(), abs=1e-3)
    nll = -seen["logits"][:-1].log_softmax(1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    assert torch.allclose(found["nll"], nll, atol=1e-4)
    assert torch.allclose(found["nll"], own.score(prompt), atol=1e-4)
    assert float(found["loss"]) == pytest.approx(float(nll.mean()), abs=1e-4)
    assert len(found["tokens"]) == len(ids) == len(found["nll"]) + 1
    assert torch.allclose(found["attention"].sum(1), torch.ones(len(ids)))
    assert float(found["attention"].triu(1).abs().max()) == 0


def test_the_heads_together_give_what_the_attention_of_the_block_gives():
    """softmax(q k' / sqrt(d)) v of all heads, against the module's own output."""
    own, prompt, seen = language.load("gpt-shakespeare"), "My lord, what news?", {}
    attention = own.blocks[2].attention
    hook = attention.register_forward_hook(lambda _net, given, out: seen.update(given=given, out=out))
    with torch.inference_mode():
        own(torch.tensor([_models.encoded(own, prompt)[0]]))
        hook.remove()
        v = attention.project(*seen["given"][:2])[2][0]
        weights = [model.attention("gpt-shakespeare", prompt, 3, head) for head in (1, 2, 3, 4)]
        out = attention.out(torch.cat([w @ values for w, values in zip(weights, v, strict=True)], 1))
    assert torch.allclose(out, seen["out"][0], atol=1e-4)


@pytest.mark.parametrize("name", model.NAMES)
def test_the_next_token_is_the_one_that_the_sampler_draws_for_the_seed(name):
    own, prompt = language.load(name), "The king and the queen"
    ids, drawn = _models.encoded(own, prompt)[0], set()
    for temperature, top_k in ((1.0, 0), (0.7, 5), (2.0, 40), (0.0, 0), (3.0, 0)):
        for seed in range(6):
            found = shown(model=name, prompt=prompt, temperature=temperature, top_k=top_k, seed=seed)
            chain = [Temperature(temperature), *([TopK(top_k)] if top_k else [])]
            (step,) = generate_steps(own, ids, chain=chain, max_tokens=1, generator=torch.Generator().manual_seed(seed))
            assert generate(own, ids, chain=chain, max_tokens=1, generator=torch.Generator().manual_seed(seed)) == [
                step.token
            ]
            text = candidate(_models.text_stream(own, prompt), step.token)
            assert found["next"] == [text]
            assert found["probabilities"][text] == pytest.approx(float(step.probabilities[step.token]), abs=1e-5)
            assert float(found["u"]) == pytest.approx(step.draw)
            drawn.add(text)
    assert len(drawn) > 3


def test_an_empty_prompt_and_one_beyond_the_context_get_a_sentence():
    for prompt in ("", "日本語"):
        with pytest.raises(InputError, match="at least one character that the model knows"):
            PART.parse({"prompt": prompt})
    with pytest.raises(InputError, match="the model reads 256"):
        PART.parse({"prompt": "日本語" * 60, "model": "gpt-stories"})
    with pytest.raises(InputError):
        PART.parse({"prompt": "a" * 201})
    assert "left out: “日”" in model.show(**PART.parse({"prompt": "My 日 lo"}))["note"]


def test_nearly_a_word_leaves_next_to_nothing_to_the_draw():
    assert outcome("Nearly a word")["probabilities"]["o"] > 0.99


def test_another_draw_changes_u_and_the_next_token_alone():
    first, other = shown(), outcome("Another draw")
    assert (first["next"], other["next"]) == (["r"], ["v"])
    assert float(other["u"]) > first["probabilities"]["r"] > float(first["u"])
    for name in first.keys() - {"u", "next"}:
        same = torch.equal if isinstance(first[name], torch.Tensor) else lambda a, b: a == b
        assert same(first[name], other[name])


def test_a_high_temperature_flattens_p_and_leaves_the_logits():
    first, hot = shown(), outcome("Hot")
    assert hot["logits"] == first["logits"]
    assert max(hot["probabilities"].values()) < 0.5 * max(first["probabilities"].values())


def test_what_is_said_of_two_heads_of_the_first_block():
    before, itself = shown()["attention"], outcome("Another head")["attention"]
    assert float(before.diagonal(-1).mean()) > 0.5
    assert float(itself.diagonal().mean()) > 0.5


def test_a_typo_costs_more_than_ten_nat_and_the_letters_after_it_are_dear():
    nll = outcome("A typo")["nll"]
    assert int(nll.argmax()) == len("The queen and the k")
    assert float(nll[-3]) > 10
    assert float(nll[-2:].min()) > float(nll[:-3].max())


def test_a_token_of_the_stories_has_several_letters():
    found = outcome("Tokens of several letters")
    assert len(found["tokens"]) - 1 < len("Once upon a")
    assert found["next"] == ["␣time"]
