"""Shapes: Python types as JSON Schema, and JSON text as values of those types.

Never knows a provider: what each takes of a schema is its dialect's business.

    type --schema.py--> JSON Schema --strict.py--> closed, and strict where it can be
    text ----------------shape.py----------------> value, or Misfit: where, and why
"""

from .schema import MisfitError
from .shape import Shape, shape_of

__all__ = ["MisfitError", "Shape", "shape_of"]
