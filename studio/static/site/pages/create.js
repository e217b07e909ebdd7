// Ordering a video. The form offers what the chosen model can do, and says the price before it is pressed.

import { api, fill, go, h, link, n, notify, onMe, partsOf, reload, t, tell, template } from "../core.js";
import { choice, form, job, pickLooks, pictures, sayErrors } from "../parts.js";

export default async function create({ query, signal }) {
  const [{ items: models }, prices] = await Promise.all([api.get("/video-models", { signal }), api.get("/tokens", { signal })]);
  const available = models.filter((model) => model.isAvailable);
  const node = template("create");
  const parts = partsOf(node);
  const { prompt } = node.querySelector("form").elements;
  const [first, last, references] = ["initialImage", "endFrame", "referenceImages"].map((name) => pictures(node, name, { onchange: draw }));
  let model = available.find(({ isDefault }) => isDefault) ?? available[0] ?? models[0];
  let wanted = { aspectRatio: "", resolution: "", durationSeconds: "", generateAudio: "false", mockMode: "false" };
  let look = null;
  let key = api.newKey(); // of one order: pressing again after a lost response pays once

  const hasFirst = () => Boolean(first.files().length || look?.generatedImageUrl);

  /** The form's choices with the model's values: [name, legend, [[value, label]]]. */
  function choices() {
    const resolution = model.resolutions.find((one) => one.resolution === wanted.resolution) ?? model.resolutions[0];
    const same = (values) => values.map((value) => [value, value]);
    const lengths = lengthsOf(resolution).map((value) => [String(value), n("{count} second", "{count} seconds", value)]);
    return [
      ["model", t("Model"), models.map(({ name, title }) => [name, title])],
      ["aspectRatio", t("Shape"), same(model.aspectRatios)],
      ["resolution", t("Resolution"), same(model.resolutions.map((one) => one.resolution))],
      ["durationSeconds", t("Length"), lengths],
      ["generateAudio", t("Sound"), [["false", t("Silent")], ...(model.generateAudio ? [["true", t("With sound")]] : [])]],
      ["mockMode", t("Kind"), [["true", t("Test")], ...(model.isAvailable ? [["false", t("Real")]] : [])]],
    ];
  }

  function lengthsOf({ durationsSeconds }) {
    const limits = [
      ...(last.files().length ? [model.endFrameDurationsSeconds] : []),
      ...(references.files().length ? [model.referenceImagesDurationsSeconds] : []),
    ];
    return durationsSeconds.filter((seconds) => limits.every((limit) => limit.includes(seconds)));
  }

  /** Show what the model can do; wishes that it cannot meet become its first values. */
  function draw() {
    last.node.hidden = !model.endFrame;
    references.node.hidden = !model.maxReferenceImages || (hasFirst() && !model.referenceImagesWithInitialImage);
    const offered = choices();
    const chosen = offered.map(([name, , options]) => [name, keep(wanted[name], options)]);
    wanted = { ...Object.fromEntries(chosen), model: model.name };
    const shown = offered.filter(([name, , options]) => options.length > 1 || !["model", "generateAudio"].includes(name));
    const focused = document.activeElement;
    fill(parts.options, shown.map(([name, legend, options]) => choice(legend, name, options, wanted[name])));
    if (focused?.type === "radio") parts.options.querySelector(`[name="${focused.name}"]:checked`)?.focus();
    show();
  }

  function show() {
    const isTest = wanted.mockMode === "true";
    fill(parts.price, n("{count} token", "{count} tokens", prices.costs.videoJob));
    fill(parts.balance, n("You have {count}.", "You have {count}.", prices.balance));
    fill(parts.real, t("{model} makes it; that takes a few minutes.", { model: model.title }));
    parts.unavailable.hidden = model.isAvailable;
    parts.test.hidden = !isTest;
    parts.real.hidden = isTest;
  }

  function missing() {
    if (!prompt.value.trim() && !hasFirst()) return { prompt: [t("Describe the video, choose a look, or add a first frame.")] };
    if (last.files().length && !hasFirst()) return { endFrame: [t("A last frame needs a first one, or a look.")] };
    if (last.files().length && references.files().length) return { referenceImages: [t("Use a last frame or references, not both.")] };
    return {};
  }

  async function send() {
    fill(parts.blocked);
    if (sayErrors(node, missing())) return;
    try {
      tell("created", await api.upload("POST", "/video-jobs", order(), { headers: { "Idempotency-Key": key } }));
      notify(t("Your video is on its way."));
      reload();
      go("/videos");
    } catch (error) {
      if (error.status) key = api.newKey(); // a refusal; after a lost response the same order is repeated
      if (error.code === "too_many_jobs") await showRunning();
      if (error.code === "insufficient_tokens") fill(parts.blocked, h("p", link("/account/tokens", t("See where your tokens went"))));
      throw error;
    }
  }

  function order() {
    const data = new FormData();
    const texts = { ...wanted, prompt: prompt.value.trim(), ...(look && { lookId: look.id }) };
    for (const [name, value] of Object.entries(texts)) data.append(name, value);
    for (const { node: field, files } of [first, last, references])
      for (const file of files()) data.append(field.dataset.field, file);
    return data;
  }

  /** The limit of three is reached: show which ones run, with what can be done. */
  async function showRunning() {
    const { items } = await api.get("/video-jobs?status=PENDING,RUNNING");
    const rows = items.map((item) => h("li", link(`/videos/${item.id}`, job.nameOf(item)), job.progress(item), job.actions(item)));
    fill(parts.blocked, h("ul.running", rows));
  }

  parts.options.addEventListener("change", ({ target: { name, value } }) => {
    wanted[name] = value;
    model = models.find((one) => one.name === wanted.model);
    draw();
  });
  pickLooks(node.querySelector("[data-field=lookId]"), parts, query.get("look"), (chosen) => {
    look = chosen;
    if (look?.generatedImageUrl) wanted.aspectRatio = "9:16"; // people stand upright
    draw();
  });
  onMe((account) => {
    prices.balance = account?.tokens.balance ?? prices.balance;
    show();
  }, signal);
  draw();
  return form(node, send, { isOnce: true });
}

/** The value if it is offered, else the first one. */
const keep = (value, options) => (options.some(([offered]) => offered === value) ? value : options[0]?.[0]);
