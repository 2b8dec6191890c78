/**
 * The base of metrics: a few small sums that stay on the device of the outputs, written batch by batch and read once, by
 * `compute`. What is summed is the subclass's. Floor: train.
 */
import { type TypedArray, allocate } from "../../base/dtype.ts";
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import { sameShape, sizeOf } from "../../base/shape.ts";
import type { Labels } from "../../nn/functional/labels.ts";
import { hostEffect } from "../../tensor/capture.ts";
import { type DeviceName, defaultDevice, withDevice } from "../../tensor/engines.ts";
import { inner } from "../../tensor/inner.ts";
import { noGrad } from "../../tensor/scope.ts";
import { StoredTensor } from "../../tensor/stored.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Metric } from "./metric.ts";

/** Batches that may wait for a run, where nothing else makes one. */
const mostPending = 16;

/** What a checkpoint keeps of a metric in the middle of an epoch. */
export interface MetricState {
  /** Batches counted. */
  readonly updates: number;
  /** The sums by name, float64; empty before the first batch. */
  readonly sums: Readonly<Record<string, Tensor>>;
}

/**
 * Sums are kept in float64 whatever the outputs are: counts are exact to 2^53, and an epoch of float32 losses loses no
 * digits. The parts of one batch are small tensors, so the batches' sizes may differ.
 */
export abstract class GatheringMetric<K extends string, R> implements Metric<R> {
  abstract readonly name: string;
  abstract readonly higherIsBetter: boolean;
  #sums: Record<K, StoredTensor> | undefined;
  #updates = 0;
  /** Runs of the engine at the last update, and updates since that number changed. */
  #runs = -1;
  #pending = 0;

  /** The parts of one batch, all on one device. */
  protected abstract measure(output: Tensor, target: Labels): Record<K, Tensor>;

  /** The result from the sums. */
  protected abstract conclude(sums: Readonly<Record<K, Float64Array>>): R;

  /** The sums with one batch more; adds unless a subclass does otherwise. Parts are float64. */
  protected merged(sums: Readonly<Record<K, Tensor>>, batch: Readonly<Record<K, Tensor>>): Record<K, Tensor> {
    return mapKeys(batch, (part, key) => sums[key].add(part));
  }

  /** Counts one batch. Call it before the optimiser's step: it uses the output, which belongs to the old parameters. */
  update(output: Tensor, target: Labels): void {
    if (!(output instanceof Tensor)) {
      throw new TwopassError({
        op: this.constructor.name,
        problem: "the output must be a tensor",
        facts: `got ${describe(output)}`,
      });
    }
    this.gather(output.device, () => this.measure(output, target));
  }

  /** Counts the parts that `parts` makes. */
  protected gather(device: string, parts: () => Record<K, Tensor>): void {
    noGrad(() => {
      const batch = mapKeys(withDevice(device as DeviceName, parts), (part) => part.double());
      const sums = this.#sumsLike(batch, device);
      const next = this.merged(sums, batch);
      for (const key of keysOf(sums)) sums[key].assign(next[key]);
    });
    // A compiled function that counts a batch counts one at each call, and none where its run fails.
    hostEffect(() => {
      this.#updates++;
      return () => {
        this.#updates--;
      };
    }, true);
    this.#runNowAndThen();
  }

  async compute(): Promise<R> {
    if (this.#sums === undefined || this.#updates === 0) throw this.#nothing();
    const read = {} as Record<K, Float64Array>;
    for (const key of keysOf(this.#sums)) read[key] = Float64Array.from(await this.#sums[key].data());
    return this.conclude(read);
  }

  reset(): void {
    this.#updates = 0;
    if (this.#sums === undefined) return;
    for (const key of keysOf(this.#sums)) this.#sums[key].load(zerosFor(this.#sums[key].shape));
  }

  stateDict(): MetricState {
    return { updates: this.#updates, sums: this.#updates === 0 ? {} : { ...this.#sums } };
  }

  loadStateDict({ updates, sums }: MetricState): void {
    this.reset();
    if (updates === 0) return;
    const parts = sums as Readonly<Record<K, Tensor>>;
    const mine = this.#sumsLike(parts, Object.values<Tensor>(sums)[0]?.device ?? defaultDevice());
    for (const key of keysOf(mine)) mine[key].assign(parts[key]);
    this.#updates = updates;
  }

  #sumsLike(batch: Readonly<Record<K, Tensor>>, device: string): Record<K, StoredTensor> {
    const old = this.#sums;
    const fits = (key: K): boolean => old?.[key].device === device && sameShape(old[key].shape, batch[key].shape);
    const wrong = keysOf(batch).find((key) => !fits(key));
    if (old !== undefined && wrong === undefined) return old;
    if (old !== undefined && this.#updates > 0) throw this.#changed(old, batch, wrong as K, device);
    if (old !== undefined) for (const key of keysOf(old)) old[key].dispose();
    this.#sums = withDevice(device as DeviceName, () =>
      mapKeys(batch, ({ shape }, key) => {
        const label = `${key} of ${this.name}`;
        return new StoredTensor({ data: zerosFor(shape), shape, dtype: "float64" }, { label });
      }),
    );
    return this.#sums;
  }

  /** A long loop over outputs that are there already would otherwise write one endless graph. */
  #runNowAndThen(): void {
    const engine = Object.values<StoredTensor>(this.#sums ?? {})[0]?.[inner].engine;
    if (engine === undefined) return;
    if (this.#runs !== engine.stats.runs) this.#pending = 0;
    this.#pending++;
    if (this.#pending >= mostPending) engine.run([]);
    this.#runs = engine.stats.runs;
  }

  #nothing(): TwopassError {
    return new TwopassError({
      op: `${this.constructor.name}.compute`,
      problem: "no batch was counted since the last reset",
      hint: "call update(output, target) for each batch first",
    });
  }

  #changed(old: Readonly<Record<K, Tensor>>, batch: Readonly<Record<K, Tensor>>, key: K, device: string): TwopassError {
    const isMoved = old[key].device !== device;
    return new TwopassError({
      op: `${this.constructor.name}.update`,
      problem: `the ${isMoved ? "device" : "number of classes or of outputs"} changed since the last reset`,
      facts: isMoved
        ? `${old[key].device}, now ${device}`
        : `${key} was ${showShape(old[key].shape)}, now ${showShape(batch[key].shape)}`,
      hint: "call reset() between two kinds of outputs, or use two metrics",
    });
  }
}

function zerosFor(shape: readonly number[]): TypedArray {
  return allocate("float64", sizeOf(shape));
}

function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(record) as K[];
}

function mapKeys<K extends string, A, B>(
  record: Readonly<Record<K, A>>,
  change: (value: A, key: K) => B,
): Record<K, B> {
  const mapped = {} as Record<K, B>;
  for (const key of keysOf(record)) mapped[key] = change(record[key], key);
  return mapped;
}
