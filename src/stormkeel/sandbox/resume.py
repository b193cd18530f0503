"""Going on: what a model answers whose conversation already holds the beginning of its answer.

Never guesses: only where the answer was wished for, and what stands behind the wish is a beginning of it.

    user (wish), assistant (a beginning)          where a turn can be begun: the rest; elsewhere all of it once more
    user (wish), assistant (a beginning), user    the last words once more, as a model repeats them, then the rest
"""

from __future__ import annotations

from stormkeel.sandbox.ask import Asked, Wish, message_wish

REPEATED = 4  # words


def going_on(asked: Asked, *, begins: bool) -> Wish:
    """Return the answer that goes on with what stands in the conversation, as a wish; no wish where nothing was begun.

    Args:
        asked: The request.
        begins: Can a turn be begun in this dialect? (Models that refuse it are refused before.)
    """
    if "sandbox:" not in "".join(asked.prompt):
        return Wish()
    place, whole = _wished(asked.prompt)
    behind = asked.prompt[place + 1 :]
    begun = behind[0].rstrip() if behind else ""
    if not begun or not whole.startswith(begun) or len(behind) > 2:
        return Wish()
    if len(behind) == 2:
        return Wish(answer=_last_words(begun) + whole[len(begun) :])
    return Wish(answer=whole[len(begun) :]) if begins else Wish()


def _wished(prompt: tuple[str, ...]) -> tuple[int, str]:
    """Return where the latest answer was wished for, and the answer; the last place and "" where none was."""
    for place in range(len(prompt) - 1, -1, -1):
        answer = message_wish(prompt[place]).answer if "sandbox:" in prompt[place] else None
        if answer is not None:
            return place, answer
    return len(prompt) - 1, ""


def _last_words(text: str) -> str:
    """Return the last words of a text with the blanks between them.

    >>> _last_words("one two three four five")
    'two three four five'
    """
    words = text.split(" ")
    return " ".join(words[-REPEATED:])
