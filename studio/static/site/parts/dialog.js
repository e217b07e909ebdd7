// Questions before what cannot be undone, and other dialogs. The browser keeps the focus inside.

import { copy, t, template } from "../studio.js";

export const open = (title, content) => show(template("dialog", { title, content }));

/** The work of a button, after a question of templates/site/markup/dialogs.html; `contents` are those of its parts. */
export const asking = (id, work, contents = {}) => async () => {
  const dialog = show(template(`ask-${id}`, contents));
  await new Promise((resolve) => (dialog.onclose = resolve));
  if (dialog.returnValue === "yes") await work();
};

/** It goes when it is closed, and the focus returns. */
function show(dialog) {
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export const showSecret = (value) =>
  open(t("The new secret"), template("secret", { value: { value }, copy: () => copy(value) }));
