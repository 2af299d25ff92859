"""What runs the app: lanes, worker processes, the guard in front; no page in it."""
