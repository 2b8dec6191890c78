/**
 * `npm run page -- [--port N] [--host NAME] [--build]`: builds the page into dist/page and serves it on this machine, with
 * the headers that threads need. The files work from any folder of any static host.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { SetupError, main, setup } from "./setup.mjs";

await main(async () => {
  setup();
  const { values } = parseArgs({
    options: { port: { type: "string" }, host: { type: "string" }, build: { type: "boolean" } },
  });
  const port = Number(values.port ?? 4173);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SetupError(`page: --port is a number from 0 to 65535, not ${values.port}`);
  }
  const { build, preview } = await import("vite");
  const root = fileURLToPath(new URL("../site", import.meta.url));
  await build({ root, logLevel: "warn" });
  console.log("The page is in dist/page.");
  if (values.build === true) return;
  const server = await preview({
    root,
    preview: { port, host: values.host ?? "127.0.0.1", strictPort: values.port !== undefined },
  });
  server.printUrls();
});
