// Ordering a video. The form offers what the chosen model can do, and says the price before it is pressed.

import { api, fill, go, h, link, n, onMe, reload, t, tell } from "../core.js";
import { choice, field, form, job, lookPicker, notify, pictures } from "../parts.js";

const PROMPT_MAX = 4000; // characters; the API's limit

export default async function create({ query, signal }) {
  const [models, prices] = await Promise.all([api.get("/video-models", { signal }), api.get("/tokens", { signal })]);
  const wanted = { model: null, resolution: "", aspectRatio: "", durationSeconds: 0, generateAudio: false, mockMode: false, look: null };
  let key = api.newKey(); // of one order: pressing again after a lost response pays once

  const prompt = field(
    t("What happens"),
    h("textarea", { name: "prompt", rows: 4, maxlength: PROMPT_MAX, placeholder: t("She turns slowly; the pleats open in the wind") }),
    { hint: t("Say how the look moves, and how the camera does.") },
  );
  const options = h("div.options");
  const first = pictures(t("First frame"), { hint: t("In place of the look's picture."), onchange: draw });
  const last = pictures(t("Last frame"), { hint: t("Needs a first frame, or a look."), onchange: draw });
  const references = pictures(t("Reference pictures"), { hint: t("What the video should show."), most: 3, onchange: draw });
  const frames = h("details.frames", h("summary", t("Frames and references")), first, last, references);
  const looks = lookPicker(query.get("look"), (look) => {
    wanted.look = look;
    if (look?.generatedImageUrl) wanted.aspectRatio = "9:16"; // people stand upright
    draw();
  });
  const fields = { prompt, initialImage: first, endFrame: last, referenceImages: references, lookId: looks };
  const summary = h("div.summary");
  const blocked = h("div", { role: "alert" });
  const node = form({ fields: {}, content: [looks, prompt, options, frames], submit: "", send, quiet: true });
  node.append(h("aside.order", summary, blocked, node.alert, node.button));
  node.classList.add("create");

  const hasFirst = () => Boolean(first.files().length || wanted.look?.generatedImageUrl);
  const offers = models.items;
  choose(offers.find((model) => model.isDefault && model.isAvailable) ?? offers.find((model) => model.isAvailable) ?? offers[0]);
  onMe(draw, signal);

  function choose(model) {
    wanted.model = model;
    wanted.mockMode = wanted.mockMode || !model.isAvailable;
    draw();
  }

  /** Values that the model cannot do are replaced by its first ones. */
  function draw() {
    const { model } = wanted;
    const resolutions = model.resolutions.map(({ resolution }) => resolution);
    wanted.resolution = keep(wanted.resolution, resolutions);
    wanted.aspectRatio = keep(wanted.aspectRatio, model.aspectRatios);
    wanted.generateAudio = wanted.generateAudio && model.generateAudio;
    last.hidden = !model.endFrame;
    references.hidden = !model.maxReferenceImages || (hasFirst() && !model.referenceImagesWithInitialImage);
    frames.hidden = false;
    const lengths = lengthsOf(wanted);
    wanted.durationSeconds = keep(wanted.durationSeconds, lengths);
    const pick = (name, of = (value) => value) => (value) => {
      wanted[name] = of(value);
      draw();
    };
    const yesNo = (value) => value === "true";
    fill(
      options,
      offers.length > 1 ? choice(t("Model"), "model", offers.map((one) => [one.name, one.title]), model.name, (name) => choose(offers.find((one) => one.name === name))) : null,
      choice(t("Shape"), "aspectRatio", model.aspectRatios.map((value) => [value, value]), wanted.aspectRatio, pick("aspectRatio")),
      choice(t("Resolution"), "resolution", resolutions.map((value) => [value, value]), wanted.resolution, pick("resolution")),
      choice(t("Length"), "durationSeconds", lengths.map((value) => [value, n("{count} second", "{count} seconds", value)]), wanted.durationSeconds, pick("durationSeconds", Number)),
      model.generateAudio ? choice(t("Sound"), "generateAudio", [["false", t("Silent")], ["true", t("With sound")]], String(wanted.generateAudio), pick("generateAudio", yesNo)) : null,
      choice(
        t("Kind"),
        "mockMode",
        [["true", t("Test")], ...(model.isAvailable ? [["false", t("Real")]] : [])],
        String(wanted.mockMode),
        pick("mockMode", yesNo),
      ),
    );
    show();
  }

  /** The focus stays on the choice that was made: the options are drawn anew. */
  options.addEventListener("change", ({ target: { name, value } }) =>
    queueMicrotask(() => options.querySelector(`[name="${name}"][value="${CSS.escape(value)}"]`)?.focus()),
  );

  function lengthsOf({ model, resolution }) {
    const { durationsSeconds } = model.resolutions.find((one) => one.resolution === resolution);
    const limits = [
      ...(last.files().length && !last.hidden ? [model.endFrameDurationsSeconds] : []),
      ...(references.files().length && !references.hidden ? [model.referenceImagesDurationsSeconds] : []),
    ];
    return durationsSeconds.filter((seconds) => limits.every((limit) => limit.includes(seconds)));
  }

  function show(account) {
    const price = prices.costs.videoJob;
    const balance = account?.tokens.balance ?? show.balance ?? prices.balance;
    show.balance = balance;
    fill(
      summary,
      h("h2", t("Your order")),
      h("p.price", n("{count} token", "{count} tokens", price)),
      h("p.soft", n("You have {count}.", "You have {count}.", balance), " ", link("/account/tokens", t("Balance"))),
      wanted.model.isAvailable ? null : h("p.soft", t("No provider is set up for this model here.")),
      wanted.mockMode
        ? h("p.soft", t("A test video is drawn by this server: every step is taken, and it costs the same."))
        : h("p.soft", t("{model} makes it; that takes a few minutes.", { model: wanted.model.title })),
    );
    node.button.textContent = t("Make the video");
  }

  function missing() {
    const hasText = prompt.querySelector("textarea").value.trim();
    if (!hasText && !hasFirst()) return [prompt, t("Describe the video, choose a look, or add a first frame.")];
    if (last.files().length && !last.hidden && !hasFirst()) return [last, t("A last frame needs a first one, or a look.")];
    if (last.files().length && !last.hidden && references.files().length && !references.hidden)
      return [references, t("Use a last frame or references, not both.")];
    return null;
  }

  async function send() {
    const lack = missing();
    fill(blocked);
    if (lack) {
      lack[0].say(lack[1]);
      lack[0].querySelector("textarea, input")?.focus();
      return;
    }
    try {
      const made = await api.upload("POST", "/video-jobs", orderOf(), { headers: { "Idempotency-Key": key } });
      tell("created", made);
      notify(t("Your video is on its way."));
      reload();
      go("/videos");
    } catch (error) {
      if (error.status) key = api.newKey(); // a refusal; after a lost response the same order is repeated
      if (error.code === "too_many_jobs") await showRunning();
      if (error.code === "insufficient_tokens") fill(blocked, h("p", link("/account/tokens", t("See where your tokens went"))));
      throw named(error, fields);
    }
  }

  function orderOf() {
    const data = new FormData();
    const { look, model, ...rest } = wanted;
    for (const [name, value] of Object.entries(rest)) data.append(name, value);
    data.append("model", model.name);
    data.append("prompt", prompt.querySelector("textarea").value.trim());
    if (look) data.append("lookId", look.id);
    for (const [name, part] of [["initialImage", first], ["endFrame", last], ["referenceImages", references]])
      if (!part.hidden) for (const file of part.files()) data.append(name, file);
    return data;
  }

  /** The limit of three is reached: show which ones run, with what can be done. */
  async function showRunning() {
    const { items } = await api.get("/video-jobs?status=PENDING,RUNNING");
    fill(
      blocked,
      h("ul.running", items.map((item) => h("li", link(`/videos/${item.id}`, job.nameOf(item)), job.progress(item), job.actions(item)))),
    );
  }

  return { title: t("Make a video"), node: [h("header.head", h("h1", t("Make a video"))), node] };
}

const keep = (value, values) => (values.includes(value) ? value : values[0]);

/** Say errors of fields beside them: this form's fields are no elements of the form. */
function named(error, fields) {
  for (const [name, texts] of Object.entries(error.errors ?? {})) {
    const part = fields[name.split(".")[0]];
    part?.say(texts.join(" "));
    if (part?.matches(".pictures")) part.closest("details").open = true;
  }
  return error;
}

