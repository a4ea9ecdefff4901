"""How long the venue takes, with 500 symbols: ``python latency.py [BARS]``. Milliseconds of wall time."""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from paper_cases import connected, show

from darwin_core.testing.broker_base import sample_order

SYMBOLS = tuple(f"S{number}" for number in range(500))


async def timed(what):
    began = perf_counter()
    result = await what
    return result, (perf_counter() - began) * 1e3


async def measure(folder, bars):
    found = {f"market, {n} of 500 orders filled": [] for n in (0, 50, 500)}
    found |= {"submit alone": [], "submit, each of 100 at once": [], "stream, each entry of 500": []}
    number, minute, cursor = 0, 0, "0"
    async with connected(folder, symbols=SYMBOLS, cash=1e7) as broker:
        await show(broker, 1)
        gc.freeze()
        for minute in range(2, bars + 2):
            fills = (0, 50, 500)[minute % 3]
            orders = [sample_order(SYMBOLS[k], 1.0 if minute % 6 < 3 else -1.0, number + k) for k in range(fills)]
            number += fills
            for first in range(0, fills, 100):
                part = orders[first : first + 100]
                _, took = await timed(asyncio.gather(*map(broker.submit, part)))
                found["submit, each of 100 at once"].append(took / len(part))
            after, took = await timed(show(broker, minute, 100.0 + minute % 7))
            found[f"market, {fills} of 500 orders filled"].append(took)
            if fills == 500:
                began = perf_counter()
                stream = broker.events(cursor)
                async for event in stream:
                    if event.cursor == after:
                        break
                found["stream, each entry of 500"].append((perf_counter() - began) * 1e3 / (int(after) - int(cursor)))
                await stream.aclose()
            cursor = after
            order = sample_order(SYMBOLS[0], 1.0, -minute, kind="limit", limit_price=1.0, time_in_force="gtc")
            _, took = await timed(broker.submit(order))
            found["submit alone"].append(took)
            await broker.cancel(order.client_id)
    for name, values in found.items():
        p50, p99 = np.quantile(values, [0.5, 0.99])
        sys.stdout.write(f"{name:34s} p50 {p50:7.3f}  p99 {p99:7.3f}  max {max(values):7.3f}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 600))
