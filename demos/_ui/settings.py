"""The settings of a part: one table, from which come defaults, fields, checks, links, PNGs and the code that is shown.

    Setting("steps", integer(1, 200), default=50, label="Steps")

A kind says which values a setting takes. `parse` gives the checked value of what came from a page, a link (where all is
text), a saved picture or the API, or raises InputError; `field` describes the control on the page; `to_text` writes a
value as a link holds it.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demos._ui import validation
from demos._ui.validation import InputError


class Kind:
    """What values a setting takes. `others`: the settings before it in the table, already checked.

    from_file: of what an endpoint takes as a file, its bytes -> a value that `parse` takes, or InputError.
    file: what file that is, where it is no picture.
    """

    from_file: Callable[[bytes], Any] | None = None
    file: str = ""

    def parse(self, value: Any, name: str, others: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    def field(self) -> dict[str, Any]:
        """The control on the page: {"type": ..., ...}; {} for a setting that no field of a form shows."""
        return {}

    def schema(self) -> dict[str, Any]:
        """What an endpoint takes, as JSON schema."""
        return {"type": "string"}

    def to_text(self, value: Any) -> str:
        return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class _Number(Kind):
    low: float
    high: float
    step: float
    whole: bool

    def parse(self, value: Any, name: str, others: Mapping[str, Any]) -> float:
        value = validation.from_text(value, name)
        if self.whole:
            return validation.integer(value, name, int(self.low), int(self.high))
        return validation.number(value, name, self.low, self.high)

    def field(self) -> dict[str, Any]:
        return {"type": "range", "min": self.low, "max": self.high, "step": self.step}

    def schema(self) -> dict[str, Any]:
        return {"type": "integer" if self.whole else "number", "minimum": self.low, "maximum": self.high}


def integer(low: int, high: int, step: int = 1) -> Kind:
    """A whole number in [low, high]."""
    return _Number(low, high, step, True)


def number(low: float, high: float, step: float = 0.05) -> Kind:
    """A number in [low, high]; step: of the slider alone."""
    return _Number(low, high, step, False)


@dataclass(frozen=True)
class _Seed(Kind):
    def parse(self, value: Any, name: str, others: Mapping[str, Any]) -> int:
        return validation.seed(validation.from_text(value, name))

    def field(self) -> dict[str, Any]:
        return {"type": "number", "min": 0, "max": validation.SEEDS}

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": 0, "maximum": validation.SEEDS}


def seed() -> Kind:
    """A seed, in [0, 2^31)."""
    return _Seed()


@dataclass(frozen=True)
class _Choice(Kind):
    options: Mapping[str, str] | Callable[[Mapping[str, Any]], Mapping[str, str]]
    by: str
    known: tuple[str, ...]

    def of(self, others: Mapping[str, Any]) -> Mapping[str, str]:
        return self.options(others) if callable(self.options) else self.options

    def parse(self, value: Any, name: str, others: Mapping[str, Any]) -> str:
        if type(value) is int and 0 <= value <= 9:  # a class, as older saved pictures hold it
            value = str(value)
        return validation.choice(value, name, tuple(self.of(others)))

    def field(self) -> dict[str, Any]:
        if not callable(self.options):
            return {"type": "choice", "options": list(self.options.items())}
        sets = {value: list(self.options({self.by: value}).items()) for value in self.known}
        return {"type": "choice", "by": self.by, "sets": sets}

    def schema(self) -> dict[str, Any]:
        if not callable(self.options):
            return {"type": "string", "enum": list(self.options)}
        names = [list(self.options({self.by: value})) for value in self.known]
        return {"type": "string", "enum": list(dict.fromkeys(name for some in names for name in some))}


def choice(options: Iterable[str] | Mapping[str, str]) -> Kind:
    """One of `options`, or of the keys of {value: what the page says}."""
    titles = dict(options) if isinstance(options, Mapping) else {option: option for option in options}
    return _Choice(titles, "", ())


def choice_by(by: str, values: Sequence[str], options: Callable[[str], Iterable[str] | Mapping[str, str]]) -> Kind:
    """One of the options that go with the value of the setting `by`, such as the classes of a model's data set."""

    def of(others: Mapping[str, Any]) -> Mapping[str, str]:
        found = options(others[by])
        return dict(found) if isinstance(found, Mapping) else {option: option for option in found}

    return _Choice(of, by, tuple(values))


