/** A server of runs: what it tells while they grow, and what it does not tell. */
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type RunList, parseRun, readTrace, watch } from "../../src/inspect/index.ts";
import { RunFolder, type RunServer, type ServeRunsOptions, readRun, serveRuns } from "../../src/inspect/node/index.ts";
import { findRuns, usualLimits } from "../../src/inspect/node/server/find-runs.ts";
import { openInside, statsOf } from "../../src/inspect/node/server/inside.ts";
import { RunCatalog } from "../../src/inspect/node/server/run-catalog.ts";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { Trainer } from "../../src/train/index.ts";
import { training } from "../train/support.ts";
import { type Answer, Follower, ask, listsOf, pathOf } from "./runs-client.ts";

// They do what they do, and a test can delay one or make it fail.
vi.mock("../../src/inspect/node/server/inside.ts", { spy: true });

/** A run of two epochs with a record at each step and traces of steps 1, 5 and 10, to copy. */
const made = mkdtempSync(join(tmpdir(), "twopass-made-"));
let base = "";
let runs = "";
const servers: RunServer[] = [];

beforeAll(async () => {
  const { trainer, loader } = watched(join(made, "run"));
  await trainer.fit(loader, { epochs: 2 });
  mkdirSync(join(made, "page/assets"), { recursive: true });
  writeFileSync(join(made, "page/index.html"), "<!doctype html><html><head><title>p</title></head></html>");
  writeFileSync(join(made, "page/assets/main.js"), "go();");
});
afterAll(() => rmSync(made, { recursive: true }));
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "twopass-served-"));
  runs = join(base, "runs");
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(base, { recursive: true });
});

function watched(path: string, every = 1) {
  const parts = training({ plain: true });
  watch(parts.trainer, { sink: new RunFolder(path), every, traceEvery: 5 });
  return parts;
}

async function serve(options: ServeRunsOptions = {}): Promise<RunServer> {
  const server = await serveRuns(runs, { port: 0, page: join(made, "page"), ...options });
  servers.push(server);
  return server;
}

/** Copies the run that was made. */
function put(path: string): string {
  cpSync(join(made, "run"), join(runs, path), { recursive: true });
  return join(runs, path);
}

const listed = async ({ url }: RunServer): Promise<RunList> =>
  JSON.parse((await ask(url, pathOf(url, "api/runs"))).text) as RunList;

const question = (
  { url }: RunServer,
  name: string,
  query: Readonly<Record<string, string | number>>,
): Promise<Answer> => ask(url, pathOf(url, `api/${name}`, query));

const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("the runs of a folder, and their files", async () => {
  put("a");
  put("deep/er/b");
  rmSync(join(put("."), "traces"), { recursive: true });
  put("a/node_modules/hidden");
  put("a/.hidden");
  const server = await serve();
  const { folder, runs: list, unreadable } = await listed(server);
  expect([folder, unreadable]).toEqual([runs, []]);
  expect(list.map(({ path }) => path).sort()).toEqual([".", "a", "deep/er/b"]);
  const a = list.find(({ path }) => path === "a");
  const { info } = await readRun(join(runs, "a"));
  expect(a).toMatchObject({ info, isRunning: false, traces: [1, 5, 10] });
  expect(list.find(({ path }) => path === ".")?.traces).toEqual([]);
  const names = ["run.json", "records.jsonl", "scalars.csv"];
  expect(Object.keys(a?.files ?? {})).toEqual(names);
  for (const name of names) {
    const text = readFileSync(join(runs, "a", name), "utf8");
    expect(a?.files[name]?.bytes).toBe(Buffer.byteLength(text));
    const answer = await question(server, "file", { run: "a", name });
    expect([answer.status, answer.text]).toEqual([200, text]);
    expect(answer.headers["x-revision"]).toBe(a?.files[name]?.revision);
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
  }
  expect(a?.changed).toBeGreaterThanOrEqual(Math.round(statSync(join(runs, "a/scalars.csv")).mtimeMs));
  const { text } = await question(server, "trace", { run: "deep/er/b", step: 5 });
  expect(readTrace(text).step).toBe(5);
  const there = [".hidden", "node_modules", ...readdirSync(join(made, "run"))];
  expect(readdirSync(join(runs, "a")).sort()).toEqual(there.sort());
});

