"""What is wrong with a file as a whole."""

from hallpulse.domain.errors import HallpulseError


class TableError(HallpulseError):
    """The file cannot be read as a table; one line: file, place, what was expected."""
