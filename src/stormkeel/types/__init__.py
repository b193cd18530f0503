"""The house's own language: frozen values without I/O, imported by every room above and importing none of them."""
