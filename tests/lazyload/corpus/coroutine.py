"""Coroutines and generators run later still."""

import heavy
from heavy import double


async def use():
    return [double(x) async for x in numbers()]


async def numbers():
    for x in range(heavy.VALUE - 5):
        yield x


coroutine = use()
try:
    coroutine.send(None)
except StopIteration as stop:
    print(stop.value)

# waits: heavy double
# prints: [0, 2]
