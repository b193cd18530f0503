"""Where secrets come from: the environment, a `.env` file, a file of their own.

Never keeps one longer than it takes to hand it on as a `Secret`, and never shows one in an error.
"""
