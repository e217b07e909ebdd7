// All videos of the account: one row each, which follow their jobs by themselves.

import { api, fill, follow, h, isFinished, link, moment, n, number, onJob, reload, t, url } from "../core.js";
import { button, complain, demoButton, empty, job, more, skeleton } from "../parts.js";

const PAGE = 20;
const FILTERS = [
  ["", () => t("All")],
  ["PENDING,RUNNING", () => t("In progress")],
  ["SUCCEEDED", () => t("Ready")],
  ["FAILED", () => t("Failed")],
];

export default async function videos({ query, signal }) {
  const status = query.get("status") ?? "";
  const rows = new Map(); // id → {job, node, box}
  const chosen = new Set();
  const list = h("div.videos", skeleton(5, "lines"));
  const toolbar = h("div.toolbar", { role: "status" });
  const spoken = h("p.unseen", { role: "status" });
  const body = h("tbody");
  const table = h("table.jobs", heads(), body);
  const pager = more(() => load(oldest()));
  const demo = await demoButton(() => rows.size || refresh(), signal);

  const matches = (item) => !status || status.split(",").includes(item.status);
  const oldest = () => [...rows.keys()].at(-1);

  async function load(before, isAnew = false) {
    const filter = `${status && `&status=${status}`}${before ? `&before=${before}` : ""}`;
    const { items, total } = await api.get(`/video-jobs?limit=${PAGE}${filter}`, { signal });
    if (isAnew) [...rows.keys()].forEach(drop);
    for (const item of items) if (!rows.has(item.id)) body.append(add(item).node);
    follow(items);
    show();
    return rows.size < total && items.length === PAGE;
  }

  function add(item) {
    const row = { job: item };
    row.box = h("input", { type: "checkbox", "aria-label": t("Select: {name}", { name: job.nameOf(item) }), onchange: () => select(row) });
    row.node = h("tr", { "data-id": item.id });
    draw(row);
    rows.set(item.id, row);
    return row;
  }

  function draw(row) {
    const item = row.job;
    row.progress = job.progress(item);
    fill(
      row.node,
      h("td.pick", row.box),
      h("td.still", job.poster(item)),
      h("td.what",
        link(`/videos/${item.id}`, job.nameOf(item)),
        job.badges(item),
        row.progress,
        job.failure(item),
      ),
      h("td.soft", job.looksOf(item)),
      h("td.soft", job.format(item), h("br"), item.model),
      h("td.soft.number", cost(item)),
      h("td.soft", moment(item.createdAt)),
      h("td.do", job.actions(item)),
    );
  }

  function select({ job: { id }, box }) {
    if (box.checked) chosen.add(id);
    else chosen.delete(id);
    show();
  }

  function show() {
    fill(
      toolbar,
      chosen.size ? h("span", n("{count} selected", "{count} selected", chosen.size)) : null,
      chosen.size
        ? button(t("Delete"), removeChosen, "button.harmful")
        : null,
    );
    fill(list, rows.size ? table : nothing(status, demo));
  }

  const removeChosen = () => job.removeAll([...chosen].map((id) => rows.get(id).job));

  function drop(id) {
    rows.get(id)?.node.remove();
    rows.delete(id);
    chosen.delete(id);
  }

  function forget(id) {
    drop(id);
    show();
  }

  const refresh = async () => pager.show(await load(null, true));

  function changed({ kind, job: item }) {
    if (kind === "reset") return refresh().catch(complain);
    const row = rows.get(item.id);
    if (kind === "deleted" || (row && !matches(item))) return row && forget(item.id);
    if (!row) {
      if (kind !== "created" || !matches(item)) return null;
      const added = add(item);
      rows.delete(item.id);
      body.prepend(added.node);
      const older = [...rows];
      rows.clear();
      for (const [id, one] of [[item.id, added], ...older]) rows.set(id, one);
      return show();
    }
    return update(row, item);
  }

  function update(row, item) {
    const same = row.job.status === item.status && row.job.retriedBy === item.retriedBy;
    row.job = item;
    if (same && row.progress) return row.progress.update(item);
    draw(row);
    if (!isFinished(item)) return null;
    job.speak(spoken, `${job.nameOf(item)}: ${item.status === "FAILED" ? t("Failed") : t("Ready")}`);
    return reload();
  }

  const failed = (error) => {
    if (error.name !== "AbortError") fill(list, empty(t("The videos cannot be loaded"), error.message));
  };
  load().then((isMore) => pager.show(isMore)).then(() => onJob(changed, signal)).catch(failed);
  return {
    title: t("Videos"),
    node: [
      h("header.head", h("h1", t("Videos")), filters(status), toolbar),
      spoken,
      list,
      pager,
    ],
  };
}

function heads() {
  const names = [t("Select"), t("Picture"), t("Video"), t("Look"), t("Format"), t("Tokens"), t("Ordered"), t("Actions")];
  const unseen = [0, 1, 7];
  return h("thead",
    h("tr", names.map((name, at) => h("th", { scope: "col" }, unseen.includes(at) ? h("span.unseen", name) : name))),
  );
}

const filters = (status) =>
  h("nav.tabs", { "aria-label": t("Status") },
    FILTERS.map(([value, label]) =>
      h("a", { href: url(`/videos${value && `?status=${value}`}`), "aria-current": value === status ? "page" : null }, label()),
    ),
  );

function cost({ tokensCharged, tokensRefunded }) {
  if (!tokensRefunded) return number(tokensCharged);
  return [h("s", number(tokensCharged)), ` ${number(tokensCharged - tokensRefunded)}`];
}

const nothing = (status, demo) =>
  status
    ? empty(t("None of these"), t("No video has this status now."), link("/videos", t("All videos"), "button.quiet"))
    : empty(
        t("No videos yet"),
        t("Choose a look, say how it should move, and the first one is ready in a few minutes."),
        link("/create", t("Make a video"), "button"),
        demo,
      );
