"""Families: how many tokens a model makes of text, as far as that is known without asking it, as data with its source.

Never claims more than was seen: `is_exact` stands only where a provider documents how it counts a conversation, or where recorded
answers agree with the count to the token.

Bytes per token were measured on 25 November 2026 with the encodings themselves (English, German, Russian, Arabic, Chinese,
Japanese and Korean prose, Python, Markdown, JSON); those of models without a public encoding are OpenAI's, less what recorded
answers show: GPT's encodings count 15 to 45 % too few for Claude.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec


class Family(msgspec.Struct, frozen=True):
    """Models that count alike.

    Attributes:
        names: a regular expression that the whole of a model's name fits, lower case, without its router's prefix.
        ascii, other: bytes a token holds on average, of ASCII text and of everything else.
        encoding: the public encoding, "" where there is none.
        base, turn: tokens a conversation and each of its turns take beside text.
        image: tokens of a picture of unknown size.
        tools: tokens that the first tool takes beside its text.
        is_exact: does the encoding, with `base` and `turn`, count a conversation of texts to the token?
        exact_roles: whose turns that holds for.
    """

    names: str
    ascii: float = 3.5
    other: float = 2.6
    encoding: str = ""
    base: int = 3
    turn: int = 4
    image: int = 1200
    tools: int = 20
    is_exact: bool = False
    exact_roles: frozenset[str] = frozenset({"system", "user", "assistant"})

    def matches(self, name: str) -> bool:
        """Tell whether a name is one of the family's."""
        return re.fullmatch(self.names, name) is not None


_DATED = r"(-\d{4}(-\d{2}-\d{2})?|-latest)?"
_SPOKEN = frozenset({"system", "user"})
_O200K = Family("", ascii=4.0, other=3.8, encoding="o200k_base", base=2, turn=3, image=800)
_CL100K = Family("", ascii=4.0, other=2.7, encoding="cl100k_base", turn=3, image=800)
_CLAUDE = Family("", ascii=3.8, other=2.7, base=4, image=1500, tools=500)
_OTHERS = r"(llama|meta-llama|qwen|deepseek|mistral|mixtral|codestral|ministral|kimi|glm|grok|command).*"


def _like(family: Family, names: str, **differs: Any) -> Family:
    return msgspec.structs.replace(family, names=names, **differs)


FAMILIES: tuple[Family, ...] = (
    # exact by OpenAI's cookbook, "How to count tokens with tiktoken"; gpt-4o by recorded answers as well
    _like(_O200K, r"(chat)?gpt-4o(-mini)?" + _DATED, base=3, is_exact=True),
    _like(_CL100K, r"gpt-(4|4-turbo|3\.5-turbo|4-32k|3\.5-turbo-16k)" + _DATED, is_exact=True),
    # exact by recorded answers (o3-mini, gpt-5, gpt-5-mini: one token less than gpt-4o); none of them had an assistant's turn
    _like(_O200K, r"(o3-mini|gpt-5(-mini|-nano)?)" + _DATED, is_exact=True, exact_roles=_SPOKEN),
    # the encoding by tiktoken's own table of models; how a conversation is counted is told nowhere
    _like(_O200K, r"(gpt-4\.1|gpt-4o|o[1-9]|gpt-5|gpt-6|chatgpt|codex).*"),
    _like(_CL100K, r"(gpt-4|gpt-3\.5).*"),
    _like(_O200K, r"gpt-oss.*", encoding="o200k_harmony", base=60, turn=4),
    # the newer models' encoding makes about a fifth more tokens than the older ones'
    _like(_CLAUDE, r"claude-(2|3|instant).*|claude-(opus|sonnet|haiku)-4([-.][0-6])?(-\d{8})?"),
    _like(_CLAUDE, r"claude.*", ascii=2.9, other=2.4),
    # its template puts a system turn with two dates before every conversation (its model card, "Prompt format")
    Family(r"llama-?3\.[1-9].*", ascii=3.7, other=3.0, base=36),
    Family(r"(gemini|gemma).*", ascii=4.4, other=3.6, base=1, turn=2, image=260),
    Family(_OTHERS, ascii=3.7, other=3.0),
)
"""The first that matches wins."""
UNKNOWN = Family(r".*")


def family_of(model: str) -> Family:
    """Return the family of a model by its name; a router's or a fine-tune's prefix is no part of it.

    >>> family_of("openai/gpt-4o-2024-08-06").encoding, family_of("nobody-knows").encoding
    ('o200k_base', '')
    """
    name = model.lower().rsplit("/", 1)[-1].removeprefix("ft:").split(":", 1)[0]
    return next((family for family in FAMILIES if family.matches(name)), UNKNOWN)
