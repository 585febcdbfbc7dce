"""RabbitMQ for the suite's own services, which reach it only through this package."""

from hallpulse.broker.batches import Batch, HallsSlowed
from hallpulse.broker.deliveries import Delivery
from hallpulse.broker.management import Kept, keep_everything, limits_in_force, replace_password
from hallpulse.broker.rejections import Rejection

from .connection import open_channel, user_of, vhost_of
from .consumer import Consumer
from .topology import EVENTS, GATEWAY_PERMISSIONS, GATEWAY_USER, REFUSED, ConsumerLimits, declare

__all__ = [
    "EVENTS",
    "GATEWAY_PERMISSIONS",
    "GATEWAY_USER",
    "REFUSED",
    "Batch",
    "Consumer",
    "ConsumerLimits",
    "Delivery",
    "HallsSlowed",
    "Kept",
    "Rejection",
    "declare",
    "keep_everything",
    "limits_in_force",
    "open_channel",
    "replace_password",
    "user_of",
    "vhost_of",
]
