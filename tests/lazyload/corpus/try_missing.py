"""A failure that the program expects is met where it expects it."""

try:
    import absent
except ImportError:
    absent = None


def use():
    return absent


print(use())

# waits:
# prints: None
