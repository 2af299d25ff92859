import os
import signal
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from genai_core import retrieval
from genai_core.retrieval import CollectionError, Hit

D = 16


def unit(n, seed=0):
    return F.normalize(torch.randn(n, D, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.fixture
def collection():
    made = retrieval.private("tiny", D)
    yield made
    made.close()


def test_the_nearest_are_those_of_brute_force(collection):
    x, queries = unit(2000), unit(20, seed=1)
    ids = collection.add(x)
    assert len(collection) == 2000
    right = 0
    for query in queries:
        hits = collection.search(query, 10)
        similarity, index = (x @ query).topk(10)
        assert [hit.similarity for hit in hits] == pytest.approx(similarity.tolist(), abs=1e-4)
        right += len({hit.id for hit in hits} & {ids[i] for i in index})
    assert right >= 0.99 * 200


def test_the_graph_finds_what_brute_force_finds(collection, monkeypatch):
    monkeypatch.setattr(retrieval, "EXACT", 0)
    x, queries = unit(2000), unit(20, seed=1)
    ids = collection.add(x)
    collection.optimise()
    found = [{hit.id for hit in collection.search(query, 10)} for query in queries]
    exact = [{ids[i] for i in (x @ query).topk(10).indices} for query in queries]
    assert sum(len(a & b) for a, b in zip(found, exact, strict=True)) >= 0.98 * 200


def test_filters_let_through_what_is_so_and_only_that(collection):
    words = [["red", "circle", "red circle"], ["red", "star"], ["blue", "circle", "it"], []]
    attributes = [{"things": i % 5, "background": ("navy", "white")[i % 2], "has": words[i % 4]} for i in range(200)]
    attributes[7] = {"caption": "someone's cat"}
    x = unit(200)
    ids = collection.add(x, attributes)
    of = dict(zip(ids, attributes, strict=True))
    for where, true in (
        ({"things": 3}, lambda a: a.get("things") == 3),
        ({"background": "navy", "things": 2}, lambda a: a.get("background") == "navy" and a["things"] == 2),
        ({"has": ["red"]}, lambda a: "red" in a.get("has", [])),
        ({"has": ["circle", "red circle"]}, lambda a: "red circle" in a.get("has", [])),
        ({"has": []}, lambda a: True),
    ):
        hits = collection.search(x[7], 200, where=where)
        assert {hit.id for hit in hits} == {id_ for id_ in ids if true(of[id_])}
    assert collection.search(x[7], 1)[0].attributes == {"caption": "someone's cat"}


@pytest.mark.parametrize(
    "where",
    [
        {"shape": "star"},
        {"things": "2"},
        {"things": True},
        {"has": "red"},
        {"background": "x' or '1' = '1"},
        {"has": [3]},
    ],
)
def test_a_filter_there_is_not_is_refused(collection, where):
    collection.add(unit(3))
    with pytest.raises(ValueError, match=r"\.$"):
        collection.search(unit(1)[0], where=where)


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (torch.full((1, D), float("nan")), "not finite"),
        (torch.full((1, D), float("inf")), "not finite"),
        (torch.zeros(1, D), "zero"),
        (torch.ones(1, D + 1), f"Vectors of {D} numbers"),
        (torch.ones(D), f"Vectors of {D} numbers"),
    ],
)
def test_what_cannot_be_searched_is_not_taken(collection, vectors, said):
    with pytest.raises(ValueError, match=said):
        collection.add(vectors)
    assert len(collection) == 0
    with pytest.raises(ValueError, match="finite numbers"):
        collection.search(torch.full((D,), float("nan")))
    with pytest.raises(ValueError, match="1 to 1000 results"):
        collection.search(unit(1)[0], 0)
    with pytest.raises(ValueError, match="An id has"):
        collection.add(unit(1), ids=["../up"], pictures=[Image.new("RGB", (4, 4))])
    with pytest.raises(ValueError, match="no attribute"):
        collection.add(unit(1), [{"owner": "me"}])


def test_pictures_come_back_and_go_with_their_vectors(collection):
    red, blue = (Image.new("RGB", (20, 10), colour) for colour in ("red", "blue"))
    a, b = collection.add(unit(2), pictures=[red, blue])
    shown = collection.picture(b)
    assert shown.size == (20, 10)
    assert shown.getpixel((5, 5))[2] > 240
    torch.testing.assert_close(collection.vectors([b, a]), unit(2).flip(0))
    collection.delete([b])
    assert collection.picture(b) is None
    assert [hit.id for hit in collection.search(unit(2)[1], 5)] == [a]
    assert len(collection) == 1


