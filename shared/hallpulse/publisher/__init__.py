"""For hall systems: publish events to the bureau. Needs pika and msgspec alone."""

from hallpulse.contract.refusal import Refused
from hallpulse.domain.errors import Halt, Unavailable

from .message import Message
from .publisher import Publisher

__all__ = ["Halt", "Message", "Publisher", "Refused", "Unavailable"]
