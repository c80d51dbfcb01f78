"""The one error of the lab."""


class LabError(Exception):
    """The lab cannot do what was asked; the message is one sentence for a person."""
