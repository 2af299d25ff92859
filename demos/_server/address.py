"""Whether the app can listen at an address: asked before it is built, so that the answer is one sentence."""

import errno
import os
import socket

WHY = {
    errno.EADDRINUSE: "another program listens there; choose another port, as in `make run PORT={other}`.",
    errno.EACCES: "this user may not; choose a port above 1023, as in `make run PORT=7860`.",
    errno.EADDRNOTAVAIL: "this machine has no such address.",
}


def problem(host: str, port: int) -> str:
    """One sentence on why nothing can listen at the address, or nothing."""
    if not 0 < port < 65536:
        return f"A port is a number from 1 to 65535, and {port} is not."
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        if os.name != "nt":  # as the server does: a port that was just given up is free; on Windows it would take any
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except socket.gaierror:
            return f"The app cannot be served at {host}: this is no address."
        except OSError as error:
            why = WHY.get(error.errno or 0, f"{error.strerror}.").format(other=port % 65535 + 1)
            return f"The app cannot be served at {host}, port {port}: {why}"
    return ""
