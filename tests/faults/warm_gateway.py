"""A warm parent that forks a gateway for each line on its standard input: a start costs milliseconds, so that it can die often.

Never serves itself and holds nothing of the data folder: all that a gateway has is taken after the fork, and lost when it is
killed. Usage: warm_gateway.py CONFIGURATION DATA

    parent                          child
    "\\n"            -------------->
                    <-------------- "<pid> <port>\\n"      once it takes connections
    kill -9 pid
                    <-------------- "dead\\n"              once it has been reaped
"""

from __future__ import annotations

import os
import sys

from stormkeel.assemble import Draft, Origin, catalog, checked_draft
from stormkeel.gateway.run import serve


def tell(line: str) -> None:
    """Write one line, whole."""
    os.write(1, f"{line}\n".encode())


def life(draft: Draft, data: str) -> None:
    """Be a gateway until the end."""
    serve(draft, data, lambda _host, port: tell(f"{os.getpid()} {port}"))


def main(configuration: str, data: str) -> None:
    """Fork a gateway for each line."""
    draft = checked_draft(Origin(configuration))
    catalog()
    for _line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                life(draft, data)
            finally:
                os._exit(1)
        os.waitpid(pid, 0)
        tell("dead")


if __name__ == "__main__":
    main(*sys.argv[1:])
