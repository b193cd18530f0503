"""Run an ASGI application: listening, HTTP/1.1, clocks, back-pressure, TLS, signals and drain, in the loop of the caller.

Never imports the application or anything else of ours; any other ASGI server may stand in for it.
"""

from .server import OpenApp, Ready, ServeError, Stop, make_tls, renew, run, serve
from .settings import ServeSettings
from .turn import AsgiApp, ClientGoneError

__all__ = [
    "AsgiApp", "ClientGoneError", "OpenApp", "Ready", "ServeError", "ServeSettings", "Stop", "make_tls", "renew", "run", "serve",
]  # fmt: skip
