import os
import shutil
import signal
import subprocess
import sys
import tempfile
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from genai_core.common import vector_store, zvec_store
from genai_core.common.exact_store import ExactStore
from genai_core.common.vector_store import CollectionError, Hit

D = 16


def unit(n, seed=0):
    return F.normalize(torch.randn(n, D, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.fixture(params=["zvec", "exact"])
def store(request, monkeypatch):
    """What a new collection is searched by, as the trial of zvec in a process of its own has it."""
    runs = request.param == "zvec"
    if runs and not zvec_store.runs():
        pytest.skip("zvec does not run on this machine")
    monkeypatch.setattr(zvec_store, "runs", lambda: runs)
    return request.param


@pytest.fixture
def collection(store):
    made = vector_store.private("tiny", D)
    assert isinstance(made._store, ExactStore) == (store == "exact")
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
    monkeypatch.setattr(zvec_store, "EXACT", 0)
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


def test_very_long_and_very_short_vectors_are_unit_vectors(collection):
    for i, length in enumerate((1e-30, 1e-3, 1e18, 1e38)):
        collection.add(torch.full((1, D), length), ids=[str(i)])
    stored = collection.vectors(["0", "1", "2", "3"])
    torch.testing.assert_close(stored, torch.full((4, D), D**-0.5))
    (best,) = collection.search(torch.full((D,), 3e38), 1)
    assert best.similarity == pytest.approx(1)
    with pytest.raises(ValueError, match="zero or not finite"):
        collection.search(torch.zeros(D))
    collection.add(torch.ones(1, D, dtype=torch.long), ids=["whole"])
    torch.testing.assert_close(collection.vectors(["whole"]), stored[:1])


@pytest.mark.parametrize("value", [{"things": 2**63}, {"caption": "\ud800"}, {"has": ["red", "\udfff"]}])
def test_attributes_no_store_can_hold_are_refused(collection, value):
    with pytest.raises(ValueError, match="cannot be"):
        collection.add(unit(2), [{}, value])
    assert len(collection) == 0


def test_a_picture_of_any_mode_is_kept(collection):
    modes = ("RGBA", "P", "LA", "1")
    collection.add(unit(4), ids=list(modes), pictures=[Image.new(mode, (4, 4)) for mode in modes])
    assert {collection.picture(mode).size for mode in modes} == {(4, 4)}


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


def images(n, colour="red"):
    return [Image.new("RGB", (8, 8), colour) for _ in range(n)]


@pytest.mark.parametrize("duplicate", ["first", "last", "twice"])
def test_an_id_that_exists_adds_nothing_and_overwrites_no_picture(collection, duplicate):
    collection.add(unit(1, seed=9), ids=["mine"], pictures=images(1))
    ids = [f"new{i}" for i in range(600)]
    ids[{"first": 0, "last": -1, "twice": 5}[duplicate]] = "new7" if duplicate == "twice" else "mine"
    with pytest.raises(ValueError, match="already" if duplicate != "twice" else "used twice"):
        collection.add(unit(600), ids=ids, pictures=images(600, "blue"))
    assert len(collection) == 1
    assert collection.picture("mine").getpixel((4, 4))[0] > 240
    assert [file.name for file in (collection.folder / "pictures").iterdir()] == ["mine.jpg"]
    torch.testing.assert_close(collection.vectors(["mine"]), unit(1, seed=9))


@pytest.mark.parametrize(
    "bad",
    [
        {"things": "2"},
        {"things": True},
        {"caption": 5},
        {"has": "red"},
        {"has": [5]},
        {"background": ["navy"]},
    ],
)
def test_an_attribute_of_another_kind_adds_nothing(collection, bad):
    with pytest.raises(ValueError, match=r"\.$"):
        collection.add(unit(3), [{}, {}, bad])
    assert len(collection) == 0


@pytest.mark.parametrize("when", ["a picture", "the vectors"])
def test_an_error_in_the_middle_takes_back_what_was_added(collection, monkeypatch, when):
    collection.add(unit(1), ids=["mine"], pictures=images(1))
    pictures = images(600)
    if when == "a picture":
        monkeypatch.setattr(pictures[-1], "save", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "no space")))
    else:
        insert = collection._store.insert

        def part(ids, vectors, fields):
            insert(ids[:500], vectors[:500], fields[:500])
            raise RuntimeError("no space")

        monkeypatch.setattr(collection._store, "insert", part)
    with pytest.raises(CollectionError, match="could not be added"):
        collection.add(unit(600), ids=[f"new{i}" for i in range(600)], pictures=pictures)
    monkeypatch.undo()
    assert len(collection) == 1
    assert [file.name for file in (collection.folder / "pictures").iterdir()] == ["mine.jpg"]
    collection.add(unit(2), ids=["new0", "new1"])  # and they can be added after all
    assert len(collection) == 3


