"""`python -m stormkeel`: the command line."""

from .cli import main

main()