test("a file from a byte on, and beyond its end", async () => {
  const text = readFileSync(join(put("a"), "records.jsonl"), "utf8");
  const server = await serve();
  const part = (from: string | number): Promise<Answer> =>
    question(server, "file", { run: "a", name: "records.jsonl", from });
  const size = Buffer.byteLength(text);
  for (const from of [0, 1, 100, size - 1, size]) {
    const { status, text: found } = await part(from);
    expect([status, found]).toEqual([200, text.slice(from)]);
  }
  const beyond = await part(size + 1);
  expect([beyond.status, JSON.parse(beyond.text)]).toEqual([416, { error: `the file has ${size} bytes` }]);
  for (const from of ["-1", "1e3", "", "1.5", "0x10", "9".repeat(20)]) {
    const { status, text: found } = await part(from);
    expect([status, JSON.parse(found)]).toEqual([400, { error: "from must be a whole number from 0" }]);
  }
});

test("a run that grows is told, and followed piece by piece", { timeout: 60_000 }, async () => {
  const server = await serve();
  const records = new Follower(server.url, "new/run", "records.jsonl");
  const scalars = new Follower(server.url, "new/run", "scalars.csv");
  const { trainer, loader } = watched(join(runs, "new/run"));
  // A step of the size that people watch.
  trainer.add({ onBatchEnd: () => wait(15) });
  let fitted: Promise<unknown> | undefined;
  let isEmptyFirst: boolean | undefined;
  let isOver = false;
  const sizes: number[] = [];
  const running: boolean[] = [];
  for await (const list of listsOf(server.url)) {
    // The folder is not there yet.
    isEmptyFirst ??= list.runs.length === 0;
    fitted ??= trainer.fit(loader, { epochs: 20 }).then(() => (isOver = true));
    const [run, ...others] = list.runs;
    expect([others, list.unreadable]).toEqual([[], []]);
    if (run === undefined) continue;
    await records.follow(list);
    await scalars.follow(list);
    sizes.push(records.text.length);
    running.push(run.isRunning);
    if (isOver && !run.isRunning) break;
  }
  await fitted;
  expect(isEmptyFirst).toBe(true);
  expect(sizes.length).toBeGreaterThan(3);
  expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
  expect([running[0], running.at(-1)]).toEqual([true, false]);
  const info = readFileSync(join(runs, "new/run/run.json"), "utf8");
  const run = parseRun({ "run.json": info, "records.jsonl": records.text, "scalars.csv": scalars.text });
  expect(run.records.length).toBe(140);
  const { traces, ...whole } = await readRun(join(runs, "new/run"));
  expect({ ...run, traces }).toEqual({ ...whole, traces });
});

test("of a run that is resumed or begun anew nothing old is kept", { timeout: 60_000 }, async () => {
  const folder = join(runs, "a");
  const first = watched(folder);
  await first.trainer.fit(first.loader, { epochs: 1 });
  const state = await first.trainer.state();
  await first.trainer.fit(first.loader, { epochs: 2 });
  const server = await serve();
  const files = ["records.jsonl", "scalars.csv"].map((name) => new Follower(server.url, "a", name));
  const follow = async (): Promise<void> => {
    const list = await listed(server);
    for (const file of files) await file.follow(list);
  };
  const expectSame = async (): Promise<void> => {
    await follow();
    const texts = ["records.jsonl", "scalars.csv"].map((name) => readFileSync(join(folder, name), "utf8"));
    expect(files.map(({ text }) => text)).toEqual(texts);
  };
  await expectSame();
  expect(files.map(({ restarts }) => restarts)).toEqual([0, 0]);

  // Longer than before when it is seen again.
  const second = watched(folder);
  await second.trainer.restore(state);
  await second.trainer.fit(second.loader, { epochs: 4 });
  await expectSame();
  expect(files.map(({ restarts }) => restarts)).toEqual([1, 1]);

  // It goes on behind a piece of a line, which is cut off in its place.
  const end = await second.trainer.state();
  for (const name of ["records.jsonl", "scalars.csv"]) appendFileSync(join(folder, name), '29,"');
  await expectSame();
  const next = watched(folder);
  await next.trainer.restore(end);
  await next.trainer.fit(next.loader, { epochs: 5 });
  await expectSame();
  expect(files.map(({ restarts }) => restarts)).toEqual([2, 2]);

  const third = training({ plain: true, seed: 5 });
  watch(third.trainer, { sink: new RunFolder(folder), every: 1 });
  await third.trainer.fit(third.loader, { epochs: 5 });
  await expectSame();
  expect((await listed(server)).runs[0]?.traces).toEqual([]);

  // Cut by somebody else.
  const [records = new Follower("", "", "")] = files;
  const { restarts } = records;
  truncateSync(join(folder, "records.jsonl"), 500);
  await expectSame();
  expect(records.restarts).toBe(restarts + 1);
  appendFileSync(join(folder, "records.jsonl"), "\n");
  await expectSame();
  expect(records.restarts).toBe(restarts + 1);
  // Replaced by one of the same size.
  const other = records.text.replaceAll("1", "2");
  writeFileSync(join(folder, "other"), other);
  renameSync(join(folder, "other"), join(folder, "records.jsonl"));
  await expectSame();
  expect(records.text).toBe(other);
});

