"""`python -m tools.check_js`: type-check the scripts of the page with `tsc --checkJs`.

A script is the body of a function that sees Gradio's variables and the names of the kit (demos/_ui/bundle.py). To the
compiler, those are globals: demos/_ui/js/globals.d.ts declares the former, and the kit's files, which import nothing,
the latter. Each script is compiled in a program of its own, so that it sees no other one's names. There a name at its
top that hides one of the browser or of the kit is an error, too.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from demos._ui import bundle

ROOT = Path(__file__).resolve().parents[1]
TSC = ROOT / "node_modules/.bin/tsc"
OPTIONS = (
    *("--noEmit", "--allowJs", "--checkJs", "--pretty", "false", "--moduleDetection", "legacy"),
    *("--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--strict", "false"),
)
PARALLEL = 2  # compilers at a time
ALLOWED = {
    "TS1108": "a script is the body of a function, so it may return",
    "TS2810": "a promise may be resolved with nothing",
}
HIDES = "This name is the browser's or the kit's as well; further errors may come of that."
ERROR = re.compile(r"(?P<file>[^\s(][^(]*)\((?P<line>\d+),(?P<column>\d+)\): error (?P<code>TS\d+): (?P<text>.*)")


def programs() -> list[list[Path]]:
    """The files of each program; the first one is the kit alone."""
    kit = [bundle.JS / "globals.d.ts", *(bundle.JS / f"{name}.js" for name in bundle.KIT)]
    scripts = set(bundle.controls().values()) | set(bundle.JS.glob("*.js"))
    return [kit, *([*kit, script] for script in sorted(scripts - set(kit)))]


def errors_in(output: str) -> list[str]:
    """What the compiler says of scripts of the page, as "file:line:column: text [code]".

    Of a name that is declared twice the compiler tells in both places; where the other one is its own list of the
    browser's names, that one is left out.
    """
    found = []
    for line in output.splitlines():
        error = ERROR.match(line)
        if error and error["code"] not in ALLOWED and "node_modules/" not in error["file"]:
            text = HIDES if error["code"] == "TS2451" else error["text"]
            found.append(f"{error['file']}:{error['line']}:{error['column']}: {text} [{error['code']}]")
    return found


def check(files: list[Path]) -> list[str]:
    """The errors of one program. Raises: RuntimeError if the compiler fails without naming one."""
    run = subprocess.run([TSC, *OPTIONS, *files], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    if run.returncode and "error TS" not in run.stdout:
        raise RuntimeError(f"tsc failed: {run.stdout}{run.stderr}")
    return errors_in(run.stdout)


def main() -> None:
    with ThreadPoolExecutor(PARALLEL) as pool:
        results = list(pool.map(check, programs()))
    errors = list(dict.fromkeys(error for result in results for error in result))  # the kit is in each program
    print("\n".join([*errors, f"JavaScript: {len(errors)} errors in {len(results)} programs."]))
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
