"""`python -m demos vae` opens one tab alone."""

import argparse

# isort: split
import app
from demos import shell
from demos.serve import serve


def main() -> None:
    tabs = {tab.id: tab for tab in app.TABS}
    parser = argparse.ArgumentParser(prog="python -m demos", description=__doc__)
    parser.add_argument("tab", choices=tabs)
    serve(shell.alone(tabs[parser.parse_args().tab]))


if __name__ == "__main__":
    main()
