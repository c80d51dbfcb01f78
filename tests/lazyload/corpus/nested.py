"""Reads in functions of functions, comprehensions, lambdas, methods and classes made in functions."""

import heavy
from heavy import double

later = lambda: double(heavy.VALUE)


class Outer:
    def method(self):
        class Inner(heavy.Thing):
            value = heavy.VALUE

            def doubled(self):
                return double(self.value)

        return Inner().doubled()


def function():
    def inside():
        return {key: double(key) for key in range(heavy.VALUE) if key > 5}

    return inside()


print(later(), Outer().method(), function())

# waits: heavy double
# prints: 14 14 {6: 12}
