"""The table of settings: what each kind takes, how a link holds it, older names and values, and what the form shows."""

import json
import math

import pytest

from demos._ui import settings as kinds
from demos._ui.settings import Setting, Table
from demos._ui.validation import InputError

NAN, INF = math.nan, math.inf
SIZES = {"small": ("red", "blue"), "large": {"red": "A large red", "gold": "Gold"}}
BY = kinds.choice_by("size", tuple(SIZES), SIZES.__getitem__)


def even(value, others):
    """A kind of one's own: an even number, at most `most` where that comes before it."""
    value = json.loads(value) if isinstance(value, str) else value
    if not isinstance(value, int) or value % 2 or value > others.get("most", 100):
        raise InputError("It must be even, and not too large.")
    return value


TAKEN = [  # kind, what comes, what is made of it, its text
    (kinds.integer(1, 9), 3, 3, "3"),
    (kinds.integer(1, 9), 3.0, 3, "3"),
    (kinds.integer(1, 9), "3", 3, "3"),
    (kinds.number(-5, 5), -2, -2.0, "-2"),
    (kinds.number(-5, 5), "0.25", 0.25, "0.25"),
    (kinds.seed(), "2147483647", 2**31 - 1, "2147483647"),
    (kinds.choice(("a", "b")), "b", "b", "b"),
    (kinds.choice({"a": "The first"}), "a", "a", "a"),
    (kinds.choice("0123456789"), 7, "7", "7"),  # a class, as saved pictures held it
    (kinds.switch(), True, True, "true"),
    (kinds.switch(), "false", False, "false"),
    (kinds.switch(), "True", True, "true"),
    (kinds.text(5), "a\r\nb", "a\nb", "a\nb"),
    (kinds.text(5), "", "", ""),
    (kinds.numbers(3, -1, 1), [0, 0.5, -1], [0.0, 0.5, -1.0], "0,0.5,-1"),
    (kinds.numbers(3, -1, 1), "0,0.5,-1", [0.0, 0.5, -1.0], "0,0.5,-1"),
    (kinds.numbers(0, -1, 1), "", [], ""),
    (kinds.checked(even), 4, 4, "4"),
    (kinds.checked(even, lambda v: f" {v}"), "4", 4, " 4"),
]


def name_of(value):
    """A test's name has no addresses in it: both workers of the run must find the same one."""
    return type(value).__name__.lower() if isinstance(value, kinds.Kind) else repr(value)[:24]


@pytest.mark.parametrize(("kind", "given", "value", "text"), TAKEN, ids=name_of)
def test_a_kind_takes_a_value_and_its_text_alike(kind, given, value, text):
    parsed = kind.parse(given, "It", {})
    assert parsed == value
    assert type(parsed) is type(value)
    assert kind.to_text(parsed) == text
    assert kind.parse(text, "It", {}) == value


REFUSED = [
    (kinds.integer(1, 9), [0, 10, 2.5, "2.5", "x", "", None, True, [3], {}, NAN, INF, "nan", 10**400, "9" * 9000]),
    (kinds.number(0, 1), [-0.1, 1.1, "x", "", None, False, [0.5], NAN, "inf", "1e999"]),
    (kinds.seed(), [-1, 2**31, 0.5, "x", None, True, NAN]),
    (kinds.choice(("a", "b")), ["c", "", None, True, ["a"], {"a": 1}, 3, -1, 10**400]),
    (kinds.choice("0123456789"), [10, True, 7.0, -1]),
    (kinds.switch(), ["yes", "", 1, 0, None, []]),
    (kinds.text(5, shortest=2), ["123456", "1", "", None, 5, ["ab"], "ab\ud800"]),
    (kinds.numbers(2, -1, 1), [[1], "1", "1,2", "0;1", "a,b", [0, NAN], [0, "1"], None, {}, "", "1," * 10_000]),
    (kinds.checked(even), [3, "3"]),
]


@pytest.mark.parametrize(("kind", "bad"), [(kind, bad) for kind, values in REFUSED for bad in values], ids=name_of)
def test_a_kind_refuses_what_it_cannot_take_in_a_sentence_with_its_name(kind, bad):
    with pytest.raises(InputError) as caught:
        kind.parse(bad, "The size", {})
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(("The size ", "The seed ", "Every number of The size", "It must be even"))


def table(*settings, **more):
    return Table(settings, **more)


DEPENDENT = table(
    Setting("size", kinds.choice(tuple(SIZES)), "small"),
    Setting("tone", BY, "red"),
    Setting("count", kinds.integer(0, 9), lambda others: len(others["size"])),
    Setting("z", kinds.numbers(lambda others: others["count"], -1, 1), lambda others: [0.5] * others["count"]),
    Setting("most", kinds.integer(0, 100), 10),
    Setting("even", kinds.checked(even), 2),
)


