/** The folder of compiled kernels: damaged, full, shared, killed in the middle, too large. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type CacheOptions, CompileCache } from "../../../src/runtime/native/node/compile-cache.ts";
import { runProgram } from "../../../src/runtime/native/node/run-program.ts";
import { readSettings } from "../../../src/runtime/native/node/settings.ts";
import { findCompiler } from "../../../src/runtime/native/node/toolchain.ts";
import { bundle, runNode, start, temporaryFolder } from "./support.ts";

const root = temporaryFolder(afterAll);
// Folders that take the place of a cache are gone with the process, which may be one for many test files.
vi.stubEnv("TMPDIR", root);
const newFolder = (): string => mkdtempSync(join(root, "cache-"));
const mostBytes = 2 ** 26;
const keyOf = (digit: number): string => digit.toString(16).repeat(64);
const key = keyOf(1);
const content = Buffer.from("some compiled code, not so short that nothing can be cut off it");

const open = (folder: string | undefined, options: Partial<CacheOptions> = {}): CompileCache =>
  new CompileCache({ folder, mostBytes, ...options });

describe("a file in the cache", () => {
  test("is found by another process's cache, under its own key and ending only", () => {
    const folder = newFolder();
    const path = open(folder).store(key, ".so", content);
    expect(path).toBe(join(folder, `${key}.so`));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(open(folder).find(key, ".so")).toEqual({ path, content });
    expect(open(folder).find(key, ".txt")).toBeUndefined();
    expect(open(folder).find(keyOf(2), ".so")).toBeUndefined();
    expect(readdirSync(folder)).toEqual([`${key}.so`]);
  });

  test("may be empty", () => {
    const folder = newFolder();
    open(folder).store(key, ".txt", Buffer.alloc(0));
    expect(open(folder).find(key, ".txt")?.content.length).toBe(0);
  });

  test("is not used when a byte is another, when it is cut, longer, or under another's name", () => {
    const folder = newFolder();
    const path = open(folder).store(key, ".so", content);
    const whole = readFileSync(path);
    const damaged: Buffer[] = [Buffer.concat([whole, Buffer.from([0])])];
    for (let length = 0; length < whole.length; length++) damaged.push(whole.subarray(0, length));
    for (let at = 0; at < whole.length; at++) {
      const other = Buffer.from(whole);
      other[at] = (other[at] as number) ^ 1;
      damaged.push(other);
    }
    for (const bytes of damaged) {
      writeFileSync(path, bytes);
      expect(open(folder).find(key, ".so")).toBeUndefined();
    }
    open(folder).store(key, ".so", content);
    expect(open(folder).find(key, ".so")?.content).toEqual(content);
    renameSync(path, join(folder, `${keyOf(2)}.so`));
    expect(open(folder).find(keyOf(2), ".so")).toBeUndefined();
  });

  test("may be a folder, which is no file", () => {
    const folder = newFolder();
    mkdirSync(join(folder, `${key}.so`));
    expect(open(folder).find(key, ".so")).toBeUndefined();
  });
});

describe("a folder that cannot be trusted or written", () => {
  const stores = (cache: CompileCache, shared: string): void => {
    expect(cache.isPrivate).toBe(true);
    const path = cache.store(key, ".so", content);
    expect(path.startsWith(shared)).toBe(false);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
    expect(cache.find(key, ".so")).toEqual({ path, content });
    expect(cache.notes.length).toBe(1);
  };

  test("others may write to it: nothing is read from it either", () => {
    for (const mode of [0o777, 0o770]) {
      const folder = newFolder();
      open(folder).store(key, ".so", content);
      chmodSync(folder, mode);
      const cache = open(folder);
      expect(cache.find(key, ".so")).toBeUndefined();
      expect(cache.notes).toEqual([
        `others may write to the cache folder ${folder}; kernels are compiled anew in each process`,
      ]);
      stores(cache, folder);
    }
  });

  test.skipIf(process.getuid?.() !== 0)("it belongs to another user", () => {
    const folder = newFolder();
    open(folder).store(key, ".so", content);
    chownSync(folder, 12345, 12345);
    const cache = open(folder);
    expect(cache.find(key, ".so")).toBeUndefined();
    expect(cache.notes[0]).toContain("belongs to another user");
    stores(cache, folder);
  });

  test("it cannot be made, or there is no home for it", () => {
    const file = join(newFolder(), "file");
    writeFileSync(file, "");
    const cache = open(join(file, "cache"));
    expect(cache.notes[0]).toMatch(/^the cache folder .*file\/cache cannot be made: not a directory; /);
    stores(cache, file);
    const homeless = open(undefined);
    expect(homeless.notes[0]).toMatch(/^there is no home folder; /);
    stores(homeless, newFolder());
  });

  test("it is gone while it is in use", () => {
    const folder = newFolder();
    const cache = open(folder);
    renameSync(folder, `${folder}-moved`);
    cache.store(key, ".so", content);
    expect(cache.notes[0]).toMatch(/ takes no files: no such file or directory; /);
    stores(cache, folder);
  });

  test("a link to a folder of one's own is no trouble", () => {
    const folder = newFolder();
    const link = `${folder}-link`;
    symlinkSync(folder, link);
    expect(open(link).isPrivate).toBe(false);
  });
});

describe("the limits of the folder", () => {
  const minutes = (path: string, ago: number): void => {
    const then = Date.now() / 1000 - 60 * ago;
    utimesSync(path, then, then);
  };
  const filled = (folder: string, agos: readonly number[]): void => {
    const cache = open(folder);
    agos.forEach((ago, i) => minutes(cache.store(keyOf(i), ".so", content), ago));
  };
  const keysIn = (folder: string): string[] =>
    readdirSync(folder)
      .map((name) => name.slice(0, 1))
      .sort();

  test("what was used longest ago goes first, by number and by size", () => {
    const folders = [newFolder(), newFolder()] as const;
    for (const folder of folders) filled(folder, [30, 50, 20, 40]);
    open(folders[0], { mostFiles: 3 }).store(keyOf(9), ".so", content);
    expect(keysIn(folders[0])).toEqual(["0", "2", "9"]);
    open(folders[1], { mostBytes: 3.5 * statSync(join(folders[1], `${keyOf(0)}.so`)).size }).store(
      keyOf(9),
      ".so",
      content,
    );
    expect(keysIn(folders[1])).toEqual(["0", "2", "9"]);
  });

  test("what is found is used, and what was used in the last minutes stays", () => {
    const folder = newFolder();
    filled(folder, [30, 50, 5, 40]);
    expect(open(folder).find(keyOf(1), ".so")).toBeDefined();
    open(folder, { mostFiles: 1 }).store(keyOf(9), ".so", content);
    expect(keysIn(folder)).toEqual(["1", "2", "9"]);
  });

  test("what killed processes left is removed after a day, and other files never", () => {
    const folder = newFolder();
    const names = ["new-1-a", "work-x", "notes.txt", "newer", `${key}.so.bak`];
    for (const name of names) writeFileSync(join(folder, name), "");
    mkdirSync(join(folder, "work-y"));
    writeFileSync(join(folder, "work-y/0.c"), "");
    writeFileSync(join(folder, "new-2-b"), "");
    for (const name of [...names, "work-y"]) minutes(join(folder, name), 25 * 60);
    open(folder, { mostFiles: 1 }).store(key, ".so", content);
    expect(readdirSync(folder).sort()).toEqual([`${key}.so`, `${key}.so.bak`, "new-2-b", "newer", "notes.txt"].sort());
  });

  test("thousands of files stay below the limit while they are written", () => {
    const folder = newFolder();
    const cache = open(folder, { mostFiles: 64 });
    for (let i = 0; i < 300; i++) {
      minutes(cache.store(i.toString(16).padStart(64, "0"), ".so", content), 600 - i);
      expect(readdirSync(folder).length).toBeLessThanOrEqual(64 + 8);
    }
  });
});

const isAbsent = "reason" in findCompiler(readSettings(), open(newFolder()));

/** A command with mounts of its own, which end with it. The script finds the folder to mount on in $1. */
const withMount = (mount: string, folder: string, command: readonly string[]): string[] => {
  const script = `${mount} && shift && exec "$@"`;
  return ["unshare", "--map-root-user", "--mount", "/bin/sh", "-c", script, "sh", folder, ...command];
};
const smallDisk = (kilobytes: number): string => `mount -t tmpfs -o size=${kilobytes}k,mode=700 tmpfs "$1"`;
const readOnly = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"';
const [trial, ...trialWords] = withMount(smallDisk(64), newFolder(), ["true"]) as [string, ...string[]];
const canMount = runProgram(trial, trialWords, { seconds: 5 }).problem === undefined;

