// Signing in by name and password, by the provider of the organisation or by a token, and changing the password.

import { ask, changePassword, keepToken, signIn } from "./api.js";
import { h } from "./dom.js";
import "./signinwords.js";
import { named, say, word } from "./words.js";

function field(id, kind, autocomplete, text) {
  const input = h("input", { type: kind, id, name: id, autocomplete, required: true, maxlength: 512, spellcheck: "false", autocapitalize: "none" });
  return { input, row: [h("label", { for: id }, text), input] };
}

/** A form that does its work while its button rests, and says what went wrong. */
function form(attributes, parts, work) {
  const wrong = h("p", { class: "bad", role: "alert" });
  const button = h("button", { type: "submit" }, attributes.button);
  const made = h("form", { class: attributes.class, id: attributes.id }, parts, wrong, button);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    wrong.textContent = "";
    try {
      await work();
    } catch (error) {
      wrong.textContent = error.message;
    } finally {
      button.disabled = false;
    }
  });
  return made;
}

/** The button to the provider, once it is known that there is one; it comes back to the view that was asked for. */
function byProvider() {
  const place = h("p", { class: "by-provider", hidden: true });
  ask("/v1/session/ways")
    .then(({ provider }) => {
      if (!provider) return;
      const view = location.hash.replace(/^#/, "") || "/";
      place.replaceChildren(h("a", { class: "button", href: `/v1/session/provider?${new URLSearchParams({ next: view })}` }, say("byProvider", { name: named(provider.names) })));
      place.hidden = false;
    })
    .catch(() => null); // name and password are asked for in any case
  return place;
}

/** Why the provider signed no one in, as a function that says it in words; null where the address tells of no such thing. */
export function providerRefusal() {
  const found = /^#\/refused\/([a-z-]+)(?:\?subject=(.*))?$/.exec(location.hash);
  if (!found) return null;
  history.replaceState(null, "", `${location.pathname}#/`);
  const subject = found[2] ? decodeURIComponent(found[2].replace(/\+/g, " ")) : "";
  return () => word("refusedSignIn", found[1]) + (subject ? say("subjectIs", { subject }) : "");
}

/** done(me): once someone is signed in, or a token (me is null) was given; why(): what ended the last time. */
export function signInView(done, why) {
  const name = field("name", "text", "username", say("accountName"));
  const password = field("password", "password", "current-password", say("password"));
  const token = field("token", "password", "off", say("token"));
  const byName = form({ id: "by-name", class: "fields", button: say("enter") }, [name.row, password.row], async () => done(await signIn(name.input.value.trim(), password.input.value)));
  const byToken = form({ id: "by-token", class: "fields", button: say("enter") }, [token.row, h("p", { class: "hint" }, say("signInHint"))], async () => {
    keepToken(token.input.value);
    return done(null);
  });
  const view = h(
    "div",
    { class: "signin" },
    h("h1", {}, say("signIn")),
    why ? h("p", { class: "bad", role: "alert" }, why()) : null,
    byName,
    byProvider(),
    h("details", { open: Boolean(why && why() === say("badToken")) }, h("summary", {}, say("byToken")), byToken),
  );
  return { view, first: name.input };
}

/** done(me): once the password is changed and a new session has begun. */
export function passwordView(me, done) {
  const who = h("input", { type: "text", autocomplete: "username", value: me.name, hidden: true }); // for the browser's store of passwords
  const old = field("old", "password", "current-password", say(me.one_time ? "oneTimePassword" : "oldPassword"));
  const fresh = field("new", "password", "new-password", say("newPassword"));
  const again = field("again", "password", "new-password", say("repeatPassword"));
  const view = form(
    { id: "change-password", class: "signin", button: say("changePassword") },
    [h("h1", {}, say("changePassword")), h("p", { class: "hint" }, say(me.one_time ? "oneTimeHint" : "passwordHint")), who, old.row, fresh.row, again.row],
    async () => {
      if (fresh.input.value !== again.input.value) throw new Error(say("passwordsDiffer"));
      return done(await changePassword(old.input.value, fresh.input.value));
    },
  );
  return { view, first: old.input };
}
