"""Draw the last run's rates to docs/images/performance.svg: `python -m bench.picture`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, NamedTuple

from bench.results import kept
from bench.streams import CHECKOUT

PICTURE = CHECKOUT / "docs" / "images" / "performance.svg"
LEFT, WIDTH, RIGHT, STEP, TOP = 330, 420, 130, 30, 46
OURS, LIMIT, PEER = "#2f6fb4", "#b9c4cf", "#d08a3c"
PEERS = "Peers, the same durable job"


class Bar(NamedTuple):
    name: str
    rate: float
    label: str
    colour: str


def bars(found: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, list[Bar]]]:
    """Yield title and bars of each group; each group has its own scale."""
    for name, figures in (found.get("ingest") or {}).items():
        shown = {key: one for key, one in figures.items() if one["of_raw"] <= 1}
        yield f"Events a second: {name}", [_of_raw(key, one) for key, one in shown.items()]
    peers = found.get("peers")
    if peers:
        durable = {key: one for key, one in peers.items() if "in memory" not in key}
        yield PEERS, [_peer(key, one["events_a_second"]) for key, one in durable.items()]


def _of_raw(name: str, figures: Mapping[str, Any]) -> Bar:
    rate, share = figures["events_a_second"], figures["of_raw"]
    return Bar(name, rate, f"{rate:,.0f} · {share:.2f}", OURS if name.startswith("hallpulse") else LIMIT)


def _peer(name: str, rate: float) -> Bar:
    return Bar(name, rate, f"{rate:,.0f}", OURS if name.startswith("hallpulse") else PEER)


def drawn(groups: list[tuple[str, list[Bar]]]) -> str:
    height = sum(TOP + STEP * len(group) for _, group in groups) + 10
    lines, y = [], 0
    for title, group in groups:
        lines.append(f'<text x="8" y="{y + 26}" font-weight="bold">{escape(title)}</text>')
        y += TOP - 8
        most = max(bar.rate for bar in group)
        for bar in group:
            wide = max(1.0, WIDTH * bar.rate / most)
            lines += [
                f'<text x="{LEFT - 8}" y="{y + 17}" text-anchor="end">{escape(bar.name)}</text>',
                f'<rect x="{LEFT}" y="{y + 3}" width="{wide:.1f}" height="20" rx="2" fill="{bar.colour}"/>',
                f'<text x="{LEFT + wide + 6:.1f}" y="{y + 17}">{escape(bar.label)}</text>',
            ]
            y += STEP
        y += 8
    size = f'viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" width="{LEFT + WIDTH + RIGHT}" height="{height}"'
    style = 'font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#1f2933"'
    back = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join(
        (f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', back, f"<g {style}>", *lines, "</g>", "</svg>")
    )


def main() -> None:
    found = {section: kept(section) or {} for section in ("ingest", "peers")}
    groups = list(bars(found))
    if not groups:
        raise SystemExit("picture: expected figures of `python -m bench ingest peers` first")
    PICTURE.write_text(drawn(groups) + "\n")
    print(f"picture: {PICTURE.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    main()
