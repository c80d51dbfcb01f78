"""The source of a function is what stands in the file."""

import inspect

import heavy


def use(x: int) -> int:
    return heavy.double(x)


print(inspect.getsource(use).splitlines()[1].strip(), inspect.signature(use), use(2))

# waits: heavy
# prints: return heavy.double(x) (x: int) -> int 4
