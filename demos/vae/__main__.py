"""`python -m demos.vae` opens this tab alone."""

from demos import _serve, vae

if __name__ == "__main__":
    _serve.alone(vae)
