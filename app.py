"""The app: one tab per technique. `python app.py --port 7860`."""

import argparse
import os
import sys
import threading

import demos._server.tempdir  # noqa: F401, first of all

# isort: split
import demos._server.preload  # noqa: F401, before all that imports gradio or torch

# isort: split
from demos import (
    autoencoder,
    classroom,
    clip,
    contrastive,
    diffusion,
    distillation,
    flow,
    gan,
    home,
    shell,
    text,
    transformer,
    vae,
)
from demos._server import address
from demos.serve import serve

WARM = 8.0  # seconds until what takes long to import is imported, so that the first page comes first
TABS = (
    autoencoder.TAB,
    vae.TAB,
    flow.TAB,
    gan.TAB,
    diffusion.TAB,
    text.TAB,
    transformer.TAB,
    clip.TAB,
    contrastive.TAB,
    distillation.TAB,
)


def build_app():
    """The whole app as Blocks; nothing is served yet."""
    return shell.build(home, TABS)


def user_and_password(text: str) -> tuple[str, str]:
    """What `--auth` takes."""
    user, _, password = text.partition(":")
    if not user or not password:
        raise argparse.ArgumentTypeError("it must be a user and a password with a colon between them.")
    return user, password


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
    parser.add_argument("--collections", metavar="DIR", help="keep named collections of the CLIP tab in this folder")
    parser.add_argument(
        "--auth",
        type=user_and_password,
        default=os.environ.get("GENAI_AUTH"),
        metavar="USER:PASSWORD",
        help="ask for these first; the variable GENAI_AUTH does the same, and no list of processes shows it",
    )
    parser.add_argument(
        "--class",
        dest="begins_class",
        action="store_true",
        help="open a class and print its code; with the variable GENAI_CLASS_PASSWORD the page opens them as well",
    )
    options = parser.parse_args()
    if why := address.problem(options.host, options.port):
        sys.exit(why)
    if options.collections:
        os.environ["GENAI_COLLECTIONS"] = options.collections
    warm = threading.Timer(WARM, shell.warm, [TABS])
    warm.daemon = True
    warm.start()
    if options.begins_class:
        print(classroom.begin(), flush=True)
    serve(build_app(), options.host, options.port, auth=options.auth)


if __name__ == "__main__":
    main()
