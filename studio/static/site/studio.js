// Everything that pages and parts use, by one name.

export * as api from "./core/api.js";
export * from "./core/dom.js";
export * from "./core/live.js";
export * from "./core/me.js";
export * from "./core/notice.js";
export * from "./core/page.js";
export * from "./core/refusals.js";
export * from "./core/router.js";
export * from "./core/session.js";
export * from "./core/template.js";
export * from "./core/text.js";
export * from "./parts/demo.js";
export * from "./parts/dialog.js";
export * from "./parts/form.js";
export * from "./parts/google.js";
export * as job from "./parts/job.js";
export * from "./parts/job-rows.js";
export * from "./parts/list.js";
export * from "./parts/look-picker.js";
export * from "./parts/picture.js";
export * from "./parts/player.js";
export * from "./parts/share.js";
