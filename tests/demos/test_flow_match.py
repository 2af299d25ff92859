"""Match: one noise for all three models, paths in the plane of their chords, and what its presets say is so."""

import base64

import numpy as np
import pytest
import torch

from demos._ui.validation import InputError
from demos.flow import match
from demos.flow.match import DIFFUSION, FINE, FLOW, MODELS, PART, RECTIFIED
from genai_core import diffusion
from genai_core.common import checkpoints
from genai_core.flows import matching

DIGITS = [{"label": str(label), "seed": label} for label in range(10)]


def settings(**given):
    return PART.parse(given)


def rows(**given) -> dict[str, dict]:
    return dict(zip(MODELS, PART.value(settings(**given))["rows"], strict=True))


def points(packed: str) -> np.ndarray:
    """[points, 4]: t, along, away, off."""
    return np.frombuffer(base64.b64decode(packed), np.int16).reshape(-1, 4) / match.UNIT


def test_all_models_begin_with_the_noise_of_the_seed():
    noise = torch.randn((1, 1, 28, 28), generator=torch.Generator().manual_seed(3))
    for name in MODELS:
        assert torch.equal(match.taken(name, **settings(seed=3)).states[:1], noise)


def test_what_is_shown_is_what_the_models_sample():
    given = settings(label="4", nfe=6, guidance=2.0, seed=1)
    options = {"labels": torch.tensor([4]), "steps": 6}
    own = {
        FLOW: lambda g: matching.sample(matching.load(FLOW), 1, generator=g, guidance=2.0, **options),
        RECTIFIED: lambda g: matching.sample(matching.load(RECTIFIED), 1, generator=g, **options),
        DIFFUSION: lambda g: diffusion.sample(diffusion.load(DIFFUSION), 1, generator=g, guidance=2.0, **options),
    }
    for name, row in rows(**given).items():
        drawn = np.frombuffer(base64.b64decode(row["sample"]), np.uint8)
        expected = own[name](torch.Generator().manual_seed(1))
        assert np.array_equal(drawn, (expected.flatten() * 255).round().byte().cpu().numpy())


@pytest.mark.parametrize(("sampler", "nfe"), [("euler", 1), ("euler", 7), ("midpoint", 7), ("heun", 2), ("heun", 50)])
def test_no_model_takes_more_evaluations_than_asked_for(sampler, nfe):
    given = settings(sampler=sampler, nfe=nfe, guidance=1)
    spent = [match.taken(name, **given).nfe for name in MODELS]
    assert spent[2] == nfe
    assert spent[0] == spent[1] == (nfe if sampler == "euler" else nfe - nfe % 2)


def test_a_path_begins_and_ends_on_its_chord():
    for row in rows(nfe=3).values():
        line, dots = points(row["line"]), points(row["dots"])
        assert line[0].tolist() == dots[0].tolist() == [0, 0, 0, 0]
        assert line[-1].tolist() == [1, 1, 0, 0]
        assert (len(line), len(dots)) == (FINE[0] + 1, 4)
        assert np.allclose(np.hypot(line[:, 2], line[:, 1] - line[:, 0]), line[:, 3], atol=3e-4)


@pytest.mark.parametrize("nfe", FINE)
def test_as_many_evaluations_as_the_line_has_lie_on_it(nfe):
    for row in rows(nfe=nfe).values():
        assert row["dots"] == row["line"]


def test_no_path_has_more_evaluations_than_the_line_that_it_is_compared_with():
    assert [len(points(rows(nfe=nfe)[FLOW]["line"])) - 1 for nfe in (4, 25, 49)] == [24, 50, 50]


def test_guidance_is_not_taken_by_the_rectified_model():
    one, other = (rows(guidance=g) for g in (1.0, 3.0))
    assert one[RECTIFIED] == other[RECTIFIED]
    assert one[FLOW]["sample"] != other[FLOW]["sample"]


def test_flows_are_straighter_than_diffusion_and_reflow_than_its_teacher():
    """The mean of ten digits; the arc of diffusion is near a quarter circle, whose straightness is pi^2 / 8 - 1."""
    curves = {
        name: np.mean([match.straightness(match.fine(name, **settings(guidance=1, **digit))) for digit in DIGITS])
        for name in MODELS
    }
    assert curves[RECTIFIED] < 0.5 * curves[FLOW]
    assert curves[FLOW] < 0.5 * curves[DIFFUSION]
    assert curves[DIFFUSION] == pytest.approx(np.pi**2 / 8 - 1, rel=0.15)


def test_the_table_holds_what_was_measured():
    html = match.quality()
    first, second = (checkpoints.read_json(name, "metrics.json") for name in (FLOW, RECTIFIED))
    for value in (first["read_as_label_2nfe"], second["read_as_label_2nfe"], first["read_as_label_2nfe_ddim"]):
        assert f"<td>{value:.1%}</td>" in html
    assert f"<td>{match.ratio(second['frechet_ratio_2nfe'])}</td>" in html


def test_the_endpoint_gives_the_digits_of_the_stage():
    pictures, figures = match.flow_match("7", 5, 2)
    assert [caption for _, caption in pictures] == list(MODELS.values())
    for (image, _), row, figure in zip(
        pictures, rows(label="7", seed=5, nfe=2).values(), figures.values(), strict=True
    ):
        assert np.asarray(image).tobytes() == base64.b64decode(row["sample"])
        assert figure["digit"] == row["digit"]


@pytest.mark.parametrize("bad", [{"nfe": 0}, {"nfe": 51}, {"sampler": "rk4"}, {"label": "10"}, {"guidance": 5}])
def test_what_no_model_takes_is_refused(bad):
    with pytest.raises(InputError):
        PART.parse(bad)


def preset(label: str) -> dict[str, dict]:
    (found,) = [preset for preset in PART.presets if preset.label == label]
    return rows(**found.given())


def test_what_the_preset_of_one_evaluation_says():
    """Off the end, in lengths of the chord; and the share of pixels that are neither black nor white."""
    shown = preset("One evaluation")
    off = {name: points(row["dots"])[-1, 3] for name, row in shown.items()}
    grey = {
        name: np.mean((pixels > 38) & (pixels < 217))
        for name, row in shown.items()
        for pixels in [np.frombuffer(base64.b64decode(row["sample"]), np.uint8)]
    }
    for other in (FLOW, DIFFUSION):
        assert off[RECTIFIED] < 0.5 * off[other]
        assert grey[RECTIFIED] < 0.7 * grey[other]


def test_what_the_preset_of_the_arc_says():
    shown = preset("An arc and two lines")
    assert {row["digit"] for row in shown.values()} == {7}
    curves = [shown[name]["straightness"] for name in (RECTIFIED, FLOW, DIFFUSION)]
    assert curves[0] < 0.5 * curves[1] < 0.25 * curves[2]


def test_what_the_preset_of_heun_says():
    """The noise in the rows above and below the digit."""

    def noise(name: str, sampler: str) -> float:
        sample = match.taken(name, **given | {"sampler": sampler}).states[-1, 0]
        return float(torch.cat([sample[:3], sample[-3:]]).std())

    (found,) = [preset for preset in PART.presets if preset.label == "Heun and the noise"]
    given = settings(**found.given())
    for name in (FLOW, RECTIFIED):
        assert match.taken(name, **given).nfe == given["nfe"]
        assert noise(name, "heun") > 0.2
        assert max(noise(name, sampler) for sampler in ("euler", "midpoint")) < 0.05
