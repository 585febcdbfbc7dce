"""A reading process over stated figures: `settled_item_share` is the percentage in the file that SHARE names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hallpulse.domain.figures import Figure
from hallpulse.store import Moment
from hallpulse.subprocess import parent_channel
from services.targets.reader import Asked, answer_all
from tests.moments import StatedStore
from tests.unit.targets_ground import CATALOGUE, readings_of


class SharedFigure(StatedStore):
    @contextmanager
    def read(self) -> Iterator[Moment]:
        percent = int(Path(os.environ["SHARE"]).read_text())
        self.own = {**CATALOGUE, "settled_item_share": Figure(percent, 100)}
        with super().read() as moment:
            yield moment


if __name__ == "__main__":
    answer_all(readings_of(SharedFigure()), parent_channel(Asked))
