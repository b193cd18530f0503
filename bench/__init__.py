"""Speed, as ratios in one run: `make bench`. Never a test: figures depend on the machine, the ratios much less."""
