"""Graphs of models: what a box is sent, and that its values are the model's own."""

import base64
import io
import math
from itertools import islice, pairwise

import pytest
import torch
from PIL import Image

from demos import autoencoder as autoencoder_tab
from demos import clip as clip_tab
from demos import contrastive as contrastive_tab
from demos import diffusion as diffusion_tab
from demos import distillation as distillation_tab
from demos import flow as flow_tab
from demos import gan as gan_tab
from demos import text as text_tab
from demos import vae as vae_tab
from demos._ui import graph
from demos._ui.graph import Graph, Node
from genai_core import diffusion, vae
from genai_core.diffusion import guidance, schedules
from genai_core.diffusion.parallel import by_parts

GRAPHS = {
    "autoencoder": autoencoder_tab.model.GRAPH,
    "clip": clip_tab.model.GRAPH,
    "contrastive": contrastive_tab.model.GRAPH,
    "vae": vae_tab.model.GRAPH,
    "diffusion": diffusion_tab.model.GRAPH,
    "distillation": distillation_tab.model.GRAPH,
    "flow": flow_tab.model.GRAPH,
    "gan": gan_tab.model.GRAPH,
    "text": text_tab.model.GRAPH,
}
LOOPS = {"diffusion": [("after", "x")], "text": [("next", "tokens")]}  # a step, a token: then it begins anew


def node(kind, **more):
    return Node("a", "a", kind, (0, 0), "What it is.", **more)


@pytest.mark.parametrize(
    ("kind", "found", "data"),
    [
        ("number", torch.tensor(1.23456), 1.235),
        ("bars", torch.tensor([0.5, -2.0]), [0.5, -2.0]),
        ("tokens", ["a", "b"], ["a", "b"]),
    ],
)
def test_a_box_is_sent_its_value(kind, found, data):
    assert graph.value(node(kind), found)["data"] == data


def test_a_ranked_box_is_sent_names_and_numbers():
    sent = graph.value(node("ranked"), {"a": 2.5, "b": torch.tensor(-1.0)})
    assert sent == {"shape": [2], "low": -1.0, "high": 2.5, "names": ["a", "b"], "data": [2.5, -1.0]}


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6), (3, 4, 6)])
def test_a_picture_is_sent_as_one_and_its_shape_and_range_are_told(shape):
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    sent = graph.value(node("picture"), x)
    image = Image.open(io.BytesIO(base64.b64decode(sent["data"])))
    assert image.size == (6, 4)
    assert sent["shape"] == list(shape)
    assert sent["low"] == pytest.approx(float(x.min()), rel=1e-3)
    assert sent["high"] == pytest.approx(float(x.max()), rel=1e-3)


def test_several_pictures_are_sent_as_one_sheet():
    sent = graph.value(node("picture"), torch.zeros(5, 3, 4, 6))
    assert Image.open(io.BytesIO(base64.b64decode(sent["data"]))).size == (3 * 6 + 2 * 2, 2 * 4 + 2)
    assert sent["shape"] == [5, 3, 4, 6]


def test_a_value_of_another_kind_and_a_missing_one_are_refused():
    with pytest.raises(ValueError, match="is a bars, and was given"):
        graph.value(node("bars"), torch.zeros(2, 2))
    with pytest.raises(ValueError, match="has no value"):
        graph.values(Graph((node("number"),), ()), {})
    with pytest.raises(ValueError, match="no kind of box 'cake'"):
        Graph((node("cake"),), ())
    with pytest.raises(ValueError, match="no box 'b'"):
        Graph((node("number"),), (("a", "b"),))


@pytest.mark.parametrize("name", GRAPHS)
def test_every_box_is_reached_and_says_what_it_is_and_where_its_line_is(name):
    own = GRAPHS[name]
    joined = {end for edge in own.edges for end in edge}
    for box in own.nodes:
        assert box.id in joined
        assert box.meaning.endswith(".")
        if box.line:
            assert box.line in graph.source(box.source)


@pytest.mark.parametrize("name", GRAPHS)
def test_boxes_do_not_overlap_and_arrows_go_to_the_right_but_for_loops(name):
    own = GRAPHS[name]
    places = sorted(box.at for box in own.nodes)
    assert all(a[0] != b[0] or b[1] - a[1] >= 1 for a, b in pairwise(places))
    at = {box.id: box.at for box in own.nodes}
    back = [(a, b) for a, b in own.edges if at[a][0] >= at[b][0]]
    assert back == LOOPS.get(name, [])


# --- the VAE's


