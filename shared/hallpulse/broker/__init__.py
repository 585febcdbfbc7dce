"""The only door to RabbitMQ for the suite's own services."""

from .batch import Batch, Delivery
from .connection import open_channel, user_of, vhost_of
from .consumer import Consumer, ConsumerLimits
from .delivery_limit import Kept, keep_everything, limits_in_force
from .refused import Letter
from .topology import EVENTS, GATEWAY_PERMISSIONS, GATEWAY_USER, REFUSED, declare

__all__ = [
    "EVENTS",
    "GATEWAY_PERMISSIONS",
    "GATEWAY_USER",
    "REFUSED",
    "Batch",
    "Consumer",
    "ConsumerLimits",
    "Delivery",
    "Kept",
    "Letter",
    "declare",
    "keep_everything",
    "limits_in_force",
    "open_channel",
    "user_of",
    "vhost_of",
]
