/** How many threads the WebAssembly device uses, and why not more. Floor: runtime. */
import { environment } from "../../base/environment.ts";
import { notice } from "../../base/notice.ts";
import { coreCount, whyNotShared } from "../../base/thread.ts";
import { mostHelpers } from "../../codegen/wasm/pool-fields.ts";
import { readThreads } from "../cpu/threads-setting.ts";

export interface ThreadOptions {
  /** Threads to use at most. Default TWOPASS_THREADS of the environment, else as many as there are cores, at most 8. */
  readonly threads?: number;
  /** Threads may be more than there are cores: for tests. Default false. */
  readonly oversubscribe?: boolean;
}

export interface ThreadChoice {
  readonly threads: number;
  /** Why there are not more, for people; undefined where every core has one. */
  readonly reason: string | undefined;
}

const mostThreads = mostHelpers + 1;

export function chooseThreads({ threads: option, oversubscribe = false }: ThreadOptions): ThreadChoice {
  const cores = coreCount();
  const limit = oversubscribe ? mostThreads : Math.min(cores, mostThreads);
  const setting = readThreads(environment("TWOPASS_THREADS"));
  const note = option === undefined ? setting.note : undefined;
  if (note !== undefined) notice(note);
  const asked = option ?? setting.threads;
  if (asked !== undefined && asked <= 1) return { threads: 1, reason: "one was asked for" };
  const obstacle = whyNotShared();
  if (obstacle !== undefined) return { threads: 1, reason: obstacle };
  const ofCores = cores === 1 ? "there is one core" : `there are ${cores} cores`;
  const ofLimit = limit < cores ? `more than ${limit} are not used` : ofCores;
  if (asked === undefined) {
    return { threads: limit, reason: note ?? (limit === cores && cores > 1 ? undefined : ofLimit) };
  }
  if (asked > limit) return { threads: limit, reason: `${asked} were asked for, ${ofLimit}` };
  return { threads: asked, reason: asked === cores ? undefined : `of ${cores} cores: as many were asked for` };
}
