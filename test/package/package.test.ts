/**
 * The packed tarball as a user meets it: installed into an empty project outside this repository.
 * It checks the files, the entries, their types under `strict` without DOM or Node types, the first program, what bundlers
 * make of it, and sizes.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "rolldown";
import { build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startNative } from "../../src/runtime/native/node/library.ts";

/**
 * Every entry: whether it needs Node, and the most that it may weigh, all of it bundled, minified and gzipped: 15% more
 * than was measured when it was last looked at.
 */
const entries = [
  { path: ".", node: false, kilobytes: 135 },
  { path: "./nn", node: false, kilobytes: 165 },
  { path: "./nn/functional", node: false, kilobytes: 140 },
  { path: "./optim", node: false, kilobytes: 128 },
  { path: "./data", node: false, kilobytes: 154 },
  { path: "./data/node", node: true, kilobytes: 220 },
  { path: "./train", node: false, kilobytes: 140 },
  { path: "./train/node", node: true, kilobytes: 234 },
  { path: "./inspect", node: false, kilobytes: 154 },
  { path: "./inspect/node", node: true, kilobytes: 227 },
  { path: "./io", node: false, kilobytes: 135 },
  { path: "./io/node", node: true, kilobytes: 209 },
  { path: "./debug", node: false, kilobytes: 91 },
];

const firstProgram = `\
import { tensor, manualSeed } from "twopass";
import * as nn from "twopass/nn";
import { Adam } from "twopass/optim";
manualSeed(1);
const x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]]), y = tensor([[0], [1], [1], [0]]);
const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
const optimizer = new Adam(model.parameters(), { lr: 0.05 }), lossOf = new nn.BCEWithLogitsLoss();
for (let i = 0; i < 200; i++) {
  const loss = lossOf.forward(model.forward(x), y);
  optimizer.zeroGrad(); loss.backward(); optimizer.step();
  if (i % 50 === 0) console.log(i, await loss.item());
}
console.log(await model.forward(x).sigmoid().round().array(2));
`;

/** A program that imports no other entry: where it computes. */
const layerProgram = `\
import { Linear } from "twopass/nn";
const { weight } = new Linear(2, 2);
console.log(weight.device, Number.isFinite(weight.sum().itemSync()));
`;

/** The default device of Node on this computer. */
const usualDevice = "reason" in startNative() ? "wasm" : "native";

const root = fileURLToPath(new URL("../..", import.meta.url));
const user = mkdtempSync(join(tmpdir(), "twopass-package-"));
const specifier = (path: string) => `twopass${path.slice(1)}`;
const write = (name: string, text: string) => writeFileSync(join(user, name), text);

