/**
 * States of a training in a folder: each in a folder of its own, which is there whole or not at all. Floor: train;
 * Node only.
 *
 * A state is written into a hidden folder, flushed, and then renamed, so a killed process leaves old checkpoints and
 * perhaps a hidden folder that the next save removes. Old checkpoints go only after the new one is on the disk, by being
 * renamed first: no half of one is ever seen. `checkpoint.json` holds size and SHA-256 of the other files.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { TwopassError, describe } from "../../base/errors.ts";
import { readFileBytes } from "../../io/node.ts";
import { load, save } from "../../io/state.ts";
import type { CheckpointStore } from "../trainer/checkpoint.ts";
import type { TrainerState } from "../trainer/trainer-state.ts";
import { codeOf, flushFolder, writeDurably } from "./durable.ts";

/** The weights, as a plain file that others can read, and all else. */
const modelFile = "model.safetensors";
const trainingFile = "training.safetensors";
const manifestFile = "checkpoint.json";
const formatName = "twopass.checkpoint";

interface Manifest {
  readonly format: typeof formatName;
  readonly version: 1;
  /** For people; the state itself says where it stands. */
  readonly epoch: number;
  readonly step: number;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

export interface CheckpointFolderOptions {
  /** Checkpoints that are kept, the newest ones; default 3. */
  readonly keep?: number;
}

/** A checkpoint that `load` passed over, and why. */
export interface SkippedCheckpoint {
  readonly name: string;
  readonly reason: string;
}

/**
 * A folder of checkpoints, for `fit` of `twopass/train`; the Trainer of `twopass/train/node` makes its own.
 *
 * @example
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * const store = new CheckpointFolder("checkpoints", { keep: 2 });
 * await trainer.fit(loader, { epochs: 1, checkpoint: { store } });
 * (await store.load())?.epochs.length; // 1
 */
export class CheckpointFolder implements CheckpointStore {
  readonly path: string;
  readonly keep: number;
  /** What the last `load` passed over. */
  skipped: readonly SkippedCheckpoint[] = [];

  constructor(path: string, options: CheckpointFolderOptions = {}) {
    const { keep = 3 } = options;
    if (typeof path !== "string" || path === "") {
      throw new TwopassError({ op: "checkpoint", problem: "dir must be a path", facts: `got ${describe(path)}` });
    }
    if (!(Number.isInteger(keep) && keep >= 1)) {
      throw new TwopassError({
        op: "checkpoint",
        problem: "keep must be a whole number from 1",
        facts: `got ${describe(keep)}`,
      });
    }
    this.path = path;
    this.keep = keep;
  }

  /**
   * Writes a state. When the promise is fulfilled it is on the disk, and all but the newest `keep` are gone.
   *
   * @throws TwopassError where the disk is full or writing is not allowed; the checkpoints that were there still are.
   */
  async save(state: TrainerState): Promise<void> {
    const { model, ...training } = state;
    const files = { [modelFile]: await save(model), [trainingFile]: await save(training) };
    const hidden = join(this.path, hiddenName("new"));
    try {
      await mkdir(this.path, { recursive: true });
      const numbers = await this.#numbers();
      await mkdir(hidden);
      for (const [name, bytes] of Object.entries(files)) await writeDurably(join(hidden, name), bytes);
      await writeDurably(join(hidden, manifestFile), new TextEncoder().encode(manifestOf(state, files)));
      await flushFolder(hidden);
      await rename(hidden, join(this.path, nameOf((numbers[0] ?? 0) + 1)));
      await flushFolder(this.path);
    } catch (cause) {
      await rm(hidden, { recursive: true, force: true }).catch(() => undefined);
      throw this.#error("cannot save the checkpoint", cause);
    }
    await this.#removeOld();
  }

  /**
   * The newest state that is complete and undamaged; undefined where the folder has none. What is newer and damaged is
   * listed in `skipped` and told on the console.
   *
   * @throws TwopassError where there are checkpoints and all are damaged.
   */
  async load(): Promise<TrainerState | undefined> {
    const skipped: SkippedCheckpoint[] = [];
    let found: TrainerState | undefined;
    for (const number of await this.#numbers()) {
      const name = nameOf(number);
      try {
        found = await readCheckpoint(join(this.path, name));
        break;
      } catch (error) {
        if (!(error instanceof TwopassError)) throw error;
        skipped.push({ name, reason: error.message });
      }
    }
    this.skipped = skipped;
    const list = skipped.map(({ name, reason }) => `${name} (${reason})`).join("; ");
    if (found === undefined && skipped.length > 0) {
      throw new TwopassError({
        op: "loadCheckpoint",
        problem: `no checkpoint in ${JSON.stringify(this.path)} is undamaged`,
        facts: list,
        hint: "give another folder, or begin anew without resume",
      });
    }
    if (skipped.length > 0) console.warn(`twopass: checkpoints passed over: ${list}`);
    return found;
  }

