import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readFileBytes, writeFileSafely } from "../../src/io/node.ts";

/** A system call that is to fail, and the calls made, in order. */
const disk = vi.hoisted(() => ({ failing: "", code: "ENOSPC", calls: [] as string[] }));

vi.mock("node:fs/promises", async (importActual) => {
  const actual = await importActual<typeof import("node:fs/promises")>();
  const called = (name: string): void => {
    disk.calls.push(name);
    if (name === disk.failing) throw Object.assign(new Error(`${disk.code}: made to fail`), { code: disk.code });
  };
  return {
    ...actual,
    open: async (path: string, flags: string) => {
      called(`open ${flags}`);
      const file = await actual.open(path, flags);
      const writeFile = file.writeFile.bind(file);
      const sync = file.sync.bind(file);
      const close = file.close.bind(file);
      file.writeFile = async (data) => {
        // A full disk takes a part of the bytes first.
        if (disk.failing === "write") await writeFile((data as Uint8Array).subarray(0, 10));
        called("write");
        await writeFile(data);
      };
      file.sync = async () => {
        called(`sync ${flags}`);
        await sync();
      };
      file.close = async () => {
        await close();
        called("close");
      };
      return file;
    },
    rename: async (from: string, to: string) => {
      called("rename");
      await actual.rename(from, to);
    },
  };
});

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "twopass-io-")));
  path = join(folder, "model.safetensors");
  disk.failing = "";
  disk.code = "ENOSPC";
  disk.calls = [];
});
afterEach(() => rm(folder, { recursive: true }));

const bytesOf = (length: number): Uint8Array => new Uint8Array(length).map((_, i) => i * 7);

test.each([0, 1, 1000, 3_000_000])("%i bytes come back", async (length) => {
  await writeFileSafely(path, bytesOf(length));
  expect(Buffer.compare(await readFileBytes(path), bytesOf(length))).toBe(0);
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test("bytes in the middle of a buffer are written alone", async () => {
  await writeFileSafely(path, bytesOf(100).subarray(10, 20));
  expect(await readFileBytes(path)).toEqual(bytesOf(100).slice(10, 20));
});

test("the bytes are on the disk before the name changes, and the name before the promise resolves", async () => {
  await writeFileSafely(path, bytesOf(10));
  expect(disk.calls).toEqual(["open wx", "write", "sync wx", "close", "rename", "open r", "sync r", "close"]);
});

test("an old file is replaced and keeps its permissions", async () => {
  await writeFile(path, "old");
  await chmod(path, 0o640);
  await writeFileSafely(path, bytesOf(5));
  expect(await readFileBytes(path)).toEqual(bytesOf(5));
  expect((await stat(path)).mode & 0o777).toBe(0o640);
});

test("a symbolic link stays a link", async () => {
  const link = join(folder, "latest");
  await writeFile(path, "old");
  await symlink("model.safetensors", link);
  await writeFileSafely(link, bytesOf(5));
  expect(await readlink(link)).toBe("model.safetensors");
  expect(await readFileBytes(path)).toEqual(bytesOf(5));
});

test.each([
  ["open wx", "EACCES", "check the permissions"],
  ["write", "ENOSPC", "the disk is full"],
  ["write", "EDQUOT", "the disk quota is used up"],
  ["sync wx", "EIO", "check the path"],
  ["close", "EIO", "check the path"],
  ["rename", "EROFS", "the file system is read-only"],
])("when %s fails with %s, the old file stays and the temporary one goes", async (failing, code, hint) => {
  await writeFile(path, "old");
  Object.assign(disk, { failing, code });
  await expect(writeFileSafely(path, bytesOf(100))).rejects.toMatchObject({
    name: "TwopassError",
    op: "writeFileSafely",
    message: expect.stringContaining(`${JSON.stringify(path)}, ${code}: made to fail (${hint}`),
    cause: { code },
  });
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test("a system that cannot flush a folder is no failure", async () => {
  Object.assign(disk, { failing: "sync r", code: "EINVAL" });
  await writeFileSafely(path, bytesOf(5));
  expect(await readFileBytes(path)).toEqual(bytesOf(5));
});

test("when the folder cannot be flushed, the error says that the file is written", async () => {
  Object.assign(disk, { failing: "sync r", code: "EIO" });
  await expect(writeFileSafely(path, bytesOf(5))).rejects.toThrow("the file is written but may not outlast");
  expect(await readFileBytes(path)).toEqual(bytesOf(5));
});

test("writers of the same file at the same time: one of them wins whole", async () => {
  await Promise.all([1, 2, 3, 4].map((value) => writeFileSafely(path, new Uint8Array(100_000).fill(value))));
  const bytes = await readFileBytes(path);
  expect(bytes.length).toBe(100_000);
  expect(new Set(bytes).size).toBe(1);
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test("a folder in the place of the file", async () => {
  await mkdir(path);
  await expect(writeFileSafely(path, bytesOf(5))).rejects.toThrow("cannot write the file");
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
  await expect(readFileBytes(path)).rejects.toThrow("not a file");
});

test("a path that is not there", async () => {
  const message = expect.stringContaining(join(folder, "none"));
  await expect(readFileBytes(join(folder, "none"))).rejects.toMatchObject({ name: "TwopassError", message });
  await expect(writeFileSafely(join(folder, "none", "x"), bytesOf(1))).rejects.toMatchObject({
    name: "TwopassError",
    message: expect.stringContaining("its folder must exist"),
  });
});
