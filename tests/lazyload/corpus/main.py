"""The program is the main module, as it is without a launcher."""

import os
import sys

import heavy


def main():
    print(__name__, os.path.basename(__file__), os.path.basename(sys.argv[0]), sys.argv[1:], __spec__, __package__)
    print(sys.modules["__main__"].main is main, os.path.basename(sys.path[0]), __doc__.split()[0], heavy.VALUE)


if __name__ == "__main__":
    main()

# waits: heavy
# prints: __main__ main.py main.py [] None None
# prints: True corpus The 7
