// Questions before what cannot be undone, and other dialogs. The browser keeps the focus inside.

import { h, icon, newId, t } from "../core.js";
import { button, copy } from "./notice.js";

/** Show a dialog; returns it. It goes when it is closed, and the focus returns. */
export function open({ title, content, actions = [], wide = false }) {
  const id = newId();
  const dialog = h(`dialog.dialog${wide ? ".wide" : ""}`, { "aria-labelledby": id },
    h("header",
      h("h2", { id }, title),
      h("button.plain", { "aria-label": t("Close"), onclick: () => dialog.close() }, icon("close")),
    ),
    content,
    actions.length ? h("footer", actions) : null,
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask; resolves to whether the person agreed. */
export function confirm({ title, text, yes, isHarmful = true }) {
  return new Promise((resolve) => {
    const dialog = open({
      title,
      content: h("p", text),
      actions: [
        h("button.button.quiet", { autofocus: true, onclick: () => dialog.close() }, t("Not now")),
        h(`button.button${isHarmful ? ".harmful" : ""}`, { onclick: () => (resolve(true), dialog.close()) }, yes),
      ],
    });
    dialog.addEventListener("close", () => resolve(false));
  });
}

/** Show a secret, this once. */
export function secret(title, text) {
  const value = h("input.secret", { readonly: true, value: text, "aria-label": title });
  open({
    title,
    content: h("div.stack", h("p", t("Copy it now: it is not shown again.")), value),
    actions: [button(t("Copy"), () => copy(text))],
  });
}
