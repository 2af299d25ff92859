"""The part Cluster: what the scenes of a cluster share, and its presets.

That of “What do the clusters share?” is of the trained weights; the others hold for any.
"""

import math

import pytest

from demos._ui.validation import InputError
from demos.contrastive import _samples, cluster
from demos.contrastive._api import contrastive_cluster

PART = cluster.PART


def settings_of(label):
    (preset,) = (one for one in PART.presets if one.label == label)
    return PART.parse(preset.given())


def test_more_clusters_of_pixels_raise_the_nmi_of_the_shape_and_not_its_ari():
    settings = settings_of("How many clusters?")
    (few, _), (many, ari) = (cluster.agreement(**settings | {"k": k})["shape"] for k in (2, settings["k"]))
    assert few < 0.02
    assert many > 3 * few
    assert abs(ari) < 0.02


def test_clusters_of_an_untrained_network_are_backgrounds_for_the_most_part():
    settings = settings_of("Before training")
    assert settings["k"] == len(cluster.ATTRIBUTES["background"])
    found = dict(cluster.agreement(**settings))
    assert found.pop("background")[1] > 0.6
    assert all(abs(ari) < 0.05 for _, ari in found.values())


def test_without_jitter_clusters_hold_more_of_the_colour_than_those_of_pixels():
    settings = settings_of("What do the clusters share?")
    table = cluster.compared(**settings)
    ours, pixels = table[settings["embedding"]], table["pixels"]
    gains = {name: ours[name][0] - pixels[name][0] for name in ours}
    assert max(gains, key=gains.__getitem__) == "colour"
    assert ours["colour"][0] > 3 * pixels["colour"][0]


def test_another_seed_finds_clusters_that_are_partly_the_same():
    assert 0.2 < cluster.stability(**settings_of("Seeds")) < 0.9


@pytest.mark.parametrize("k", [2, 7, 20])
def test_every_scene_is_in_one_cluster_and_shares_are_counted(k):
    settings = PART.parse({"embedding": "pixels", "layer": "z", "k": k, "seed": 5})
    assert settings["layer"] == "h"
    found = cluster.clusters(**settings)
    assert sorted(int(i) for rows in found for i in rows) == list(range(_samples.POINTS))
    assert [len(rows) for rows in found] == sorted((len(rows) for rows in found), reverse=True)
    distances = cluster.groups(**settings).distances
    for rows in found:
        assert bool((distances[rows].diff() >= 0).all())
        for name, (value, share) in cluster.shares(rows).items():
            has = sum(cluster.ATTRIBUTES[name][int(_samples.truth()[name][i])] == value for i in rows)
            assert math.isclose(share, has / len(rows))
    assert len(PART.value(settings)["clusters"]) == len(found)


def test_the_last_seed_has_a_next_one():
    assert cluster.next_seed(cluster.SEEDS) == 0
    assert cluster.next_seed(3) == 4


@pytest.mark.parametrize("given", [{"embedding": "pixels", "k": 3}, {"embedding": "untrained", "k": 6}, {"k": 20}])
def test_its_program_says_what_it_says_and_so_does_the_endpoint(given, capsys):
    settings = PART.parse(given)
    exec(compile(PART.code(**settings), "cluster", "exec"), {})
    assert capsys.readouterr().out.strip() == PART.says(**settings)
    found = contrastive_cluster(**settings)
    assert sum(len(rows) for rows in found["clusters"]) == _samples.POINTS
    assert set(found["agreement"]) == {settings["embedding"], "pixels", "untrained"}
    assert found["agreement"][settings["embedding"]]["shape"]["nmi"] == pytest.approx(
        cluster.agreement(**settings)["shape"][0], abs=1e-4
    )
    assert PART.picture(**settings).width > 400


@pytest.mark.parametrize(
    "bad",
    [{"embedding": "vae"}, {"layer": "y"}, {"k": 1}, {"k": 21}, {"k": 2.5}, {"k": math.nan}, {"seed": -1}, {"k": "x"}],
)
def test_bad_settings_get_a_sentence(bad):
    with pytest.raises(InputError, match=r"^[A-Zk].*\.$"):
        PART.parse(bad)