  /** The numbers of the checkpoints, the newest first. */
  async #numbers(): Promise<number[]> {
    let names: string[];
    try {
      names = await readdir(this.path);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw this.#error("cannot read the folder", error);
    }
    const numbers = names.flatMap((name) => {
      const digits = /^checkpoint-(\d+)$/.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    });
    return numbers.sort((a, b) => b - a);
  }

  /** Removes what is too old, and what killed processes left. A failure costs space only. */
  async #removeOld(): Promise<void> {
    try {
      for (const number of (await this.#numbers()).slice(this.keep)) {
        const hidden = join(this.path, hiddenName("old"));
        await rename(join(this.path, nameOf(number)), hidden);
        await rm(hidden, { recursive: true, force: true });
      }
      for (const name of await readdir(this.path)) {
        const owner = /^\.twopass-(\d+)-/.exec(name)?.[1];
        if (owner === undefined || (await isInUse(join(this.path, name), Number(owner)))) continue;
        await rm(join(this.path, name), { recursive: true, force: true });
      }
    } catch (error) {
      console.warn(
        `twopass: an old checkpoint could not be removed: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #error(problem: string, cause: unknown): TwopassError {
    if (cause instanceof TwopassError) return cause;
    const hints: Readonly<Record<string, string>> = {
      EACCES: "check the permissions of the folder",
      EDQUOT: "the disk quota is used up; the checkpoints that were there still are",
      EFBIG: "the file would be larger than allowed; the checkpoints that were there still are",
      ENOSPC: "the disk is full; the checkpoints that were there still are",
      ENOTDIR: "this is a file, or a part of the path is",
      EEXIST: "this is a file",
      EROFS: "the file system is read-only",
    };
    const facts = `${JSON.stringify(this.path)}, ${cause instanceof Error ? cause.message : String(cause)}`;
    return new TwopassError({
      op: "saveCheckpoint",
      problem,
      facts,
      hint: hints[codeOf(cause)] ?? "check the path",
      cause,
    });
  }
}

function nameOf(number: number): string {
  return `checkpoint-${String(number).padStart(8, "0")}`;
}

/** A name that no list of checkpoints shows; with the number of the process, so that another one's are left alone. */
function hiddenName(what: string): string {
  return `.twopass-${process.pid}-${what}-${randomBytes(6).toString("hex")}`;
}

/** Whether the process that made a folder or file may still write to it. */
export async function isInUse(path: string, pid: number): Promise<boolean> {
  if (pid !== process.pid) return isRunning(pid);
  // A container gives each of its programs the same number: what is older than this process is of another one.
  const { mtimeMs } = await stat(path);
  return mtimeMs >= Date.now() - process.uptime() * 1000;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

function manifestOf({ progress }: TrainerState, files: Readonly<Record<string, Uint8Array>>): string {
  const manifest: Manifest = {
    format: formatName,
    version: 1,
    epoch: progress.epoch,
    step: progress.step,
    files: Object.fromEntries(
      Object.entries(files).map(([name, bytes]) => [name, { bytes: bytes.length, sha256: hashOf(bytes) }]),
    ),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** @throws TwopassError where a file is missing, cut off or changed. */
async function readCheckpoint(path: string): Promise<TrainerState> {
  const { files } = readManifest(new TextDecoder().decode(await readFileBytes(join(path, manifestFile))));
  const read = async (name: string): Promise<Uint8Array> => {
    const bytes = await readFileBytes(join(path, name));
    const wanted = files[name];
    const problem =
      wanted === undefined
        ? "is not listed"
        : bytes.length !== wanted.bytes
          ? `has ${bytes.length} bytes instead of ${wanted.bytes}`
          : hashOf(bytes) === wanted.sha256
            ? undefined
            : "has another SHA-256";
    if (problem !== undefined) throw damaged(`${name} ${problem}`);
    return bytes;
  };
  const model = load(await read(modelFile));
  const training = load<Omit<TrainerState, "model">>(await read(trainingFile));
  return { ...training, model };
}

function readManifest(text: string): Manifest {
  let manifest: Partial<Manifest> | null;
  try {
    manifest = JSON.parse(text) as Partial<Manifest> | null;
  } catch {
    throw damaged(`${manifestFile} is no JSON`);
  }
  const { format, version, files } = manifest ?? {};
  if (format !== formatName || typeof files !== "object" || files === null)
    throw damaged(`${manifestFile} is no manifest`);
  if (version !== 1) throw damaged(`version ${describe(version)}, known is 1`);
  return manifest as Manifest;
}

function damaged(facts: string): TwopassError {
  return new TwopassError({ op: "loadCheckpoint", problem: "the checkpoint is damaged", facts });
}