test("whether somebody writes to a run", async () => {
  const folder = put("a");
  const server = await serve();
  const lock = join(folder, "lock");
  const isRunning = async (): Promise<boolean | undefined> => (await listed(server)).runs[0]?.isRunning;
  const parent = `process ${process.ppid} on ${hostname()}`;
  for (const [text, expected] of [
    [parent, true],
    [`process 999999999 on ${hostname()}`, false],
    [`process 999999999 on ${hostname()}-other`, true],
    ["", false],
    ["what?", false],
  ] as const) {
    writeFileSync(lock, text);
    expect([text, await isRunning()]).toEqual([text, expected]);
  }
  rmSync(lock);
  expect(await isRunning()).toBe(false);
  mkdirSync(lock);
  expect(await isRunning()).toBe(false);
  rmSync(lock, { recursive: true });
  writeFileSync(join(base, "lock"), parent);
  symlinkSync(join(base, "lock"), lock);
  expect(await isRunning()).toBe(false);
});

test("runs that cannot be read", async () => {
  for (const path of ["good", "cut", "version", "damaged"]) put(path);
  const infoOf = (path: string): string => join(runs, path, "run.json");
  const text = readFileSync(infoOf("good"), "utf8");
  writeFileSync(infoOf("cut"), text.slice(0, 300));
  writeFileSync(infoOf("version"), text.replace('"version":1', '"version":9'));
  writeFileSync(infoOf("damaged"), text.replace('"seed":', '"sead":'));
  for (const path of ["other", "empty"]) mkdirSync(join(runs, path));
  // What other programs call so, such as checkpoints of `twopass train`.
  writeFileSync(infoOf("other"), '{"out":"a","spec":{}}');
  writeFileSync(infoOf("empty"), "");
  const server = await serve();
  const { runs: list, unreadable } = await listed(server);
  expect(list.map(({ path }) => path)).toEqual(["good"]);
  const problems = new Map(unreadable.map(({ path, problem }) => [path, problem]));
  expect([...problems.keys()].sort()).toEqual(["cut", "damaged", "empty", "version"]);
  expect(problems.get("version")).toContain("the run is of another version: version 9");
  expect(problems.get("cut")).toContain("run.json is no JSON");
  expect(problems.get("damaged")).toContain("settings.seed");
  const { status } = await question(server, "file", { run: "cut", name: "run.json" });
  expect(status).toBe(404);
  // It is mended, and one goes.
  writeFileSync(infoOf("cut"), text);
  rmSync(join(runs, "good"), { recursive: true });
  expect((await listed(server)).runs.map(({ path }) => path)).toEqual(["cut"]);
  expect((await question(server, "file", { run: "good", name: "run.json" })).status).toBe(404);
});

test("a description that could not be read is read again, and one that was is not", async () => {
  put("a");
  const catalog = new RunCatalog(runs);
  const reads = vi.mocked(openInside).mockClear();
  reads.mockRejectedValueOnce(new Error("EMFILE: too many open files"));
  const failed = await catalog.list();
  expect([failed.runs, failed.unreadable]).toEqual([[], [{ path: "a", problem: "EMFILE: too many open files" }]]);
  for (let i = 0; i < 2; i++) {
    const { runs: list, unreadable } = await catalog.list();
    expect([list.map(({ path }) => path), unreadable]).toEqual([["a"], []]);
  }
  expect(reads).toHaveBeenCalledTimes(2);
  // Damage stays as it is until the file is another one.
  writeFileSync(join(runs, "a/run.json"), "{");
  for (let i = 0; i < 2; i++) expect((await catalog.list()).unreadable[0]?.problem).toContain("run.json is no JSON");
  expect(reads).toHaveBeenCalledTimes(3);
});

