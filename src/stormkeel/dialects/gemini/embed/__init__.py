"""Gemini's embeddings: a batch of contents, or one alone; how their bodies and answers are read and written.

`peek` looks at a body and renames its model, `body` reads it whole and writes it, `answer` does both with the vectors.
"""

from .codec import GeminiEmbedding, GeminiEmbeddings

__all__ = ["GeminiEmbedding", "GeminiEmbeddings"]
