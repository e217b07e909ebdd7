// Choosing one of the own looks, by its picture.

import { api, fill, h, t } from "../core.js";
import { more } from "./list.js";

const PAGE = 12;

/** A field for a look or none; `onchange` gets the look. `chosenId` is chosen at first. */
export function lookPicker(chosenId, onchange) {
  const strip = h("div.strip");
  const error = h("p.error", { role: "alert", hidden: true });
  const pager = more(() => load());
  const node = h("fieldset.choice.looks", h("legend", t("Look")), strip, pager, error);
  let skip = 0;
  node.say = (text) => {
    error.textContent = text;
    error.hidden = !text;
  };

  const option = (look, picture, name) =>
    h(
      "label",
      { title: name },
      h("input", { type: "radio", name: "look", value: look?.id ?? "", checked: (look?.id ?? null) === chosenId, onchange: () => onchange(look) }),
      picture,
      h("span", name),
    );

  function add(look) {
    const picture = look.thumbnailUrl ? h("img", { src: look.thumbnailUrl, alt: "", loading: "lazy" }) : h("span.blank");
    strip.append(option(look, picture, look.title));
  }

  async function load() {
    const { items, total } = await api.get(`/looks?limit=${PAGE}&skip=${skip}`);
    skip += items.length;
    items.filter((look) => look.id !== chosenId).forEach(add);
    return skip < total;
  }

  async function begin() {
    if (chosenId) {
      const look = await api.get(`/looks/${chosenId}`).catch(() => null);
      if (look) add(look);
      else chosenId = null;
      onchange(look);
    }
    strip.prepend(option(null, h("span.blank", "–"), t("No look")));
    pager.show(await load());
  }

  fill(strip);
  begin().catch((problem) => node.say(problem.message));
  return node;
}
