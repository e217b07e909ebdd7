// Icons are drawn from words ("movie", "tune"), which a screen reader would read out before the real name.
document.addEventListener("DOMContentLoaded", () => {
  for (const icon of document.querySelectorAll("a .material-symbols-outlined, button .material-symbols-outlined")) {
    const named = icon.closest("a, button");
    if (named.textContent.trim() !== icon.textContent.trim()) icon.setAttribute("aria-hidden", "true");
  }
});

// Unfold's button that opens the filters is a link without an address, which no keyboard reaches.
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

// A word of many characters (an address, an id) gets places to break: a column is then no wider than a part of it.
const LONG_WORD = /\S{20,}/; // characters; 20 are 140 px, which every column and every phone has room for
const PART = /^\s+|(?:[^\s@._/:-]{1,14}[@._/:-]*|[@._/:-]+)\s*/g;
document.addEventListener("DOMContentLoaded", () => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const { currentNode: text } = walker;
    if (LONG_WORD.test(text.data) && !text.parentElement.closest("script, style, template, textarea, option, pre, svg")) texts.push(text);
  }
  for (const text of texts) {
    const parts = text.data.match(PART).flatMap((part) => [document.createElement("wbr"), part]).slice(1);
    const whole = document.createElement("span"); // in a flex box each part would be a box of its own
    whole.append(...parts);
    text.replaceWith(whole);
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
