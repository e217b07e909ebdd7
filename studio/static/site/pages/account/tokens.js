// The balance, and every movement of it.

import {
  api, link, moment, n, number, pagesBySkip, reload, template, tokens as tokensOf,
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
  await pagesBySkip(pager, () => "/tokens/ledger?", PAGE, (items) => lines.append(...items.map(line)), signal)();
  return node;
}

function line({ kind, amount, createdAt, videoJobId, note, balanceAfter }) {
  const what = template(`ledger-${kind}`);
  return template("ledger-line", {
    at: moment(createdAt),
    what: videoJobId ? link(`/videos/${videoJobId}`, what) : what,
    note,
    amount: `${amount > 0 ? "+" : "−"}${number(Math.abs(amount))}`,
    balance: number(balanceAfter),
  });
}
