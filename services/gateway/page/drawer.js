// The sheet over the board: lists, targets and cases. The address says what it shows, so that Back closes it.

import { h } from "./dom.js";
import { say } from "./words.js";

const dialog = document.getElementById("drawer");
let shownAt = 0;
let closing = false;
let opener = null;
let pressed = null; // not every browser gives the focus to a link that is clicked

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
  if (!dialog.open) return;
  closing = true;
  dialog.close();
  focusOpener();
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

/** fill(drawer): draws into it, now or after reading; an answer that comes too late for what is shown is dropped. */
export async function showDrawer(fill) {
  shownAt += 1;
  const mine = shownAt;
  const drawer = {
    draw: (title, ...children) => mine === shownAt && put(title, children),
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
    drawer.draw(say("failed", { why: "" }), h("p", { class: "bad", role: "alert" }, error.message));
  }
}

function put(title, children) {
  const held = dialog.open && dialog.contains(document.activeElement);
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
  if (dialog.open && (held || !dialog.contains(document.activeElement))) document.getElementById("drawer-title").focus({ preventScroll: true });
}
