"""`python -m demos.gan` opens this tab alone."""

from demos import _serve, gan

if __name__ == "__main__":
    _serve.alone(gan)
