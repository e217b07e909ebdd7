// The balance, and every movement of it.

import { api, h, link, moment, n, number, reload, t } from "../../core.js";
import { more } from "../../parts.js";

const PAGE = 30;
const KINDS = {
  signup: () => t("Start"),
  grant: () => t("Granted"),
  charge: () => t("Video"),
  refund: () => t("Came back"),
  adjustment: () => t("Corrected"),
};

export default async function tokens({ signal }) {
  const [account, prices] = await Promise.all([reload(), api.get("/tokens", { signal })]);
  const body = h("tbody");
  const known = new Set();
  let skip = 0;

  async function load() {
    const { items, total } = await api.get(`/tokens/ledger?limit=${PAGE}&skip=${skip}`, { signal });
    skip += items.length;
    body.append(...items.filter(({ id }) => !known.has(id)).map(line));
    items.forEach(({ id }) => known.add(id));
    return skip < total;
  }

  const pager = more(load);
  pager.show(await load());
  const price = prices.costs.videoJob;
  const { balance, unlimited } = account.tokens;
  return [
    h("section.panel",
      h("p.price", unlimited ? t("Unlimited") : n("{count} token", "{count} tokens", balance)),
      unlimited ? null : h("p.soft", n("Enough for {count} video.", "Enough for {count} videos.", Math.floor(balance / price))),
    ),
    h("table.plain",
      h("thead", h("tr", [t("When"), t("What"), t("Tokens"), t("Balance")].map((name) => h("th", { scope: "col" }, name)))),
      body,
    ),
    pager,
  ];
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
