"""`python -m tests.audit`: known vulnerabilities of the installed packages, by pip-audit.

One that is found fails, unless it is excused here. Where no service answers, that is said in one line, and it passes.
"""

import json
import subprocess
import sys

EXCUSED: dict[str, str] = {}  # identifier of a vulnerability -> why it does not touch this app
PATIENCE = 120  # seconds
SKIPPED = "Audit of the packages: skipped, no service of known vulnerabilities answers."


def report() -> list[dict]:
    """What pip-audit says of each package; nothing where it cannot ask."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE).stdout
        return json.loads(said)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError):
        return []


def verdict(packages: list[dict]) -> tuple[str, bool]:
    """What to say of a report, and whether it passes."""
    asked = [package for package in packages if "vulns" in package]
    if not asked:
        return SKIPPED, True
    found = [(p["name"], p["version"], v["id"]) for p in asked for v in p["vulns"]]
    lines = [f"{name} {version}: {id}, {EXCUSED.get(id, 'NOT EXCUSED')}" for name, version, id in found]
    lines.append(f"Audit of the packages: {len(asked)} asked for, {len(packages) - len(asked)} unknown to the service.")
    return "\n".join(lines), all(id in EXCUSED for *_, id in found)


def main() -> None:
    said, passes = verdict(report())
    print(said)
    sys.exit(not passes)


if __name__ == "__main__":
    main()
