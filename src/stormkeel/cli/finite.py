"""Numbers on the command line; never lets through what is no number, which click's own ranges do."""

from __future__ import annotations

import math

import click


class Finite(click.FloatRange):
    """A range of numbers without "nan" and "inf"."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number; click tells the user where it is none, or out of the range."""
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return found
