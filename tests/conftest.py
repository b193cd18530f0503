"""What holds for every test: a law is judged by what it finds, never by how long a busy machine takes for one example."""

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
