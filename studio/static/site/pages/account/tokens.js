// The balance, and every movement of it.

import { api, h, link, moment, n, number, partsOf, reload, t, template, tokens as tokensOf } from "../../core.js";
import { pages } from "../../parts.js";

const PAGE = 30;
const KINDS = {
  signup: () => t("Start"),
  grant: () => t("Granted"),
  charge: () => t("Video"),
  refund: () => t("Came back"),
  adjustment: () => t("Corrected"),
};

export default async function tokens({ signal }) {
  const [account, { costs }] = await Promise.all([reload(), api.get("/tokens", { signal })]);
  const { balance, unlimited } = account.tokens;
  const videos = Math.floor(balance / costs.videoJob);
  const node = template("ledger", {
    balance: tokensOf(account.tokens),
    enough: !unlimited && n("Enough for {count} video.", "Enough for {count} videos.", videos),
  });
  const { lines, pager } = partsOf(node);
  const known = new Set();
  let skip = 0;

  async function load() {
    const { items, total } = await api.get(`/tokens/ledger?limit=${PAGE}&skip=${skip}`, { signal });
    skip += items.length;
    lines.append(...items.filter(({ id }) => !known.has(id)).map(line));
    items.forEach(({ id }) => known.add(id));
    return skip < total;
  }

  await pages(pager, load)();
  return node;
}

function line(entry) {
  const what = KINDS[entry.kind]?.() ?? entry.kind;
  const sign = entry.amount > 0 ? "+" : "−";
  return h("tr",
    h("td", moment(entry.createdAt)),
    h("td", entry.videoJobId ? link(`/videos/${entry.videoJobId}`, what) : what, entry.note ? h("span.soft", ` ${entry.note}`) : null),
    h("td.number", `${sign}${number(Math.abs(entry.amount))}`),
    h("td.number.soft", number(entry.balanceAfter)),
  );
}
