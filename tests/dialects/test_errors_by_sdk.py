"""What we write, read by the unmodified SDKs: every failure raises the right class, in both dialects, whole and in a stream."""

from __future__ import annotations

import anthropic
import httpx2
import openai
import pytest

from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.values import ModelCard
from stormkeel.types.failure import Failure, FailureKind

K = FailureKind
OPENAI = {
    400: openai.BadRequestError, 401: openai.AuthenticationError, 402: openai.APIStatusError, 404: openai.NotFoundError,
    422: openai.UnprocessableEntityError, 429: openai.RateLimitError, 499: openai.APIStatusError, 500: openai.InternalServerError,
    502: openai.InternalServerError, 503: openai.InternalServerError, 504: openai.InternalServerError,
}  # fmt: skip
ANTHROPIC = {
    K.CALLER: anthropic.BadRequestError, K.UNSUPPORTED: anthropic.UnprocessableEntityError,
    K.MODEL_UNAVAILABLE: anthropic.NotFoundError,
    K.CONTEXT_LENGTH: anthropic.BadRequestError, K.KEY_REFUSED: anthropic.AuthenticationError,
    K.RATE_LIMIT: anthropic.RateLimitError,
    K.RATE_REACHED: anthropic.RateLimitError, K.QUOTA: anthropic.RateLimitError, K.OVERLOADED: anthropic.InternalServerError,
    K.SILENT: anthropic.InternalServerError, K.SERVER: anthropic.InternalServerError, K.EXHAUSTED: anthropic.InternalServerError,
    K.BUDGET_SPENT: anthropic.APIStatusError,
}  # fmt: skip
TURNS = [{"role": "user", "content": "Hi"}]


def transport(status: int, body: bytes, content_type: str = "application/json") -> httpx2.Client:
    """Return an HTTP client that always gets one answer."""
    answer = httpx2.MockTransport(lambda _: httpx2.Response(status, content=body, headers={"content-type": content_type}))
    return httpx2.Client(transport=answer)


def openai_sdk(client: httpx2.Client) -> openai.OpenAI:
    """Return the OpenAI SDK over a scripted wire."""
    return openai.OpenAI(api_key="sk-x", http_client=client, max_retries=0)


def anthropic_sdk(client: httpx2.Client) -> anthropic.Anthropic:
    """Return the Anthropic SDK over a scripted wire."""
    return anthropic.Anthropic(api_key="sk-x", http_client=client, max_retries=0)


@pytest.mark.parametrize("kind", list(K), ids=lambda kind: kind.value)
def test_openai_raises_by_status(kind: FailureKind) -> None:
    """The OpenAI SDK raises the class of the status and reads message, type and code."""
    status, body = OpenAIChat().write_error(Failure(kind, 'no "thing"'), "r1")
    with pytest.raises(openai.APIStatusError) as caught:
        openai_sdk(transport(status, body)).chat.completions.create(model="m", messages=TURNS)
    assert type(caught.value) is OPENAI[status]
    assert 'no "thing"' in str(caught.value)
    assert caught.value.code
    assert caught.value.type


def test_openai_codes_clients_know() -> None:
    """Codes that clients act on are OpenAI's own."""
    codes = {
        K.KEY_REFUSED: (401, "invalid_api_key"), K.MODEL_UNAVAILABLE: (404, "model_not_found"),
        K.CONTEXT_LENGTH: (400, "context_length_exceeded"), K.QUOTA: (429, "insufficient_quota"),
        K.RATE_LIMIT: (429, "rate_limit_exceeded"), K.RATE_REACHED: (429, "rate_reached"), K.BUDGET_SPENT: (402, "budget_spent"),
    }  # fmt: skip
    for kind, expected in codes.items():
        status, body = OpenAIChat().write_error(Failure(kind, "m"), "r1")
        with pytest.raises(openai.APIStatusError) as caught:
            openai_sdk(transport(status, body)).models.list()
        assert (caught.value.status_code, caught.value.code) == expected


@pytest.mark.parametrize("kind", list(K), ids=lambda kind: kind.value)
def test_anthropic_raises_by_type(kind: FailureKind) -> None:
    """The Anthropic SDK raises the class of the status and type, and reads our request id."""
    status, body = AnthropicMessages().write_error(Failure(kind, 'no "thing"'), "r1")
    with pytest.raises(anthropic.APIStatusError) as caught:
        anthropic_sdk(transport(status, body)).messages.create(model="m", max_tokens=1, messages=TURNS)
    assert isinstance(caught.value, ANTHROPIC.get(kind, anthropic.APIStatusError))
    assert 'no "thing"' in str(caught.value)
    assert caught.value.body["request_id"] == "r1"


def test_openai_raises_inside_a_stream() -> None:
    """An error frame behind good frames raises in the OpenAI SDK once those were handed over."""
    good = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
    frames = good + OpenAIChat().write_error_frame(Failure(K.TRUNCATED, "it broke off"), "r1")
    sdk = openai_sdk(transport(200, frames, "text/event-stream"))
    stream = sdk.chat.completions.create(model="m", messages=TURNS, stream=True)
    got = []
    with pytest.raises(openai.APIError, match="it broke off") as caught:
        got.extend(stream)
    assert len(got) == 1
    assert caught.value.code == "truncated"
    assert frames.endswith(b"data: [DONE]\n\n")


def test_anthropic_raises_inside_a_stream() -> None:
    """An error frame behind good frames raises in the Anthropic SDK once those were handed over; pings are skipped."""
    dialect = AnthropicMessages()
    good = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    frames = dialect.keep_alive + good + dialect.write_error_frame(Failure(K.OVERLOADED, "too many"), "r1")
    stream = anthropic_sdk(transport(200, frames, "text/event-stream")).messages.create(
        model="m", max_tokens=1, messages=TURNS, stream=True
    )
    got = []
    with pytest.raises(anthropic.APIStatusError, match="too many") as caught:
        got.extend(stream)
    assert len(got) == 1
    assert caught.value.body["error"]["type"] == "overloaded_error"


def test_keep_alives_are_nothing_to_openai() -> None:
    """The chat keep-alive is skipped by the SDK."""
    frames = OpenAIChat().keep_alive + b"data: [DONE]\n\n"
    sdk = openai_sdk(transport(200, frames, "text/event-stream"))
    stream = sdk.chat.completions.create(model="m", messages=TURNS, stream=True)
    assert list(stream) == []


def test_model_lists_are_read() -> None:
    """Both SDKs read the model list of their dialect."""
    cards = [ModelCard("fast", 86400, "us", "Fast", 100, 50), ModelCard("slow")]
    listed = openai_sdk(transport(200, OpenAIChat().write_models(cards))).models.list()
    assert [(model.id, model.created, model.owned_by) for model in listed] == [("fast", 86400, "us"), ("slow", 0, "")]
    page = anthropic_sdk(transport(200, AnthropicMessages().write_models(cards))).models.list()
    told = [(model.id, model.display_name, model.max_tokens, model.created_at.year) for model in page]
    assert told == [("fast", "Fast", 50, 1970), ("slow", "slow", None, 1970)]
