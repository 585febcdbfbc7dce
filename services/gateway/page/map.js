// What lies below a region as a map: areas shaded by their figures, each with its name and value where there is room.

import { askKept } from "./api.js";
import { d3 } from "./chart.js";
import { h, s, shown, whole } from "./dom.js";
import { named, say } from "./words.js";
import "./lookwords.js";

const HATCH = "map-hatch";
const EDGE = 6; // pixels around the map
const WIDE = /[\u1100-\u{10ffff}]/gu; // as wide as they are high

/** The boundaries below a region: { areas, problems }; areas is null where none are given or they cannot be used. */
export const boundariesOf = (region) => askKept("/v1/boundaries", { region });

/** Whether they can be drawn. */
export const drawable = (boundaries) => Boolean(d3 && boundaries?.areas);

/** What an area shows, as the key of what lies below a region: a hall of a county, else a region. */
export const keyOf = (child) => child.hall ?? child.region;

/** GeoJSON's exterior rings run counterclockwise, D3's clockwise: it would take one for all of the globe but the area. */
const rewound = ({ features }) => ({
  type: "FeatureCollection",
  features: features.map((one) => ({ ...one, geometry: { ...one.geometry, coordinates: one.geometry.coordinates.map((rings) => rings.map((ring) => [...ring].reverse())) } })),
});

/**
 * The map in pixels. rows: of `ranked`; unit: of their figures; shade: of `shadesOf`; size: { width, height, font }.
 * Returns { svg, areas }: each area with its row, null where it shows nothing, and where it stands in the picture.
 */
export function drawMap({ areas, rows, unit, shade, label }, { width, height, font }) {
  const collection = rewound(areas);
  const path = d3.geoPath(d3.geoMercator().fitExtent([[EDGE, EDGE], [width - EDGE, height - EDGE]], collection));
  const byKey = new Map(rows.map((row) => [keyOf(row.child), row]));
  const drawn = collection.features.map((feature) => areaOf(feature, path, byKey, { unit, shade, font }));
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "map", role: "img", "aria-label": label }, hatch(), drawn.map((one) => one.shape), placed(drawn, { width, height, font }));
  return { svg, areas: drawn };
}

function areaOf(feature, path, byKey, { unit, shade, font }) {
  const { child, name } = feature.properties;
  const row = byKey.get(child) || null;
  const figure = row?.figure ?? null;
  const step = shade.of(figure);
  const shape = s("path", { class: `area shade-${step}`, d: path(feature), "data-child": child, ...(step ? {} : { fill: `url(#${HATCH})` }) });
  const value = figure && figure.value !== null ? shown(figure.value, unit) : say("noValue");
  const called = row && !row.child.hall ? named(row.child.names) : name;
  const [x, y] = path.centroid(largest(feature));
  const lines = [called, figure && figure.enough === false && figure.value !== null ? `◌ ${value}` : value];
  return { row, shape, step, name: called, value, lines, x, y, room: path.bounds(largest(feature)), size: path.area(feature), font };
}

/** The largest part of an area, where its name stands. */
function largest(feature) {
  const parts = feature.geometry.coordinates.map((coordinates) => ({ type: "Polygon", coordinates }));
  return parts.reduce((best, one) => (d3.geoArea(one) > d3.geoArea(best) ? one : best));
}

const hatch = () =>
  s("defs", {}, s("pattern", { id: HATCH, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("rect", { width: 8, height: 8, class: "hatch-ground" }), s("line", { y2: 8, class: "hatch-line" })));

const widthOf = (text, font) => font * ((text.match(WIDE) || []).length + 0.58 * text.replace(WIDE, "").length);

/** Names and values, the largest areas first; the rank alone where they do not fit, and nothing where that does not. */
function placed(drawn, { width, height, font }) {
  const taken = [];
  const labels = [];
  for (const one of [...drawn].sort((a, b) => b.size - a.size)) {
    const choices = [one.lines, one.row?.rank ? [String(one.row.rank)] : null].filter(Boolean);
    const found = choices.map((lines) => boxed(one, lines, font)).find(({ box, within }) => within && inside(box, width, height) && !taken.some((other) => crosses(box, other)));
    if (!found) continue;
    taken.push(found.box);
    labels.push(s("text", { class: `label shade-${one.step}`, "font-size": font, "aria-hidden": "true" }, found.lines.map((line, place) => s("tspan", { x: one.x, y: found.box.top + (place + 0.85) * font * 1.15 }, line))));
  }
  return labels;
}

/** The place that lines take, and whether it is within half as much again as the area is wide and high. */
function boxed(one, lines, font) {
  const [[left, top], [right, bottom]] = one.room;
  const [wide, high] = [Math.max(...lines.map((line) => widthOf(line, font))), lines.length * font * 1.15];
  const box = { left: one.x - wide / 2, right: one.x + wide / 2, top: one.y - high / 2, bottom: one.y + high / 2 };
  return { lines, box, within: wide <= 1.3 * (right - left) && high <= 1.3 * (bottom - top) };
}

const inside = (box, width, height) => box.left >= 0 && box.right <= width && box.top >= 0 && box.bottom <= height;
const crosses = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/**
 * The map as wide as there is room, telling what is under the pointer; `tell` tells the area of a key, or of none.
 * picture: as for `drawMap`; own: the indicator.
 */
export function mapPart(picture, height = 400) {
  const tip = h("p", { class: "tip", hidden: true });
  const frame = h("div", { class: "plot mapped" });
  const state = { width: 0, drawn: [] };
  const tell = (key) => {
    const area = state.drawn.find((one) => one.shape.dataset.child === key);
    for (const one of state.drawn) one.shape.classList.toggle("told", one === area);
    tip.hidden = !area;
    if (area) showTip(tip, area, picture.unit, state.width);
  };
  frame.addEventListener("pointermove", (event) => tell(event.target.dataset?.child));
  frame.addEventListener("pointerleave", () => tell(undefined));
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.floor(contentRect.width);
    if (!width || width === state.width) return;
    const { svg, areas } = drawMap(picture, { width, height: Math.min(height, Math.round(width * 0.8)), font: 13 });
    Object.assign(state, { width, drawn: areas });
    frame.replaceChildren(svg, tip);
    tip.hidden = true;
  }).observe(frame);
  return { frame, tell };
}

function showTip(tip, { name, row, value, x, y }, unit, width) {
  const figure = row?.figure;
  const parts = figure && figure.value !== null && unit !== "count" ? `${whole(figure.numerator)} / ${whole(figure.denominator)}` : "";
  const hall = row?.child.hall ? named(row.child.names) : "";
  const few = figure && figure.value !== null && figure.enough === false ? say("tooFew") : "";
  tip.replaceChildren(h("b", {}, name), h("span", {}, value), ...[parts, hall, few, row ? "" : say("noChildHere")].filter(Boolean).map((text) => h("span", {}, text)));
  const room = tip.offsetWidth / 2;
  tip.style.left = `${Math.max(room, Math.min(width - room, x))}px`;
  tip.style.top = `${y}px`;
  tip.classList.toggle("below", y < tip.offsetHeight + 14);
}