def test_the_values_of_the_vae_are_those_of_the_model():
    """Compared with what passes through the model when its own loss is computed."""
    part = vae_tab.model.PART
    settings = part.parse({"seed": 3})
    found, model = vae_tab.model.values(**settings), vae.load(settings["model"])
    seen = {}
    hooks = [
        net.register_forward_hook(lambda _net, given, out, name=name: seen.update({name: (given[0], out)}))
        for name, net in (("encoder", model.encoder), ("decoder", model.decoder))
    ]
    with torch.inference_mode():
        terms = vae.loss(model, found["x"][None], generator=torch.Generator().manual_seed(3))
    for hook in hooks:
        hook.remove()
    mu, logvar = seen["encoder"][1].chunk(2, dim=1)
    assert torch.equal(found["mu"], mu[0])
    assert torch.allclose(found["sigma"], (0.5 * logvar).exp()[0])
    assert torch.allclose(found["z"], seen["decoder"][0][0], atol=1e-6)
    assert torch.allclose(found["x_hat"], seen["decoder"][1][0].sigmoid(), atol=1e-5)
    assert float(found["z"].sub(found["mu"] + found["sigma"] * found["epsilon"]).abs().max()) < 1e-6
    for name in ("kl", "reconstruction", "loss"):
        assert float(found[name]) == pytest.approx(float(terms[name]), rel=1e-4)


def outcome(label):
    (preset,) = [preset for preset in vae_tab.model.PART.presets if preset.label == label]
    return vae_tab.model.values(**vae_tab.model.PART.parse(preset.given()))


def test_another_draw_of_the_noise_changes_the_code_and_little_of_the_picture():
    first = vae_tab.model.values(**vae_tab.model.PART.parse({}))
    other = outcome("Another ε")
    assert float((first["z"] - other["z"]).abs().max()) > 0.3
    assert float((first["x_hat"] - other["x_hat"]).abs().mean()) < 0.05


def test_with_two_latents_the_reconstruction_pays():
    first, two = vae_tab.model.values(**vae_tab.model.PART.parse({})), outcome("Two latents")
    assert torch.equal(two["x"], first["x"])
    assert float(two["kl"]) < float(first["kl"])
    assert float(two["reconstruction"]) > float(first["reconstruction"])


def test_a_garment_is_explained_far_worse_than_a_digit():
    first, garment = vae_tab.model.values(**vae_tab.model.PART.parse({})), outcome("Not a digit")
    assert float(garment["reconstruction"]) > 2 * float(first["reconstruction"])


# --- diffusion's


def at_step(**given):
    part = diffusion_tab.model.PART
    return diffusion_tab.model.values(**part.parse(given))


def test_the_values_of_a_step_are_those_of_the_network_and_the_sampler(monkeypatch):
    found, model = at_step(step=20, guidance=2.0), diffusion.load("ddpm-mnist")
    run = diffusion.sample_steps(
        model,
        1,
        generator=torch.Generator().manual_seed(0),
        labels=torch.tensor([7]),
        steps=diffusion_tab.model.RUN,
        guidance=2.0,
    )
    seen = []

    def seeing(network, *given):
        seen.append((given, by_parts(network, *given)))
        return seen[-1][1]

    monkeypatch.setattr(guidance, "by_parts", seeing)
    steps = list(islice(run, 20))
    (x, _t, labels), v = seen[-1]
    assert torch.allclose(found["labelled"], v[0, 0], atol=1e-4)
    assert torch.allclose(found["plain"], v[1, 0], atol=1e-4)
    assert labels.tolist() == [7, model.config.classes]
    assert torch.allclose(found["x"], diffusion.picture(x[:1])[0])
    assert torch.equal(found["after"], diffusion.picture(steps[-1].after)[0])
    alpha, sigma = (float(f) for f in schedules.factors(found["t"].double()))
    assert torch.allclose(alpha * steps[-1].x0[0, 0] + sigma * found["noise"], steps[-1].x[0, 0], atol=1e-4)


def test_what_the_presets_of_a_step_say():
    part = diffusion_tab.model.PART
    first, last = (diffusion_tab.model.values(**part.parse(preset.given())) for preset in part.presets[:2])
    assert float(first["x0"].std()) < float(last["x0"].std())  # blurred, then sharp
    assert float(first["x0"].sub(last["x0"]).abs().mean()) > 0.05
    before = at_step(step=diffusion_tab.model.RUN - 5)["x0"]
    assert float(before.sub(last["x0"]).abs().mean()) < 0.02  # hardly anything changes any more
    hidden = diffusion_tab.model.values(**part.parse(part.presets[2].given()))
    assert torch.equal(hidden["plain"], hidden["labelled"])


