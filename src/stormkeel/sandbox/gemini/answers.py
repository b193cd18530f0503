"""Gemini's answers: a GenerateContentResponse, or a stream of them.

Never counts or chooses anything: the answer comes finished. A stream is a row of events, each a whole response with the next
piece and the usage so far; it ends with the event that has a finishReason, and nothing marks its end but that.

    Gemini 3 and later: thought* text* call* (each an event), then one with empty text, perhaps a signature, the finish
    before:             thought* text*, all calls in one event; the last of these events has the finish
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from stormkeel.sandbox.answer import Answer, Call, Choice, count
from stormkeel.sandbox.ask import Asked
from stormkeel.sandbox.bill import Tokens, part_of
from stormkeel.sandbox.dialect import Mark
from stormkeel.sandbox.gemini.generations import signs
from stormkeel.sandbox.gemini.shape import Json
from stormkeel.sandbox.gemini.signatures import signature

_STOP = {"length": "MAX_TOKENS", "filter": "SAFETY", "refused": "SAFETY"}
_RATINGS = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}]


class Event(msgspec.Struct, frozen=True):
    """Parts of one candidate, the tokens in them, and why it ends if it does."""

    index: int
    parts: tuple[Json, ...]
    tokens: int = 0
    finish: str | None = None


def body(answer: Answer, asked: Asked, mark: Mark) -> Json:
    """Return a whole response."""
    if _blocked(answer):
        return _blocking() | about(answer, answer.tokens, mark)
    made = [
        candidate(Event(index, tuple(_merged(_parts(choice, asked, mark), choice, asked)), 0, _reason(choice)))
        for index, choice in enumerate(answer.choices)
    ]
    return {"candidates": made} | about(answer, answer.tokens, mark)


def responses(answer: Answer, asked: Asked, mark: Mark) -> Iterator[tuple[Json, Event]]:
    """Yield the responses of a stream, each with the event that is in it: an empty one where the prompt is blocked."""
    if _blocked(answer):
        yield _blocking() | about(answer, answer.tokens, mark), Event(0, ())
        return
    written = 0
    for index, choice in enumerate(answer.choices):
        for event in _events(index, choice, asked, mark):
            written += event.tokens
            tokens = part_of(answer.tokens, written, answer.pieces)
            yield {"candidates": [candidate(event)]} | about(answer, tokens, mark), event


def candidate(event: Event) -> Json:
    """Return a candidate; one that was filtered before it said anything has no content."""
    content = {"parts": list(event.parts), "role": "model"} if event.parts else {"role": "model"}
    told: Json = {} if event.finish == "SAFETY" and not event.parts else {"content": content}
    if event.finish is not None:
        told["finishReason"] = event.finish
    told["index"] = event.index
    return told | ({"safetyRatings": _RATINGS} if event.finish == "SAFETY" else {})


def about(answer: Answer, tokens: Tokens, mark: Mark) -> Json:
    """Return what stands in every response beside the candidates."""
    told = {"usageMetadata": usage(tokens)} if answer.usage else {}
    return told | {"modelVersion": answer.model, "responseId": f"req_{mark.token}"}


def usage(tokens: Tokens) -> Json:
    """Put the buckets Google's way: the prompt includes what was cached, the candidates exclude thoughts, no 0 is told."""
    said = tokens.output - tokens.reasoning
    counts = {
        "promptTokenCount": tokens.prompt,
        "cachedContentTokenCount": tokens.cached,
        "candidatesTokenCount": said,
        "thoughtsTokenCount": tokens.reasoning,
        "totalTokenCount": tokens.prompt + tokens.output,
    }
    details = {"promptTokensDetails": tokens.prompt, "cacheTokensDetails": tokens.cached, "candidatesTokensDetails": said}
    shown: Json = {name: number for name, number in counts.items() if number}
    return shown | {name: [{"modality": "TEXT", "tokenCount": number}] for name, number in details.items() if number}


def _blocked(answer: Answer) -> bool:
    """Tell whether there is nothing but a refusal: Google then says so of the prompt, and gives no candidate."""
    return all(choice.finish == "refused" and not choice.written for choice in answer.choices)


def _blocking() -> Json:
    return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}


def _reason(choice: Choice) -> str:
    return _STOP.get(choice.finish, "STOP")


def _parts(choice: Choice, asked: Asked, mark: Mark) -> Iterator[tuple[Json, int]]:
    """Yield the parts piece by piece, with the tokens in each; thoughts that are not shown are counted with what comes next."""
    hidden = 0 if asked.shows else len(choice.reasoning)
    for piece in choice.reasoning if asked.shows else ():
        yield {"text": piece, "thought": True}, 1
    for piece in choice.pieces:
        yield {"text": piece}, 1 + hidden
        hidden = 0
    for place, call in enumerate(choice.calls):
        yield _call(place, call, asked, mark), count([call.arguments]) + hidden
        hidden = 0


def _call(place: int, call: Call, asked: Asked, mark: Mark) -> Json:
    """Return a call, whole; newer models give it an id, and sign the first of those that are made at once."""
    made: Json = {"name": call.name, "args": msgspec.json.decode(call.arguments)}
    if not signs(asked.model):
        return {"functionCall": made}
    signed = {} if place else {"thoughtSignature": signature(asked.model, call.name)}
    return {"functionCall": {"id": f"call_{mark.token}_{place}"} | made} | signed


def _signed(choice: Choice, asked: Asked) -> Json:
    """Return the signature of an answer in words that was thought about."""
    signs_it = signs(asked.model) and choice.reasoning and not choice.calls
    return {"thoughtSignature": signature(asked.model)} if signs_it else {}


def _merged(parts: Iterator[tuple[Json, int]], choice: Choice, asked: Asked) -> list[Json]:
    """Join the pieces of text to one part of thoughts and one of words; the signature stands on the words."""
    made: list[Json] = []
    for part, _ in parts:
        joins = made and "text" in part and "text" in made[-1] and part.get("thought") == made[-1].get("thought")
        if joins:
            made[-1] = made[-1] | {"text": made[-1]["text"] + part["text"]}
        else:
            made.append(part)
    signed = _signed(choice, asked)
    if signed and not choice.pieces:
        made.append({"text": ""})
    return [*made[:-1], made[-1] | signed] if signed else made


def _events(index: int, choice: Choice, asked: Asked, mark: Mark) -> list[Event]:
    parts, reason = list(_parts(choice, asked, mark)), _reason(choice)
    if signs(asked.model):
        told = sum(tokens for _, tokens in parts)
        ending = Event(index, ({"text": ""} | _signed(choice, asked),), choice.written - told, reason)
        return [*(Event(index, (part,), tokens) for part, tokens in parts), ending]
    words = [Event(index, (part,), tokens) for part, tokens in parts if "text" in part]
    calls = [(part, tokens) for part, tokens in parts if "functionCall" in part]
    together = [Event(index, tuple(part for part, _ in calls), sum(tokens for _, tokens in calls))] if calls else []
    made = [*words, *together] or [Event(index, (), choice.written)]
    return [*made[:-1], msgspec.structs.replace(made[-1], finish=reason)]
