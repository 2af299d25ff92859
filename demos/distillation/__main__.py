"""`python -m demos.distillation` opens this tab alone."""

from demos import _serve, distillation

if __name__ == "__main__":
    _serve.alone(distillation)