/** Runs a program, in the user's folder unless told, and returns what it printed; throws with that if it failed. */
function run(program: string, args: string[], cwd = user): string {
  try {
    return execFileSync(program, args, { cwd, encoding: "utf8", stdio: "pipe", shell: process.platform === "win32" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ")}\n${stdout ?? ""}${stderr ?? ""}`, { cause: error });
  }
}

const node = (...args: string[]) => run(process.execPath, args);

/** Compiles files of the user's folder with this repository's compiler; returns its messages, none if all is well. */
function compile(files: string[], resolution: "nodenext" | "bundler", types: string[] = []): string {
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    target: "es2022",
    lib: ["es2022"],
    types,
    typeRoots: [join(root, "node_modules/@types")],
    module: resolution === "nodenext" ? "nodenext" : "esnext",
    moduleResolution: resolution,
    outDir: "out",
  };
  write("tsconfig.json", JSON.stringify({ compilerOptions, files }));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  return spawnSync(process.execPath, [tsc, "-p", "tsconfig.json"], { cwd: user, encoding: "utf8" }).stdout;
}

let packed: string[] = [];

beforeAll(() => {
  const report = run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", user], root);
  const [tarball] = JSON.parse(report) as { filename: string; files: { path: string }[] }[];
  if (!tarball) throw new Error("npm pack made no tarball");
  packed = tarball.files.map((file) => file.path);
  write("package.json", JSON.stringify({ name: "user", private: true, type: "module" }));
  run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball.filename}`]);
  mkdirSync(join(user, "out"));
  // The programs print, and are checked without the types that declare a console.
  write("console.d.ts", "declare const console: { log(...data: unknown[]): void };\n");
  write("first.ts", firstProgram);
  write("layers.js", layerProgram);
  for (const { node: needsNode } of entries) {
    const imports = entries.filter((entry) => entry.node === needsNode);
    const lines = imports.map((entry, i) => `export * as e${i} from "${specifier(entry.path)}";\n`);
    write(needsNode ? "node.ts" : "core.ts", lines.join(""));
  }
}, 120_000);

afterAll(() => rmSync(user, { recursive: true, force: true }));

test("holds dist and the documents, nothing else", () => {
  const others = packed.filter((path) => !/^(dist|docs|examples)\//.test(path));
  expect(others.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "README.zh-CN.md", "package.json"]);
});

test("holds the page as it was built, and nothing of its sources", () => {
  const page = packed.filter((path) => path.startsWith("dist/page/"));
  expect(page).toEqual(
    expect.arrayContaining(["dist/page/index.html", "dist/page/digits.bin", "dist/page/isolation.js"]),
  );
  const html = readFileSync(join(user, "node_modules/twopass/dist/page/index.html"), "utf8");
  const named = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, file = ""]) => `dist/page/${file}`);
  expect(named.some((path) => path.endsWith(".js"))).toBe(true);
  expect(page).toEqual(expect.arrayContaining(named));
  expect(page.filter((path) => /\.(tsx?|map)$/.test(path))).toEqual([]);
});

test("npx twopass inspect serves the page and its data, below a secret path", async () => {
  // In a group of its own, as npx starts another process.
  const command = "npx --no-install twopass inspect runs --port 0 --json";
  const child = spawn(command, { cwd: user, shell: true, detached: process.platform !== "win32" });
  const closed = once(child, "close");
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  try {
    await expect.poll(() => printed, { timeout: 30_000 }).toMatch(/\n$/);
    const { url } = JSON.parse(printed) as { url: string };
    const get = async (path: string): Promise<[status: number, text: string]> => {
      const answer = await fetch(new URL(path, url));
      return [answer.status, await answer.text()];
    };
    const [status, html] = await get("");
    expect([status, html]).toEqual([200, expect.stringContaining('<meta name="twopass-runs" content="api">')]);
    const [, script = ""] = /src="\.\/(assets\/[^"]+\.js)"/.exec(html) ?? [];
    expect(await get(script)).toEqual([
      200,
      readFileSync(join(user, "node_modules/twopass/dist/page", script), "utf8"),
    ]);
    expect(await get("api/runs")).toEqual([200, '{"folder":"runs","runs":[],"unreadable":[]}']);
    for (const path of ["/", "/index.html", `/${script}`, "/api/runs"]) expect((await get(path))[0]).toBe(404);
  } finally {
    if (process.platform === "win32") spawnSync("taskkill", ["/pid", String(child.pid), "/t", "/f"]);
    else process.kill(-(child.pid as number), "SIGINT");
    await closed;
  }
});

test("exports the entries that this test knows", () => {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: object };
  expect(Object.keys(exports)).toEqual([...entries.map((entry) => entry.path), "./package.json"]);
});

test.for(entries)("$path is imported and exports something", ({ path }) => {
  const program = `console.log(Object.keys(await import("${specifier(path)}")).length)`;
  expect(Number(node("--input-type=module", "-e", program))).toBeGreaterThan(0);
});

describe.for(["nodenext", "bundler"] as const)("types, %s", (resolution) => {
  test("entries that run anywhere need neither DOM nor Node types", () => {
    expect(compile(["core.ts"], resolution)).toBe("");
  });
  test("entries for Node need Node types only", () => {
    expect(compile(["node.ts"], resolution, ["node"])).toBe("");
  });
  test("the first program", () => {
    expect(compile(["first.ts", "console.d.ts"], resolution)).toBe("");
  });
});

test("the first program learns XOR", () => {
  expect(compile(["first.ts", "console.d.ts"], "nodenext")).toBe("");
  const lines = node("out/first.js").trim().split("\n");
  expect(lines.at(-1)).toBe("[ [ 0 ], [ 1 ], [ 1 ], [ 0 ] ]");
  const losses = lines.slice(0, -1).map((line) => Number(line.split(" ")[1]));
  expect(losses).toHaveLength(4);
  expect(losses[3]).toBeLessThan(losses[0] as number);
});

test("in Node any entry brings the native device along", () => {
  expect(node("layers.js")).toBe(`${usualDevice} true\n`);
});

describe("bundled into one file", () => {
  test.each([
    ["a module", "esm", {}],
    ["a CommonJS file", "cjs", {}],
    // As esbuild makes it.
    ["a CommonJS file without import.meta", "cjs", { transform: { define: { "import.meta.url": "undefined" } } }],
  ] as const)("for Node as %s, a program has the native device", async (_, format, options) => {
    const file = join(user, format === "esm" ? "out/layers.mjs" : "out/layers.cjs");
    const output = { file, format, codeSplitting: false } as const;
    await build({ cwd: user, input: "./layers.js", platform: "node", logLevel: "silent", output, ...options });
    expect(node(file)).toBe(`${usualDevice} true\n`);
  });

  test("for a server by Vite, a program has the native device", async () => {
    const outDir = join(user, "out/server");
    await viteBuild({ root: user, logLevel: "error", ssr: { noExternal: true }, build: { ssr: "layers.js", outDir } });
    expect(node(join(outDir, "layers.js"))).toBe(`${usualDevice} true\n`);
  });

  test("for browsers nothing of Node is in it, and wasm computes", async () => {
    const file = join(user, "out/page.mjs");
    const output = { file, format: "esm", codeSplitting: false } as const;
    await build({ cwd: user, input: "./layers.js", platform: "browser", logLevel: "silent", output });
    expect(readFileSync(file, "utf8")).not.toMatch(/(from|import|require\() ?["']node:|createRequire|tp_set_threads/);
    expect(node(file)).toBe("wasm true\n");
  });
});

test.for(entries)("$path weighs at most $kilobytes kB", async ({ path, node: needsNode, kilobytes }) => {
  const input = `whole-${entries.findIndex((entry) => entry.path === path)}.js`;
  write(input, `export * from "${specifier(path)}";\n`);
  const { output } = await build({
    cwd: user,
    input: `./${input}`,
    platform: needsNode ? "node" : "browser",
    ...(needsNode ? { external: /^node:|^sharp$/ } : {}),
    output: { format: "esm", minify: true },
    write: false,
  });
  const code = output.map((chunk) => (chunk.type === "chunk" ? chunk.code : "")).join("");
  expect(gzipSync(code).length).toBeLessThanOrEqual(kilobytes * 1000);
});
