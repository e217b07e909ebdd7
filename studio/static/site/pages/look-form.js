// Adding a look, and changing one: its picture, its texts, its products.

import { api, form, go, pictures, t, template, url } from "../studio.js";

const PRODUCTS_MAX = 50; // the API's limit

export default ({ signal }) => lookForm(null, signal);

export function lookForm(look, signal) {
  const node = template("look-form", {
    leave: look && { href: url(`/looks/${look.id}`) },
    ...(look && { heading: t("Change “{look}”", { look: look.title }), submit: t("Save") }),
  });
  const { progress, products, addProduct } = node.parts;
  const picture = pictures(node, "generatedImage", { shown: look?.thumbnailUrl });
  const used = productRows(products, addProduct, look?.products ?? []);
  const upload = api.uploader();
  const onProgress = (share) => (progress.value = share);

  async function send(values, data) {
    const rows = used();
    if (look || rows.length) data.append("products", JSON.stringify(rows.map(({ values: product }) => product)));
    rows.forEach(({ file }, at) => file && data.append(`productThumbnail.${at}`, file));
    for (const file of picture.files()) data.append("generatedImage", file);
    progress.hidden = false;
    try {
      const saved = await upload(look ? "PATCH" : "POST", look ? `/looks/${look.id}` : "/looks", data, onProgress);
      if (!signal.aborted) go(`/looks/${saved.id}`, { replace: Boolean(look) });
    } finally {
      progress.hidden = true;
    }
  }

  return form(node, send, look ?? {});
}

/** Rows of products. Returns a function that reads those with content. */
function productRows(list, add, products) {
  const limit = () => (add.hidden = list.childElementCount >= PRODUCTS_MAX);
  const cellsOf = (row) => [...row.querySelectorAll("[data-name]")];

  function append(product) {
    const remove = () => {
      row.remove();
      limit();
    };
    const row = template("product", { remove });
    for (const cell of cellsOf(row)) cell.value = product[cell.dataset.name] ?? "";
    list.append(row);
    limit();
    return row.firstElementChild;
  }

  function read(row) {
    const cells = cellsOf(row).map(({ dataset, value }) => [dataset.name, value.trim()]);
    const values = Object.fromEntries(cells.filter(([, value]) => value));
    return { values, file: row.querySelector("[type=file]").files[0] };
  }

  add.addEventListener("click", () => append({}).focus());
  products.forEach(append);
  return () => [...list.children].map(read).filter(({ values, file }) => file || Object.keys(values).length);
}
