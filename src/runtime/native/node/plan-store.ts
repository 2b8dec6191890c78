/**
 * Plans that an earlier process made, by the text of their programs: planning takes longer than anything else in a first
 * step. They lie in the folder of the compiled kernels, with the names of the kernels, so that no code is generated
 * either. A plan is found by the same version of this library alone. Floor: runtime; Node only.
 */
import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import v8 from "node:v8";
import type { PlanStore, StoredPlan } from "../../cpu/machine.ts";
import type { CompileCache } from "./compile-cache.ts";
import { ownFile } from "./own-file.ts";

/** Smaller plans are made sooner than read; large ones are loops of many rounds, of which the body alone is planned. */
const [leastSteps, mostSteps] = [8, 2000];

export class NativePlanStore implements PlanStore {
  readonly #cache: CompileCache;
  readonly #stamp: string;

  /** @param features what plans and code depend on beside the library's version. */
  constructor(cache: CompileCache, features: string) {
    this.#cache = cache;
    this.#stamp = JSON.stringify([features, process.version, ownCode()]);
  }

  find(text: string): StoredPlan | undefined {
    const found = this.#cache.find(this.#keyOf(text), ".plan");
    // The content is sealed: it is what this library wrote.
    return found === undefined ? undefined : (v8.deserialize(found.content) as StoredPlan);
  }

  keep(text: string, stored: StoredPlan): void {
    const { length } = stored.plan.steps;
    if (length < leastSteps || length > mostSteps) return;
    try {
      this.#cache.store(this.#keyOf(text), ".plan", v8.serialize(stored));
    } catch {
      // A full disk costs time at the next start, and nothing now.
    }
  }

  #keyOf(text: string): string {
    return createHash("sha256").update(this.#stamp).update("\n").update(text).digest("hex");
  }
}

/** Which version of the compiler this is: sizes and times of its files, or of the one file of a bundle. */
function ownCode(): string {
  const root = join(dirname(ownFile), "../../..");
  const floors = ["base", "ir", "ops", "transform", "schedule", "codegen", "runtime"];
  try {
    return floors.flatMap((floor) => stampsIn(join(root, floor))).join();
  } catch {
    return stampOf(ownFile);
  }
}

function stampsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || /\.[jt]s$/.test(entry.name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? stampsIn(path) : [`${entry.name} ${stampOf(path)}`];
    });
}

function stampOf(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${size} ${mtimeMs}`;
}
