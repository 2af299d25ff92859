"""The floors of genai_core: data and common, evaluation, the techniques, and what lists them. No arrow runs back up."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import genai_core

ROOT = Path(genai_core.__file__).parent
# package -> the other packages of genai_core that it may import
FLOORS = {"common": set(), "data": {"common"}, "evaluation": {"common", "data"}}
TOP = {"genai_core.techniques", "genai_core.train", "genai_core.evaluate"}  # these may import everything
# technique -> the other techniques that it may import, and why
BORROWED = {
    "autoencoders": {
        "vae": "a plain autoencoder has the residual blocks of the VAE, so that the two differ in the objective alone",
        "language": "a sparse autoencoder is trained on what our GPT computes, and steers it",
    },
    "flows": {
        "diffusion": "flow matching trains the U-Net that diffusion has, so that the two differ in the paths alone",
    },
    "transformer": {
        "language": "a BERT and a translator have the tokens and the rotary positions of our GPT",
    },
    "multimodal": {
        "transformer": "DALL-E is made of its layers",
        "autoencoders": "and writes a picture in the tokens of our VQ-VAE",
        "clip": "captions have the words of our CLIP, and prompts are of the kinds that it is measured on",
    },
    "distillation": {
        "vae": "a live distillation trains on pictures of our VAE, so that it needs no data set",
        "gan": "and is measured on digits of the class-conditional GAN, whose labels are known",
    },
}


def modules(root: Path = ROOT) -> dict[str, Path]:
    files = {".".join((root.name, *file.relative_to(root).with_suffix("").parts)): file for file in root.rglob("*.py")}
    return {name.removesuffix(".__init__"): file for name, file in files.items()}


def imports(file: Path, known: dict[str, Path]) -> Iterator[tuple[str, bool]]:
    """Everything that a file imports, and whether it does so while it is itself imported."""

    def visit(node: ast.AST, at_once: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((name if name in known else node.module, at_once) for name in inner)
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        deferred = typing_only or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, at_once and not deferred)

    yield from visit(ast.parse(file.read_text(encoding="utf-8")), True)


def edges(at_once: bool) -> dict[str, set[str]]:
    known = modules()
    return {
        name: {other for other, now in imports(file, known) if other in known and (now or not at_once)}
        for name, file in known.items()
    }


def package(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_the_walk_sees_the_imports_that_there_are():
    there = edges(at_once=False)
    assert "genai_core.common.training" in there["genai_core.vae.model"]
    assert "genai_core.language.gpt" in there["genai_core.language.decoding"]  # for its types only
    assert "genai_core.language.gpt" not in edges(at_once=True)["genai_core.language.decoding"]
    assert "genai_core.data.sprites" in there["genai_core.data.images"]  # in a function
    assert "genai_core.vae" in there["genai_core.techniques"]


@pytest.mark.parametrize("name", sorted(modules()))
def test_no_module_imports_gradio_or_the_demos(name):
    roots = {other.split(".")[0] for other, _ in imports(modules()[name], modules())}
    assert not roots & {"gradio", "demos", "app", "tests", "benchmarks"}


def test_no_arrow_runs_upwards_or_between_techniques():
    wrong = []
    for name, others in edges(at_once=False).items():
        own = package(name)
        for other in others if name not in TOP else ():
            allowed = {own} | FLOORS.get(own, set(FLOORS) | set(BORROWED.get(own, ())))
            if other in TOP or package(other) not in allowed:
                wrong.append(f"{name} imports {other}")
    assert not wrong


def test_every_borrowing_is_used():
    there = edges(at_once=False)
    for technique, others in BORROWED.items():
        used = {package(other) for name in there if package(name) == technique for other in there[name]}
        assert set(others) <= used


def test_no_imports_run_in_a_circle():
    """Raises graphlib.CycleError, which names the circle."""
    assert len(list(graphlib.TopologicalSorter(edges(at_once=True)).static_order())) == len(modules())


def test_a_package_hands_names_on_and_holds_no_logic():
    for name, file in modules().items():
        if file.name == "__init__.py":
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
                exported = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
                assert docstring or exported or isinstance(node, ast.Import | ast.ImportFrom), (
                    f"{name}: {ast.unparse(node)}"
                )
