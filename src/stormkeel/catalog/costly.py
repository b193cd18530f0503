"""Names in a body by which a request may cost more than the bytes of its text, as pieces of regular expressions.

Never the whole truth about a body: a name may stand in a text as well, and then a little more is held than would have to be. Each
stands behind a quote; some are beginnings of names.
"""

from __future__ import annotations

REFERENCES = (
    rb'file|document"|url"|web_|code_execution|mcp_|computer_|shell|'  # OpenAI, Anthropic
    rb'previous_response_id"|conversation"|prompt"|item_reference"|compaction"|'  # OpenAI responses
    rb'cached_?[cC]ontent"|google|url_?[cC]ontext"|codeExecution"|application/pdf"|video/'  # Gemini
)
"""What a provider keeps or reads for itself: only the window bounds it."""

COSTLY = rb'image|tools"|functions"|inline_?[dD]ata"|service_?[tT]ier"|speed"|' + REFERENCES
"""All of them: pictures, tools, terms, and the references."""
