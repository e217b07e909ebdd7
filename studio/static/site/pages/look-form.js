// Adding a look, and changing one: its picture, its texts, its products.

import { api, fill, go, h, link, t } from "../core.js";
import { field, form, input, notify, pictures } from "../parts.js";

const PRODUCTS_MAX = 50; // the API's limit

/** The page `/looks/new`. */
export default async function newLook() {
  const title = t("Add a look");
  return { title, node: [h("header.head", h("h1", title)), lookForm(null)] };
}

/** The form of a new look, or of this one. */
export function lookForm(look) {
  const picture = pictures(t("Picture"), {
    hint: t("Upright, the whole outfit in sight. JPEG, PNG, WebP or HEIC, up to 10 MiB."),
    shown: look?.thumbnailUrl,
  });
  const fields = {
    title: field(t("Title"), input("title", { required: true, maxlength: 200, value: look?.title })),
    notes: field(t("Notes"), textarea("notes", look?.notes), { hint: t("For you: nobody else sees them by a link.") }),
  };
  const products = productList(look?.products ?? []);
  const progress = h("progress", { max: 1, value: 0, hidden: true, "aria-label": t("Upload") });

  async function send(values) {
    const data = new FormData();
    for (const [name, value] of Object.entries({ title: values.title, notes: values.notes })) data.append(name, value);
    if (look || products.values().length) data.append("products", JSON.stringify(products.values()));
    products.files().forEach((file, at) => file && data.append(`productThumbnail.${at}`, file));
    for (const file of picture.files()) data.append("generatedImage", file);
    progress.hidden = false;
    const onProgress = (share) => (progress.value = share);
    try {
      const saved = await api.upload(look ? "PATCH" : "POST", look ? `/looks/${look.id}` : "/looks", data, { onProgress });
      notify(look ? t("The look is changed.") : t("The look is added."));
      go(`/looks/${saved.id}`, { replace: Boolean(look) });
    } catch (error) {
      for (const [name, texts] of Object.entries(error.errors ?? {})) {
        if (name === "generatedImage") picture.say(texts.join(" "));
        if (name.startsWith("product")) products.say(texts.join(" "));
      }
      throw error;
    } finally {
      progress.hidden = true;
    }
  }

  const node = form({
    fields,
    content: [picture, h("div.stack", fields.title, fields.notes, products, progress)],
    submit: look ? t("Save") : t("Add the look"),
    send,
    quiet: true,
  });
  node.classList.add("two");
  if (look) node.append(link(`/looks/${look.id}`, t("Leave as it is"), "button.quiet"));
  return node;
}

function textarea(name, value) {
  const node = h("textarea", { name, rows: 3, maxlength: 10_000 });
  node.value = value ?? "";
  return node;
}

/** The products, as rows that can be added and removed. */
function productList(products) {
  const rows = h("div.stack");
  const error = h("p.error", { role: "alert", hidden: true });
  const add = h("button.button.quiet.small", { onclick: () => append({}).focus() }, t("Add a product"));
  const node = h("fieldset.products", h("legend", t("Products")), rows, error, add);

  function append(product) {
    const file = h("input", { type: "file", accept: "image/*", "aria-label": t("Picture of the product") });
    const cell = (name, label, attributes = {}) =>
      h("input", { "data-name": name, "aria-label": label, placeholder: label, value: product[name], ...attributes });
    const row = h("div.product",
      cell("name", t("Name"), { maxlength: 200 }),
      cell("designer", t("Designer"), { maxlength: 200 }),
      cell("sku", t("SKU"), { maxlength: 100 }),
      cell("price", t("Price"), { inputmode: "decimal" }),
      cell("currency", t("EUR"), { maxlength: 3 }),
      cell("productUrl", t("Address of the shop"), { type: "url" }),
      file,
      h("button.link.harmful", { onclick: () => (row.remove(), limit()) }, t("Remove")),
    );
    row.read = () => ({
      ...(product.id && { id: product.id }),
      ...Object.fromEntries(
        [...row.querySelectorAll("[data-name]")].map((one) => [one.dataset.name, one.value.trim()]).filter(([, value]) => value),
      ),
    });
    row.file = () => file.files[0];
    rows.append(row);
    limit();
    return row.querySelector("input");
  }

  const limit = () => (add.hidden = rows.childElementCount >= PRODUCTS_MAX);
  const used = () => [...rows.children].filter((row) => Object.keys(row.read()).length);
  node.values = () => used().map((row) => row.read());
  node.files = () => used().map((row) => row.file());
  node.say = (text) => {
    fill(error, text);
    error.hidden = !text;
  };
  products.forEach(append);
  return node;
}
