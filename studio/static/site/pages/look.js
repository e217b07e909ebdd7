// One look: its picture, its products, its videos, and who sees it.

import {
  api, asking, fill, follow, go, h, job, link, moment, n, notify, onJob, share, t, template,
  thumbnail, url,
} from "../studio.js";
import { lookForm } from "./look-form.js";

export default async function look({ parameters: [id], query, signal }) {
  const shown = await api.get(`/looks/${id}`, { signal });
  if (query.has("edit")) return lookForm(shown, signal);
  const load = async () => (await api.get(`/video-jobs?lookId=${id}&limit=100`, { signal })).items;
  const node = article(shown);
  const { videos } = node.parts;
  let jobs = await load();

  function draw() {
    const others = shown.videos.map((video) => ({ ...video, prompt: "", isOthers: true }));
    const items = shown.canEdit && jobs.length ? jobs : others;
    fill(videos, items.length ? h("ul.grid.clips", items.map((item) => clip(item, id))) : none(shown));
  }

  async function changed({ kind, job: item }) {
    if (kind === "reset") jobs = await load();
    else if (kind === "deleted") jobs = jobs.filter((one) => one.id !== item.id);
    else if (item.associatedLooks?.some((one) => one.id === id)) {
      const at = jobs.findIndex((one) => one.id === item.id);
      const isSame = jobs[at]?.status === item.status;
      jobs = at < 0 ? [item, ...jobs] : jobs.with(at, item);
      const progress = videos.querySelector(`[data-id="${item.id}"] .progress`);
      if (isSame && progress) return progress.update(item);
    } else return null;
    return draw();
  }

  draw();
  follow(jobs);
  onJob(changed, signal);
  return node;
}

function article(look) {
  const { id, title, generatedImageUrl: picture, products, canEdit: isMine } = look;
  const remove = async () => {
    await api.remove(`/looks/${id}`);
    notify(t("The look is deleted."));
    go("/looks", { replace: true });
  };
  const node = template("look", {
    portrait: picture && { src: picture, alt: t("The look “{look}”", { look: title }) },
    blank: !picture,
    title,
    visibility: isMine && template(`visibility-${look.visibility}`),
    notes: look.notes || null,
    own: isMine,
    create: { href: url(`/create?look=${id}`) },
    share: () => share(look, node.parts.visibility),
    change: { href: url(`/looks/${id}?edit`) },
    remove: asking("delete-look", remove, { title: t("Delete “{look}”?", { look: title }) }),
    products: products.length > 0,
    pieces: products.map(piece),
    added: moment(look.createdAt),
  });
  return node;
}

function piece({ name, designer, sku, price, currency, productUrl: href, thumbnailUrl }) {
  const shop = href && h("a", { href, rel: "noreferrer", target: "_blank" }, name);
  const facts = [designer, sku, price && `${price} ${currency}`].filter(Boolean).join(" · ");
  return h("li", thumbnail(thumbnailUrl), h("div", shop || name, h("p.soft", facts)));
}

function clip(item, lookId) {
  const here = { ...item, associatedLooks: item.associatedLooks?.filter(({ id }) => id === lookId) };
  return h("li", { "data-id": item.id },
    job.poster(item),
    !item.isOthers && link(`/videos/${item.id}`, job.nameOf(item)),
    job.badges(here),
    job.progress(item),
    !item.isOthers && job.actions(here),
  );
}

const none = ({ id, canEdit }) =>
  canEdit
    ? template("no-videos-of-look", { create: { href: url(`/create?look=${id}`) } })
    : h("p.soft", n("{count} video", "{count} videos", 0));
