/** Who runs a workload, with which settings. */
import { join } from "node:path";
import type { DeviceName } from "../../src/tensor/engines.ts";
import { type Result, lastJson, runChild } from "../run-child.ts";
import { type Blas, type Scratch, python } from "./scratch.ts";

export type Group = "native" | "wasm" | "torch" | "jax-js" | "tfjs";

export interface Contestant {
  readonly group: Group;
  /** The group and its settings. */
  readonly name: string;
  /** A step takes seconds, or minutes: it runs in the first round alone, and with --quick not at all in the second case. */
  readonly pace?: "seconds" | "minutes";
  run(): Promise<Result | string>;
}

/** Where jax-js and tfjs cannot do a workload as it is, the nearest that they can. */
const oneHot = { ONEHOT: "1" };
const batch1 = { BATCH: "1" };

/** How long a peer may take before it is given up. */
const limitSeconds = 900;

export interface Settings {
  readonly scratch: Scratch;
  readonly seconds: number;
  /** Folder for compile caches, one for each workload and number of threads. */
  readonly caches: string;
  /** The numbers of threads that are tried. */
  readonly threads: readonly number[];
}

/** Ours, on a device. The first run of a native one finds its compile cache empty. */
export function ours(device: DeviceName & Group, workload: string, settings: Settings): Contestant[] {
  return settings.threads.map((threads) => ({
    group: device,
    name: `${device} ${threads}T`,
    run: () =>
      runChild(
        { workload, device, threads, seconds: settings.seconds },
        { TWOPASS_CACHE: join(settings.caches, `${workload}-${threads}`) },
      ),
  }));
}

/** In the name of a setting with which glibc is told otherwise than it comes. */
export const tunedMalloc = " malloc";

/** glibc told to keep large blocks: it spares page faults, which helps some workloads and hurts others. */
const keepBlocks = {
  MALLOC_MMAP_THRESHOLD_: "4000000000",
  MALLOC_TRIM_THRESHOLD_: "8000000000",
  MALLOC_TOP_PAD_: "268435456",
};

export function torch(workload: string, { scratch, threads }: Settings): Contestant[] {
  if (!scratch.hasTorch || workload === "w3-batch1") return [];
  const contestant = (
    count: number,
    { name, folder }: Blas,
    more: string,
    env: Record<string, string>,
  ): Contestant => ({
    group: "torch",
    name: `torch ${count}T ${name}${more}`,
    run: () =>
      lastJson(python, ["bench_torch.py", workload], {
        cwd: scratch.folder,
        env: { ...torchEnv(count), ...(folder === undefined ? {} : { LD_LIBRARY_PATH: folder }), ...env },
        seconds: limitSeconds,
      }),
  });
  return threads.flatMap((count) => {
    const [first, ...others] = scratch.blas as readonly [Blas, ...Blas[]];
    const blases = count === 1 ? [first] : [first, ...others];
    const list = blases.flatMap((blas) => [
      contestant(count, blas, "", {}),
      contestant(count, blas, tunedMalloc, keepBlocks),
    ]);
    list.push(contestant(count, first, " SKYLAKEX", { OPENBLAS_CORETYPE: "SKYLAKEX" }));
    list.push(contestant(count, first, " trace", { SCRIPT: "1" }));
    if (workload === "w3") list.push(contestant(count, first, " channels-last", { NHWC: "1" }));
    return list;
  });
}

/** What a shell may force on OpenBLAS is taken away: left alone it finds the kernels for this machine. */
function torchEnv(count: number): Record<string, string | undefined> {
  return {
    OPENBLAS_CORETYPE: undefined,
    OPENBLAS_L2_SIZE: undefined,
    OMP_NUM_THREADS: String(count),
    OPENBLAS_NUM_THREADS: String(count),
    PYTHONDONTWRITEBYTECODE: "1",
  };
}
export function jaxJs(workload: string, { scratch, threads }: Settings): Contestant[] {
  if (!scratch.hasJavaScript || workload === "w3") return [];
  const env = workload === "w4" ? oneHot : workload === "w3-batch1" ? batch1 : {};
  const isSlow = workload === "w2" || workload === "w3-batch1";
  const most = Math.max(...threads);
  const contestant = (name: string, flags: readonly string[], more: Record<string, string>): Contestant => ({
    group: "jax-js",
    name: `jax-js${name}`,
    ...(isSlow ? { pace: "seconds" } : {}),
    run: () =>
      lastJson(process.execPath, [...flags, "jaxjs.mjs", workload === "w3-batch1" ? "w3" : workload], {
        cwd: scratch.folder,
        env: { ...env, ...more },
        seconds: limitSeconds,
      }),
  });
  return [
    contestant("", [], {}),
    contestant(" relaxed SIMD", ["--experimental-wasm-relaxed-simd"], {}),
    ...(most > 1 ? [contestant(` ${most}T`, [], { JAX_THREADS: String(most) })] : []),
  ];
}

export function tfjs(workload: string, { scratch }: Settings): Contestant[] {
  if (!scratch.hasJavaScript || workload === "w3") return [];
  // Its WebAssembly has no gradient of a convolution.
  const isConvolution = workload === "w2" || workload === "w3-batch1";
  const backend = isConvolution ? "cpu" : "wasm";
  const env = workload === "w4" ? oneHot : workload === "w3-batch1" ? batch1 : {};
  return [
    {
      group: "tfjs",
      name: `tfjs-${backend}`,
      ...(isConvolution ? { pace: "minutes" } : {}),
      run: () =>
        lastJson(process.execPath, ["tfjs.mjs", backend, workload === "w3-batch1" ? "w3" : workload], {
          cwd: scratch.folder,
          env,
          seconds: limitSeconds,
        }),
    },
  ];
}
