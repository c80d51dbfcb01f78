"""An except clause reads the name when something was raised."""

import heavy


def use(fail):
    try:
        if fail:
            raise heavy.Trouble("late")
    except heavy.Trouble as trouble:
        return repr(trouble)
    return "fine"


print(use(False), use(True))

# waits: heavy
# prints: fine Trouble('late')
