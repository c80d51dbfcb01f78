"""A traceback has the file, the lines and the text."""

import sys
import traceback

import heavy


def fail():
    raise heavy.Trouble(
        "here"
    )


try:
    fail()
except Exception as error:
    for frame in traceback.extract_tb(error.__traceback__):
        print(frame.lineno, frame.name, frame.line)

# waits: heavy
# prints: 16 <module> fail()
# prints: 10 fail raise heavy.Trouble(
