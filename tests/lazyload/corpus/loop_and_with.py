"""What stands in a loop or a with runs there."""

import contextlib

for _ in range(2):
    import heavy
with contextlib.suppress(ImportError):
    import absent


def use():
    return heavy.VALUE


print(use())

# waits:
# prints: 7
