from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.figures import EVER, FAR, Piece, Window, pieces

FIRST = date(2023, 11, 20)
DAYS = [FIRST + timedelta(days=number) for number in range(500)]
AMOUNTS = {day: 3 ** (number % 7) + number for number, day in enumerate(DAYS)}
CELLS = Counter({("d", day): amount for day, amount in AMOUNTS.items()})
for _day, _amount in AMOUNTS.items():
    CELLS["m", _day.replace(day=1)] += _amount

DAY = st.sampled_from(DAYS)
WINDOWS = st.lists(
    st.tuples(DAY, DAY).map(lambda pair: Window(min(pair), max(pair))) | st.just(Window(EVER, FAR)),
    min_size=1,
    max_size=4,
)


def held(piece: Piece) -> list[tuple[str, date]]:
    return [(grain, day) for grain, day in CELLS if grain == piece.grain and piece.low <= day <= piece.high]


@given(WINDOWS)
def test_the_pieces_of_several_windows_add_up_to_each_of_them(windows: list[Window]) -> None:
    found = pieces(windows)
    for number, window in enumerate(windows):
        total = sum(piece.signs[number] * CELLS[cell] for piece in found for cell in held(piece))
        assert total == sum(amount for day, amount in AMOUNTS.items() if window.start <= day <= window.end)


@given(WINDOWS)
def test_no_cell_is_read_twice_and_none_for_nothing(windows: list[Window]) -> None:
    found = pieces(windows)
    assert all(any(piece.signs) for piece in found)
    read = Counter(cell for piece in found for cell in held(piece))
    assert set(read.values()) <= {1}


def test_a_year_so_far_is_its_months_and_the_shorter_side_of_the_last_one() -> None:
    (window,) = [Window(date(2026, 1, 1), date(2026, 11, 25))]
    assert pieces([window, window]) == [
        Piece("m", date(2026, 1, 1), date(2026, 11, 1), (1, 1)),
        Piece("d", date(2026, 11, 26), date(2026, 11, 30), (-1, -1)),
    ]
