"""The library: the engine in the caller's own loop (`face.AsyncClient`), and on a thread of its own (`blocking.Client`).

Never a second engine. `stormkeel` itself shows users what is theirs.

    ask.py        one call as a value            asking.py   output=, repair=, fallback=, under one timeout
    stream.py     an answer as it comes          rounds.py   tools called until the model has answered
    many.py       many prompts, some at once     shapes/     types as JSON Schema, and back
"""
