// All videos of the account, a row each.

import {
  api, fill, fillWithDemo, h, job, jobRows, link, markTab, moment, n, number, onJob, pages, reload,
  saysWhy, t, template,
} from "../studio.js";

const [PAGE, MOST] = [20, 100]; // rows of a page, and the most that the API returns at once

export default async function videos({ query, signal }) {
  const status = query.get("status") ?? "";
  const node = template("videos", { remove: () => job.removing(chosen())() });
  const { selected, remove, spoken, place, pager } = node.parts;
  const whole = template("video-table");
  const list = whole.querySelector("tbody");
  const { rows, show, changed } = jobRows({
    place, list, whole, row,
    matches: (item) => !status || status.split(",").includes(item.status),
    empty: () => (status ? template("none-of-these") : template("no-videos", { demo })),
    reset: () => again(),
    drawn: count,
    ended: (item) => {
      fill(spoken, `${job.nameOf(item)}: ${job.statusOf(item)}`);
      reload();
    },
  });
  const chosen = () => [...rows.values()].filter(({ parts }) => parts.box.checked).map((one) => one.job);

  async function load(isAnew) {
    const wanted = isAnew ? Math.max(PAGE, rows.size) : PAGE;
    const found = [];
    let last = isAnew ? null : list.lastElementChild?.job;
    let page = null;
    do {
      const limit = Math.min(wanted - found.length, MOST);
      const filter = new URLSearchParams({ limit, ...(status && { status }), ...(last && { before: last.id }) });
      page = await api.get(`/video-jobs?${filter}`, { signal });
      found.push(...page.items);
      last = page.items.at(-1);
    } while (isAnew && last && found.length < Math.min(wanted, page.total));
    show(found, isAnew);
    return last && rows.size < page.total;
  }

  function row(item, before) {
    const name = job.nameOf(item);
    return template("video-row", {
      box: { "aria-label": t("Select: {name}", { name }), checked: before?.parts.box.checked, onchange: count },
      still: job.poster(item),
      what: [link(`/videos/${item.id}`, name), job.badges(item), job.progress(item), job.failure(item)],
      looks: job.looksOf(item),
      format: job.format(item),
      model: item.model,
      cost: cost(item),
      ordered: moment(item.createdAt),
      actions: job.actions(item),
    });
  }

  function count() {
    const number = chosen().length;
    fill(selected, number ? n("{count} selected", "{count} selected", number) : "");
    remove.hidden = !number;
  }

  const again = pages(pager, load);
  const demo = fillWithDemo(() => rows.size || again(), signal);
  markTab(node, status);
  again().then(() => onJob(changed, signal)).catch(saysWhy(place));
  return node;
}

function cost({ tokensCharged, tokensRefunded }) {
  if (!tokensRefunded) return number(tokensCharged);
  return [h("s", number(tokensCharged)), ` ${number(tokensCharged - tokensRefunded)}`];
}
