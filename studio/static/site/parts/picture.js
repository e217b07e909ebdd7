// Pictures to upload: chosen, dropped, or taken with a phone's camera, with a preview of each.

import { fill, h, icon, newId, t } from "../core.js";

const MIB = 1024 * 1024;
const HAS_CAMERA = matchMedia("(pointer: coarse)").matches;

/**
 * A field for up to `most` pictures; `node.files()` has them. `shown` is the URL of a picture that is there already.
 * The server checks pictures; here only those are refused that it cannot take.
 */
export function pictures(label, { hint = "", most = 1, accept = "image/*", maxBytes = 10 * MIB, shown = "", onchange = () => {} } = {}) {
  const id = newId();
  let files = [];
  const error = h("p.error", { role: "alert", hidden: true });
  const previews = h("ul.previews");
  const picker = (attributes) => h("input", { type: "file", accept, onchange: chosen, ...attributes });
  const zone = h("label.drop", { for: id },
    icon("upload"),
    h("span", most > 1 ? t("Drop pictures here, or choose them") : t("Drop a picture here, or choose one")),
    picker({ id, multiple: most > 1, class: "unseen", "aria-label": label }),
  );
  const camera = HAS_CAMERA
    ? h("label.button.quiet.small", icon("camera"), t("Take a photo"), picker({ capture: "environment", class: "unseen" }))
    : null;
  const node = h("div.field.pictures", { role: "group", "aria-label": label },
    h("p.label", { "aria-hidden": "true" }, label),
    hint ? h("p.hint", hint) : null,
    previews,
    zone,
    camera,
    error,
  );
  node.files = () => files;
  node.say = (text) => {
    error.textContent = text;
    error.hidden = !text;
  };
  node.clear = () => keep([]);

  function chosen(event) {
    add([...event.target.files]);
    event.target.value = "";
  }

  function add(more) {
    node.say("");
    const large = more.find((file) => file.size > maxBytes);
    if (large) return node.say(t("{name} is larger than {size} MiB.", { name: large.name, size: Math.floor(maxBytes / MIB) }));
    const other = more.find((file) => file.type && !file.type.startsWith("image/"));
    if (other) return node.say(t("{name} is no picture.", { name: other.name }));
    return keep(most === 1 ? more.slice(-1) : [...files, ...more].slice(0, most));
  }

  function keep(next) {
    files = next;
    draw();
    onchange(files);
  }

  function draw() {
    const items = files.map((file) => preview(file, () => keep(files.filter((one) => one !== file))));
    fill(previews, items.length || !shown ? items : h("li", h("img", { src: shown, alt: "" })));
    previews.hidden = !previews.childElementCount;
    zone.hidden = files.length === most;
  }

  for (const kind of ["dragover", "dragleave", "drop"])
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.toggle("over", kind === "dragover");
      if (kind === "drop") add([...event.dataTransfer.files]);
    });
  draw();
  return node;
}

function preview(file, drop) {
  const source = URL.createObjectURL(file);
  const picture = h("img", {
    src: source,
    alt: file.name,
    onload: () => URL.revokeObjectURL(source),
    onerror: () => picture.replaceWith(h("span.blank", file.name)), // HEIC, in most browsers
  });
  return h("li",
    picture,
    h("button.plain", { "aria-label": t("Remove {name}", { name: file.name }), onclick: drop }, icon("close")),
  );
}
