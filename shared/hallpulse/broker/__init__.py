"""The only door to RabbitMQ for the suite's own services."""

from hallpulse.broker.deliveries import Batch, Delivery
from hallpulse.broker.management import Kept, keep_everything, limits_in_force
from hallpulse.broker.rejections import Rejection

from .connection import open_channel, user_of, vhost_of
from .consumer import Consumer, ConsumerLimits
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
    "Rejection",
    "declare",
    "keep_everything",
    "limits_in_force",
    "open_channel",
    "user_of",
    "vhost_of",
]
