"""The tools beside the app: what they may import, what the package needs, what the check of the scripts finds."""

import ast
import importlib.metadata
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from demos._ui import bundle
from tools import check_js

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(file for folder in ("benchmarks", "docs", "tools") for file in (ROOT / folder).rglob("*.py"))


def imported(file: Path) -> set[str]:
    """The top-level packages that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_benchmark_or_tool_imports_tests(file):
    assert "tests" not in imported(file)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_dependencies_are_what_genai_core_imports():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = {canonical(Requirement(line).name): Requirement(line) for line in project["dependencies"]}
    names = set().union(*map(imported, (ROOT / "genai_core").rglob("*.py"))) - sys.stdlib_module_names - {"genai_core"}
    distributions = importlib.metadata.packages_distributions()
    assert {canonical(distributions[name][0]) for name in names} == set(listed)
    for requirement in listed.values():
        assert importlib.metadata.version(requirement.name) in requirement.specifier


@pytest.fixture
def check(tmp_path):
    """Errors in a script that uses the kit, as "line:column: text"; without the compiler skipped, except in CI."""
    if not check_js.TSC.exists() and os.environ.get("CI") != "true":
        pytest.skip("no TypeScript compiler: `make lint` installs it where there is node")

    def errors(script: str) -> list[str]:
        file = tmp_path / "control.js"
        file.write_text(script, encoding="utf-8")
        found = check_js.check([*check_js.programs()[0], file])
        return [error.rpartition("control.js:")[2] for error in found if "control.js:" in error]

    return errors


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("latestOnyl(() => 1);", "TS2552"),
        ("say('a', true, 'b');", "TS2554"),
        ("genai.shwo('vae/plane', {});", "TS2339"),
        ("let history = [];", "TS2451"),
        ("const say = 1;", "TS2451"),
    ],
)
def test_a_fault_in_a_script_is_found_in_its_line(check, script, code):
    assert [error.split(":")[0] for error in check(f"// a comment\n{script}\n") if code in error] == ["2"]


def test_a_script_may_return_and_use_the_kit_and_gradio(check):
    assert not check("if (!props.value) return;\nsay(`${part.id} ${bytes('AAAA').length}`);\ntrigger('submit');\n")


def test_every_script_of_the_page_is_checked():
    checked = {file for files in check_js.programs() for file in files if file.suffix == ".js"}
    assert checked == {*bundle.JS.glob("*.js"), *bundle.DEMOS.glob("[!_]*/*.js")}
