/** A matrix product as users get it, against the peak measured in turn with it. */
import { randn } from "../src/tensor/random.ts";
import { noGrad } from "../src/tensor/scope.ts";
import { engineFeatures } from "../src/runtime/wasm/features.ts";
import { peakMeter } from "./peak.ts";

export function matmul(n: number): Record<string, unknown> {
  const [a, b] = [randn(n, n), randn(n, n)];
  a.dataSync();
  b.dataSync();
  const { fma } = engineFeatures();
  const peak = peakMeter(fma);
  // The sum of the product is read, so that copying the product out does not count as multiplying.
  const run = (): number => noGrad(() => a.matmul(b).sum()).itemSync();
  for (let i = 0; i < 10; i++) run();
  const speeds: number[] = [];
  const peaks: number[] = [];
  for (let i = 0; i < 40; i++) {
    const start = performance.now();
    run();
    speeds.push((2 * n ** 3) / (performance.now() - start) / 1e6);
    peaks.push(peak());
  }
  const median = (list: number[]): number => list.sort((x, y) => x - y)[list.length >> 1] as number;
  const [speed, most] = [median(speeds), median(peaks)];
  return {
    workload: `matmul${n}`,
    device: "wasm",
    threads: 1,
    gflops: Number(speed.toPrecision(4)),
    peak_gflops: Number(most.toPrecision(4)),
    share_of_peak: Number((speed / most).toPrecision(3)),
    fma,
  };
}