test("looks that overlap take no growing file for one that was cut", async () => {
  const records = join(put("a"), "records.jsonl");
  const catalog = new RunCatalog(runs);
  const look = async () => (await catalog.list()).runs[0]?.files["records.jsonl"];
  const first = await look();
  const { bytes, revision } = first ?? { bytes: 0, revision: "" };
  expect(bytes).toBeGreaterThan(0);
  const { statsOf: really } = await vi.importActual<{ statsOf: typeof statsOf }>(
    "../../src/inspect/node/server/inside.ts",
  );
  /** A look whose stat of the records waits for `before`, and is handed over behind `after`. */
  const delayed = async (before: Promise<unknown> | undefined, after: Promise<unknown> | undefined) => {
    let stated = (): void => undefined;
    const hasStat = new Promise<void>((resolve) => (stated = resolve));
    let begin = (): void => undefined;
    const hasBegun = new Promise<void>((resolve) => (begin = resolve));
    vi.mocked(statsOf).mockImplementation(async (path) => {
      if (path !== records) return really(path);
      vi.mocked(statsOf).mockImplementation(really);
      begin();
      await before;
      const stats = await really(path);
      stated();
      await after;
      return stats;
    });
    const result = look();
    await hasBegun;
    return { result, hasStat };
  };
  const gate = () => {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    return { open, opened };
  };

  // The older one is handed over last.
  const last = gate();
  const old = await delayed(undefined, last.opened);
  await old.hasStat;
  appendFileSync(records, "{}\n");
  expect(await look()).toEqual({ bytes: bytes + 3, revision });
  last.open();
  expect(await old.result).toEqual({ bytes: bytes + 3, revision });

  // The one that began later has the older stat, and is handed over last.
  const [stat, handed] = [gate(), gate()];
  const earlier = await delayed(stat.opened, undefined);
  const later = await delayed(undefined, handed.opened);
  await later.hasStat;
  appendFileSync(records, "{}\n");
  stat.open();
  expect(await earlier.result).toEqual({ bytes: bytes + 6, revision });
  handed.open();
  expect(await later.result).toEqual({ bytes: bytes + 6, revision });
  expect(await look()).toEqual({ bytes: bytes + 6, revision });

  truncateSync(records, bytes);
  const cut = await look();
  expect(cut?.bytes).toBe(bytes);
  expect(cut?.revision).not.toBe(revision);
});

test("an answer of a file that was replaced meanwhile has no revision that a list tells", async () => {
  const records = join(put("a"), "records.jsonl");
  const catalog = new RunCatalog(runs);
  await catalog.list();
  const info = join(runs, "a/run.json");
  const { statsOf: really } = await vi.importActual<{ statsOf: typeof statsOf }>(
    "../../src/inspect/node/server/inside.ts",
  );
  const told: string[] = [];
  vi.mocked(statsOf).mockImplementation(async (path) => {
    if (path !== info) return really(path);
    // The file is open by now.
    vi.mocked(statsOf).mockImplementation(really);
    const stats = await really(path);
    cpSync(records, `${records}.new`);
    renameSync(`${records}.new`, records);
    told.push((await catalog.list()).runs[0]?.files["records.jsonl"]?.revision ?? "");
    return stats;
  });
  const old = await catalog.open("a", "records.jsonl");
  await old?.file.close();
  told.push((await catalog.list()).runs[0]?.files["records.jsonl"]?.revision ?? "");
  expect(told[0]).toBe(told[1]);
  expect(told).not.toContain(old?.revision);
  const next = await catalog.open("a", "records.jsonl");
  await next?.file.close();
  expect(next?.revision).toBe(told[0]);
});

test("of a run that is gone nothing is kept", async () => {
  const records = join(put("a"), "records.jsonl");
  const catalog = new RunCatalog(runs);
  const look = async () => (await catalog.list(true)).runs[0]?.files["records.jsonl"]?.revision;
  const whole = await look();
  truncateSync(records, 10);
  const cut = await look();
  expect(cut).not.toBe(whole);
  renameSync(join(runs, "a"), join(base, "elsewhere"));
  expect(await look()).toBeUndefined();
  renameSync(join(base, "elsewhere"), join(runs, "a"));
  // Whoever read it before the cut must not go on with that.
  expect([whole, cut]).not.toContain(await look());
});

