"""Facts about models: prices, windows, largest outputs; dated, sourced, and read from bytes.

Never opens a file, never asks the network, never guesses: what is not known is None.
"""
