/** Processes that end while threads of the native runtime are alive. */
import { join } from "node:path";
import { bundle, runNode } from "./support.ts";

/** How `programs/leave.ts` ends. */
const ways = 4;

/** What was wrong in each of so many runs that were not right, two at a time. */
export async function runsThatFailed(runs: number, folder: string): Promise<string[]> {
  const program = await bundle("leave", folder);
  const failed: string[] = [];
  let next = 0;
  const runMany = async (): Promise<void> => {
    while (next < runs) {
      const run = next++;
      const environment = { TWOPASS_CACHE: join(folder, "cache") };
      const { code, signal, output, errors } = await runNode(program, [String(run % ways)], environment).ended;
      const isRight = code === 0 && output === "left\n" && errors === "";
      if (!isRight) failed.push(`run ${run}: code ${code}, signal ${signal}: ${output} ${errors}`);
    }
  };
  await Promise.all([runMany(), runMany()]);
  return failed;
}
