"""Sets the decimal context of the process; importing it is all that there is to do."""

from __future__ import annotations

from decimal import getcontext

getcontext().prec = 6
