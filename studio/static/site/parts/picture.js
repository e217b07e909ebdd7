// Pictures to upload: chosen, dropped, or taken with a phone's camera, with a preview of each.

import { fieldOf, fill, h, say, t, template, textOf } from "../studio.js";

const MAX_BYTES = 10 * 1024 * 1024; // the API's limit

/**
 * The form's field of this name takes pictures; `files()` has them. `shown` is the URL of one that is there. Here only
 * those are refused that the server cannot take.
 */
export function pictures(form, name, { shown = "", onchange = () => {} } = {}) {
  const node = fieldOf(form, name);
  const [previews, zone] = [".previews", ".drop"].map((part) => node.querySelector(part));
  const most = Number(node.dataset.most);
  let files = [];

  function add(more) {
    const large = more.find((file) => file.size > MAX_BYTES);
    if (large) return say(node, textOf("picture_too_large", large));
    const other = more.find((file) => file.type && !file.type.startsWith("image/"));
    if (other) return say(node, textOf("no_picture", other));
    say(node, "");
    return keep(most === 1 ? more.slice(-1) : [...files, ...more].slice(0, most));
  }

  function keep(next) {
    files = next;
    draw();
    onchange();
  }

  function draw() {
    const items = files.map((file) => preview(file, () => keep(files.filter((one) => one !== file))));
    fill(previews, items.length || !shown ? items : h("li", h("img", { src: shown, alt: "" })));
    zone.hidden = files.length === most;
  }

  node.addEventListener("change", ({ target }) => {
    add([...target.files]);
    target.value = "";
  });
  for (const kind of ["dragover", "dragleave", "drop"])
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.toggle("over", kind === "dragover");
      if (kind === "drop") add([...event.dataTransfer.files]);
    });
  draw();
  return { node, files: () => (node.hidden ? [] : files) };
}

function preview(file, remove) {
  const source = URL.createObjectURL(file);
  const picture = h("img", {
    src: source,
    alt: file.name,
    onload: () => URL.revokeObjectURL(source),
    onerror: () => picture.replaceWith(h("span.blank", file.name)), // HEIC, in most browsers
  });
  const node = template("preview", { remove });
  node.firstElementChild.ariaLabel = t("Remove {name}", file);
  node.prepend(picture);
  return node;
}