test("of too large a folder a part is shown, and that is said", async () => {
  for (const path of ["a", "b", "c"]) put(path);
  const all = { levels: 8, folders: 100, runs: 10 };
  const look = (limits: typeof all): Promise<RunList> => new RunCatalog(runs, limits).list();
  const [whole, few, flat, narrow] = [
    await look(all),
    await look({ ...all, runs: 2 }),
    await look({ ...all, levels: 0 }),
    await look({ ...all, folders: 3 }),
  ];
  expect([whole, few, flat, narrow].map((list) => list.runs.length)).toEqual([3, 2, 0, 2]);
  expect([whole, few, flat, narrow].map((list) => list.unreadable.map(({ path }) => path))).toEqual([
    [],
    ["."],
    ["."],
    ["."],
  ]);
  expect(few.unreadable[0]?.problem).toContain(
    "it has more than 100 folders, 2 runs or 8 levels of folders (serve a folder below it)",
  );
  // All levels that there are.
  const { runs: list, unreadable } = await look({ ...all, levels: 1 });
  expect([list.length, unreadable]).toEqual([3, []]);
});

test("the page, below a secret path", async () => {
  const server = await serve();
  const { pathname, hash } = new URL(server.url);
  expect(pathname).toMatch(/^\/[\w-]{22}\/$/);
  expect([hash, new URL(server.url).port]).toEqual(["#/inspector", String(server.port)]);
  for (const path of [pathname, `${pathname}index.html`]) {
    const { status, headers, text } = await ask(server.url, path);
    expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=UTF-8"]);
    expect(text).toContain('<head><meta name="twopass-runs" content="api"><title>');
  }
  const { text, headers } = await ask(server.url, `${pathname}assets/main.js`);
  expect([text, headers["content-type"]]).toEqual(["go();", "text/javascript; charset=utf-8"]);
  const { status, headers: to } = await ask(server.url, pathname.slice(0, -1));
  expect([status, to["location"]]).toEqual([308, pathname]);
  const other = await serve();
  expect(new URL(other.url).pathname).not.toBe(pathname);
});

test("without the secret there is nothing", async () => {
  put("a");
  const server = await serve();
  const { pathname } = new URL(server.url);
  const [, token = ""] = pathname.split("/");
  const paths = [
    "/",
    "/index.html",
    "/assets/main.js",
    "/api/runs",
    "/favicon.ico",
    `/${token}x/api/runs`,
    `/${token.slice(1)}/api/runs`,
    `/${token.toLowerCase()}${token.toUpperCase()}/`,
    `//${token}/api/runs`,
    `/x/../${token.slice(0, -1)}/api/runs`,
    `/undefined/api/runs`,
    `/:token/api/runs`,
    `/*/api/runs`,
  ];
  for (const path of paths) {
    const { status, text, headers } = await ask(server.url, path);
    expect([path, status, text]).toEqual([
      path,
      404,
      "Nothing is here: the address that twopass inspect printed is longer.",
    ]);
    expect(headers["content-type"]).toBe("text/plain; charset=UTF-8");
  }
});

test("headers of every answer", async () => {
  put("a");
  const server = await serve();
  const { pathname } = new URL(server.url);
  const paths = [pathname, "/", `${pathname}api/runs`, `${pathname}api/nothing`, `${pathname}assets/main.js`];
  for (const path of [...paths, pathOf(server.url, "api/file", { run: "a", name: "run.json" })]) {
    const { headers } = await ask(server.url, path);
    expect(headers).toMatchObject({
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
      "cross-origin-resource-policy": "same-origin",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    });
    const policy = String(headers["content-security-policy"]).split("; ");
    expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'"]));
    expect(headers["access-control-allow-origin"]).toBeUndefined();
  }
});

test("other names of the host are refused, as pages of elsewhere would use them", async () => {
  const server = await serve();
  const status = async ({ url }: RunServer, name: string): Promise<number> =>
    (await ask(url, pathOf(url, "api/runs"), { headers: { Host: name } })).status;
  // A tunnel has a port of its own.
  for (const name of ["127.0.0.1", `localhost:${server.port}`, "LOCALHOST:8080", "[::1]:1", "127.8.0.1"]) {
    expect([name, await status(server, name)]).toEqual([name, 200]);
  }
  const elsewhere = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:6464",
    "192.168.1.2",
    hostname(),
  ];
  for (const name of elsewhere) expect([name, await status(server, name)]).toEqual([name, 403]);
  // These are no names.
  for (const name of ["evil@127.0.0.1", "a b", "[::1", "localhost/x", "0x7f.1"])
    expect([400, 403]).toContain(await status(server, name));
  const open = await serve({ host: "0.0.0.0" });
  expect(new URL(open.url).hostname).toBe("127.0.0.1");
  for (const name of ["192.168.1.2", hostname(), "[fe80::1]:3"])
    expect([name, await status(open, name)]).toEqual([name, 200]);
  expect(await status(open, "evil.example")).toBe(403);
  const named = await serve({ host: "localhost" });
  expect(await status(named, "localhost")).toBe(200);
});

