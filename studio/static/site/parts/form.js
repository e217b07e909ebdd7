// Forms: the server renders the fields (studio/site/fields.py); here they are sent, and say what is wrong with them.

import { fill, h, notify, sentence, sentences, t, textOf } from "../studio.js";

/**
 * Send the form in the node by `send(values, data)`, and return the node. Refused fields say why, the rest is said above the
 * button, and `data-done` when it is sent. `values` are the first ones of the fields; a form without is emptied.
 */
export function form(node, send, values = null) {
  const element = node.matches("form") ? node : node.querySelector("form");
  const button = element.querySelector("[type=submit]");
  const alert = h("div", { role: "alert" });
  button.before(alert);
  element.noValidate = true; // the browser's bubbles would hide the other fields
  for (const { name } of element.elements) if (values && name in values) element.elements[name].value = values[name] ?? "";
  element.addEventListener("input", ({ target }) => say(target.closest("[data-field]"), ""));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    fill(alert);
    if (button.ariaDisabled || sayErrors(element, incomplete(element))) return;
    button.ariaDisabled = true; // and it keeps the focus
    try {
      const data = new FormData(element);
      await send(Object.fromEntries(data), data);
      if (!values) element.reset();
      if (element.dataset.done) notify(element.dataset.done);
    } catch (error) {
      const words = sayErrors(element, error.errors ?? {}) ? t("Please check the fields above.") : sentence(error);
      fill(alert, h("p.error", words));
    } finally {
      button.ariaDisabled = null;
    }
  });
  return node;
}

/** What the browser does not accept, as the API says it: {name: [texts]}. Its own texts may be in another language. */
function incomplete({ elements }) {
  const errors = {};
  for (const control of elements)
    for (const kind in control.validity) {
      const text = control.validity[kind] && textOf(kind, control);
      if (text) errors[control.name] = [text];
    }
  return errors;
}

export const fieldOf = (node, name) => node.querySelector(`[data-field~="${name}"]`);

/** Say errors beside their fields, and focus the first. Returns whether one has such a field. */
export function sayErrors(node, errors) {
  const found = Object.entries(errors)
    .map(([name, texts]) => [fieldOf(node, name.split(".")[0]), texts])
    .filter(([field]) => field);
  for (const [field, texts] of found) say(field, sentences(texts.join(" ")));
  found[0]?.[0].querySelector("input, select, textarea")?.focus();
  return found.length > 0;
}

/** Show an error at the field; "" removes it. */
export function say(field, text) {
  const error = field?.querySelector(":scope > .error");
  if (!error || error.textContent === text) return;
  error.textContent = text;
  field.querySelector("[aria-describedby]")?.setAttribute("aria-invalid", Boolean(text));
  if (text) field.closest("details")?.setAttribute("open", "");
}
