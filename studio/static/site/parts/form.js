// Forms: the server renders the fields (studio/site/fields.py); here they are sent, and say what is wrong with them.

import { fill, h, sentence, t } from "../core.js";

/**
 * Send the form in the node by `send(values, data)`, and return the node. Refused fields say why, the rest is said above the
 * button. `values` are the first ones; `isOnce` keeps what was typed.
 */
export function form(node, send, { values = {}, isOnce = false } = {}) {
  const element = node.matches("form") ? node : node.querySelector("form");
  const button = element.querySelector("[type=submit]");
  const alert = h("div", { role: "alert" });
  button.before(alert);
  element.noValidate = true; // the browser's bubbles would hide the other fields
  for (const [name, value] of Object.entries(values)) element.elements[name].value = value ?? "";
  element.addEventListener("input", ({ target }) => say(target.closest("[data-field]"), ""));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    fill(alert);
    if (sayErrors(element, incomplete(element))) return;
    button.disabled = true;
    try {
      const data = new FormData(element);
      await send(Object.fromEntries(data), data);
      if (!isOnce) element.reset();
    } catch (error) {
      const words = sayErrors(element, error.errors ?? {}) ? t("Please check the fields above.") : sentence(error);
      fill(alert, h("p.error", words));
    } finally {
      button.disabled = false;
    }
  });
  return node;
}

/** What the browser does not accept, as the API says it: {name: [texts]}. */
const incomplete = ({ elements }) =>
  Object.fromEntries([...elements].filter((control) => control.validationMessage).map(({ name, validationMessage }) => [name, [validationMessage]]));

/** Say errors beside their fields, and focus the first. Returns whether one has such a field. */
export function sayErrors(node, errors) {
  const found = Object.entries(errors)
    .map(([name, texts]) => [node.querySelector(`[data-field~="${name.split(".")[0]}"]`), texts])
    .filter(([field]) => field);
  for (const [field, texts] of found) say(field, texts.join(" "));
  found[0]?.[0].querySelector("input, select, textarea")?.focus();
  return found.length > 0;
}

/** Show an error at the field; "" removes it. */
export function say(field, text) {
  const error = field?.querySelector(":scope > .error");
  if (!error || error.textContent === text) return;
  error.textContent = text;
  error.hidden = !text;
  field.querySelector("[aria-describedby]")?.setAttribute("aria-invalid", Boolean(text));
  if (text) field.closest("details")?.setAttribute("open", "");
}

/** A group of radio buttons as a row of choices. `options` are [value, label]. */
export const choice = (legend, name, options, chosen) =>
  h("fieldset.choice",
    { "data-field": name },
    h("legend", legend),
    h("div",
      options.map(([value, label]) =>
        h("label", h("input", { type: "radio", name, value, checked: value === chosen }), h("span", label)),
      ),
    ),
    h("p.error", { hidden: true }),
  );