test("only reads are answered", async () => {
  put("a");
  const server = await serve();
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]) {
    for (const path of ["api/runs", "api/file?run=a&name=run.json", "", "assets/main.js"]) {
      const { status, headers } = await ask(server.url, pathOf(server.url, path), { method });
      expect([method, path, status, headers["allow"]]).toEqual([method, path, 405, "GET, HEAD"]);
    }
  }
  expect((await ask(server.url, "/", { method: "POST" })).status).toBe(404);
  const head = async (path: string): Promise<Answer> => ask(server.url, pathOf(server.url, path), { method: "HEAD" });
  for (const path of ["", "api/runs", "api/events", "api/file?run=a&name=run.json", "api/trace?run=a&step=1"]) {
    expect(await head(path)).toMatchObject({ status: 200, text: "" });
  }
  expect((await head("api/file?run=a&name=run.json")).headers["x-revision"]).toBeTruthy();
  expect((await head("api/file?run=b&name=run.json")).status).toBe(404);
});

test("no path leads out of the folder", async () => {
  const a = put("a");
  writeFileSync(join(base, "secret.json"), "secret");
  writeFileSync(join(base, "run.json"), "secret");
  cpSync(a, join(base, "outside"), { recursive: true });
  // Links to what is outside, in each place.
  symlinkSync(join(base, "outside"), join(runs, "linked"));
  symlinkSync(runs, join(a, "loop"));
  mkdirSync(join(runs, "b"));
  symlinkSync(join(base, "outside/run.json"), join(runs, "b/run.json"));
  const c = put("c");
  for (const name of ["records.jsonl", "scalars.csv"]) {
    rmSync(join(c, name));
    symlinkSync(join(base, "secret.json"), join(c, name));
  }
  rmSync(join(c, "traces"), { recursive: true });
  symlinkSync(join(base, "outside/traces"), join(c, "traces"));
  rmSync(join(a, "traces/step-000005.json"));
  symlinkSync(join(base, "secret.json"), join(a, "traces/step-000005.json"));
  const server = await serve();
  const { runs: list } = await listed(server);
  expect(new Map(list.map(({ path, files, traces }) => [path, [Object.keys(files), traces]]))).toEqual(
    new Map([
      [
        "a",
        [
          ["run.json", "records.jsonl", "scalars.csv"],
          [1, 5, 10],
        ],
      ],
      ["c", [["run.json"], []]],
    ]),
  );
  expect((await findRuns(runs, usualLimits)).paths).toEqual(list.map(({ path }) => path).sort());
  const tricks = [
    "..",
    "../outside",
    "a/../../outside",
    "a/..",
    "./a",
    "a/",
    "/a",
    "a/.",
    "..\\outside",
    "linked",
    "b",
  ];
  const encoded = [
    "%2e%2e",
    "%2e%2e%2foutside",
    "a\0",
    "\0",
    "a%00",
    "a//",
    "//",
    "",
    "a\n",
    "\u2024\u2024/outside",
    "a/loop/a",
  ];
  for (const run of [
    ...tricks,
    ...encoded,
    join(base, "outside"),
    `file://${base}/outside`,
    "__proto__",
    "constructor",
  ]) {
    for (const [name, query] of [
      ["file", { run, name: "run.json" }],
      ["trace", { run, step: 1 }],
    ] as const) {
      const { status, text } = await question(server, name, query);
      expect([run, status, JSON.parse(text)]).toEqual([run, 404, { error: "there is no such run" }]);
    }
  }
  for (const name of ["../run.json", "lock", "/etc/passwd", "traces/step-000001.json", "run.json\0", "toString", ""]) {
    const { status, text } = await question(server, "file", { run: "a", name });
    expect([name, status, JSON.parse(text)]).toEqual([
      name,
      400,
      { error: "name is one of run.json, records.jsonl, scalars.csv" },
    ]);
  }
  for (const name of ["records.jsonl", "scalars.csv"]) {
    expect((await question(server, "file", { run: "c", name })).status).toBe(404);
  }
  for (const [run, step] of [
    ["a", 5],
    ["a", 7],
    ["c", 1],
  ] as const) {
    const { status, text } = await question(server, "trace", { run, step });
    expect([status, JSON.parse(text)]).toEqual([404, { error: `the run has no trace of step ${step}` }]);
  }
  for (const step of ["../../run", "-1", "", "1.0"]) {
    expect((await question(server, "trace", { run: "a", step })).status).toBe(400);
  }
  const { pathname } = new URL(server.url);
  const paths = [
    "../secret.json",
    "..%2fsecret.json",
    "%2e%2e/secret.json",
    "assets/../../secret.json",
    "..\\secret.json",
  ];
  for (const path of [
    ...paths,
    "assets/..%5c..%5csecret.json",
    "%00",
    "assets",
    "//etc/passwd",
    `${made}/run/run.json`,
  ]) {
    const { status, text } = await ask(server.url, `${pathname}${path}`);
    // Some are no paths at all.
    expect([path, [400, 404].includes(status)]).toEqual([path, true]);
    expect(text).not.toContain("secret");
  }
});

