"""A module that is there and fails is met in its try."""

try:
    import broken as engine
except ImportError as error:
    import heavy as engine

    print(error)


def use():
    return engine.VALUE


print(use())

# waits:
# prints: broken cannot work here
# prints: 7