describe.skipIf(isAbsent)("processes that compile", () => {
  let program: string;
  beforeAll(async () => {
    program = await bundle("compile-units", root);
  });
  const count = 6;
  const right = (count * (count + 1)) / 2;
  const environment = (folder: string): Record<string, string> => ({ TWOPASS_CACHE: folder });
  const told = (output: string): { sum: number; report: string } => JSON.parse(output);

  test("find what another made, and make anew what was damaged", async () => {
    const folder = newFolder();
    const run = async (): Promise<readonly string[]> => {
      const { output, errors } = await runNode(program, [String(count)], environment(folder)).ended;
      expect(errors).toBe("");
      expect(told(output).sum).toBe(right);
      return readdirSync(folder).map((name) => `${name} ${statSync(join(folder, name)).ino}`);
    };
    const first = await run();
    expect(await run()).toEqual(first);
    const names = readdirSync(folder);
    names.forEach((name, i) => {
      const path = join(folder, name);
      const bytes = readFileSync(path);
      const third = Math.floor(bytes.length / 3);
      if (i % 3 === 0) writeFileSync(path, bytes.subarray(0, third));
      else writeFileSync(path, i % 3 === 1 ? "" : bytes.fill(0, third, 2 * third));
    });
    await run();
    expect(readdirSync(folder)).toEqual(names);
  });

  test("at once get the same, and leave nothing half done", async () => {
    const folder = newFolder();
    const all = Array.from({ length: 3 }, () => runNode(program, [String(count)], environment(folder)).ended);
    for (const { output, errors } of await Promise.all(all)) {
      expect(errors).toBe("");
      expect(told(output).sum).toBe(right);
    }
    const names = readdirSync(folder);
    expect(names.filter((name) => !/^[0-9a-f]{64}\.(so|txt|in)$/.test(name))).toEqual([]);
    expect(names.filter((name) => !name.endsWith(".in")).length).toBe(count + 3);
  });

  test("and are killed at any time leave nothing that is loaded", async () => {
    const folder = newFolder();
    for (let i = 0; i < 12; i++) {
      const { child, ended } = runNode(program, [String(count)], environment(folder));
      await sleep(30 + 20 * i);
      child.kill("SIGKILL");
      await ended;
      const cache = open(folder);
      const entries = readdirSync(folder).filter((name) => /^[0-9a-f]{64}/.test(name));
      for (const name of entries) expect(cache.find(name.slice(0, 64), name.slice(64))).toBeDefined();
    }
    const { output } = await runNode(program, [String(count)], environment(folder)).ended;
    expect(told(output).sum).toBe(right);
  });

  test.skipIf(!canMount)("on a full disk use a folder of their own, which goes with them", async () => {
    const [folder, temporary] = [newFolder(), newFolder()];
    const command = withMount(smallDisk(64), folder, [process.execPath, program, String(count)]);
    const { output, errors } = await start(command, { ...environment(folder), TMPDIR: temporary }).ended;
    expect(errors).toBe("");
    expect(told(output).sum).toBe(right);
    expect(told(output).report).toMatch(/takes no files: no space left on device; kernels are compiled anew/i);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test.skipIf(!canMount)("without any room say so", async () => {
    const folder = newFolder();
    const command = withMount(smallDisk(8), folder, [process.execPath, program, "1"]);
    const { code, output } = await start(command, { ...environment(folder), TMPDIR: folder }).ended;
    expect(code).toBe(2);
    expect(output).toMatch(/^there is no folder to compile in: .*no space left on device/i);
  });

  test.skipIf(!canMount)("where the folder cannot be written use what is there", async () => {
    const [folder, temporary] = [newFolder(), newFolder()];
    await runNode(program, ["2"], environment(folder)).ended;
    const run = async (units: number): Promise<string> => {
      const command = withMount(readOnly, folder, [process.execPath, program, String(units)]);
      const { output } = await start(command, { ...environment(folder), TMPDIR: temporary }).ended;
      expect(told(output).sum).toBe((units * (units + 1)) / 2);
      return told(output).report;
    };
    expect(await run(2)).toMatch(new RegExp(`^compiled kernels: ${folder}$`, "m"));
    expect(await run(3)).toContain(`${folder} takes no files: read-only file system; `);
  });

  test("where others may write to the folder compile for themselves", async () => {
    const folder = newFolder();
    chmodSync(folder, 0o777);
    const { output } = await runNode(program, ["2"], environment(folder)).ended;
    expect(told(output)).toMatchObject({ sum: 3, report: expect.stringContaining("others may write") });
    expect(readdirSync(folder)).toEqual([]);
  });
});