test.skipIf(process.platform === "win32")("what is no plain file is not opened", async () => {
  const folder = put("a");
  for (const name of ["records.jsonl", "scalars.csv", "traces/step-000001.json"]) rmSync(join(folder, name));
  // Who opens a pipe waits until somebody writes to it.
  execFileSync("mkfifo", [join(folder, "records.jsonl"), join(folder, "traces/step-000001.json")]);
  mkdirSync(join(folder, "scalars.csv"));
  const server = await serve();
  expect(Object.keys((await listed(server)).runs[0]?.files ?? {})).toEqual(["run.json"]);
  for (const name of ["records.jsonl", "scalars.csv"]) {
    expect((await question(server, "file", { run: "a", name })).status).toBe(404);
  }
  expect((await question(server, "trace", { run: "a", step: 1 })).status).toBe(404);
});

test("a folder that is behind a link itself", async () => {
  cpSync(join(made, "run"), join(base, "real/a"), { recursive: true });
  symlinkSync(join(base, "real"), runs);
  const server = await serve();
  expect((await listed(server)).runs.map(({ path }) => path)).toEqual(["a"]);
  expect((await question(server, "trace", { run: "a", step: 1 })).status).toBe(200);
});

test("whatever is asked, the answer is one of those that are written down", { timeout: 60_000 }, async () => {
  put("a");
  put("b c/ü");
  const before = readFileSync(join(runs, "a/run.json"), "utf8");
  const server = await serve();
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constantFrom("a", "b c/ü", "run.json", "records.jsonl", "..", "../a", "0", "1", "99999", "a/", ".", "\0"),
  );
  const query = fc.array(fc.tuple(fc.constantFrom("run", "name", "from", "step", "x"), text), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("file", "trace", "runs", ""), query, async (name, parts) => {
      const written = parts.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
      const { status, text: found } = await ask(server.url, pathOf(server.url, `api/${name}?${written}`));
      expect([200, 400, 404, 416]).toContain(status);
      // One plain sentence.
      const sentence = status === 200 ? "" : (JSON.parse(found) as { error: string }).error;
      expect(sentence).toMatch(/^[\w .:,/]*$/);
    }),
    { numRuns: 400 },
  );
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme-ascii", maxLength: 30 }), async (raw) => {
      const path = raw.replaceAll(/[\s#]/g, "%");
      const { status } = await ask(server.url, `${pathOf(server.url, "")}${path}`);
      expect([200, 400, 404]).toContain(status);
    }),
    { numRuns: 200 },
  );
  expect((await listed(server)).runs.map(({ path }) => path).sort()).toEqual(["a", "b c/ü"]);
  expect(readFileSync(join(runs, "a/run.json"), "utf8")).toBe(before);
});

test("names are data, whatever they look like", async () => {
  const script = "</script><script>alert(1)</script><!--";
  class Named extends nn.Module {
    readonly [script] = new nn.Linear(1, 1);
    override forward(x: never): never {
      return this[script].forward(x) as never;
    }
  }
  const model = new Named();
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const trainer = new Trainer({ model, optimizer, loss: new nn.MSELoss() });
  watch(trainer, { sink: new RunFolder(join(runs, "<b>&\"'")), traceEvery: 1 });
  await trainer.fit([[tensor([[1]]), tensor([[Number.NaN]])]]).catch(() => undefined);
  const server = await serve();
  const { runs: list } = await listed(server);
  expect(list.map(({ path }) => path)).toEqual(["<b>&\"'"]);
  expect(list[0]?.info.parameters[0]?.path).toBe(`${script}.weight`);
  const { headers } = await ask(server.url, pathOf(server.url, "api/runs"));
  expect(headers["content-type"]).toBe("application/json; charset=utf-8");
  const { text } = await ask(server.url, new URL(server.url).pathname);
  expect(text).not.toContain("alert");
});

