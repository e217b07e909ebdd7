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
