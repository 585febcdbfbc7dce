// Signing in by name and password or by a token, and changing the password.

import { changePassword, keepToken, signIn } from "./api.js";
import { h } from "./dom.js";
import { say } from "./words.js";

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

/** done(me): once somebody is signed in, or a token (me is null) was given; why: what ended the last time. */
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
    why ? h("p", { class: "bad", role: "alert" }, why) : null,
    byName,
    h("details", { open: Boolean(why && why === say("badToken")) }, h("summary", {}, say("byToken")), byToken),
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