test("ports that are taken, and other mistakes", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  await expect(serve({ port })).rejects.toThrow(
    `serveRuns: the port is taken: 127.0.0.1, port ${port} (give another one, or none to take one that is free)`,
  );
  other.close();
  const first = await serve();
  const servers = [await serve({ port: undefined as never }), await serve({ port: undefined as never })];
  const ports = [...servers.map((server) => server.port), first.port];
  expect(new Set(ports).size).toBe(3);
  for (const { port: found } of servers) expect(found >= 6464 && found <= 6484).toBe(true);

  writeFileSync(join(base, "trace.json"), "{}");
  await expect(serveRuns(join(base, "trace.json"), { page: false })).rejects.toThrow(
    /^serveRuns: this is a file, not a folder: ".*trace\.json" \(give a folder of runs; the file of a trace is dropped on/,
  );
  await expect(serveRuns("")).rejects.toThrow('serveRuns: takes the path of a folder: got ""');
  await expect(serve({ port: 70_000 })).rejects.toThrow("serveRuns: port must be a whole number from 0 to 65535");
  await expect(serve({ host: "" })).rejects.toThrow('serveRuns: host must be a name or an address: got ""');
  await expect(serve({ host: "192.0.2.1" })).rejects.toThrow("serveRuns: this machine has no such address: 192.0.2.1");
  await expect(serve({ page: base })).rejects.toThrow(/^serveRuns: the page is not there: no index\.html in /);
  await expect(serve({ prot: 1 } as never)).rejects.toThrow('serveRuns: unknown option "prot" (did you mean "port"?)');
});

test.skipIf(!existsSync("/proc/self/fd"))("nothing stays open of readers who leave", async () => {
  const folder = put("a");
  writeFileSync(join(folder, "records.jsonl"), "x".repeat(50_000_000));
  const server = await serve();
  const isHeld = (): boolean =>
    readdirSync("/proc/self/fd").some((fd) => {
      try {
        return statSync(`/proc/self/fd/${fd}`).ino === statSync(join(folder, "records.jsonl")).ino;
      } catch {
        return false;
      }
    });
  const stop = new AbortController();
  const url = new URL(pathOf(server.url, "api/file", { run: "a", name: "records.jsonl" }), server.url);
  const answer = await fetch(url, { signal: stop.signal });
  await answer.body?.getReader().read();
  expect(isHeld()).toBe(true);
  stop.abort();
  await expect.poll(isHeld, { timeout: 10_000 }).toBe(false);
  await ask(server.url, pathOf(server.url, "api/file", { run: "a", name: "records.jsonl" }), { method: "HEAD" });
  await question(server, "file", { run: "a", name: "records.jsonl", from: 50_000_001 });
  expect(isHeld()).toBe(false);

  const looks = vi.spyOn(RunCatalog.prototype, "list");
  for (let i = 0; i < 20; i++) for await (const list of listsOf(server.url)) if (list.runs.length === 1) break;
  expect(looks.mock.calls.length).toBeGreaterThan(0);
  await wait(200);
  const { length } = looks.mock.calls;
  await wait(1500);
  // Nobody waits, so nobody looks.
  expect(looks.mock.calls.length).toBe(length);
  looks.mockRestore();
});

test("a server that is closed ends what it sends, and the program with it", { timeout: 60_000 }, async () => {
  put("a");
  const program = fileURLToPath(new URL("serve-child.ts", import.meta.url));
  const child = fork(program, [runs], {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exit = once(child, "exit");
  try {
    const [said] = (await Promise.race([once(child, "message"), exit])) as [{ first: string; rest: unknown }];
    expect(said.first).toMatch(/^event: runs\ndata: \{"folder":.*"path":"a"/);
    expect([true, "cut"]).toContain(said.rest);
    const start = performance.now();
    expect(await exit).toEqual([0, null]);
    expect(performance.now() - start).toBeLessThan(10_000);
  } finally {
    child.kill("SIGKILL");
  }
});
