// Ordering a video: the form offers what the chosen model can do, and says the price.

import {
  api, fieldOf, fill, form, go, h, job, link, n, notify, onMe, pickLooks, pictures, reload, sayErrors, t,
  tell, template,
} from "../studio.js";

export default async function create({ query, signal }) {
  const [{ items: models }, prices] = await Promise.all([api.get("/video-models", { signal }), api.get("/tokens", { signal })]);
  const node = template("create");
  const parts = node.parts;
  const { elements } = node.querySelector("form");
  const [first, last, references] = ["initialImage", "endFrame", "referenceImages"].map((name) =>
    pictures(node, name, { onchange: draw }),
  );
  let look = null;
  let key = api.newKey(); // of one order: pressing again after a lost response pays once

  const hasFirst = () => first.files().length > 0 || Boolean(look?.generatedImageUrl);
  const modelOf = () => models.find(({ name }) => name === elements.model.value);

  /** Offer these [value, label] in the choice; the chosen one stays if it is among them. */
  function offer(name, options) {
    const place = fieldOf(node, name).querySelector(".pills");
    const hadFocus = place.contains(document.activeElement);
    const chosen = options.find(([value]) => value === elements[name]?.value) ?? options[0];
    const radio = (value) => h("input", { type: "radio", name, value, checked: value === chosen?.[0] });
    fill(place, options.map(([value, label]) => h("label", radio(value), h("span", label))));
    if (hadFocus) place.querySelector(":checked")?.focus();
  }

  function draw() {
    const model = modelOf();
    const same = (values) => values.map((value) => [value, value]);
    last.node.hidden = !model.endFrame;
    references.node.hidden = !model.maxReferenceImages || (hasFirst() && !model.referenceImagesWithInitialImage);
    offer("aspectRatio", same(model.aspectRatios));
    offer("resolution", same(model.resolutions.map(({ resolution }) => resolution)));
    offer("durationSeconds", lengthsOf(model).map((value) => [String(value), n("{count} second", "{count} seconds", value)]));
    permit("generateAudio", "true", model.generateAudio);
    fieldOf(node, "generateAudio").hidden = !model.generateAudio;
    permit("mockMode", "false", model.isAvailable);
    show();
  }

  /** Show one value of a choice of two, or choose the other. */
  function permit(name, value, isPossible) {
    for (const radio of elements[name]) {
      if (radio.value === value) radio.parentNode.hidden = !isPossible;
      else if (!isPossible) radio.checked = true;
    }
  }

  function lengthsOf({ resolutions, endFrameDurationsSeconds, referenceImagesDurationsSeconds }) {
    const { durationsSeconds } = resolutions.find(({ resolution }) => resolution === elements.resolution.value);
    return durationsSeconds
      .filter((seconds) => !last.files().length || endFrameDurationsSeconds.includes(seconds))
      .filter((seconds) => !references.files().length || referenceImagesDurationsSeconds.includes(seconds));
  }

  function show() {
    const { isAvailable, title } = modelOf();
    const isTest = elements.mockMode.value === "true";
    fill(parts.price, n("{count} token", "{count} tokens", prices.costs.videoJob));
    fill(parts.balance, n("You have {count}.", "You have {count}.", prices.balance));
    fill(parts.real, t("{model} makes it; that takes a few minutes.", { model: title }));
    parts.unavailable.hidden = isAvailable;
    parts.test.hidden = !isTest;
    parts.real.hidden = isTest;
  }

  function missing() {
    const hasLast = last.files().length > 0;
    if (!elements.prompt.value.trim() && !hasFirst()) return { prompt: [t("Describe the video, choose a look, or add a first frame.")] };
    if (hasLast && !hasFirst()) return { endFrame: [t("A last frame needs a first one, or a look.")] };
    if (hasLast && references.files().length) return { referenceImages: [t("Use a last frame or references, not both.")] };
    return {};
  }

  async function send(values, data) {
    fill(parts.blocked);
    if (sayErrors(node, missing())) return;
    if (!look) data.delete("lookId");
    for (const picture of [first, last, references])
      for (const file of picture.files()) data.append(picture.node.dataset.field, file);
    try {
      tell("created", await api.upload("POST", "/video-jobs", data, { key }));
      notify(t("Your video is on its way."));
      reload();
      if (!signal.aborted) go("/videos");
    } catch (error) {
      // else the order may have arrived: the same one is repeated
      if (error.status >= 400 && error.status < 500) key = api.newKey();
      if (error.code === "too_many_jobs") await showRunning();
      if (error.code === "insufficient_tokens") fill(parts.blocked, link("/account/tokens", t("See where your tokens went")));
      throw error;
    }
  }

  /** The limit of three is reached: show which ones run, with what can be done. */
  async function showRunning() {
    const { items } = await api.get("/video-jobs?status=PENDING,RUNNING");
    const rows = items.map((item) => h("li", link(`/videos/${item.id}`, job.nameOf(item)), job.progress(item), job.actions(item)));
    fill(parts.blocked, h("ul.running", rows));
  }

  function choose(chosen) {
    look = chosen;
    const upright = look?.generatedImageUrl && node.querySelector("[name=aspectRatio][value='9:16']");
    if (upright) upright.checked = true; // people stand
    draw();
  }

  const available = models.filter((model) => model.isAvailable);
  const preferred = available.find(({ isDefault }) => isDefault) ?? available[0] ?? models[0];
  offer("model", models.map(({ name, title }) => [name, title]));
  fieldOf(node, "model").hidden = models.length === 1;
  node.querySelector(`[name=model][value="${preferred.name}"]`).checked = true;
  draw();
  node.querySelector(".options").addEventListener("change", draw);
  onMe((account) => {
    prices.balance = account?.tokens.balance ?? prices.balance;
    show();
  }, signal);
  pickLooks(fieldOf(node, "lookId"), parts, query.get("look"), choose);
  return form(node, send, {});
}
