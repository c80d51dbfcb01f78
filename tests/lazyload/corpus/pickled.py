"""Functions and classes of the program can be pickled."""

import pickle

import heavy


class Mine:
    def value(self):
        return heavy.VALUE


def use():
    return pickle.loads(pickle.dumps(Mine())).value()


print(use(), pickle.loads(pickle.dumps(use)) is use)

# waits: heavy
# prints: 7 True