def test_what_is_missing_has_its_default_which_may_follow_from_those_before():
    assert DEPENDENT.parse({}) == {"size": "small", "tone": "red", "count": 5, "z": [0.5] * 5, "most": 10, "even": 2}
    assert DEPENDENT.parse({"count": "2"})["z"] == [0.5, 0.5]


def test_options_counts_and_checks_follow_from_the_settings_before():
    assert DEPENDENT.parse({"size": "large", "tone": "gold", "count": 1, "z": "1"})["tone"] == "gold"
    for bad in ({"tone": "gold"}, {"size": "large", "tone": "blue"}, {"count": 3, "z": "1"}, {"most": 3, "even": 4}):
        with pytest.raises(InputError):
            DEPENDENT.parse(bad)


def test_what_is_no_setting_is_left_out_and_settings_are_an_object():
    one = table(Setting("a", kinds.integer(0, 9), 1))
    assert one.parse({"tab": "x", "": 5, "b": 2}) == {"a": 1}
    for bad in (None, 5, "a=1", [("a", 1)]):
        with pytest.raises(InputError):
            one.parse(bad)


def test_older_names_and_values_are_read_as_what_they_are_now():
    one = table(
        Setting("solver", kinds.choice(("ode", "sde")), "ode", formerly="way", renamed={"shaken": "sde", "5": "ode"})
    )
    assert one.parse({"way": "shaken"}) == one.parse({"solver": "shaken"}) == one.parse({"way": "sde"})
    assert one.parse({"way": "sde", "solver": "ode"}) == {"solver": "ode"}  # the name it has now counts
    assert one.to_text(one.parse({"way": "shaken"})) == {"solver": "sde"}
    for bad in ({"way": "smooth"}, {"way": ["shaken"]}, {"way": {}}):
        with pytest.raises(InputError, match="Solver must be one of: ode, sde"):
            one.parse(bad)


def test_what_one_demands_of_another_is_checked_last():
    def check(settings):
        if settings["low"] > settings["high"]:
            raise InputError("Low must not be above high.")
        return settings | {"high": settings["high"] + 1}

    one = table(Setting("low", kinds.integer(0, 9), 1), Setting("high", kinds.integer(0, 9), 5), check=check)
    assert one.parse({}) == {"low": 1, "high": 6}
    with pytest.raises(InputError, match="Low must not"):
        one.parse({"low": 7})


def test_a_link_holds_all_but_what_is_not_linked():
    one = table(
        Setting("a", kinds.number(0, 1), 0.5),
        Setting("own", kinds.text(99), "", linked=False),
        Setting("b", kinds.switch(), False, once=True),
    )
    settings = one.parse({"own": "mine", "b": True})
    assert one.to_text(settings) == {"a": "0.5", "b": "true"}
    assert one.to_text({"b": True}) == {"b": "true"}
    assert one.unlinked() == ["own"]
    assert one.parse(one.to_text(settings)) == settings | {"own": ""}


def test_the_form_shows_what_has_a_field_and_holds_for_more_than_one_run():
    one = table(
        Setting("size", kinds.choice(tuple(SIZES)), "small", "Size", "A hint."),
        Setting("tone", BY, "red", more=True),
        Setting("own_text", kinds.text(50, lines=3), "", selects=("size", "large")),
        Setting("model", kinds.checked(even, suggestions=("2", "4")), 2),
        Setting("count", kinds.integer(0, 9, step=3), 3),
        Setting("z", kinds.numbers(2, 0, 1), [0, 0]),
        Setting("drawing", kinds.checked(even), 2),
        Setting("branch", kinds.integer(-1, 9), -1, once=True),
    )
    fields = {field["name"]: field for field in one.fields()}
    assert list(fields) == ["size", "tone", "own_text", "model", "count"]
    assert [field["label"] for field in fields.values()] == ["Size", "Tone", "Own text", "Model", "Count"]
    assert [name for name, field in fields.items() if field["more"]] == ["tone"]
    assert (fields["size"]["hint"], fields["size"]["selects"]) == ("A hint.", None)
    assert fields["own_text"]["selects"] == ["size", "large"]
    assert fields["size"]["options"] == [("small", "small"), ("large", "large")]
    assert fields["tone"]["sets"] == {
        "small": [("red", "red"), ("blue", "blue")],
        "large": [("red", "A large red"), ("gold", "Gold")],
    }
    assert (fields["count"]["min"], fields["count"]["max"], fields["count"]["step"]) == (0, 9, 3)
    assert fields["model"]["suggestions"] == ("2", "4")
    assert json.dumps(fields)


@pytest.mark.parametrize("name", ["from-seed", "2d", "", "a b"])
def test_a_settings_name_is_a_name_of_python(name):
    with pytest.raises(ValueError, match="must be a Python name"):
        Setting(name, kinds.seed())