def test_what_a_kill_left_half_added_is_taken_back_at_the_next_start(store, tmp_path, monkeypatch):
    made = vector_store.named(tmp_path, "cats", "tiny", D)
    made.add(unit(2), ids=["a", "b"], pictures=images(2))
    insert = made._store.insert

    def part(ids, vectors, fields):
        insert(ids[:3], vectors[:3], fields[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr(made._store, "insert", part)
    monkeypatch.setattr(made, "_withdraw", lambda *_: None)  # after a kill, nothing more is done
    with pytest.raises(KeyboardInterrupt):
        made.add(unit(5), ids=list("vwxyz"), pictures=images(5))
    made.close()
    again = vector_store.named(tmp_path, "cats", "tiny", D)
    assert len(again) == 2
    assert sorted(file.name for file in (again.folder / "pictures").iterdir()) == ["a.jpg", "b.jpg"]
    again.close()
    again = vector_store.named(tmp_path, "cats", "tiny", D)
    assert len(again) == 2
    again.close()


def test_where_the_disk_is_full_a_sentence_says_so_and_nothing_is_left(store, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    kept = vector_store.named(tmp_path / "kept", "cats", "tiny", D)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4 * 2**20))
    for make in (
        lambda: vector_store.private("tiny", D),
        lambda: vector_store.named(tmp_path / "kept", "dogs", "tiny", D),
        lambda: kept.add(unit(1)),
    ):
        with pytest.raises(CollectionError, match="has 4 MiB left") as caught:
            make()
        assert str(tmp_path) not in str(caught.value)
    assert list((tmp_path / "temp").iterdir()) == []
    assert vector_store.names(tmp_path / "kept") == ["cats"]
    assert len(kept) == 0
    kept.close()


@pytest.fixture
def untried(monkeypatch):
    """As in a process that has not tried zvec yet."""
    monkeypatch.delitem(sys.modules, "zvec", raising=False)
    zvec_store.runs.cache_clear()
    yield
    zvec_store.runs.cache_clear()


@pytest.mark.parametrize(("code", "runs"), [(-signal.SIGILL, False), (1, False), (0, True)])
def test_zvec_is_tried_once_and_in_another_process(untried, monkeypatch, code, runs):
    asked = []

    def run(command, **_):
        asked.append(command)
        return SimpleNamespace(returncode=code)

    monkeypatch.setattr(subprocess, "run", run)
    assert [zvec_store.runs(), zvec_store.runs()] == [runs, runs]
    assert asked == [[sys.executable, "-c", "import zvec"]]


@pytest.mark.parametrize("error", [OSError("no processes left"), subprocess.TimeoutExpired("python", 60)])
def test_where_zvec_cannot_be_tried_it_is_not_used(untried, monkeypatch, error):
    def run(*_, **__):
        raise error

    monkeypatch.setattr(subprocess, "run", run)
    assert not zvec_store.runs()


def test_a_collection_of_zvec_cannot_be_opened_where_zvec_does_not_run(tmp_path, monkeypatch):
    vector_store.named(tmp_path, "cats", "tiny", D).close()
    monkeypatch.setattr(zvec_store, "runs", lambda: False)
    with pytest.raises(CollectionError, match="does not run on this machine"):
        vector_store.named(tmp_path, "cats", "tiny", D)


def test_an_exact_collection_is_opened_where_zvec_runs(tmp_path, monkeypatch):
    with monkeypatch.context() as without:
        without.setattr(zvec_store, "runs", lambda: False)
        made = vector_store.named(tmp_path, "cats", "tiny", D)
        ids = made.add(unit(3), [{"has": ["red"]}, {}, {}])
        made.close()
    again = vector_store.named(tmp_path, "cats", "tiny", D)
    assert [hit.id for hit in again.search(unit(3)[0], 3, where={"has": ["red"]})] == ids[:1]
    again.close()


def test_two_sessions_do_not_see_each_other_and_leave_nothing(store):
    a, b = vector_store.private("tiny", D), vector_store.private("tiny", D)
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


def test_a_named_collection_is_there_again(store, tmp_path):
    first = vector_store.named(tmp_path, "my cats", "tiny", D)
    ids = first.add(unit(5), [{"caption": f"cat {i}"} for i in range(5)])
    with pytest.raises(CollectionError, match="open elsewhere"):
        vector_store.named(tmp_path, "my cats", "tiny", D)
    first.close()
    again = vector_store.named(tmp_path, "my cats", "tiny", D)
    assert vector_store.names(tmp_path) == ["my cats"]
    hit = again.search(unit(5)[3], 1)[0]
    assert (hit.id, hit.attributes) == (ids[3], {"caption": "cat 3"})
    again.close()
    with pytest.raises(CollectionError, match="was created with tiny"):
        vector_store.named(tmp_path, "my cats", "other", D)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 41, "a\x00b"])
