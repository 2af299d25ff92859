import pytest
from torchvision import datasets

from genai_core import data
from genai_core.data import fetching
from tests.core.data import mirror

NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """The files of a small MNIST, which the mirrors are to have, and an empty folder of data sets."""
    packed = mirror.files()
    monkeypatch.setenv("GENAI_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(datasets.MNIST, "resources", mirror.sums(packed))
    monkeypatch.setitem(fetching.SIZES, "mnist", {name: len(data) for name, data in packed.items()})
    return packed


def raw(tmp_path):
    return sorted(path.name for path in (tmp_path / "data/MNIST/raw").iterdir())


def test_the_sizes_are_of_the_files_that_torchvision_knows():
    for name, kind in (("mnist", datasets.MNIST), ("fashion", datasets.FashionMNIST)):
        assert [f"{file}.gz" for file in fetching.SIZES[name]] == [file for file, _ in kind.resources]


def test_what_was_fetched_is_the_data_set_and_is_not_fetched_again(packed, tmp_path, monkeypatch):
    with mirror.mirror(packed) as (address, asked):
        monkeypatch.setattr(datasets.MNIST, "mirrors", [NOWHERE, address])  # the second one is tried, too
        assert not data.available("mnist")
        progress = list(fetching.fetch("mnist"))
        assert data.available("mnist")
        assert list(fetching.fetch("mnist")) == [(0, 0)]
    total = sum(map(len, packed.values()))
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == ((0, total), (total, total))
    assert asked == raw(tmp_path)[2:] + raw(tmp_path)[:2] == list(packed)
    assert len(data.load("mnist", "train")[0]) == mirror.COUNT["train"]
    assert len(data.load("mnist", "test")[1]) == mirror.COUNT["t10k"]


def test_a_fetch_that_is_ended_keeps_what_is_whole_and_goes_on(packed, tmp_path, monkeypatch):
    with mirror.mirror(packed) as (address, asked):
        monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
        fetch = fetching.fetch("mnist")
        first = len(packed["train-images-idx3-ubyte"])
        assert next(read for read, _ in fetch if read > first)  # the second file has begun to come
        fetch.close()
        assert raw(tmp_path) == ["train-images-idx3-ubyte"]
        with pytest.raises(data.DataError):
            data.load("mnist", "train")
        asked.clear()
        assert list(fetching.fetch("mnist"))[-1][1] == sum(map(len, packed.values())) - first
        assert asked == list(packed)[1:]
    assert data.available("mnist")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [(b"", "not the data set"), (b"another file", "not the data set"), (None, "no network, or no mirror answers")],
)
def test_a_file_that_does_not_come_whole_leaves_nothing(change, sentence, packed, tmp_path, monkeypatch):
    served = {} if change is None else packed | {"train-images-idx3-ubyte": change}
    with mirror.mirror(served) as (address, _):
        monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
        with pytest.raises(data.DataError, match=sentence):
            list(fetching.fetch("mnist"))
    assert raw(tmp_path) == []


def test_without_a_network_a_fetch_gets_one_sentence(packed, monkeypatch):
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NOWHERE])
    with pytest.raises(data.DataError, match=r"^MNIST could not be fetched: the server has no network[^.]*\.$"):
        list(fetching.fetch("mnist"))


def test_a_folder_that_cannot_be_written_gets_one_sentence(packed, tmp_path, monkeypatch):
    (tmp_path / "data").write_text("a file where the folder should be")
    with mirror.mirror(packed) as (address, _):
        monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
        with pytest.raises(data.DataError, match=r"^MNIST could not be stored: [^.]*\.$"):
            list(fetching.fetch("mnist"))


def test_a_set_without_mirrors_says_which_ones_can_be_fetched():
    with pytest.raises(data.DataError, match="those that can are mnist, fashion"):
        list(fetching.fetch("sprites"))
