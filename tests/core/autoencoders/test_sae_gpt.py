"""The laws of reading, replacing and steering the GPT's residual stream, and the figures of the shipped autoencoder."""

import pytest
import torch

from genai_core import data
from genai_core.autoencoders import contexts, sae_gpt
from genai_core.autoencoders.sae_gpt import GPTAutoencoder
from genai_core.common import checkpoints
from genai_core.common.training import seeded
from genai_core.data import corpora
from genai_core.language import DecodingSession, generate, gpt

TEXT = "\nROMEO:\nWhat is this? O, speak again, bright angel! for thou art\nAs glorious to this night."


@pytest.fixture(scope="module")
def model():
    return gpt.load("gpt-shakespeare")


@pytest.fixture(scope="module")
def sae():
    return seeded(0, lambda: GPTAutoencoder(sae_gpt.TINY.config)).requires_grad_(False)


@pytest.fixture(scope="module")
def ids(model):
    return model.tokenizer.encode(TEXT)


def test_the_stream_after_each_layer_leads_to_the_logits(model, ids):
    """The residual stream, sent through the layers that are left, gives what the whole GPT gives."""
    whole = model(torch.tensor([ids]))
    for layer in range(1, model.config.n_layer + 1):
        x = sae_gpt.residuals(model, torch.tensor([ids]), layer)
        for block in model.blocks[layer:]:
            x = block(x, model.table[:, : len(ids)])
        torch.testing.assert_close(model.head(model.norm(x)), whole)


@pytest.mark.parametrize("layer", [0, 7, 1.5])
def test_a_layer_that_there_is_not_is_refused(model, ids, layer):
    with pytest.raises(ValueError, match="The layer must be a whole number from 1 to 6"):
        sae_gpt.residuals(model, torch.tensor([ids]), layer)


def test_an_edit_that_changes_nothing_changes_no_bit(model, ids):
    same = sae_gpt.at_layer(3, lambda x: x)
    assert torch.equal(model(torch.tensor([ids]), same), model(torch.tensor([ids])))
    assert torch.equal(DecodingSession(model, edit=same).next_logits(ids), DecodingSession(model).next_logits(ids))


