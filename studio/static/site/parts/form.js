// Forms: a label and an error for each field, and the refusal of the whole.

import { fill, h, newId, sentence, set, t } from "../core.js";

/** A labelled control. `hint` stays below it; `say(text)` shows an error there, "" removes it. */
export function field(label, control, { hint = "" } = {}) {
  const [id, hintId, errorId] = [newId(), newId(), newId()];
  const error = h("p.error", { id: errorId, hidden: true });
  set(control, { id, "aria-describedby": hint ? `${hintId} ${errorId}` : errorId });
  const node = h("div.field",
    h("label", { for: id }, label),
    control,
    hint ? h("p.hint", { id: hintId }, hint) : null,
    error,
  );
  node.say = (text) => say(error, control, text);
  control.addEventListener("input", () => node.say(""));
  return node;
}

function say(error, control, text) {
  error.textContent = text;
  error.hidden = !text;
  control.setAttribute("aria-invalid", Boolean(text));
}

/** A group of radio buttons as a row of choices. `options` are [value, label]; `onchange` gets the value. */
export function choice(legend, name, options, chosen, onchange) {
  const error = h("p.error", { hidden: true });
  const node = h("fieldset.choice",
    h("legend", legend),
    h("div",
      options.map(([value, label]) =>
        h("label",
          h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onchange(value) }),
          h("span", label),
        ),
      ),
    ),
    error,
  );
  node.say = (text) => say(error, node, text);
  return node;
}

/** Boxes to tick; `node.values()` has the chosen ones. `options` are [value, () => label]. */
export function checks(legend, options, areChosen) {
  const error = h("p.error", { hidden: true });
  const node = h("fieldset.checks",
    h("legend", legend),
    options.map(([value, label]) => h("label", h("input", { type: "checkbox", value, checked: areChosen }), label())),
    error,
  );
  node.values = () => [...node.querySelectorAll(":checked")].map((box) => box.value);
  node.say = (text) => say(error, node, text);
  return node;
}

export const input = (name, attributes = {}) => h("input", { name, type: "text", ...attributes });

/** A form that sends by `send(values)`. Refused fields show their error, the rest is said above the button. */
export function form({ fields = {}, content, submit, send, quiet = false }) {
  const alert = h("div", { role: "alert" });
  const button = h("button.button", { type: "submit" }, submit);
  const node = h("form.form", { novalidate: true }, content ?? Object.values(fields), alert, button);
  node.alert = alert;
  node.button = button;
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    fill(alert);
    if (!complete(node, fields)) return;
    button.disabled = true;
    try {
      await send(Object.fromEntries(new FormData(node)));
      if (!quiet) node.reset();
    } catch (error) {
      refuse(error, node, fields);
    } finally {
      button.disabled = false;
    }
  });
  return node;
}

/** Whether the browser accepts all fields; says what is missing beside the first of each. */
function complete(node, fields) {
  const wrong = Object.entries(fields).filter(([name]) => node.elements[name]?.validationMessage);
  for (const [name, part] of wrong) part.say(node.elements[name].validationMessage);
  if (wrong.length) node.elements[wrong[0][0]].focus();
  return !wrong.length;
}

/** Show a refusal: errors of fields beside them, else a sentence. */
export function refuse(error, node, fields) {
  const known = Object.entries(error.errors ?? {}).filter(([name]) => fields[name]);
  for (const [name, texts] of known) fields[name].say(texts.join(" "));
  const words = known.length ? t("Please check the fields above.") : sentence(error);
  fill(node.alert, h("p.error", words));
  if (known.length) node.elements[known[0][0]]?.focus?.();
}