def test_a_name_is_a_plain_name(tmp_path, name):
    with pytest.raises(CollectionError, match="name has"):
        vector_store.named(tmp_path, name, "tiny", D)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_collection_is_told(store, tmp_path):
    vector_store.named(tmp_path, "cats", "tiny", D).close()
    (tmp_path / "cats" / vector_store.ABOUT).write_text("{", encoding="utf-8")
    with pytest.raises(CollectionError, match="damaged"):
        vector_store.named(tmp_path, "cats", "tiny", D)
    (tmp_path / "cats" / vector_store.ABOUT).unlink()  # killed while it was made: it was never whole
    assert len(vector_store.named(tmp_path, "cats", "tiny", D)) == 0


WRITER = """
import sys, torch
from PIL import Image
from genai_core.common import vector_store as retrieval, zvec_store
zvec_store.runs = lambda: sys.argv[2] == "zvec"
collection = retrieval.named(sys.argv[1], "killed", "tiny", 16)
for i in range(10_000):
    x = torch.randn(7, 16, generator=torch.Generator().manual_seed(i))
    print(*collection.add(x, pictures=[Image.new("RGB", (8, 8), (i % 255, 0, 0))] * 7), flush=True)
"""


def test_what_was_acknowledged_outlives_a_kill_in_mid_write(store, tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), store], stdout=subprocess.PIPE, text=True)
    acknowledged = [writer.stdout.readline().split() for _ in range(25)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [line.split() for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    again = vector_store.named(tmp_path, "killed", "tiny", D)
    for i, ids in enumerate(acknowledged):
        x = F.normalize(torch.randn(7, D, generator=torch.Generator().manual_seed(i)), dim=1)
        torch.testing.assert_close(again.vectors(ids), x)
        assert all(again.picture(id_) is not None for id_ in ids)
    assert len(again) >= 7 * len(acknowledged)
    assert len(again) % 7 == 0  # all of an `add`, or none
    assert len(list((tmp_path / "killed" / "pictures").glob("*.jpg"))) == len(again)
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
    found = vector_store.folded(hits, vectors, float(torch.tensor(0.25).cos()))
    assert [(hit.id, hit.alike) for hit in found] == [("0", ("1",)), ("2", ())]
    assert vector_store.folded([], torch.zeros(0, 2), 0.9) == []
    with pytest.raises(ValueError, match="threshold"):
        vector_store.folded(hits, vectors, 0.0)


def test_arithmetic_is_linear_and_of_unit_length():
    a, b, c = unit(3)
    found = vector_store.combine([(1, a), (-1, b), (2, c)])
    torch.testing.assert_close(found, F.normalize(a - b + 2 * c, dim=0))
    torch.testing.assert_close(vector_store.combine([(0.3, a)]), a)
    with pytest.raises(ValueError, match="cancel out"):
        vector_store.combine([(1, a), (-1, a)])
    with pytest.raises(ValueError, match="something to look for"):
        vector_store.combine([])
    with pytest.raises(ValueError, match="different encoders"):
        vector_store.combine([(1, a), (1, torch.ones(3))])
