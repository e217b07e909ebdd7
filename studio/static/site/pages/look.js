// One look: its picture, its products, its videos, and who sees it.

import { api, fill, follow, go, h, icon, link, moment, n, onJob, t } from "../core.js";
import { button, complain, confirm, empty, job, notify, share } from "../parts.js";
import { lookForm } from "./look-form.js";

const VISIBILITY = { private: () => t("Private"), shared: () => t("Shared"), public: () => t("Public") };

export default async function look({ parameters: [id], query, signal }) {
  const shown = await api.get(`/looks/${id}`, { signal });
  const isMine = shown.canEdit;
  if (query.has("edit")) {
    const title = t("Change “{look}”", { look: shown.title });
    return { title, node: [h("header.head", h("h1", title)), lookForm(shown)] };
  }
  const mine = await api.get(`/video-jobs?lookId=${id}&limit=100`, { signal });
  const videos = h("div");
  const jobs = new Map(mine.items.map((item) => [item.id, item]));

  function draw() {
    const items = isMine && jobs.size ? [...jobs.values()] : shown.videos.map((video) => ({ ...video, prompt: "", associatedLooks: [], isOthers: true }));
    fill(videos, items.length ? h("ul.grid.clips", items.map((item) => clip(item, id))) : none(id, isMine));
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

const back = () => h("p.back", link("/looks", t("All looks")));

function article(look, isMine, videos) {
  const remove = async () => {
    const text = t("Its pictures and links go. Its videos stay.");
    if (!(await confirm({ title: t("Delete “{look}”?", { look: look.title }), text, yes: t("Delete") }))) return;
    await api.remove(`/looks/${look.id}`);
    notify(t("The look is deleted."));
    go("/looks", { replace: true });
  };
  const picture = look.generatedImageUrl
    ? h("img.portrait", { src: look.generatedImageUrl, alt: t("The look “{look}”", { look: look.title }) })
    : h("span.portrait.blank", icon("looks"));
  const own = [
    link(`/create?look=${look.id}`, t("Make a video"), "button"),
    button(t("Share"), () => share(look), "button.quiet"),
    link(`/looks/${look.id}?edit`, t("Change"), "button.quiet"),
    button(t("Delete"), remove, "link.harmful"),
  ];
  return h("article.look",
    picture,
    h("div.about",
      h("h1", look.title),
      isMine ? h("p.badges", h("span.badge", VISIBILITY[look.visibility]())) : null,
      look.notes ? h("p.notes", look.notes) : null,
      isMine ? h("p.row", own) : null,
      look.products.length ? h("h2", t("Products")) : null,
      h("ul.pieces", look.products.map(piece)),
      h("h2", t("Videos")),
      videos,
      h("p.soft", t("Added"), " ", moment(look.createdAt)),
    ),
  );
}

function piece(product) {
  const price = product.price && `${product.price} ${product.currency}`;
  return h("li",
    product.thumbnailUrl ? h("img", { src: product.thumbnailUrl, alt: "", loading: "lazy" }) : h("span.blank"),
    h("div",
      product.productUrl ? h("a", { href: product.productUrl, rel: "noopener noreferrer", target: "_blank" }, product.name) : product.name,
      h("p.soft", [product.designer, product.sku, price].filter(Boolean).join(" · ")),
    ),
  );
}

const clip = (item, lookId) =>
  h("li",
    job.poster(item),
    item.prompt ? link(`/videos/${item.id}`, job.nameOf(item)) : null,
    job.badges({ ...item, associatedLooks: item.associatedLooks.filter((one) => one.id === lookId) }),
    job.progress(item),
    item.prompt ? job.actions({ ...item, associatedLooks: item.associatedLooks.filter((one) => one.id === lookId) }) : null,
  );

const none = (id, isMine) =>
  isMine
    ? empty(t("No videos of this look yet"), t("Say how it should move."), link(`/create?look=${id}`, t("Make a video"), "button.quiet"))
    : h("p.soft", n("{count} video", "{count} videos", 0));
