/** What works where, noted by the tests that show it: `scripts/support-table.mjs` makes the READMEs' table of it. */
import { appendFileSync } from "node:fs";

/** The rows of the table. */
export type SupportRow = "ops" | "errors" | "modules" | "optim" | "training" | "digits" | "vite";
/** Its columns: where the library runs. */
export type SupportColumn = "js" | "native" | "wasm" | "worker" | "page" | "page-worker";

/** Notes a cell: counts such as "120 / 120", or "yes". Does nothing outside of `npm test`. */
export function noteSupport(row: SupportRow, column: SupportColumn, cell: string): void {
  const file = process.env["TWOPASS_SUPPORT"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ row, column, cell })}\n`);
}
