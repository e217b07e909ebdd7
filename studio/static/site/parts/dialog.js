// Questions before what cannot be undone, and other dialogs. The browser keeps the focus inside.

import { h, icon, newId } from "../core/dom.js";
import { t } from "../core/text.js";

/** Show a dialog; returns it. It goes when it is closed, and the focus returns. */
export function open({ title, content, actions = [], wide = false }) {
  const id = newId();
  const dialog = h(
    "dialog",
    { class: wide ? "dialog wide" : "dialog", "aria-labelledby": id },
    h(
      "header",
      {},
      h("h2", { id }, title),
      h("button", { class: "plain", type: "button", "aria-label": t("Close"), onclick: () => dialog.close() }, icon("close")),
    ),
    content,
    actions.length ? h("footer", {}, actions) : null,
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
      content: h("p", {}, text),
      actions: [
        h("button", { class: "button quiet", type: "button", autofocus: true, onclick: () => dialog.close() }, t("Not now")),
        h(
          "button",
          {
            class: isHarmful ? "button harmful" : "button",
            type: "button",
            onclick: () => (resolve(true), dialog.close()),
          },
          yes,
        ),
      ],
    });
    dialog.addEventListener("close", () => resolve(false));
  });
}
