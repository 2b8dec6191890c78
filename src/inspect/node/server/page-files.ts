/** The built page: where it is, and its first file as this server sends it. Floor: inspect; Node only. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { TwopassError } from "../../../base/errors.ts";

const index = "index.html";

/** The folder of the page: the one of this package where none is given. @throws where there is no page in it. */
export function pageFolder(op: string, given: string | undefined): string {
  // Sources and what is built of them are at the same depth. Bundlers would take `new URL(...)` for a file to bring along.
  const own = (): string => join(dirname(fileURLToPath(import.meta.url)), "../../../../dist/page");
  const folder = given === undefined ? own() : resolve(given);
  if (existsSync(join(folder, index))) return folder;
  throw new TwopassError({
    op,
    problem: "the page is not there",
    facts: `no ${index} in ${JSON.stringify(folder)}`,
    hint: given === undefined ? "in a clone of twopass: npm run build" : "give the folder of the built page",
  });
}

/** The first file, which tells the page that there is a server to ask. It is read each time: it may be built again. */
export async function indexPage(folder: string): Promise<string> {
  const text = await readFile(join(folder, index), "utf8");
  return text.replace(/<head>/i, (head) => `${head}<meta name="twopass-runs" content="api">`);
}
