// Ordering a video: the form offers what the chosen model can do, and says the price.

import {
  api, fieldOf, fill, form, go, h, isFinished, job, jobRows, link, n, number, onJob, onMe, pickLooks,
  pictures, reload, tell, template, textOf,
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
  const order = api.uploader(); // pressing again after a lost response pays once
  const running = jobRows({
    place: parts.running,
    list: h("ul.running"),
    row: (item) => h("li", link(`/videos/${item.id}`, job.nameOf(item)), job.progress(item), job.actions(item)),
    matches: (item) => !isFinished(item),
    empty: () => null,
    reset: showRunning,
  });

  const hasFirst = () => Boolean(first.files().length || look?.generatedImageUrl);
  const modelOf = (value = elements.model.value) => models.find(({ name }) => name === value);

  /** Offer these values in the choice; the chosen one stays if it is among them. */
  function offer(name, values, label = String) {
    const place = fieldOf(node, name).querySelector(".pills");
    const hadFocus = place.contains(document.activeElement);
    const chosen = values.find((value) => String(value) === elements[name]?.value) ?? values[0];
    const radio = (value) => h("input", { type: "radio", name, value, checked: value === chosen });
    fill(place, values.map((value) => h("label", radio(value), h("span", label(value)))));
    if (hadFocus) place.querySelector(":checked")?.focus();
  }

  function draw() {
    const model = modelOf();
    last.node.hidden = !model.endFrame;
    references.node.hidden = !model.maxReferenceImages || (hasFirst() && !model.referenceImagesWithInitialImage);
    offer("aspectRatio", model.aspectRatios);
    offer("resolution", model.resolutions.map(({ resolution }) => resolution));
    offer("durationSeconds", lengthsOf(model), (value) => n("{count} second", "{count} seconds", value));
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
    fill(parts.balance, number(prices.balance));
    fill(parts.maker, title);
    parts.unavailable.hidden = isAvailable;
    parts.test.hidden = !isTest;
    parts.real.hidden = isTest;
  }

  /** The field that is at fault, with the code of its text. */
  function missing() {
    const hasLast = last.files().length > 0;
    if (!elements.prompt.value.trim() && !hasFirst()) return ["prompt", "nothing_to_show"];
    if (hasLast && !hasFirst()) return ["endFrame", "last_without_first"];
    return hasLast && references.files().length ? ["referenceImages", "last_and_references"] : [];
  }

  async function send(values, data) {
    const [name, code] = missing();
    if (name) throw new api.Refused(0, { errors: { [name]: [textOf(code)] } });
    if (!look) data.delete("lookId");
    for (const picture of [first, last, references])
      for (const file of picture.files()) data.append(picture.node.dataset.field, file);
    try {
      tell("created", await order("POST", "/video-jobs", data));
      reload();
      if (!signal.aborted) go("/videos");
    } catch (error) {
      parts.spent.hidden = error.code !== "insufficient_tokens";
      if (error.code === "too_many_jobs") await showRunning();
      throw error;
    }
  }

  /** The limit of three is reached: show which ones run, with what can be done. */
  async function showRunning() {
    running.show((await api.get("/video-jobs?status=PENDING,RUNNING", { signal })).items, true);
    onJob(running.changed, signal);
  }

  function choose(chosen) {
    look = chosen;
    const upright = look?.generatedImageUrl && node.querySelector("[name=aspectRatio][value='9:16']");
    if (upright) upright.checked = true; // people stand
    draw();
  }

  const available = models.filter((model) => model.isAvailable);
  const preferred = available.find(({ isDefault }) => isDefault) ?? available[0] ?? models[0];
  offer("model", models.map(({ name }) => name), (name) => modelOf(name).title);
  fieldOf(node, "model").hidden = models.length === 1;
  elements.model.value = preferred.name;
  draw();
  node.querySelector(".options").addEventListener("change", draw);
  onMe((account) => {
    prices.balance = account?.tokens.balance ?? prices.balance;
    show();
  }, signal);
  pickLooks(fieldOf(node, "lookId"), parts, query.get("look"), choose);
  return form(node, send, {});
}
