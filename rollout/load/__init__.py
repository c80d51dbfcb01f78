"""Open-loop load on a fleet: scheduled ahead of time, sent by a process of its own, and never taken for measured when the sender fell behind."""
