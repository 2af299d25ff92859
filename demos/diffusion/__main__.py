"""`python -m demos.diffusion` opens this tab alone."""

from demos import _serve, diffusion

if __name__ == "__main__":
    _serve.alone(diffusion)
