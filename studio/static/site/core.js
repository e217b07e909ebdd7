// Everything in core/, by one name.

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
