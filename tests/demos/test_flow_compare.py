"""Compare: the figures are those of the cards, the samples those of the models, and what its presets say is so."""

import base64

import numpy as np
import pytest
import torch

from demos._ui.validation import InputError
from demos.flow import compare
from demos.flow.compare import COUNT, FAMILIES, PART, STEPS
from genai_core import diffusion, vae
from genai_core.common import checkpoints
from genai_core.flows import base


def value(**given) -> dict:
    return PART.value(PART.parse(given))


def by_family(**given) -> dict[str, dict]:
    return dict(zip(FAMILIES, value(**given)["rows"], strict=True))


def preset(label: str) -> dict[str, dict]:
    (found,) = [preset for preset in PART.presets if preset.label == label]
    return by_family(**found.given())


def test_the_figures_are_those_of_the_cards():
    for key, row in by_family(nfe="8").items():
        measured = checkpoints.read_json(row["model"], "metrics.json")
        assert row["bits"] == measured.get("bits")
        assert row["frechet"] == measured["frechet_ratio_8nfe_ddim" if key == "diffusion" else "frechet_ratio"]


def test_only_the_gan_has_no_likelihood():
    assert [key for key, row in by_family().items() if row["bits"] is None] == ["gan"]


def test_the_samples_are_what_the_models_draw():
    rows, generator = by_family(nfe="4", seed=3), lambda: torch.Generator().manual_seed(3)
    labels = torch.arange(COUNT)
    own = {
        "vae": vae.sample(vae.load("vae-mnist"), COUNT, generator=generator()),
        "diffusion": diffusion.sample(
            diffusion.load("ddpm-mnist"), COUNT, generator=generator(), labels=labels, steps=4
        ),
    }
    for key, x in own.items():
        shown = np.frombuffer(base64.b64decode(rows[key]["pictures"]), np.uint8)
        assert np.array_equal(shown, (x.flatten() * 255).round().byte().cpu().numpy())


def test_the_best_of_each_measure_is_marked():
    found = value()
    for name, k in found["best"].items():
        values = [row[name] for row in found["rows"] if row[name] is not None]
        assert found["rows"][k][name] == min(values)


def test_more_steps_take_more_passes_and_more_time():
    few, many = (by_family(nfe=nfe)["diffusion"] for nfe in ("4", "50"))
    assert (few["passes"], many["passes"]) == (4, 50)
    assert few["ms"] < many["ms"]
    for key in ("vae", "flow", "gan"):
        assert by_family(nfe="4")[key]["ms"] == by_family(nfe="50")[key]["ms"]


def test_what_the_preset_of_few_steps_says():
    few, many = preset("Few steps"), by_family()
    assert few["diffusion"]["passes"] == 4
    assert few["diffusion"]["frechet"] > many["diffusion"]["frechet"]
    assert few["diffusion"]["frechet"] < min(few["vae"]["frechet"], few["flow"]["frechet"])


def test_what_the_preset_of_the_first_flow_says():
    assert preset("The first flow")["flow"]["bits"] > by_family(flow="glow-mnist")["flow"]["bits"]


def test_what_the_preset_of_likelihood_and_samples_says():
    rows = preset("Likely and good")
    known = [key for key, row in rows.items() if row["bits"] is not None]
    assert sorted(known, key=lambda key: rows[key]["bits"]) == ["flow", "vae", "diffusion"]
    assert sorted(known, key=lambda key: rows[key]["frechet"]) == ["diffusion", "vae", "flow"]
    assert max(rows, key=lambda key: rows[key]["frechet"]) == "flow"
    assert np.log2(100) / base.DIMENSIONS < 0.01  # one sample of a hundred keeps its density but for this


def test_every_number_of_steps_was_measured():
    assert all(compare.frechet(compare.DIFFUSION, nfe) > 0 for nfe in STEPS)


@pytest.mark.parametrize("bad", [{"flow": "realnvp-fashion"}, {"nfe": "7"}, {"seed": -1}])
def test_what_there_is_not_is_refused(bad):
    with pytest.raises(InputError):
        PART.parse(bad)
