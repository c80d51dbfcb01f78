"""A local of the same name is the local."""

import heavy


def argument(heavy):
    return heavy


def local():
    heavy = 1
    return [heavy for _ in range(2)]


def loop():
    return [heavy for heavy in range(3)], heavy.VALUE


def handler():
    try:
        raise ValueError("caught")
    except ValueError as heavy:
        return str(heavy)


def walrus(values):
    return [heavy := value for value in values], heavy


def inner():
    heavy = 5

    def deeper():
        nonlocal heavy
        heavy += 1
        return heavy

    return deeper()


print(argument(1), local(), loop(), handler(), walrus([1, 2]), inner(), (lambda heavy=2: heavy)(), (lambda: heavy.VALUE)())

# waits: heavy
# prints: 1 [1, 1] ([0, 1, 2], 7) caught ([1, 2], 2) 6 2 7
