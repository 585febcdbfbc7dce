// What the gateway answers when it does nothing, in the language of the page: by the field, else by the kind of refusal.

import { inChinese, say, word } from "./words.js";
import "./refusalwords.js";

const CHINESE = /[\u3400-\u9fff]/;
const ANYWHERE = [ // the same for whatever field
  [/expected printable characters/, "unprintable"],
  [/no number of a person/, "personal"],
  [/of length <=|at most \d+ (?:printable )?characters/, "tooMuchText"],
];

const known = (family, name) => (word(family, name) === String(name).replaceAll("_", " ") ? null : word(family, name));

/** The sentence for a problem document; what no text is there for is told as the gateway told it. */
export function inWords(status, problem) {
  const detail = problem.detail || problem.title || String(status);
  const both = detail.split(" · ");
  if (both.length === 2 && CHINESE.test(both[0]) && !CHINESE.test(both[1])) return both[inChinese() ? 0 : 1];
  if (!inChinese() || CHINESE.test(detail)) return detail;
  const general = ANYWHERE.find(([pattern]) => pattern.test(detail));
  if (general) return say(general[1]);
  const ofField = [409, 422].includes(status) && problem.field ? known("wrong", problem.field.replace(/\W.*/, "")) : null;
  return ofField || known("refused", status) || detail;
}
