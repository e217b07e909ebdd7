// The first page: the server renders it. Here its button for the demo gets its work.

import { acting } from "../studio.js";
import { enterDemo } from "./sign-in.js";

export default async function landing({ main }) {
  if (!main.querySelector(".landing")) location.reload(); // the document was another page's
  main.querySelector("#try-demo")?.addEventListener("click", acting(() => enterDemo()));
}
