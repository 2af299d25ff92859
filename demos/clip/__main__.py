"""`python -m demos.clip` opens this tab alone."""

from demos import _serve, clip

if __name__ == "__main__":
    _serve.alone(clip)
