// The sheet over the board: lists, targets and cases. The address says what it shows, so that Back closes it. What is
// typed in it and not sent is kept, however it is left.

import { h } from "./dom.js";
import { fillIn, keepTyped, putBack, typedIn } from "./typed.js";
import { say } from "./words.js";

const dialog = document.getElementById("drawer");
let shownAt = 0;
let closing = false;
let opener = null;
let pressed = null; // not every browser gives the focus to a link that is clicked
let view = { of: "", address: "" }; // of what is drawn
let unsent = false; // whether anything was typed since the last time that something was sent
const sent = new WeakSet(); // forms whose content is on its way: it is not put back when the view is drawn again

/** work() sends what stands in a form; if it fails, the form is as before. */
export async function sending(form, work) {
  sent.add(form);
  try {
    await work();
  } catch (error) {
    sent.delete(form);
    throw error;
  }
}

for (const kind of ["input", "change"]) {
  dialog.addEventListener(kind, (event) => {
    unsent = true;
    sent.delete(event.target.form);
  });
}
document.addEventListener("hallpulse-sent", () => { unsent = false; });
addEventListener("pagehide", () => keepWhatIsTyped());

/** Keep what is typed in what is shown, before it is drawn again or goes. */
export function keepWhatIsTyped() {
  if (unsent) keepTyped(dialog, view.of, view.address);
}

dialog.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
dialog.addEventListener("click", (event) => event.target === dialog && leave());
dialog.addEventListener("close", () => {
  if (!closing) { // a browser may close it on Esc without asking: the address and the focus follow
    focusOpener();
    leave();
  }
  closing = false;
});

document.addEventListener("click", (event) => {
  const control = event.target.closest?.("a, button");
  if (control && !dialog.contains(control)) pressed = control;
}, true);

export const isOpen = () => dialog.open;

function leave() {
  location.hash = "#/";
}

export function closeDrawer() {
  keepWhatIsTyped();
  unsent = false;
  shownAt += 1; // an answer that is still to come is drawn no more
  if (dialog.open) {
    closing = true;
    dialog.close();
    focusOpener();
  }
  dialog.replaceChildren(); // nothing of it stays for who signs in next
}

function focusOpener() {
  (opener?.isConnected ? opener : sameAs(opener))?.focus({ preventScroll: true });
}

/** The link or button that was drawn again in the place of one that is gone. */
function sameAs(gone) {
  if (!gone) return null;
  if (gone.dataset.key) return document.querySelector(`[data-key="${CSS.escape(gone.dataset.key)}"]`);
  const address = gone.getAttribute("href");
  const alike = address ? [...document.querySelectorAll(`a[href="${CSS.escape(address)}"]`)] : [];
  return alike.find((one) => !dialog.contains(one) && one.getClientRects().length) ?? null; // what is hidden takes no focus
}

/**
 * fill(drawer): draws into it, now or after reading; an answer that comes too late for what is shown is dropped.
 * of: whose what is typed in it is.
 */
export async function showDrawer(fill, of) {
  const address = location.hash;
  dialog.querySelector(".inside")?.setAttribute("aria-busy", "true"); // what is shown until the next is read
  shownAt += 1;
  const mine = shownAt;
  let again = false;
  const draw = (title, children) => {
    if (!again) {
      keepWhatIsTyped(); // also what was typed since the next was asked for
      view = { of, address };
      unsent = false;
    }
    put(title, children, again);
    again = true;
  };
  const drawer = {
    draw: (title, ...children) => mine === shownAt && draw(title, children),
    isCurrent: () => mine === shownAt && dialog.open,
  };
  if (!dialog.open) {
    opener = document.activeElement === document.body ? pressed : document.activeElement;
    put(say("loading"), []);
    dialog.showModal();
  }
  try {
    await fill(drawer);
  } catch (error) {
    const known = { 403: "notForYou", 404: "notThere" }[error.status];
    if (known) nothingAt(drawer, known);
    else drawer.draw(say("notRead"), h("p", { class: "bad", role: "alert" }, error.message));
  }
}

/** Say that there is nothing at an address (notThere), or that the role does not see it (notForYou). */
export const nothingAt = (drawer, why = "notThere") => drawer.draw(say(why), h("p", { role: "status" }, say(`${why}Why`)));

/** again: whether the view was drawn already; what is typed in the forms that were not sent then stays. */
function put(title, children, again) {
  const held = dialog.open && dialog.contains(document.activeElement);
  const typed = again ? typedIn(dialog, (one) => one.form && !sent.has(one.form)) : {};
  dialog.replaceChildren(
    h(
      "header",
      {},
      h("button", { type: "button", class: "quiet", onclick: () => history.back(), "aria-label": say("back") }, "←"),
      h("h2", { id: "drawer-title", tabindex: "-1" }, title),
      h("button", { type: "button", class: "quiet", onclick: leave, "aria-label": say("close") }, "✕"),
    ),
    h("div", { class: "inside" }, children),
  );
  fillIn(dialog, typed);
  const back = putBack(dialog, view.of, view.address);
  if (back) dialog.querySelector(".inside").prepend(back);
  if (dialog.open && (held || !dialog.contains(document.activeElement))) document.getElementById("drawer-title").focus({ preventScroll: true });
}
