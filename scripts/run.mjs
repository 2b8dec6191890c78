/** `node scripts/run.mjs FILE.ts [arguments]`: sets up what is missing, then runs a TypeScript file of this repository. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { main, root, SetupError, setup } from "./setup.mjs";

await main(() => {
  const [file, ...args] = process.argv.slice(2);
  if (!file || !existsSync(root + file)) throw new SetupError(`run: there is no file ${file ?? "(none was named)"}`);
  setup();
  const forThreads = new URL("read-typescript.mjs", import.meta.url).href;
  const { status } = spawnSync(process.execPath, ["--import", "tsx", "--import", forThreads, root + file, ...args], {
    cwd: root,
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
});
