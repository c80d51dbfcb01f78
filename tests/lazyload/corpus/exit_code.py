"""The exit code is the program's."""

import sys

import heavy


def main():
    print("leaving")
    sys.exit(heavy.VALUE)


main()

# waits: heavy
# prints: leaving
# exits: 7
