"""Shipped for tests of systems built on Stormkeel: a clock that jumps, a transport that follows a script."""

from .clock import ManualClock, VirtualClock, VirtualLoop, run_virtual
from .transport import Piece, Reply, ScriptedTransport, Sent

__all__ = ["ManualClock", "Piece", "Reply", "ScriptedTransport", "Sent", "VirtualClock", "VirtualLoop", "run_virtual"]
