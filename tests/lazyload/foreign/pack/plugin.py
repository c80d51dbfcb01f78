"""Registers with its package."""

import pack

pack.NAME = "pack with plugin"
