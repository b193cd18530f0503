"""The line of a request: the one room that awaits on its behalf. It reaches the world only through `ports.py`."""
