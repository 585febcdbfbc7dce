"""For hall systems: publish events to the bureau. Needs only pika and msgspec."""

from hallpulse.contract.reasons import Refused
from hallpulse.domain.errors import Halt, Unavailable

from .disk import DiskOutbox
from .message import Message
from .outbox import OutboxFull, RefusedEvent
from .publisher import Publisher

__all__ = ["DiskOutbox", "Halt", "Message", "OutboxFull", "Publisher", "Refused", "RefusedEvent", "Unavailable"]
