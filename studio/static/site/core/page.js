// What the server says about this page (templates/site/page.html), and the addresses of pages.

const { base, language } = document.documentElement.dataset;

export const LANGUAGE = language;
export const API = `${base}/api/v1`;

/** The URL of a page of ours: the server may have a prefix. */
export const url = (path) => `${base}${path}`;

/** The path of a page without the prefix and a last slash. */
export const pathOf = (location) => location.pathname.slice(base.length).replace(/(.)\/$/, "$1") || "/";
