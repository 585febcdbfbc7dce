// What the gateway tells as it happens: that something came in, and whether what halls send is being stored.

import { follow as stream } from "./api.js";
import { clockTime } from "./dom.js";
import { named, say } from "./words.js";

const SILENT_MS = 40000; // the gateway says something every 15 s
const AGAIN_MS = [500, 2000, 5000, 10000];
const SHOWN_HALLS = 3;

/**
 * Watches a region until `stop` is called. status(answer): it is heard, and what is wrong; changed({ look, within }):
 * ask again, some time within that many milliseconds; lost(): nothing is heard, so that the page has to ask by itself.
 */
export function watch(region, { status, changed, lost }) {
  let control = null;
  let tries = 0;
  let stopped = false;
  let silence = 0;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => control.abort(), SILENT_MS);
  };
  const take = (event, data) => {
    heard();
    if (event === "status") status(data);
    if (event === "changed") changed(data);
  };
  const run = async () => {
    while (!stopped) {
      control = new AbortController();
      heard();
      const began = Date.now();
      const ended = await stream("/v1/live", { region }, take, control.signal).then(() => true, () => false);
      clearTimeout(silence);
      if (stopped) return;
      if (ended && Date.now() - began > 5000) {
        tries = 0; // its time was over: the next one follows at once
        continue;
      }
      lost();
      await new Promise((go) => setTimeout(go, AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]));
      tries += 1;
    }
  };
  const cut = () => control.abort();
  addEventListener("offline", cut); // the browser knows at once that its network is gone
  addEventListener("pagehide", cut); // a page that the browser keeps for going back would keep one of six connections
  run();
  return () => {
    stopped = true;
    clearTimeout(silence);
    removeEventListener("offline", cut);
    removeEventListener("pagehide", cut);
    control.abort();
  };
}

/** The troubles in words, the suite's own first; halls beyond a few are counted, and have their county's name above it. */
export function troublesInWords(troubles, region) {
  const hall = (one) => (region.level === "county" ? named(one.hall_names) : say("hallOf", { hall: named(one.hall_names), region: named(one.region_names) }));
  const halls = troubles.filter((one) => one.hall);
  const told = halls.length > SHOWN_HALLS ? halls.slice(0, SHOWN_HALLS) : halls;
  const words = (one) => say(`live_${one.kind}`, { since: clockTime(one.since), n: one.count, hall: one.hall ? hall(one) : "" });
  const more = halls.length - told.length;
  return [...troubles.filter((one) => !one.hall).map(words), ...told.map(words), ...(more ? [say("live_more", { n: more })] : [])];
}
