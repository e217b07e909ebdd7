// All videos of the account, a row each.

import {
  acting, api, fill, fillWithDemo, follow, h, isFinished, job, link, markTab, moment, n, number, onJob,
  pages, reload, saysWhy, t, template,
} from "../studio.js";

const PAGE = 20;

export default async function videos({ query, signal }) {
  const status = query.get("status") ?? "";
  const node = template("videos");
  const { selected, remove, spoken, place, pager } = node.parts;
  const table = template("video-table");
  const body = table.querySelector("tbody");
  const rows = new Map(); // id → {job, node, progress}
  const deleted = new Set();
  const matches = (item) => !status || status.split(",").includes(item.status);
  const chosen = () => [...rows.values()].filter(({ node: { parts } }) => parts.box.checked).map((row) => row.job);

  async function load(isAnew) {
    const known = isAnew ? [...rows.keys()] : [];
    const before = !isAnew && body.lastElementChild?.dataset.id;
    const limit = Math.max(PAGE, known.length);
    const filter = new URLSearchParams({ limit, ...(status && { status }), ...(before && { before }) });
    const { items, total } = await api.get(`/video-jobs?${filter}`, { signal });
    for (const id of known) if (!items.some((item) => item.id === id)) drop(id);
    let at = isAnew ? body.firstElementChild : null;
    for (const item of items.filter(({ id }) => !deleted.has(id))) {
      if (rows.has(item.id)) update(rows.get(item.id), item);
      else body.insertBefore(add(item), at);
      at = rows.get(item.id).node.nextElementSibling;
    }
    follow(items);
    show();
    return rows.size < total && items.length >= PAGE;
  }

  function add(item) {
    const row = { job: item, node: h("tr") };
    draw(row);
    rows.set(item.id, row);
    return row.node;
  }

  function draw(row) {
    const { job: item, node: before } = row;
    const name = job.nameOf(item);
    row.progress = job.progress(item);
    row.node = template("video-row", {
      self: { "data-id": item.id },
      box: { "aria-label": t("Select: {name}", { name }), onchange: show },
      still: job.poster(item),
      what: [link(`/videos/${item.id}`, name), job.badges(item), row.progress, job.failure(item)],
      looks: job.looksOf(item),
      format: job.format(item),
      model: item.model,
      cost: cost(item),
      ordered: moment(item.createdAt),
      actions: job.actions(item),
    });
    row.node.parts.box.checked = Boolean(before.parts?.box.checked);
    before.replaceWith(row.node);
  }

  function show() {
    const count = chosen().length;
    fill(selected, count ? n("{count} selected", "{count} selected", count) : "");
    remove.hidden = !count;
    if (rows.size) fill(place, table);
    else fill(place, status ? template("none-of-these") : template("no-videos", { demo }));
  }

  function drop(id) {
    rows.get(id)?.node.remove();
    rows.delete(id);
  }

  function changed({ kind, job: item }) {
    if (kind === "reset") return again();
    const row = rows.get(item.id);
    if (kind === "deleted") deleted.add(item.id);
    if (row && kind !== "deleted" && matches(item)) return update(row, item);
    if (row) {
      drop(item.id);
      if (!rows.size) return again(); // the next ones
    } else if (kind === "created" && matches(item)) body.prepend(add(item));
    return show();
  }

  function update(row, item) {
    if (row.job.updatedAt > item.updatedAt || JSON.stringify(row.job) === JSON.stringify(item)) return null;
    const isSame = row.job.status === item.status && row.job.retriedBy === item.retriedBy;
    row.job = item;
    if (isSame && row.progress) return row.progress.update(item);
    draw(row);
    if (isSame || !isFinished(item)) return null;
    fill(spoken, `${job.nameOf(item)}: ${job.statusOf(item)}`);
    return reload();
  }

  const again = pages(pager, load);
  const demo = fillWithDemo(() => rows.size || again(), signal);
  remove.addEventListener("click", acting(() => job.removing(chosen())()));
  markTab(node, status);
  again().then(() => onJob(changed, signal)).catch(saysWhy(place));
  return node;
}

function cost({ tokensCharged, tokensRefunded }) {
  if (!tokensRefunded) return number(tokensCharged);
  return [h("s", number(tokensCharged)), ` ${number(tokensCharged - tokensRefunded)}`];
}
