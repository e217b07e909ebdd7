// Rows of jobs that follow their jobs. A row is drawn again only when it has more to say than progress.

import { fill, follow, isFinished, swap } from "../studio.js";

/**
 * Keep rows of jobs in `list`; `place` shows `whole`, or `empty()` without rows. `row(job, before)` makes a row, perhaps in
 * place of one; `matches(job)`: it belongs here; `reset()` reads all again; `drawn()` follows each change, `ended(job)`
 * each end. `changed` is for `onJob`.
 */
export function jobRows({ place, list, whole = list, row, matches, empty, reset, drawn = () => {}, ended = () => {} }) {
  const rows = new Map(); // job id → its row, with the job
  const deleted = new Set(); // older responses may still have them

  function drop(id) {
    if (rows.has(id)) swap(rows.get(id));
    rows.delete(id);
  }

  function put(item) {
    const before = rows.get(item.id);
    if (before?.job.updatedAt > item.updatedAt || JSON.stringify(before?.job) === JSON.stringify(item)) return before;
    const isSame = ["status", "retriedBy"].every((key) => before?.job[key] === item[key]);
    const progress = isSame && before.querySelector(".progress");
    const node = progress ? before : row(item, before);
    if (progress) progress.update(item);
    else if (before) swap(before, node);
    node.job = item;
    rows.set(item.id, node);
    if (before && !isSame && isFinished(item)) ended(item);
    return node;
  }

  function draw() {
    const content = rows.size ? whole : empty();
    if (place.firstElementChild !== content) fill(place, content); // else the focus would be lost
    drawn();
  }

  /** Show these jobs below the others, or in their place. */
  function show(items, isAnew) {
    const shown = items.filter(({ id }) => !deleted.has(id));
    if (isAnew) for (const id of rows.keys()) if (!shown.some((item) => item.id === id)) drop(id);
    let at = isAnew ? list.firstElementChild : null;
    for (const item of shown) {
      const node = put(item);
      if (node.parentNode !== list) list.insertBefore(node, at);
      at = node.nextElementSibling;
    }
    follow(shown);
    draw();
  }

  function changed({ kind, job: item }) {
    if (kind === "reset") return reset();
    const isKnown = rows.has(item.id);
    if (kind === "deleted") deleted.add(item.id);
    if (deleted.has(item.id) || !matches(item)) drop(item.id);
    else if (isKnown) put(item);
    else if (kind === "created") list.prepend(put(item));
    drawn();
    if (isKnown && !rows.size) return reset(); // the next ones
    return draw();
  }

  return { rows, show, changed };
}