@dataclass(frozen=True)
class _Switch(Kind):
    def parse(self, value: Any, name: str, others: Mapping[str, Any]) -> bool:
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise InputError(f"{name} is either true or false.")
        return value

    def field(self) -> dict[str, Any]:
        return {"type": "switch"}

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def to_text(self, value: Any) -> str:
        return str(value).lower()


def switch() -> Kind:
    """On or off."""
    return _Switch()


@dataclass(frozen=True)
class _Text(Kind):
    longest: int
    lines: int
    shortest: int

    def parse(self, value: Any, name: str, others: Mapping[str, Any]) -> str:
        clean = validation.text(value, name, self.longest)
        if len(clean) < self.shortest:
            raise InputError(f"{name} needs at least {self.shortest} characters.")
        return clean

    def field(self) -> dict[str, Any]:
        return {"type": "text", "lines": self.lines}

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": self.shortest, "maxLength": self.longest}


def text(longest: int, *, lines: int = 1, shortest: int = 0) -> Kind:
    """A text of at most `longest` characters; lines: of its field."""
    return _Text(longest, lines, shortest)


@dataclass(frozen=True)
class _Numbers(Kind):
    count: int | Callable[[Mapping[str, Any]], int]
    low: float
    high: float

    def parse(self, value: Any, name: str, others: Mapping[str, Any]) -> list[float]:
        count = self.count(others) if callable(self.count) else self.count
        return validation.numbers(validation.parse_numbers(value, name), name, count, self.low, self.high)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "number", "minimum": self.low, "maximum": self.high}}

    def to_text(self, value: Any) -> str:
        return ",".join(f"{v:g}" for v in value)


def numbers(count: int | Callable[[Mapping[str, Any]], int], low: float, high: float) -> Kind:
    """So many numbers in [low, high]; `count` may depend on the settings before it, as a code's length on the model."""
    return _Numbers(count, low, high)


@dataclass(frozen=True)
class _Checked(Kind):
    check: Callable[[Any, Mapping[str, Any]], Any]
    write: Callable[[Any], str]
    suggestions: tuple[str, ...]
    described: Mapping[str, Any]
    from_file: Callable[[bytes], Any] | None = None
    file: str = ""

    def parse(self, value: Any, name: str, others: Mapping[str, Any]) -> Any:
        return self.check(value, others)

    def field(self) -> dict[str, Any]:
        return {"type": "text", "lines": 1, "suggestions": self.suggestions} if self.suggestions else {}

    def schema(self) -> dict[str, Any]:
        return dict(self.described)

    def to_text(self, value: Any) -> str:
        return self.write(value)


def checked(
    check: Callable[[Any, Mapping[str, Any]], Any],
    to_text: Callable[[Any], str] | None = None,
    suggestions: Sequence[str] = (),
    *,
    schema: Mapping[str, Any] | None = None,
    from_file: Callable[[bytes], Any] | None = None,
    file: str = "",
) -> Kind:
    """A kind of one's own: `check(value, settings before it)` returns the clean value or raises InputError.

    to_text: how a link holds it (default: text as it is, all else as JSON). suggestions: values that its field offers;
    without any it has no field. schema: of an endpoint's parameter (default: a text); from_file, file: see Kind.
    """
    write = to_text or (lambda v: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False))
    return _Checked(check, write, tuple(suggestions), schema or {"type": "string"}, from_file, file)