def test_two_sessions_do_not_see_each_other_and_leave_nothing():
    a, b = retrieval.private("tiny", D), retrieval.private("tiny", D)
    a.add(unit(3))
    assert (len(a), len(b)) == (3, 0)
    assert b.search(unit(1)[0]) == []
    folders = [a.folder, b.folder]
    a.close()
    a.close()
    with pytest.raises(CollectionError, match="closed"):
        a.search(unit(1)[0])
    with pytest.raises(CollectionError, match="closed"):  # who left while a picture was read
        a.add(unit(1), pictures=[Image.new("RGB", (4, 4))])
    del b
    assert not any(folder.exists() for folder in folders)


def test_a_named_collection_is_there_again(tmp_path):
    first = retrieval.named(tmp_path, "my cats", "tiny", D)
    ids = first.add(unit(5), [{"caption": f"cat {i}"} for i in range(5)])
    with pytest.raises(CollectionError, match="open elsewhere"):
        retrieval.named(tmp_path, "my cats", "tiny", D)
    first.close()
    again = retrieval.named(tmp_path, "my cats", "tiny", D)
    assert retrieval.names(tmp_path) == ["my cats"]
    hit = again.search(unit(5)[3], 1)[0]
    assert (hit.id, hit.attributes) == (ids[3], {"caption": "cat 3"})
    again.close()
    with pytest.raises(CollectionError, match="was made with tiny"):
        retrieval.named(tmp_path, "my cats", "other", D)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 41, "a\x00b"])
def test_a_name_is_a_plain_name(tmp_path, name):
    with pytest.raises(CollectionError, match="name has"):
        retrieval.named(tmp_path, name, "tiny", D)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_collection_is_told(tmp_path):
    retrieval.named(tmp_path, "cats", "tiny", D).close()
    (tmp_path / "cats" / retrieval.ABOUT).write_text("{")
    with pytest.raises(CollectionError, match="damaged"):
        retrieval.named(tmp_path, "cats", "tiny", D)
    (tmp_path / "cats" / retrieval.ABOUT).unlink()  # killed while it was made: it was never whole
    assert len(retrieval.named(tmp_path, "cats", "tiny", D)) == 0


WRITER = """
import sys, torch
from PIL import Image
from genai_core import retrieval
collection = retrieval.named(sys.argv[1], "killed", "tiny", 16)
for i in range(10_000):
    x = torch.randn(7, 16, generator=torch.Generator().manual_seed(i))
    print(*collection.add(x, pictures=[Image.new("RGB", (8, 8), (i % 255, 0, 0))] * 7), flush=True)
"""


def test_what_was_acknowledged_outlives_a_kill_in_mid_write(tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    acknowledged = [writer.stdout.readline().split() for _ in range(25)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [line.split() for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    again = retrieval.named(tmp_path, "killed", "tiny", D)
    for i, ids in enumerate(acknowledged):
        x = F.normalize(torch.randn(7, D, generator=torch.Generator().manual_seed(i)), dim=1)
        torch.testing.assert_close(again.vectors(ids), x)
        assert all(again.picture(id_) is not None for id_ in ids)
    assert len(again) >= 7 * len(acknowledged)
    again.add(unit(1))  # and it goes on
    again.close()


def test_near_duplicates_are_folded_into_the_best(collection):
    x = unit(3)
    twins = F.normalize(x[:1] + 0.01 * unit(2, seed=5), dim=1)
    ids = collection.add(torch.cat([x, twins]))
    hits = collection.search(x[0], 3, fold=0.95)
    assert len(hits) == 3
    assert hits[0].id == ids[0]
    assert set(hits[0].alike) == set(ids[3:])
    assert all(hit.alike == () for hit in hits[1:])
    assert len({hit.id for hit in collection.search(x[0], 5)}) == 5


def test_folding_is_greedy_from_the_best():
    hits = [Hit(str(i), 1 - i / 10, {}) for i in range(3)]
    angle = torch.tensor([0.0, 0.2, 0.4])
    vectors = torch.stack([angle.cos(), angle.sin()], 1)
    found = retrieval.folded(hits, vectors, float(torch.tensor(0.25).cos()))
    assert [(hit.id, hit.alike) for hit in found] == [("0", ("1",)), ("2", ())]
    assert retrieval.folded([], torch.zeros(0, 2), 0.9) == []
    with pytest.raises(ValueError, match="threshold"):
        retrieval.folded(hits, vectors, 0.0)


def test_arithmetic_is_linear_and_of_unit_length():
    a, b, c = unit(3)
    found = retrieval.combine([(1, a), (-1, b), (2, c)])
    torch.testing.assert_close(found, F.normalize(a - b + 2 * c, dim=0))
    torch.testing.assert_close(retrieval.combine([(0.3, a)]), a)
    with pytest.raises(ValueError, match="cancel out"):
        retrieval.combine([(1, a), (-1, a)])
    with pytest.raises(ValueError, match="something to look for"):
        retrieval.combine([])
    with pytest.raises(ValueError, match="different encoders"):
        retrieval.combine([(1, a), (1, torch.ones(3))])
