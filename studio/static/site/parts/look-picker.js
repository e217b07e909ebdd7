// Choosing one of the own looks, by its picture.

import { api, h, pages, say, sentence, thumbnail } from "../studio.js";

const PAGE = 12;

/** Fill the field with looks; `onchange` gets the chosen one, or null. `chosenId` is chosen at first. */
export async function pickLooks(field, { looks, moreLooks }, chosenId, onchange) {
  let skip = 0;

  looks.firstElementChild.addEventListener("change", () => onchange(null));

  function add(look) {
    const { id, title, thumbnailUrl } = look;
    const choose = { type: "radio", name: "lookId", value: id, checked: id === chosenId, onchange: () => onchange(look) };
    looks.append(h("label", { title }, h("input", choose), thumbnail(thumbnailUrl), h("span", title)));
  }

  async function load() {
    const { items, total } = await api.get(`/looks?limit=${PAGE}&skip=${skip}`);
    skip += items.length;
    items.filter((look) => look.id !== chosenId).forEach(add);
    return skip < total;
  }

  try {
    const chosen = chosenId && (await api.get(`/looks/${chosenId}`).catch(() => null));
    if (chosen) {
      add(chosen);
      onchange(chosen);
    } else chosenId = null;
    await pages(moreLooks, load)();
  } catch (error) {
    say(field, sentence(error));
  }
}
