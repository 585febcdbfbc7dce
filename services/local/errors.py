from hallpulse.domain.errors import HallpulseError


class CannotRun(HallpulseError):
    """The suite cannot start, or not go on, until a person changes something; the message says what."""
