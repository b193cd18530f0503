"""The library's own cost: calls of `AsyncClient.complete` against the bench's upstream.

Run: python -m bench.library PORT CALLS DATA.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import uvloop


async def main() -> None:
    """Print CPU microseconds a call."""
    port, calls, data = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    os.environ.update(OPENAI_API_KEY="sk-bench-0123456789abcdef", OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")
    from stormkeel import AsyncClient

    async with AsyncClient(data=data) as client:
        left = calls

        async def ask(count: int) -> None:
            for _ in range(count):
                await client.complete("Explain BGP in one sentence. " * 10, model="openai/gpt-5.4-mini", max_tokens=200)

        await asyncio.gather(*(ask(50) for _ in range(32)))
        begun = time.process_time()
        await asyncio.gather(*(ask(left // 32) for _ in range(32)))
        print((time.process_time() - begun) / (left // 32 * 32) * 1e6)


if __name__ == "__main__":
    uvloop.run(main())
