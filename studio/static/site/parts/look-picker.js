// Choosing one of the own looks, by its picture.

import { api, h, pagesBySkip, say, sentence, thumbnail } from "../studio.js";

const PAGE = 12;

/** Fill the field with looks; `onchange` gets the chosen one, or null. `chosenId` is chosen at first. */
export async function pickLooks(field, { looks, moreLooks }, chosenId, onchange) {
  looks.firstElementChild.addEventListener("change", () => onchange(null));

  function add(look) {
    const { id, title, thumbnailUrl } = look;
    const choose = { type: "radio", name: "lookId", value: id, checked: id === chosenId, onchange: () => onchange(look) };
    looks.append(h("label", { title }, h("input", choose), thumbnail(thumbnailUrl), h("span", title)));
  }

  const show = (items) => items.filter(({ id }) => id !== chosenId).forEach(add);

  try {
    const chosen = chosenId && (await api.get(`/looks/${chosenId}`).catch(() => null));
    if (chosen) {
      add(chosen);
      onchange(chosen);
    } else chosenId = null;
    await pagesBySkip(moreLooks, () => "/looks?", PAGE, show)();
  } catch (error) {
    say(field, sentence(error));
  }
}
