"""The services that keep the ladder of supervision, called without a broker: by a clock that stands still."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hallpulse.broker.rpc import RpcError
from hallpulse.plans import load_plans
from hallpulse.store import Store
from services.gateway.service_calls import Answer, _problem
from services.notices.channels import Channels
from services.notices.supervision import SupervisionRecords
from services.reports.issuing import MatterSheets
from tests.gateway_ground import PLANS, FakeClock


@dataclass
class DirectServices:
    """Hands calls to the real objects behind `notices` and `reports`, with what JSON leaves of their arguments."""

    store: Store
    clock: FakeClock
    channels: Channels = field(default_factory=Channels)

    def ask(
        self, kind: type[Answer], service: str, method: str, /, *args: Any, seconds: float = 1.0, **kwargs: Any
    ) -> Answer:
        del seconds
        given, named = json.loads(json.dumps([args, kwargs]))
        try:
            answer = self._methods()[service, method](*given, **named)
        except Exception as error:
            raise _problem(service, RpcError(type(error).__name__, str(error))) from None
        return msgspec.convert(json.loads(json.dumps(answer)), kind)

    def _methods(self) -> dict[tuple[str, str], Any]:
        kept = SupervisionRecords(self.store.matters, self.channels, lambda: self.clock.now)
        return {
            ("notices", "open_matter"): kept.open,
            ("notices", "answer_matter"): kept.answer,
            ("notices", "decide_matter"): kept.decide,
            ("notices", "report_task"): kept.report_task,
            ("reports", "sheet"): self._sheet,
        }

    def _sheet(self, number: int, form: str, language: str = "zh") -> dict[str, str]:
        sheets = MatterSheets(self.store.matters, load_plans(PLANS), self.clock.now.timestamp)
        made = sheets.make(number, form, language)
        return {"name": made.name, "media_type": made.media_type, "content": base64.b64encode(made.content).decode()}
