/** Starts the page. */
import "./style/page.css";
import { render } from "preact";
import { startAddress } from "./app/address.ts";
import { App } from "./app/app.tsx";
import { startIsolation } from "./app/isolation.ts";
import { startPreferences } from "./app/preferences.ts";
import { reportProblem } from "./view/problem.ts";

if (import.meta.env.PROD) startIsolation();
// What no part of the page expected is told all the same.
addEventListener("error", ({ error }) => {
  // Without an error it is a note of the browser, such as of a size that changed while it was measured.
  if (error !== null && error !== undefined) reportProblem(error);
});
addEventListener("unhandledrejection", ({ reason }) => reportProblem(reason));

startAddress();
startPreferences();
const root = document.getElementById("page");
if (root !== null) render(<App />, root);
