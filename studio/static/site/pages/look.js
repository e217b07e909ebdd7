// One look: its picture, its products, its videos, and who sees it.

import {
  api, asking, go, h, job, jobRows, link, moment, n, notify, onJob, share, t, template, thumbnail, url,
} from "../studio.js";
import { lookForm } from "./look-form.js";

export default async function look({ parameters: [id], query, signal }) {
  const shown = await api.get(`/looks/${id}`, { signal });
  if (query.has("edit")) return lookForm(shown, signal);
  const read = async () => (await api.get(`/video-jobs?lookId=${id}&limit=100`, { signal })).items;
  const own = await read();
  const others = own.length ? [] : shown.videos.map((video) => clip({ ...video, prompt: "", isOthers: true }, id));
  const node = article(shown);
  const { show, changed } = jobRows({
    place: node.parts.videos,
    list: h("ul.grid.clips"),
    row: (item) => clip(item, id),
    matches: (item) => item.associatedLooks?.some((one) => one.id === id),
    empty: () => (others.length ? h("ul.grid.clips", others) : none(shown)),
    reset: async () => show(await read(), true),
  });

  show(own, true);
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
  return h("li",
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
