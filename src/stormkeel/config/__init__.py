"""Configuration: bytes and a mapping in, frozen settings out, each error with its place and its mend.

Never reads a file, the environment or a secret: that is `runtime/credentials/` and `assemble.py`.
"""
