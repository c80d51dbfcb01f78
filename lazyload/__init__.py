"""Runs any Python program with its heavy imports moved to their first use, switched by environment; docs/lazyload.md.

Standard library only. Knows nothing of rollout and is known by nothing of it. What runs in every start (program, settings, loader, deferred,
caution) imports as little as it can: dataclasses, enum, typing and ast would cost more than many a program has to gain.
"""
