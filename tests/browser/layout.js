// Measures the page as it stands: what is wider than the window, which texts are cut off, which links do not show.
(minimumContrast) => {
  const TOLERANCE = 1; // px; layouts round
  const troubles = [];
  const root = document.documentElement;
  const shown = (text) => text.trim().replace(/\s+/g, " ").slice(0, 60);
  const nameOf = (element) =>
    [element.tagName.toLowerCase(), element.id && `#${element.id}`, ...[...element.classList].slice(0, 3).map((name) => `.${name}`)].join("");

  const isVisible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const isIcon = (element) => element.closest(".material-symbols-outlined") !== null;
  // for screen readers: a box of one pixel
  const isForEars = (element) => {
    for (let box = element; box; box = box.parentElement) {
      const { width, height } = box.getBoundingClientRect();
      if (width <= 1 && height <= 1 && getComputedStyle(box).position === "absolute") return true;
    }
    return false;
  };

  // The element that lays this one out, so that boxes between them, which do not clip it, are passed over.
  const containerOf = (element) => {
    const { position } = getComputedStyle(element);
    let parent = element.parentElement;
    if (position !== "absolute" && position !== "fixed") return parent;
    while (parent && parent !== root) {
      const style = getComputedStyle(parent);
      if (style.transform !== "none" || (position === "absolute" && style.position !== "static")) return parent;
      parent = parent.parentElement;
    }
    return null;
  };

  const AXES = [
    { overflow: "overflowX", start: "left", end: "right", border: "clientLeft", size: "clientWidth", scroll: "scrollWidth" },
    { overflow: "overflowY", start: "top", end: "bottom", border: "clientTop", size: "clientHeight", scroll: "scrollHeight" },
  ];

  // Where a box cuts the text off, or null. In a box that scrolls the text can be reached; the box itself must be seen.
  const cutBy = (element, rectangle, axis) => {
    let { [axis.start]: start, [axis.end]: end } = rectangle;
    // a line's box is higher than its letters where the lines are close together
    const slack = axis.overflow === "overflowY" ? TOLERANCE + (end - start) * 0.2 : TOLERANCE;
    for (let box = element; box && box !== root && box !== document.body; box = containerOf(box)) {
      const overflow = getComputedStyle(box)[axis.overflow];
      if (overflow === "visible" || getComputedStyle(box).display === "inline") continue;
      const from = box.getBoundingClientRect()[axis.start] + box[axis.border];
      const to = from + box[axis.size];
      const outside = start < from - slack || end > to + slack;
      // simplebar hides what overflows until it has measured it; downwards it scrolls in the end
      const scrolls = box.matches(".simplebar-content-wrapper, .simplebar-mask, .simplebar-wrapper") && axis.overflow === "overflowY";
      if ((overflow === "hidden" || overflow === "clip") && !scrolls) {
        if (outside) return box;
      } else {
        // sideways, only code may be scrolled: users do not find the end of a table that is out of sight
        if (outside && axis.overflow === "overflowX" && !box.matches("pre, code, textarea")) return box;
        [start, end] = [Math.max(start, from), Math.min(end, to)];
      }
    }
    if (axis.overflow === "overflowX" && (start < -slack || end > innerWidth + slack)) return root;
    return null;
  };

  const measureText = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const element = node.parentElement;
      if (!node.data.trim() || element.closest("script, style, noscript, template, option, textarea, svg")) continue;
      if (!isVisible(element) || isIcon(element) || isForEars(element)) continue;
      range.selectNodeContents(node);
      const cut = [...range.getClientRects()]
        .filter((rectangle) => rectangle.width > 0 && rectangle.height > 0)
        .flatMap((rectangle) => AXES.map((axis) => cutBy(element, rectangle, axis)))
        .find(Boolean);
      if (cut) troubles.push(`cut off by ${nameOf(cut)}: ${shown(node.data)}`);
    }
  };

  // The labels that a style sheet writes before a value, and texts that end in an ellipsis, have no range to measure.
  const measureBoxes = () => {
    for (const element of document.body.querySelectorAll("*")) {
      const style = getComputedStyle(element);
      const label = getComputedStyle(element, "::before").content;
      const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      if (!(hasText || label.startsWith('"')) || !isVisible(element) || isIcon(element) || isForEars(element)) continue;
      if (element.matches("input, select, textarea, option, script, style")) continue;
      for (const axis of AXES) {
        if (!["hidden", "clip"].includes(style[axis.overflow])) continue;
        if (element[axis.scroll] > element[axis.size] + TOLERANCE) troubles.push(`cut off in ${nameOf(element)}: ${shown(element.textContent)}`);
      }
    }
  };

  const context = document.createElement("canvas").getContext("2d");
  const measureFields = () => {
    for (const field of document.querySelectorAll("select:not([multiple]), input[placeholder]")) {
      const text = field.tagName === "SELECT" ? field.selectedOptions[0]?.text : field.value ? "" : field.placeholder;
      if (!text || !isVisible(field)) continue;
      const style = getComputedStyle(field);
      context.font = style.font;
      const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      if (context.measureText(text).width > room + TOLERANCE) troubles.push(`cut off in ${nameOf(field)}: ${shown(text)}`);
    }
  };

  // -- links
  const rgba = (colour) => {
    context.canvas.width = context.canvas.height = 1; // empties it
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((part, index) => part * a + below[index] * (1 - a));
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    const colour = rgba(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour.slice(0, 3) : over(colour, behind(element.parentElement));
  };
  const luminance = (parts) =>
    parts
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
      .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  // WCAG 2, formulas of "contrast ratio" and "relative luminance".
  const measureLinks = (theme) => {
    for (const link of document.querySelectorAll("#content a[href]")) {
      const letters = [...link.querySelectorAll("*"), link].find((element) =>
        [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()) && !isIcon(element));
      if (!letters || !isVisible(letters) || link.closest("thead, nav, [role=tablist]")) continue;
      const style = getComputedStyle(letters);
      const isButton = [link, link.parentElement].some((box) => parseFloat(getComputedStyle(box).borderTopWidth) > 0 && getComputedStyle(box).borderTopStyle !== "none" && !box.matches("td, th, tr"));
      const isFilled = rgba(getComputedStyle(link).backgroundColor)[3] > 0;
      const isUnderlined = getComputedStyle(link).textDecorationLine.includes("underline");
      if (!isButton && !isFilled && !isUnderlined) troubles.push(`${theme}: does not look like a link: ${shown(link.textContent)}`);
      const background = behind(letters);
      const ratio = contrast(over(rgba(style.color), background), background);
      if (ratio < minimumContrast) troubles.push(`${theme}: contrast ${ratio.toFixed(2)}: ${shown(link.textContent)}`);
    }
  };

  for (const details of document.querySelectorAll("details")) details.open = true;
  if (root.scrollWidth > innerWidth) troubles.push(`the page is ${root.scrollWidth} px wide`);
  measureText();
  measureBoxes();
  measureFields();
  if (minimumContrast) {
    const theme = root.classList.contains("dark");
    for (const dark of [theme, !theme]) {
      root.classList.toggle("dark", dark);
      measureLinks(dark ? "dark" : "light");
    }
    root.classList.toggle("dark", theme);
  }
  return [...new Set(troubles)];
}
