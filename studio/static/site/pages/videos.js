// All videos of the account: one row each, which follow their jobs by themselves.

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
  const matches = (item) => !status || status.split(",").includes(item.status);
  const chosen = () => [...rows.values()].filter(({ node: { parts } }) => parts.box.checked).map((row) => row.job);

  async function load(isAnew) {
    const known = isAnew ? [...rows.keys()] : [];
    const wanted = Math.max(PAGE, known.length);
    const found = new Map();
    let before = !isAnew && body.lastElementChild?.dataset.id;
    let page;
    do {
      const limit = wanted - found.size; // of which the server gives 100 at most
      const filter = new URLSearchParams({ limit, ...(status && { status }), ...(before && { before }) });
      page = await api.get(`/video-jobs?${filter}`, { signal });
      for (const item of page.items) found.set(item.id, item);
      before = page.items.at(-1)?.id;
    } while (before && found.size < wanted);
    for (const id of known) if (!found.has(id)) drop(id);
    let at = isAnew ? body.firstElementChild : null;
    for (const item of found.values()) {
      const row = rows.get(item.id);
      if (!row) body.insertBefore(add(item), at);
      else {
        update(row, item);
        at = row.node.nextElementSibling;
      }
    }
    follow([...found.values()]);
    show();
    return rows.size < page.total && found.size === wanted;
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
    if (row && kind !== "deleted" && matches(item)) return update(row, item);
    if (row) {
      drop(item.id);
      if (!rows.size) return again(); // there may be more than were shown
    } else if (kind === "created" && matches(item)) body.prepend(add(item));
    return show();
  }

  function update(row, item) {
    const { job: known } = row;
    if (known.updatedAt > item.updatedAt || JSON.stringify(known) === JSON.stringify(item)) return null;
    const isSame = known.status === item.status && known.retriedBy === item.retriedBy;
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
