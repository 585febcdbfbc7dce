// The gateway's queries, with the token that this tab keeps.

const KEY = "hallpulse-token";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || String(status));
    this.status = status;
  }
}

/** A link may bring the token as a fragment, which no server ever sees; it is taken out of the address at once. */
export function tokenFromAddress() {
  const found = /[#&]token=([^&]+)/.exec(location.hash);
  if (!found) return;
  sessionStorage.setItem(KEY, decodeURIComponent(found[1]));
  history.replaceState(null, "", `${location.pathname}#/`);
}

export const hasToken = () => Boolean(sessionStorage.getItem(KEY));
export const keepToken = (token) => sessionStorage.setItem(KEY, token.trim());
export const forgetToken = () => sessionStorage.removeItem(KEY);

/** The answer to a query. Raises Refused with the problem's own words. */
export async function ask(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  const response = await fetch(query ? `${path}?${query}` : path, {
    headers: { authorization: `Bearer ${sessionStorage.getItem(KEY) || ""}` },
    cache: "no-store",
  });
  if (response.ok) return response.json();
  throw new Refused(response.status, await response.json().catch(() => ({})));
}