def sent_back(tab):
    """The part Model of a tab, its settings on a first visit, and the loss and the tensors by box."""
    part = tab.model.PART
    settings = part.parse({})
    part.value(settings)  # as on the page: what is cached was computed without autograd
    with torch.enable_grad():
        return part, settings, *tab.model.path(**settings)


def by(loss, tensor):
    return torch.autograd.grad(loss, tensor, retain_graph=True)[0].squeeze(0)


BACKWARD = (autoencoder_tab, clip_tab, contrastive_tab, distillation_tab, flow_tab, gan_tab, text_tab, vae_tab)


@pytest.mark.parametrize("tab", BACKWARD, ids=lambda tab: tab.TAB.id)
def test_the_page_is_sent_the_gradient_of_every_box_that_the_loss_depends_on(tab):
    part, settings, loss, found = sent_back(tab)
    (gradients,) = (function for function in part.functions if function.__name__ == "gradients")
    sent = gradients(part.table.to_text(settings))
    assert list(sent) == list(found)
    assert {node.id for node in tab.model.GRAPH.nodes} >= set(sent)
    shown = tab.model.values(**settings)
    for name, tensor in found.items():
        if tensor is None:
            assert sent[name] is None
            continue
        assert sent[name]["norm"] == pytest.approx(float(by(loss, tensor).norm()), rel=1e-3, abs=1e-9)
        assert math.prod(sent[name]["shape"]) == tensor.numel() == torch.as_tensor(shown[name]).numel()
    assert part.value(settings)  # what is shown is not of the graph of autograd
    assert all(not value.requires_grad for value in shown.values() if isinstance(value, torch.Tensor))


def test_gradients_of_the_vae_are_those_of_its_loss():
    _, settings, loss, found = sent_back(vae_tab)
    x, logits, mu, sigma, z, epsilon = (
        *(found[name].detach().squeeze(0) for name in ("x", "x_hat", "mu", "sigma", "z")),
        vae_tab.model.values(**settings)["epsilon"],
    )
    assert torch.allclose(by(loss, found["x_hat"]), logits.sigmoid() - x, atol=1e-5)
    down = by(loss, found["z"])
    assert torch.allclose(by(loss, found["mu"]), down + mu, atol=1e-3)
    assert torch.allclose(by(loss, found["sigma"]), epsilon * down + sigma - 1 / sigma, atol=1e-2)
    assert torch.allclose(z, mu + sigma * epsilon, atol=1e-5)


def test_gradients_of_the_student_are_the_differences_of_distributions():
    _, settings, loss, found = sent_back(distillation_tab)
    shown, t, alpha = distillation_tab.model.values(**settings), settings["temperature"], settings["alpha"]
    wanted = alpha * t * (shown["q"] - shown["p"]) + (1 - alpha) * (shown["answer"] - shown["y"])
    assert torch.allclose(by(loss, found["z"]), wanted, atol=1e-5)


def test_gradients_of_clip_are_rows_and_columns_less_the_diagonal():
    _, settings, loss, found = sent_back(clip_tab)
    shown = clip_tab.model.values(**settings)
    n = len(shown["rows"])
    wanted = (shown["rows"] + shown["columns"] - 2 * torch.eye(n)) / (2 * n)
    assert torch.allclose(by(loss, found["logits"]), wanted, atol=1e-6)


def test_gradients_of_the_gan_are_of_both_losses():
    _, _, loss, found = sent_back(gan_tab)
    assert by(loss, found["score_fake"]) == -1  # of the loss of G, whatever D makes of it
    assert by(loss, found["score_real"]) == (-1 if found["score_real"].item() < 1 else 0)
    down = torch.autograd.grad(found["loss_g"], found["z"], retain_graph=True)[0]
    assert torch.allclose(by(loss, found["z"]), down[0])


def test_an_arrow_that_is_held_is_one_of_the_graph():
    assert gan_tab.model.GRAPH.described()["held"] == (("score_fake", "loss_d"),)
    with pytest.raises(ValueError, match="none of the arrows"):
        Graph((node("bars"),), (), (("a", "a"),))


def test_gradients_of_the_autoencoder_are_twice_the_error():
    _, settings, loss, found = sent_back(autoencoder_tab)
    assert torch.allclose(by(loss, found["x_hat"])[0], 2 * autoencoder_tab.model.values(**settings)["error"], atol=1e-4)


def test_a_gradient_of_no_box_is_refused():
    x = torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match="no box 'b'"):
        graph.slopes(Graph((node("bars"),), ()), x.sum(), {"b": x}, {})
    found = graph.slopes(Graph((node("bars"),), ()), x.square().sum(), {"a": x}, {"a": lambda g: g.flip(0)})
    assert (found["a"]["data"], found["a"]["norm"]) == ([2, 2, 2], graph.number(12**0.5))
