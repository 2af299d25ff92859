"""`python -m demos.text` opens this tab alone."""

from demos import _serve, text

if __name__ == "__main__":
    _serve.alone(text)
