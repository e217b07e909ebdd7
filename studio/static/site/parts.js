// Everything in parts/ that pages use, by one name.

export * from "./parts/demo.js";
export * from "./parts/dialog.js";
export * from "./parts/form.js";
export * from "./parts/google.js";
export * as job from "./parts/job.js";
export * from "./parts/list.js";
export * from "./parts/look-picker.js";
export * from "./parts/picture.js";
export * from "./parts/player.js";
export * from "./parts/share.js";
