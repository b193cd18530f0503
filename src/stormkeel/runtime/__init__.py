"""The only room that touches the world: sockets, files, clocks, the environment."""
