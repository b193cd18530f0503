"""OpenAI embeddings: how their bodies and answers are read and written.

Never sees another dialect. `body` reads what a client asks and writes it for a provider, `answer` does both with the vectors.
"""

from .codec import OpenAIEmbeddings

__all__ = ["OpenAIEmbeddings"]
