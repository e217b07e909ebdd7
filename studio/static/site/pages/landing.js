// The first page's button for the demo.

import { acting } from "../studio.js";
import { enterDemo } from "./sign-in.js";

export default async function landing({ main }) {
  if (!main.querySelector(".landing")) location.reload(); // the document was another page's
  main.querySelector("#try-demo")?.addEventListener("click", acting(enterDemo));
}
