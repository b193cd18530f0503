"""The gateway: an ASGI app around the engine. It knows callers and endpoints; it never calls a provider itself."""
