// One look: its picture, its products, its videos, and who sees it.

import * as api from "../core/api.js";
import { fill, h, icon } from "../core/dom.js";
import { follow, onJob } from "../core/live.js";
import { url } from "../core/page.js";
import { go } from "../core/router.js";
import { moment, n, t } from "../core/text.js";
import { confirm } from "../parts/dialog.js";
import * as job from "../parts/job.js";
import { empty } from "../parts/list.js";
import { acting, complain, notify } from "../parts/notice.js";
import { share } from "../parts/share.js";
import { lookForm } from "./look-form.js";

const VISIBILITY = { private: () => t("Private"), shared: () => t("Shared"), public: () => t("Public") };

export default async function look({ parameters: [id], query, signal }) {
  const shown = await api.get(`/looks/${id}`, { signal });
  const isMine = shown.canEdit;
  if (query.has("edit")) {
    const title = t("Change “{look}”", { look: shown.title });
    return { title, node: [h("header", { class: "head" }, h("h1", {}, title)), lookForm(shown)] };
  }
  const mine = await api.get(`/video-jobs?lookId=${id}&limit=100`, { signal });
  const videos = h("div");
  const jobs = new Map(mine.items.map((item) => [item.id, item]));

  function draw() {
    const items = isMine && jobs.size ? [...jobs.values()] : shown.videos.map((video) => ({ ...video, prompt: "", associatedLooks: [] }));
    fill(videos, items.length ? h("ul", { class: "grid clips" }, items.map((item) => clip(item, id))) : none(id, isMine));
  }

  async function changed({ kind, job: item }) {
    if (kind === "deleted") jobs.delete(item.id);
    else if (kind === "reset") {
      const next = await api.get(`/video-jobs?lookId=${id}&limit=100`, { signal }).catch(complain);
      if (!next) return;
      jobs.clear();
      next.items.forEach((one) => jobs.set(one.id, one));
    } else if (item.associatedLooks?.some((one) => one.id === id)) {
      const older = [...jobs].filter(([key]) => key !== item.id || kind === "updated");
      if (jobs.has(item.id)) jobs.set(item.id, item);
      else {
        jobs.clear();
        for (const [key, one] of [[item.id, item], ...older]) jobs.set(key, one);
      }
    } else return;
    draw();
  }

  draw();
  follow([...jobs.values()]);
  onJob(changed, signal);
  return { title: shown.title, node: [back(), article(shown, isMine, videos)] };
}

const back = () => h("p", { class: "back" }, h("a", { href: url("/looks") }, t("All looks")));

function article(look, isMine, videos) {
  const remove = async () => {
    const text = t("Its pictures and links go. Its videos stay.");
    if (!(await confirm({ title: t("Delete “{look}”?", { look: look.title }), text, yes: t("Delete") }))) return;
    await api.remove(`/looks/${look.id}`);
    notify(t("The look is deleted."));
    go("/looks", { replace: true });
  };
  const picture = look.generatedImageUrl
    ? h("img", { class: "portrait", src: look.generatedImageUrl, alt: t("The look “{look}”", { look: look.title }) })
    : h("span", { class: "portrait blank" }, icon("looks"));
  const own = [
    h("a", { class: "button", href: url(`/create?look=${look.id}`) }, t("Make a video")),
    h("button", { class: "button quiet", type: "button", onclick: acting(() => share(look)) }, t("Share")),
    h("a", { class: "button quiet", href: url(`/looks/${look.id}?edit`) }, t("Change")),
    h("button", { class: "link harmful", type: "button", onclick: acting(remove) }, t("Delete")),
  ];
  return h(
    "article",
    { class: "look" },
    picture,
    h(
      "div",
      { class: "about" },
      h("h1", {}, look.title),
      isMine ? h("p", { class: "badges" }, h("span", { class: "badge" }, VISIBILITY[look.visibility]())) : null,
      look.notes ? h("p", { class: "notes" }, look.notes) : null,
      isMine ? h("p", { class: "row" }, own) : null,
      look.products.length ? h("h2", {}, t("Products")) : null,
      h("ul", { class: "pieces" }, look.products.map(piece)),
      h("h2", {}, t("Videos")),
      videos,
      h("p", { class: "soft" }, t("Added"), " ", moment(look.createdAt)),
    ),
  );
}

function piece(product) {
  const price = product.price && `${product.price} ${product.currency}`;
  return h(
    "li",
    {},
    product.thumbnailUrl ? h("img", { src: product.thumbnailUrl, alt: "", loading: "lazy" }) : h("span", { class: "blank" }),
    h(
      "div",
      {},
      product.productUrl ? h("a", { href: product.productUrl, rel: "noopener noreferrer", target: "_blank" }, product.name) : product.name,
      h("p", { class: "soft" }, [product.designer, product.sku, price].filter(Boolean).join(" · ")),
    ),
  );
}

const clip = (item, lookId) =>
  h(
    "li",
    {},
    job.poster(item),
    item.prompt ? h("a", { href: url(`/videos/${item.id}`) }, job.nameOf(item)) : null,
    job.badges({ ...item, associatedLooks: item.associatedLooks.filter((one) => one.id === lookId) }),
    job.progress(item),
    item.prompt ? job.actions({ ...item, associatedLooks: item.associatedLooks.filter((one) => one.id === lookId) }) : null,
  );

const none = (id, isMine) =>
  isMine
    ? empty(t("No videos of this look yet"), t("Say how it should move."), h("a", { class: "button quiet", href: url(`/create?look=${id}`) }, t("Make a video")))
    : h("p", { class: "soft" }, n("{count} video", "{count} videos", 0));
