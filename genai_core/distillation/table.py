"""The paper's figures beside ours, read from the metrics of the checkpoints (Hinton 2015, section 3)."""

from genai_core.common import checkpoints

# what, the paper's figure, checkpoint, key of its metrics.json
ROWS = (
    ("Teacher, 2 x 1200, dropout, weight bound, jitter", "67", "distill-teacher", "errors"),
    ("Control, 2 x 800, no regularisation", "146", "distill-control", "errors"),
    ("Student, 2 x 800, soft targets at T = 20", "74", "distill-student", "errors"),
    ("Student that never saw a 3", "206", "distill-no3", "errors"),
    ("  of these, on the 1010 threes", "133", "distill-no3", "errors_missing"),
    ("  with a better bias of the 3", "109", "distill-no3", "errors_corrected"),
    ("  of these, on the 1010 threes", "14", "distill-no3", "errors_missing_corrected"),
    ("  (bias chosen on the test set, as in the paper)", "109", "distill-no3", "errors_corrected_test_bias"),
    ("Student that saw 7s and 8s alone", "4730", "distill-78", "errors"),
    ("  with a better bias of the others", "1320", "distill-78", "errors_corrected"),
    ("  (bias chosen on the test set, as in the paper)", "1320", "distill-78", "errors_corrected_test_bias"),
)


def ours(name: str, key: str) -> str:
    """A figure of a checkpoint as text, with each seed's if there are several; a dash without the checkpoint."""
    if name not in checkpoints.names():
        return "-"
    metrics = checkpoints.read_json(name, "metrics.json")
    if key == "errors" and "errors_by_seed" in metrics:
        return f"{metrics['errors_mean']:.1f} ({', '.join(map(str, metrics['errors_by_seed']))})"
    return str(metrics[key])


def table() -> str:
    """Test errors of 10,000 as text: description, the paper's, ours. Raises: CheckpointError for a damaged one."""
    rows = [("Test errors of 10,000", "paper", "ours"), *((what, p, ours(name, key)) for what, p, name, key in ROWS)]
    lines = [f"{what:<50}{theirs:>8}{mine:>22}" for what, theirs, mine in rows]
    for name in ("distill-student-300", "distill-student-30"):
        metrics = checkpoints.read_json(name, "metrics.json") if name in checkpoints.names() else {}
        by = zip(metrics.get("temperatures", ()), metrics.get("errors_by_temperature", ()), strict=True)
        counts = ", ".join(f"T = {t:g}: {errors}" for t, errors in by)
        if counts:
            lines.append(f"{name}: {counts}")
    return "\n".join(lines)
