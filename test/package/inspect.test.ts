/** `twopass inspect` as a process, as it is built. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunList } from "../../src/inspect/index.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = join(root, "dist");
const isPosix = process.platform !== "win32";
let folder = "";
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "twopass-inspect-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly text: () => { readonly out: string; readonly err: string };
  readonly ended: Promise<unknown[]>;
}

function twopass(
  args: readonly string[],
  {
    env = {},
    program = join(dist, "cli/main.js"),
  }: { readonly env?: NodeJS.ProcessEnv; readonly program?: string } = {},
): Started {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { ...process.env, LC_ALL: "C", ...env },
  });
  children.push(child);
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (texts.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (texts.err += text));
  return { child, text: () => texts, ended: once(child, "close") };
}

const address = /http:\/\/127\.0\.0\.1:\d+\/[\w-]{22}\/#\/inspector/;

/** The address that a process prints. */
async function urlOf({ text }: Started): Promise<string> {
  await expect.poll(() => text().out, { timeout: 20_000 }).toMatch(address);
  return address.exec(text().out)?.[0] ?? "";
}

async function listAt(url: string): Promise<RunList> {
  return (await (await fetch(new URL("api/runs", url))).json()) as RunList;
}

test("it serves the page and the runs until Ctrl-C", async () => {
  const started = twopass(["inspect", "runs", "--port", "0"]);
  const url = await urlOf(started);
  expect(started.text().out).toBe(
    `runs is not there yet: its runs are shown as soon as it is\nruns in runs, until Ctrl-C:\n\n  ${url}\n\n`,
  );
  const page = await (await fetch(url)).text();
  expect(page).toContain('<meta name="twopass-runs" content="api">');
  // All that the first file names is there.
  const files = [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, file = ""]) => file);
  expect(files.length).toBeGreaterThan(2);
  for (const file of [...files, "digits.bin"])
    expect([file, (await fetch(new URL(file, url))).status]).toEqual([file, 200]);
  expect((await fetch(new URL("/", url))).status).toBe(404);
  expect(await listAt(url)).toEqual({ folder: "runs", runs: [], unreadable: [] });

  writeFileSync(join(folder, "houses.csv"), `rooms,price\n${"3,4\n5,6\n".repeat(20)}`);
  const train = "train regression --data houses.csv --target price --epochs 2 --out a.safetensors --watch runs/a";
  expect(await twopass(train.split(" ")).ended).toEqual([0, null]);
  const { runs } = await listAt(url);
  expect(runs.map(({ path, isRunning, traces }) => [path, isRunning, traces])).toEqual([["a", false, [1]]]);

  const { body } = await fetch(new URL("api/events", url));
  await body?.getReader().read();
  started.child.kill("SIGINT");
  // Windows knows no signals.
  expect(await started.ended).toEqual(isPosix ? [0, null] : [null, "SIGINT"]);
  expect(started.text().err).toBe("");
});

test("--json prints one line on stdout", async () => {
  const started = twopass(["inspect", "--json", "--port", "0", "--host", "0.0.0.0", "later"]);
  const url = await urlOf(started);
  await expect.poll(() => started.text().out, { timeout: 20_000 }).toMatch(/\n$/);
  expect(JSON.parse(started.text().out)).toEqual({ url, port: Number(new URL(url).port), folder: "later" });
  expect(started.text().out.split("\n").length).toBe(2);
  expect(started.text().err).toBe(
    "warning: other machines can reach this, and whoever has the address sees the runs\n" +
      "later is not there yet: its runs are shown as soon as it is\n",
  );
});

test("a port that is taken", async () => {
  // Somebody else may have it already.
  const usual: Server = createServer().listen(6464, "127.0.0.1");
  await new Promise((resolve) => usual.on("listening", resolve).on("error", resolve));
  try {
    const started = twopass(["inspect"]);
    const { port } = new URL(await urlOf(started));
    expect(Number(port)).toBeGreaterThan(6464);
    expect(started.text().out).toContain(`port 6464 is taken, so it is ${port}\nruns in ., until Ctrl-C:\n`);
    const second = twopass(["inspect", "--port", port]);
    expect(await second.ended).toEqual([2, null]);
    expect(second.text()).toEqual({
      out: "",
      err: `serveRuns: the port is taken: 127.0.0.1, port ${port} (give another one, or none to take one that is free)\n`,
    });
  } finally {
    usual.close();
  }
});

test.runIf(isPosix)("--open opens the browser, and where that fails it says so", async () => {
  mkdirSync(join(folder, "bin"));
  const opener = join(folder, "bin", process.platform === "darwin" ? "open" : "xdg-open");
  writeFileSync(opener, `#!/bin/sh\necho "$1" > "${join(folder, "opened")}"\n`, { mode: 0o755 });
  const args = ["inspect", "--open", "--port", "0"];
  const url = await urlOf(
    twopass(args, { env: { PATH: `${join(folder, "bin")}${delimiter}/bin${delimiter}/usr/bin` } }),
  );
  const opened = (): string => (existsSync(join(folder, "opened")) ? readFileSync(join(folder, "opened"), "utf8") : "");
  await expect.poll(opened, { timeout: 20_000 }).toBe(`${url}\n`);

  const failing = { PATH: join(folder, "none") };
  const started = twopass(args, { env: failing });
  const other = await urlOf(started);
  await expect
    .poll(() => started.text().out, { timeout: 20_000 })
    .toContain("the browser did not open: open the address yourself\n");
  writeFileSync(opener, "#!/bin/sh\nexit 3\n");
  const third = twopass(args, { env: { PATH: `${join(folder, "bin")}${delimiter}/bin${delimiter}/usr/bin` } });
  await urlOf(third);
  await expect.poll(() => third.text().out, { timeout: 20_000 }).toContain("the browser did not open");
  expect((await fetch(other)).status).toBe(200);
});

test("where the page was not built it says what to do", async () => {
  cpSync(dist, join(folder, "twopass/dist"), { recursive: true, filter: (path) => path !== join(dist, "page") });
  cpSync(join(root, "package.json"), join(folder, "twopass/package.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  const started = twopass(["inspect"], { program: join(folder, "twopass/dist/cli/main.js") });
  expect(await started.ended).toEqual([2, null]);
  expect(started.text().err).toMatch(
    /^serveRuns: the page is not there: no index\.html in ".*page" \(in a clone of twopass: npm run build\)\n$/,
  );
});
