/**
 * The folder in which the peers are installed and run: nothing of theirs goes into this repository. What cannot be had
 * here (no network, no PyTorch) is told in a line and left out.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Scratch {
  readonly folder: string;
  /** Whether the JavaScript peers are installed, and PyTorch is. */
  readonly hasJavaScript: boolean;
  readonly hasTorch: boolean;
  /** Libraries for PyTorch's products; the one it finds by itself may be many times slower. */
  readonly blas: readonly Blas[];
  /** What is missing and why. */
  readonly absent: readonly string[];
}

/** OpenBLAS with threads of its own, or with those of OpenMP, which are PyTorch's; or what the system has. */
export interface Blas {
  readonly name: "openmp" | "pthread" | "system";
  /** Folder with libblas.so.3; undefined: the system's. */
  readonly folder: string | undefined;
}

const flavours = ["openmp", "pthread"] as const;

export const python = "/usr/bin/python3";

/** Their scripts measure longer and wait for an idle machine; here they take turns, so short ones do. */
const shorter = {
  "bench_torch.py": [
    ["budget=8.0", "budget=SECONDS"],
    ["most=30.0", "most=1.0"],
  ],
  "common.mjs": [
    ["budget = 8000", "budget = SECONDS * 1000"],
    ["maxMs = 30000", "maxMs = 1000"],
  ],
} as const;

const javaScriptPeers = ["@jax-js/jax", "@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm"];

/** @param shared the folder with the peers' scripts @param seconds how long each of them measures */
export function prepareScratch(shared: string, folder: string, seconds: number): Scratch {
  mkdirSync(folder, { recursive: true });
  const absent: string[] = [];
  for (const name of readdirSync(shared)) {
    if (name.endsWith(".mjs")) cpSync(join(shared, name), join(folder, name), { force: true });
  }
  for (const [name, changes] of Object.entries(shorter)) {
    let text = readFileSync(join(shared, name), "utf8");
    for (const [from, to] of changes) {
      if (!text.includes(from))
        absent.push(`${name} is not the one that is known: "${from}" is missing, so it runs longer`);
      text = text.replace(from, to.replace("SECONDS", String(seconds)));
    }
    writeFileSync(join(folder, name), text);
  }
  const hasJavaScript = installJavaScript(shared, folder, absent);
  const hasTorch = findTorch(absent);
  const blas = hasTorch ? unpackOpenBlas(folder, absent) : [];
  if (hasTorch && blas.length === 0) {
    blas.push({ name: "system", folder: undefined });
    if (!systemBlasIsFast())
      absent.push("PyTorch's best: the system's BLAS is the reference one, and no other is to be had");
  }
  return { folder, hasJavaScript, hasTorch, blas, absent };
}

/** The versions are those of the shared folder's package.json. */
function installJavaScript(shared: string, folder: string, absent: string[]): boolean {
  const { dependencies } = JSON.parse(readFileSync(join(shared, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const wanted = Object.fromEntries(javaScriptPeers.map((name) => [name, dependencies[name]]));
  const manifest = JSON.stringify({ private: true, type: "module", dependencies: wanted }, null, 2);
  const file = join(folder, "package.json");
  const isThere = javaScriptPeers.every((name) => existsSync(join(folder, "node_modules", name)));
  if (isThere && existsSync(file) && readFileSync(file, "utf8") === manifest) return true;
  writeFileSync(file, manifest);
  console.error("Installing the JavaScript peers (once) ...");
  const { status } = spawnSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: folder,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status !== 0) absent.push("jax-js and tfjs: npm could not install them");
  return status === 0;
}

function findTorch(absent: string[]): boolean {
  if (spawnSync(python, ["-c", "import torch"], { stdio: "ignore" }).status === 0) return true;
  absent.push(`PyTorch: ${python} has none (apt-get install python3-torch)`);
  return false;
}

/** Debian's packages of OpenBLAS, unpacked: which one PyTorch gets makes up to 30 times, and 2 threads like the second. */
function unpackOpenBlas(folder: string, absent: string[]): Blas[] {
  const found = flavours.flatMap((name): Blas[] => {
    const place = join(folder, name);
    const known = openBlasIn(place, name);
    if (known !== undefined) return [known];
    mkdirSync(place, { recursive: true });
    const run = (command: string, ...args: string[]): boolean =>
      spawnSync(command, args, { cwd: place, stdio: "ignore" }).status === 0;
    if (run("apt-get", "download", `libopenblas0-${name}`)) {
      const file = readdirSync(place).find((entry) => entry.endsWith(".deb"));
      if (file !== undefined) run("dpkg", "-x", file, ".");
    }
    const unpacked = openBlasIn(place, name);
    return unpacked === undefined ? [] : [unpacked];
  });
  for (const name of flavours) {
    if (!found.some((blas) => blas.name === name))
      absent.push(`PyTorch with libopenblas0-${name}: it cannot be downloaded`);
  }
  return found;
}

function openBlasIn(place: string, name: Blas["name"]): Blas | undefined {
  if (!existsSync(place)) return undefined;
  const library = readdirSync(place, { recursive: true, encoding: "utf8" }).find((entry) =>
    entry.endsWith(`openblas-${name}/libblas.so.3`),
  );
  return library === undefined ? undefined : { name, folder: join(place, library, "..") };
}

/** Whether the linear algebra that PyTorch finds by itself is an optimised one. */
function systemBlasIsFast(): boolean {
  const program = "import torch; torch.mm(torch.ones(2, 2), torch.ones(2, 2)); print(open('/proc/self/maps').read())";
  const { stdout } = spawnSync(python, ["-c", program], { encoding: "utf8" });
  return /openblas|libmkl|libblis/.test(stdout);
}
