"""Upload the app to a Space of the Hugging Face Hub: `make space NAME=user/space`.

What the app needs and nothing else is copied into a folder, which the Hub's own command uploads: it stores the
checkpoints as the Hub wants them (Xet), where a push of this repository's history would be refused.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("app.py", "demos", "genai_core", "assets", "requirements.txt", "README.md", "LICENSE")
BINARY = ("*.safetensors", "*.png")  # files that the Hub takes into its store alone, not into a commit
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.pyi", "*.partial")


def stage(folder: Path, root: Path = ROOT) -> Path:
    """Copy what a Space needs into `folder`, which must not exist yet; returns it."""
    folder.mkdir(parents=True)
    for name in NEEDED:
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, ignore=LEFT_OUT)
        else:
            shutil.copy2(root / name, folder / name)
    attributes = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in BINARY)
    (folder / ".gitattributes").write_text(attributes, encoding="utf-8")
    return folder


def command(name: str, folder: Path) -> list[str]:
    """What uploads the folder and removes what an earlier upload had besides."""
    hf = str(Path(sys.executable).with_name("hf"))
    return [hf, "upload", name, str(folder), ".", "--repo-type", "space", "--delete", "*"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.space", description=__doc__.splitlines()[0])
    parser.add_argument("name", help="user/space; log in first with `hf auth login`")
    options = parser.parse_args()
    if options.name.count("/") != 1 or not all(options.name.split("/")):
        parser.error(f"a Space is named user/space, not '{options.name}'.")
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(subprocess.run(command(options.name, stage(Path(folder) / "space")), check=False).returncode)


if __name__ == "__main__":
    main()
