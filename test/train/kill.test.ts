/**
 * A process that trains and saves is killed at random moments: its folder always loads, and what goes on from it has the
 * curve of a training that nobody killed, to the bit. TWOPASS_KILLS is the number of kills, 200 unless set.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RandomStream } from "../../src/base/random-stream.ts";
import { CheckpointFolder } from "../../src/train/node/checkpoint-folder.ts";
import { Trainer } from "../../src/train/trainer/trainer.ts";
import { batchesInEpoch, endless, killed } from "./kill/setup.ts";

const kills = Number(process.env["TWOPASS_KILLS"] ?? 200);
/** Saves that a process may finish before it is killed, and batches that are compared after each kill. */
const mostSaves = 3;
const compared = 4;

let folder = "";
let program = "";
const children = new Set<ChildProcess>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twopass-kill-"));
  program = join(folder, "child.mjs");
  await build({
    input: fileURLToPath(new URL("kill/child.ts", import.meta.url)),
    platform: "node",
    logLevel: "silent",
    output: { file: program, format: "esm", codeSplitting: false },
  });
}, 60_000);

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** A warm process that waits to be told. */
async function started(dir: string): Promise<ChildProcess> {
  const child = fork(program, [dir], {
    execArgv: [],
    env: { ...process.env, TWOPASS_VERIFY: "0" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  children.add(child);
  let errors = "";
  child.stderr?.on("data", (text: Buffer) => {
    errors += text.toString();
  });
  const [first] = (await Promise.race([once(child, "message"), once(child, "exit")])) as [unknown];
  if (first !== "ready") throw new Error(`the process did not start: ${errors}`);
  return child;
}

/** Lets a process train, and kills it some saves and a random part of one later. Gives its milliseconds a save. */
async function killedAtRandom(child: ChildProcess, random: RandomStream, pace: number): Promise<number> {
  const exit = once(child, "exit");
  const start = performance.now();
  let saves = 0;
  const wanted = random.int(mostSaves + 1);
  await new Promise<void>((resolve) => {
    const count = (): void => {
      if (saves === wanted || child.exitCode !== null) resolve();
    };
    child.on("exit", resolve);
    child.on("message", () => {
      saves++;
      count();
    });
    child.send("go");
    count();
  });
  const measured = saves === 0 ? pace : (performance.now() - start) / saves;
  await new Promise((resolve) => setTimeout(resolve, (measured * random.int(1024)) / 1024));
  child.kill("SIGKILL");
  expect(await exit).toEqual([null, "SIGKILL"]);
  children.delete(child);
  return measured;
}

/** Losses of some batches behind a batch, counted over all epochs. */
interface Piece {
  readonly from: number;
  readonly losses: readonly number[];
}

/** Goes on from the newest checkpoint; undefined before the first one. */
async function goOn(dir: string, seed: number): Promise<Piece | undefined> {
  const store = new CheckpointFolder(dir);
  const state = await store.load();
  expect(store.skipped).toEqual([]);
  if (state === undefined) return undefined;
  const { options, loader, losses } = killed(seed);
  const stop = { onBatchEnd: () => void (losses.length >= compared && trainer.stop()) };
  const trainer = new Trainer({ ...options, callbacks: [...(options.callbacks ?? []), stop] });
  await trainer.restore(state);
  await trainer.fit(loader, { epochs: endless });
  return { from: state.progress.epoch * batchesInEpoch + state.progress.batch, losses };
}

/** The curve of a training that nobody interrupts. */
async function curve(length: number): Promise<readonly number[]> {
  const { options, loader, losses } = killed();
  const trainer = new Trainer(options);
  await trainer.fit(loader, { epochs: Math.ceil(length / batchesInEpoch) });
  return losses;
}

test(`${kills} kills`, { timeout: 900_000 }, async () => {
  const dir = join(folder, "run");
  const seed = Number(process.env["TWOPASS_KILL_SEED"] ?? Date.now());
  console.log(`the times of the kills: TWOPASS_KILL_SEED=${seed}`);
  const random = new RandomStream(seed, "kills");
  const pieces: Piece[] = [];
  let [unfinished, pace] = [0, 20];
  let next = started(dir);
  for (let kill = 0; kill < kills; kill++) {
    const child = await next;
    if (kill + 1 < kills) next = started(dir);
    pace = await killedAtRandom(child, random, pace);
    const names = await readdir(dir).catch((): string[] => []);
    if (names.some((name) => name.startsWith(`.twopass-${child.pid}-`))) unfinished++;
    const found = names.filter((name) => name.startsWith("checkpoint-")).length;
    expect(found).toBeLessThanOrEqual(3);
    const piece = await goOn(dir, kill);
    expect(piece === undefined).toBe(found === 0);
    expect(piece === undefined && pieces.length > 0).toBe(false);
    if (piece !== undefined) pieces.push(piece);
  }

  const last = Math.max(...pieces.map(({ from, losses }) => from + losses.length));
  const whole = await curve(last);
  for (const { from, losses } of pieces) expect(losses).toEqual(whole.slice(from, from + losses.length));
  expect(unfinished > 0 || kills < 50).toBe(true);
  const places = new Set(pieces.map(({ from }) => from)).size;
  console.log(
    `${kills} kills: ${pieces.length} checkpoints loaded and went on with the same curve, at ${places} different places ` +
      `up to batch ${last}; ${unfinished} kills were in the middle of a save`,
  );
  expect(pieces.length).toBeGreaterThan(kills / 2);
  expect(places).toBeGreaterThan(kills / 4);
});
