"""Errors are named after the decision that they force."""


class HallpulseError(Exception):
    """Base of everything raised on purpose; the message is one line for the person who can act."""


class Unavailable(HallpulseError):
    """A server does not answer: keep the work, back off, try again."""


class ConnectionEnded(Unavailable):
    """A server ended the connection in the middle of the work: try again; the work itself may be why."""


class Outdated(Unavailable):
    """The work was based on data that has changed since: read them again, and try again."""


class Halt(HallpulseError):
    """Carrying on would damage data: stop the process and let a person look."""
