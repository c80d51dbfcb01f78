"""Registers when it is imported."""

import ledger

ledger.ENTRIES.append("registrar")


def name():
    return "registrar"
