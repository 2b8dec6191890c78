/**
 * What C is written for: the width of vectors and the compiler's flags. Which one a machine can run is not decided here.
 * Floor: codegen.
 */

export interface CTarget {
  readonly isa: "avx512" | "avx2" | "neon" | "plain";
  /** Bytes of a whole vector. */
  readonly vectorBytes: 64 | 32 | 16;
  /** Whether there is an instruction for fused multiply-add. */
  readonly fma: boolean;
  /** For gcc and clang, beside the level of optimisation. */
  readonly flags: readonly string[];
}

/** Integers wrap, and each operation rounds; vectors as arguments of inline functions need no warning about their ABI. */
const common = ["-std=gnu11", "-fwrapv", "-ffp-contract=off", "-fno-math-errno", "-Wno-psabi"];

export const cTargets: Readonly<Record<CTarget["isa"], CTarget>> = {
  avx512: {
    isa: "avx512",
    vectorBytes: 64,
    fma: true,
    flags: [
      ...common,
      "-mavx512f",
      "-mavx512dq",
      "-mavx512bw",
      "-mavx512vl",
      "-mavx2",
      "-mfma",
      "-mprefer-vector-width=512",
    ],
  },
  avx2: { isa: "avx2", vectorBytes: 32, fma: true, flags: [...common, "-mavx2", "-mfma"] },
  neon: { isa: "neon", vectorBytes: 16, fma: true, flags: common },
  plain: { isa: "plain", vectorBytes: 16, fma: false, flags: common },
};

/** Whether there is an instruction that stores a vector past the caches. */
export function hasStreams({ isa }: CTarget): boolean {
  return isa === "avx512" || isa === "avx2";
}
