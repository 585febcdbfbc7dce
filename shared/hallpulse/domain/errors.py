"""Errors are named after the decision that they force."""


class HallpulseError(Exception):
    """Base of everything raised on purpose; the message is one line for the person who can act."""


class Unavailable(HallpulseError):
    """A server does not answer: keep the work, back off, try again."""


class Outdated(Unavailable):
    """What the work was based on has changed since it was read: read it again, and try again."""


class Halt(HallpulseError):
    """Carrying on would damage data: stop the process and let a person look."""
