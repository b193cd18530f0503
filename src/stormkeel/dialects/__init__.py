"""Wire formats, pure: bytes to values and back, in both directions.

Never opens a socket, reads a clock, or asks a price.
"""
