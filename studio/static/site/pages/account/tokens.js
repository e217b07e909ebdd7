// The balance, and every movement of it.

import {
  api, link, moment, n, number, pages, reload, template, tokens as tokensOf,
} from "../../studio.js";

const PAGE = 30;
export default async function tokens({ signal }) {
  const [account, { costs }] = await Promise.all([reload(), api.get("/tokens", { signal })]);
  const { balance, unlimited } = account.tokens;
  const videos = Math.floor(balance / costs.videoJob);
  const node = template("ledger", {
    balance: tokensOf(account.tokens),
    enough: !unlimited && n("Enough for {count} video.", "Enough for {count} videos.", videos),
  });
  const { lines, pager } = node.parts;
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

function line({ kind, amount, createdAt, videoJobId, note, balanceAfter }) {
  const what = document.getElementById(`ledger-${kind}`) ? template(`ledger-${kind}`) : kind;
  return template("ledger-line", {
    at: moment(createdAt),
    what: videoJobId ? link(`/videos/${videoJobId}`, what) : what,
    note,
    amount: `${amount > 0 ? "+" : "−"}${number(Math.abs(amount))}`,
    balance: number(balanceAfter),
  });
}
