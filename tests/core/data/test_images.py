import pytest
import torch

from genai_core import data
from genai_core.data.sprites import FACTORS, RANGES, render, sprites


def test_binary_draws_have_the_grey_values_as_means(generator):
    x = torch.tensor([0.0, 0.25, 0.5, 1.0])[:, None].expand(4, 20_000)
    drawn = data.binarise(x, generator)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert torch.allclose(drawn.mean(1), x[:, 0], atol=0.015)


@pytest.mark.parametrize(("name", "split"), [("mnist", "valid"), ("imagenet", "train"), ("../mnist", "train")])
def test_an_unknown_set_or_split_says_what_there_is(name, split):
    with pytest.raises(data.DataError, match="there are mnist, fashion"):
        data.load(name, split)


@pytest.mark.parametrize("name", ["mnist", "fashion", "cifar10"])
def test_an_absent_set_says_what_to_do_and_downloads_nothing(name, tmp_path, monkeypatch):
    monkeypatch.setenv("GENAI_DATA", str(tmp_path))
    with pytest.raises(data.DataError, match=f"python -m genai_core.data {name}"):
        data.load(name)
    assert not data.available(name)
    assert not any(tmp_path.rglob("*.gz"))


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_fetch_that_fails_does_not_advise_to_fetch(name, tmp_path, monkeypatch):
    monkeypatch.setenv("GENAI_DATA", str(tmp_path))
    monkeypatch.setattr("torchvision.datasets.utils.urllib.request.urlopen", unreachable)
    with pytest.raises(data.DataError, match="could not be fetched") as error:
        data.load(name, download=True)
    assert "python -m" not in str(error.value)


def unreachable(*_arguments, **_named):
    raise OSError("there is no network")


def test_mnist_is_what_it_should_be(mnist):
    x, y = mnist
    assert x.shape == (10_000, 1, 28, 28)
    assert torch.bincount(y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (x.min(), x.max()) == (0, 1)


def test_sprites_are_the_same_for_a_seed_and_their_factors_in_range():
    (a, f), (b, _), (c, _) = (sprites(50, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    for k, name in enumerate(FACTORS):
        assert RANGES[name][0] <= f[:, k].min()
        assert f[:, k].max() <= RANGES[name][1]


@pytest.mark.parametrize("name", FACTORS)
def test_only_the_factors_asked_for_vary(name):
    _, f = sprites(64, generator=torch.Generator().manual_seed(0), vary=(name,))
    spread = f.amax(0) - f.amin(0)
    assert [FACTORS[k] for k in spread.nonzero()[:, 0]] == [name]


def test_a_sprite_is_where_its_factors_say_and_its_ink_grows_with_its_scale():
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    for x, y in [(0.0, 0.0), (1.0, 0.0), (0.5, 1.0)]:
        picture = render(torch.tensor([[1.0, 0.8, 0.0, x, y]]))[0, 0]
        centre = [float((picture * grid).sum() / picture.sum()) for grid in (columns, rows)]
        expected = [13.5 + (2 * v - 1) * 0.55 * 14 for v in (x, y)]
        assert centre == pytest.approx(expected, abs=0.3)
        border = torch.cat([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert border.max() < 0.5  # the sprite is whole
    ink = [float(render(torch.tensor([[0.0, s, 0.3, 0.5, 0.5]])).sum()) for s in (0.5, 1.0)]
    assert ink[1] / ink[0] == pytest.approx(4, rel=0.1)


def test_an_unknown_factor_is_refused():
    with pytest.raises(ValueError, match="colour"):
        sprites(1, generator=torch.Generator(), vary=("colour",))
