"""A fuzzer that is led by coverage: it keeps the inputs that take a branch nobody took before, and changes those further.

Never needs more than the standard library, so that it runs wherever the tests do. A branch is an outcome of a conditional jump of the
bytecode, of which there are a few more than a source shows: what it counts is the stricter figure.
"""

from __future__ import annotations

import dis
import inspect
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import CodeType, FrameType, ModuleType
from typing import Any

Taken = tuple[CodeType, int, int]
"""A conditional jump, and where it went on."""

_CATCHES = "CHECK_EXC_MATCH"  # an exception that no `except` names is a crash, and no branch
_MOST = 400  # bytes of an input: long ones are found no sooner, and take longer


class Branches:
    """The branches of some modules' functions: how many there are, and which were taken."""

    def __init__(self, judged: Sequence[ModuleType], led_by: Sequence[ModuleType] = ()) -> None:
        """Take the modules that the share is of, and others whose branches lead as well."""
        self._judged = {code: frozenset(_jumps_of(code)) for module in judged for code in _codes_of(module)}
        self._jumps = self._judged | {code: frozenset(_jumps_of(code)) for module in led_by for code in _codes_of(module)}
        self.taken: set[Taken] = set()

    @property
    def all(self) -> int:
        """How many there are in the judged modules."""
        return 2 * sum(map(len, self._judged.values()))

    @property
    def share(self) -> float:
        """The share of them that was taken."""
        return sum(code in self._judged for code, _, _ in self.taken) / self.all

    def missing(self) -> list[str]:
        """Where one of the two was not taken: the function and the line."""
        outcomes = Counter((code, jump) for code, jump, _ in self.taken)
        jumps = [(code, jump) for code, found in self._judged.items() for jump in found]
        return sorted(f"{code.co_qualname}:{_line_of(code, jump)}" for code, jump in jumps if outcomes[code, jump] < 2)

    def watch(self, act: Callable[[], None]) -> bool:
        """Do something, and tell whether it took a branch that nothing took before."""
        before = len(self.taken)
        sys.settrace(self._enter)
        try:
            act()
        finally:
            sys.settrace(None)
        return len(self.taken) > before

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> Any:
        jumps = self._jumps.get(frame.f_code)
        if not jumps:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._follow(frame.f_code, jumps)

    def _follow(self, code: CodeType, jumps: frozenset[int]) -> Callable[[FrameType, str, object], Any]:
        last = -1

        def step(frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal last
            if event == "opcode":
                if last in jumps:
                    self.taken.add((code, last, frame.f_lasti))
                last = frame.f_lasti
            elif event == "exception":
                last = -1  # that goes anywhere
            return step

        return step


def _codes_of(module: ModuleType) -> Iterator[CodeType]:
    source = inspect.getsource(module)
    yield from _functions_in(compile(source, module.__file__ or "", "exec", dont_inherit=True))


def _functions_in(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if one.co_flags & inspect.CO_OPTIMIZED:  # no class's body
                yield one
            yield from _functions_in(one)


def _jumps_of(code: CodeType) -> Iterator[int]:
    before = ""
    for step in dis.get_instructions(code):
        if step.opname == "FOR_ITER" or ("JUMP" in step.opname and "_IF_" in step.opname and before != _CATCHES):
            yield step.offset
        before = step.opname


def _line_of(code: CodeType, offset: int) -> int | None:
    return next((line for start, end, line in code.co_lines() if start <= offset < end), None)


def changed(data: bytes, others: Sequence[bytes], words: Sequence[bytes], dice: random.Random) -> bytes:
    """Return an input made of another, by a few changes: bytes, words of the format, spans gone or doubled, another's end."""
    told = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.randrange(len(told) + 1)
        span = slice(at, at + dice.choice((1, 2, 8, 40)))
        match dice.randrange(6):
            case 0:
                told[span] = b""
            case 1:
                told[at:at] = told[span]
            case 2:
                told[at : at + 1] = bytes([dice.randrange(256)])
            case 3:
                other = dice.choice(others)
                told[at:] = other[dice.randrange(len(other) + 1) :]
            case _:
                told[at:at] = dice.choice(words)
    return bytes(told[:_MOST])


def fuzz(
    check: Callable[[bytes], None], seeds: Sequence[bytes], words: Sequence[bytes], branches: Branches, goes_on: Callable[[int], bool]
) -> tuple[int, list[bytes]]:
    """Try inputs until told to stop; return how many were tried, and those of which `check` raised.

    Args:
        check: raises where an input breaks what must hold.
        seeds: inputs to begin with.
        words: of the format.
        branches: to lead by; what is taken is added.
        goes_on: asked before each input, with the number of those before.
    """
    dice, corpus, broken, tried = random.Random(27), list(seeds), [], 0
    fresh = list(seeds)
    while goes_on(tried):
        data = fresh.pop() if fresh else changed(dice.choice(corpus), corpus, words, dice)
        try:
            if branches.watch(partial(check, data)):
                corpus.append(data)
        except Exception:
            broken.append(data)
        tried += 1
    return tried, broken
