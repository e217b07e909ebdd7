// Icons are drawn from words ("movie", "tune"), which a screen reader would read out before the real name.
document.addEventListener("DOMContentLoaded", () => {
  for (const icon of document.querySelectorAll("a .material-symbols-outlined, button .material-symbols-outlined")) {
    const named = icon.closest("a, button");
    if (named.textContent.trim() !== icon.textContent.trim()) icon.setAttribute("aria-hidden", "true");
  }
});

// Unfold's button that opens the filters is a link without href, which no keyboard reaches.
document.addEventListener("DOMContentLoaded", () => {
  for (const link of document.querySelectorAll("a:not([href])")) {
    if (!link.hasAttribute("x-on:click")) continue;
    link.tabIndex = 0;
    link.setAttribute("role", "button");
    link.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      link.click();
    });
  }
});

// A long word (an e-mail address, an id) gets places to break, so that columns stay narrow.
// A date, which browsers break at its hyphens, stays whole.
const DATE = /(\b\d{4}-\d\d-\d\d\b)/;
const LONG_WORD = /\S{20,}/; // characters; 20 are 140 px, which every column and every phone has room for
const PART = /^\s+|(?:[^\s@._/:-]{1,14}[@._/:-]*|[@._/:-]+)\s*/g;
const UNTOUCHED = "script, style, template, textarea, option, pre, svg";

const spanOf = (...content) => {
  const span = document.createElement("span");
  span.append(...content);
  return span;
};
const breakable = (words) => (LONG_WORD.test(words) ? words.match(PART).flatMap((part) => [part, document.createElement("wbr")]) : [words]);
const whole = (date) => {
  const span = spanOf(date);
  span.className = "studio-date";
  return [span];
};

document.addEventListener("DOMContentLoaded", () => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    if (!(DATE.test(text.data) || LONG_WORD.test(text.data)) || text.parentElement.closest(UNTOUCHED)) continue;
    const pieces = text.data.split(DATE).flatMap((piece, index) => (index % 2 ? whole(piece) : breakable(piece)));
    text.replaceWith(spanOf(...pieces)); // one box: in a flex box each piece would be a box of its own
  }
});

// On a phone a table is a stack of cards (back_office.css), whose cells need their names.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table:has(> thead)")) {
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    for (const row of [...table.tBodies].flatMap((body) => [...body.rows])) {
      if (row.cells.length !== names.length) continue;
      [...row.cells].forEach((cell, index) => (cell.dataset.label ??= names[index]));
    }
  }
});
