"""The AsyncAPI 3 document of the broker contract, from the same types that decode it."""

from __future__ import annotations

from typing import Any

from .decode import BATCH_TYPE, EVENT_TYPE
from .envelope import ENVELOPES
from .events import EventType, Family
from .examples import TITLES, example
from .json_schema import batch_of, components
from .reasons import SENTENCES, Reason

VERSION = "1.0.0"
_SCHEMAS = "#/components/schemas/{name}"
_AMQP = "0.3.0"


def document() -> dict[str, Any]:
    """Return the whole document as plain values; the same types always give the same document."""
    names = [ENVELOPES[kind].__name__ for kind in EventType]
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": EVENT_TYPE,
        "servers": {"broker": _server()},
        "channels": {"events": _events_channel(names), "refused": _refused_channel()},
        "operations": _operations(names),
        "components": {
            "securitySchemes": {"hall": _security()},
            "messages": {
                **{ENVELOPES[kind].__name__: _message(kind) for kind in EventType},
                "Batch": _batch_message(),
                "Refused": _refused_message(),
            },
            "schemas": {
                **components(ref_template=_SCHEMAS),
                "Batch": batch_of(_SCHEMAS),
                "Refused": _refused_headers(),
            },
        },
    }


def _info() -> dict[str, Any]:
    return {
        "title": "Hallpulse: hall events",
        "version": VERSION,
        "description": "政务服务大厅事件接口：大厅系统向 hall.events 发布 CloudEvents；"
        "被拒绝的事件连同原因进入 hall.refused。\n"
        "Hall systems publish CloudEvents to hall.events; what is refused goes to hall.refused with its reason.\n",
        "license": {"name": "Apache-2.0"},
    }


def _server() -> dict[str, Any]:
    return {
        "host": "broker.example.org:5671",
        "protocol": "amqps",
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ. 每个大厅一个用户，名为 REGION.HALL。One user per hall, named REGION.HALL.",
        "security": [{"$ref": "#/components/securitySchemes/hall"}],
    }


def _security() -> dict[str, Any]:
    return {
        "type": "userPassword",
        "description": "The user may write only to hall.events, only with its own routing keys and granted families,"
        " and must set the property user_id, which the broker checks.",
    }


def _events_channel(names: list[str]) -> dict[str, Any]:
    return {
        "address": "{region}.{hall}.{family}",
        "title": "hall.events",
        "description": "持久消息，至多 4 MiB。确认（ack）表示消息已安全入队，不表示事件已被接受：事件出队时才检查，"
        "结果用 GET /v1/events/ID 查询。否认（nack）表示队列已满，稍后重发。\n"
        "Persistent messages, at most 4 MiB. An ack means that the message lies safe in a queue, on a majority of the"
        " brokers' disks; it does not mean that its events are right: each is looked at when it is taken from the queue"
        " and stored, known as a duplicate, or refused. Ask GET /v1/events/ID of the gateway. A nack means that a queue"
        " is full: publish again later, under the same id. A message that no queue takes is returned (mandatory).\n",
        "parameters": {
            "region": {
                "description": "County code of GB/T 2260: 6 digits, not ending in 00.",
                "examples": ["222424"],
            },
            "hall": {"description": "1 to 40 of a-z, 0-9 and hyphen.", "examples": ["hall-1"]},
            "family": {"description": "The second word of the event's type.", "enum": [str(f) for f in Family]},
        },
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in [*names, "Batch"]},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": "hall.events", "type": "topic", "durable": True, "autoDelete": False},
                "bindingVersion": _AMQP,
            }
        },
    }


def _refused_channel() -> dict[str, Any]:
    return {
        "address": "hall.refused",
        "description": "The body of each refused event alone; of a batch, only the bad ones.",
        "messages": {"Refused": {"$ref": "#/components/messages/Refused"}},
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {"name": "hall.refused", "durable": True, "exclusive": False, "autoDelete": False},
                "bindingVersion": _AMQP,
            }
        },
    }


def _operations(names: list[str]) -> dict[str, Any]:
    listed = [{"$ref": f"#/channels/events/messages/{name}"} for name in [*names, "Batch"]]
    persistent = {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": _AMQP}}
    return {
        "receiveEvents": {
            "action": "receive",
            "channel": {"$ref": "#/channels/events"},
            "summary": "What hall systems publish; the same event twice changes nothing.",
            "messages": listed,
            "bindings": persistent,
        },
        "sendRefused": {
            "action": "send",
            "channel": {"$ref": "#/channels/refused"},
            "summary": "What is refused; nothing refused is ever lost.",
            "messages": [{"$ref": "#/channels/refused/messages/Refused"}],
            "bindings": persistent,
        },
    }


def _message(kind: EventType) -> dict[str, Any]:
    zh, en = TITLES[kind]
    return {
        "name": kind.wire_name,
        "title": zh,
        "summary": f"{zh}: {en}",
        "contentType": EVENT_TYPE,
        "payload": {"$ref": _SCHEMAS.format(name=ENVELOPES[kind].__name__)},
        "examples": [{"name": kind.name.lower(), "payload": example(kind)}],
    }


def _batch_message() -> dict[str, Any]:
    kinds = (EventType.CASE_RECEIVED, EventType.CASE_ACCEPTED, EventType.CASE_DECIDED)
    return {
        "name": "batch",
        "title": "批量",
        "summary": "批量: 1 to 1,000 events of one hall and one family, whose routing key the message has",
        "contentType": BATCH_TYPE,
        "payload": {"$ref": _SCHEMAS.format(name="Batch")},
        "examples": [{"name": "batch", "payload": [example(kind) for kind in kinds]}],
    }


def _refused_message() -> dict[str, Any]:
    return {
        "name": "refused",
        "title": "被拒绝的事件",
        "summary": "被拒绝的事件: a refused event, byte for byte as it came, and why",
        "headers": {"$ref": _SCHEMAS.format(name="Refused")},
        "payload": {"description": "whatever was sent, even if it is no JSON"},
    }


def _refused_headers() -> dict[str, Any]:
    reasons = "\n".join(f"- `{reason}`: {SENTENCES[reason].zh}{SENTENCES[reason].en}" for reason in Reason)
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["x-reason", "x-detail", "x-field", "x-source", "x-refused-at"],
        "properties": {
            "x-reason": {**text, "enum": [str(reason) for reason in Reason], "description": reasons},
            "x-detail": {**text, "description": "what was expected, in one line; never the refused value"},
            "x-field": {**text, "description": "where, such as data.promised_days; empty: the whole body"},
            "x-source": {**text, "description": "the source of the event, as far as it could be read"},
            "x-refused-at": {**text, "format": "date-time"},
        },
    }