def test_steering_at_zero_changes_no_bit(model, sae, ids):
    steered = sae_gpt.Edited(model, sae_gpt.steering(sae, 7, 0.0))
    session, plain = steered.decoding_session(), DecodingSession(model)
    for n in range(len(ids) // 2, len(ids)):  # the first call reads a prompt, the others a token each
        assert torch.equal(session.next_logits(ids[:n]), plain.next_logits(ids[:n]))
    a, b = (
        generate(m, ids, max_tokens=300, generator=torch.Generator().manual_seed(3)) for m in (steered, model)
    )  # past the context, so that the window moves
    assert a == b


def test_steering_adds_the_direction_at_every_token(model, sae, ids):
    x, seen = sae_gpt.residuals(model, torch.tensor([ids]), 3), []
    edit = sae_gpt.steering(sae, 7, 2.5)

    def keep(layer, stream):
        stream = edit(layer, stream)
        if layer == 3:
            seen.append(stream)
        return stream

    model(torch.tensor([ids]), keep)
    torch.testing.assert_close(seen[0] - x, (2.5 * sae.scale * sae.decoder[7]).expand_as(x), atol=1e-4, rtol=1e-4)


def test_a_steered_session_reads_as_the_steered_gpt_does(model, sae, ids):
    """Token by token from its cache, in one pass, and in a pass over several tokens: the same logits."""
    edit = sae_gpt.steering(sae, 7, 6.0)
    whole = model(torch.tensor([ids]), edit)[0]
    session = DecodingSession(model, edit=edit)
    for n in (10, 11, 12, 30):
        torch.testing.assert_close(session.next_logits(ids[:n]), whole[n - 1], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(session.logits_along(ids[:30], ids[30:34]), whole[29:34], atol=1e-3, rtol=1e-3)
    assert (whole - model(torch.tensor([ids]))[0]).abs().max() > 0.1
    twin = session.copy()
    torch.testing.assert_close(twin.next_logits(ids[:31]), whole[30], atol=1e-3, rtol=1e-3)


def test_an_edited_gpt_scores_a_text_as_it_predicts_it(model, sae, ids):
    edited = sae_gpt.Edited(model, sae_gpt.steering(sae, 7, 6.0))
    score = edited.score(TEXT)
    assert len(score) == len(ids) - 1
    for n in (1, 20):
        log_p = edited.next_logits(ids[:n]).log_softmax(0)
        assert float(-log_p[ids[n]]) == pytest.approx(float(score[n - 1]), abs=1e-3)


@pytest.mark.parametrize(("feature", "strength"), [(-1, 1.0), (64, 1.0), (1.5, 1.0), (3, float("nan"))])
def test_steering_by_what_is_no_feature_is_refused(sae, feature, strength):
    with pytest.raises(ValueError, match=r"The (feature|strength) must be"):
        sae_gpt.steering(sae, feature, strength)


def test_all_features_of_a_perfect_dictionary_recover_the_loss(model, ids):
    """One that rebuilds every stream exactly recovers all of it; none of it where it says the mean."""
    text = torch.tensor(ids * 30)
    config = sae_gpt.SAEGPTConfig(features=512, k=512, k_min=512)
    perfect = GPTAutoencoder(config).requires_grad_(False)
    axes = torch.eye(256)
    perfect.decoder.copy_(torch.cat([axes, -axes]))
    perfect.encoder.copy_(perfect.decoder)
    loss = sae_gpt.losses(perfect, text, torch.zeros(256))
    assert loss["loss_recovered"] == pytest.approx(1, abs=1e-4)
    assert loss["loss_mean"] == pytest.approx(loss["loss_zero"])
    perfect.decoder.zero_()
    assert sae_gpt.losses(perfect, text, torch.zeros(256))["loss_recovered_mean"] == pytest.approx(0, abs=1e-4)


def test_what_a_feature_promotes_is_its_direction_through_the_head(model, sae):
    promoted = sae_gpt.promoted(sae, 5)
    assert promoted.shape == (65,)
    assert float(promoted.mean()) == pytest.approx(0, abs=1e-4)
    x = sae.decoder[5]
    expected = model.head(model.norm(x)) * x.square().mean().sqrt()  # the norm divides by the root mean square
    torch.testing.assert_close(promoted, expected - expected.mean(), atol=1e-3, rtol=1e-3)


def test_the_contexts_are_where_the_features_are_active():
    """Of the shipped file: re-read, the strengths are those kept, and no place of the text is stronger."""
    kept, sae = contexts.load("sae-gpt"), sae_gpt.load("sae-gpt")
    assert (checkpoints.ASSETS / "sae-gpt" / contexts.FILE).stat().st_size < 2**20
    generator = torch.Generator().manual_seed(0)
    for feature in torch.randperm(sae.config.features, generator=generator)[:5].tolist():
        code = sae_gpt.activations(sae, kept.ids[kept.text[feature]])[..., feature]  # [places, T]
        at = code.gather(1, kept.token[feature][:, None])[:, 0]
        torch.testing.assert_close(at, kept.strength[feature], atol=0.02, rtol=0.02)
        torch.testing.assert_close(code.max(1).values, kept.strength[feature], atol=0.02, rtol=0.02)
        assert (kept.strength[feature].diff() <= 0).all()


def test_the_texts_of_the_contexts_are_the_gpts_own():
    kept = contexts.load("sae-gpt")
    assert torch.equal(contexts.write_texts("sae-gpt", 2), kept.ids[:2])


def test_damaged_contexts_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    with pytest.raises(checkpoints.CheckpointError, match="The contexts of sae-gpt are missing or damaged: restore"):
        contexts.load("sae-gpt")


def test_the_card_of_sae_gpt_holds():
    """Recomputed on a tenth of the validation text, where the corpus is."""
    try:
        text = corpora.corpus("shakespeare", "validation")
    except data.DataError as error:
        pytest.skip(str(error))
    sae, told = sae_gpt.load("sae-gpt"), checkpoints.read_json("sae-gpt", "metrics.json")
    ids = torch.tensor(gpt.load(sae.config.gpt).tokenizer.encode(text))
    spread = torch.cat(ids.split(256)[::10])
    measured = sae_gpt.measure(sae, spread)
    for key in ("loss_recovered", "loss_recovered_mean", "explained", "dead"):
        assert measured[key] == pytest.approx(told[key], abs=0.01), key
    for key in ("loss_clean", "loss_sae", "loss_zero", "loss_mean", "active"):
        assert measured[key] == pytest.approx(told[key], rel=0.1), key
    assert told["loss_recovered"] >= 0.9
    assert measured["most_active"] <= told["most_active"] <= 32
    assert told["dead"] < 0.1
