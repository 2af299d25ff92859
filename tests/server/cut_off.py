"""`python -m tests.server.cut_off <log> <arguments of app.py>`: the app, where no other host can be reached.

Each attempt is refused as by a machine without a network, and written to the log.
"""

import runpy
import sys

LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "", None)


def main() -> None:
    log = sys.argv.pop(1)

    def refuse(event: str, arguments: tuple) -> None:
        if event == "socket.getaddrinfo":
            host = arguments[0]
        elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
            host = arguments[1][0]
        else:
            return
        if (host.decode() if isinstance(host, bytes) else host) not in LOCAL:
            with open(log, "a", encoding="utf-8") as file:
                file.write(f"{host}\n")
            raise OSError(101, "Network is unreachable")

    sys.addaudithook(refuse)
    runpy.run_path("app.py", run_name="__main__")


if __name__ == "__main__":
    main()