@dataclass(frozen=True)
class _Optional(Kind):
    kind: Kind

    def parse(self, value: Any, name: str, others: Mapping[str, Any]) -> Any:
        return None if value is None else self.kind.parse(value, name, others)

    def schema(self) -> dict[str, Any]:
        return self.kind.schema()


def optional(kind: Kind) -> Kind:
    """A setting of an endpoint that may be None, where it is left out."""
    return _Optional(kind)


@dataclass(frozen=True)
class Setting:
    """One setting. label: what the page calls it, in sentences as well; hint: a line below its field.

    more: its field is folded under "More". default: may be a function of the settings before it.
    linked: whether links, saved pictures and the address hold it. selects: (setting, value) that it brings when its
    field is changed, as a text of one's own chooses itself. only: (setting, values): its field stands only while that
    setting has one of these values. once: it holds for one run, and a press of a button begins without it.
    applies: whether it has a part in what these settings show, by default where its field stands; a saved picture
    names it only then.
    formerly: the name it had in older links and saved pictures; renamed: {older value: its value now}.
    """

    name: str
    kind: Kind
    default: Any = None
    label: str = ""
    hint: str = ""
    more: bool = False
    once: bool = False
    linked: bool = True
    selects: tuple[str, Any] | None = None
    only: tuple[str, tuple[str, ...]] | None = None
    applies: Callable[[Mapping[str, Any]], bool] | None = None
    formerly: str = ""
    renamed: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if not self.name.isidentifier():
            raise ValueError(f"A setting's name must be a Python name, not {self.name!r}.")

    def has_part(self, settings: Mapping[str, Any]) -> bool:
        """In what these settings show."""
        if self.applies:
            return self.applies(settings)
        return not self.only or settings[self.only[0]] in self.only[1]

    @property
    def title(self) -> str:
        return self.label or self.name.replace("_", " ").capitalize()

    def parse(self, given: Mapping[str, Any], others: Mapping[str, Any]) -> Any:
        """Its checked value among those given, or its default."""
        named = [name for name in (self.name, self.formerly) if name and name in given]
        if named:
            value = given[named[0]]
            value = self.renamed.get(value, value) if isinstance(value, str) else value
        else:
            value = self.default(others) if callable(self.default) else self.default
        subject = f"{self.title}," if "," in self.title else self.title  # "β, the weight of the KL term, must be …"
        return self.kind.parse(value, subject, others)


@dataclass(frozen=True)
class Table:
    """The settings of a part, in their order, and what one demands of another.

    check: settings, each checked by itself -> the settings, or InputError where they do not go together.
    """

    settings: tuple[Setting, ...] = ()
    check: Callable[[dict[str, Any]], dict[str, Any]] = field(default=lambda settings: settings)

    def parse(self, given: Any) -> dict[str, Any]:
        """Settings from a page, a link, a saved picture or the API; those that are missing have their defaults.

        What is no setting of this table is left out. Raises: InputError.
        """
        given = validation.json_object(given, "The settings")
        parsed: dict[str, Any] = {}
        for setting in self.settings:
            parsed[setting.name] = setting.parse(given, parsed)
        return self.check(parsed)

    def to_text(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """The settings as a link holds them."""
        return {s.name: s.kind.to_text(settings[s.name]) for s in self.settings if s.linked and s.name in settings}

    def unlinked(self) -> list[str]:
        """The names of the settings that no link holds."""
        return [s.name for s in self.settings if not s.linked]

    def fields(self) -> list[dict[str, Any]]:
        """What the form shows: those settings that have a field."""
        shown = []
        for setting in self.settings:
            described = setting.kind.field()
            if described and not setting.once:
                about = {"name": setting.name, "label": setting.title, "hint": setting.hint, "more": setting.more}
                about["selects"] = list(setting.selects) if setting.selects else None
                about |= {"only": setting.only} if setting.only else {}
                shown.append(about | described)
        return shown
