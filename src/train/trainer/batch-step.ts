/**
 * One batch: its loss, its part of the gradients, and the update. A step that gives NaN or an infinity writes nothing;
 * it is then looked through for what made the first one. Floor: train.
 */
import { type RandomStreamState, restoreStreams, streamStates } from "../../base/random-stream.ts";
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import { clipGradNorm, clipGradValue } from "../../nn/clip.ts";
import { tensorsIn } from "../../nn/module/tensors-in.ts";
import { type Engine } from "../../tensor/engine.ts";
import { currentEngine, withDevice } from "../../tensor/engines.ts";
import { NonFiniteError } from "../../tensor/finite.ts";
import { inner } from "../../tensor/inner.ts";
import { type NonFiniteOrigin, findNonFinite, withLines } from "../../tensor/non-finite.ts";
import type { StoredTensor } from "../../tensor/stored.ts";
import { switches } from "../../tensor/switches.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { StepWriter } from "../callbacks/callback.ts";
import type { TrainerOptions } from "./trainer-options.ts";

export interface BatchResult {
  /** 0-d, or of one element. */
  readonly loss: Tensor;
  readonly output: Tensor | undefined;
  readonly target: Tensor | undefined;
  /** Examples in the batch. */
  readonly size: number;
}

/** Where in the training a step is, for messages. */
export interface StepPlace {
  readonly epoch: number;
  readonly batch: number;
  readonly step: number;
}

export class BatchStep<B> {
  readonly #o: TrainerOptions<B>;
  /** The batches since the last update, and where the random streams stood before each. */
  #window: { readonly batch: B; readonly streams: Record<string, RandomStreamState> }[] = [];

  constructor(options: TrainerOptions<B>) {
    this.#o = options;
  }

  /** Writes the loss of a batch. Nothing runs yet. */
  result(batch: B): BatchResult {
    const { step, loss: lossOf } = this.#o;
    if (step !== undefined) {
      const result = step(batch);
      if (result instanceof Tensor) return checked({ loss: result, ...nothing, size: sizeOf(batch, undefined) });
      if (!(result?.loss instanceof Tensor)) throw stepResult(result);
      const { loss, output, target, size } = result;
      return checked({ loss, output, target, size: size ?? sizeOf(batch, output) });
    }
    const output = this.predict(batch);
    const target = targetOf(batch);
    const loss =
      typeof lossOf === "function"
        ? lossOf(output, target)
        : (lossOf as Exclude<typeof lossOf, undefined>).forward(output, target);
    return checked({ loss, output, target, size: sizeOf(batch, output) });
  }

  /** Writes the output for a batch, or for inputs alone. */
  predict(batch: B | Tensor): Tensor {
    const { forward, model } = this.#o;
    let output: unknown;
    if (forward !== undefined && !(batch instanceof Tensor)) output = forward(batch);
    else output = (model as unknown as { forward(x: Tensor): unknown }).forward(inputOf(batch));
    if (output instanceof Tensor) return output;
    throw new TwopassError({
      op: "Trainer",
      problem: "the model must give one tensor",
      facts: `got ${describe(output)}`,
      hint: "give forward: (batch) => tensor, or step: (batch) => loss",
    });
  }

  /** Runs a body on the trainer's device. */
  onDevice<T>(body: () => T): T {
    return this.#o.device === undefined ? body() : withDevice(this.#o.device, body);
  }

  /** Adds the gradients of a batch to those of the update. `count` sees the result, which has not run yet. */
  accumulate(batch: B, place: StepPlace, count: (result: BatchResult) => void): BatchResult {
    this.#remember(batch);
    return this.#guarded(place, () => {
      const { result, share } = this.#forward(batch, count);
      share.backward();
      return result;
    });
  }

  /** As `accumulate` and then `end`, but `writer` says when, and writes the backward pass. */
  write(
    batch: B,
    place: StepPlace,
    count: (result: BatchResult) => void,
    writer: StepWriter,
    end: () => void,
  ): BatchResult {
    this.#remember(batch);
    return this.#guarded(place, () => {
      let result: BatchResult | undefined;
      let isEnded = false;
      const forward = (): Tensor => {
        const written = this.#forward(batch, count);
        result = written.result;
        return written.share;
      };
      const update = (): void => {
        end();
        isEnded = true;
      };
      writer({ forward, update });
      if (result !== undefined && isEnded) return result;
      throw new TwopassError({
        op: "Trainer",
        problem: "a callback that writes the step must call forward() and update()",
      });
    });
  }

  /** For a search of what is not finite. */
  #remember(batch: B): void {
    if (this.#isChecked) this.#window.push({ batch, streams: streamStates() });
  }

  #forward(batch: B, count: (result: BatchResult) => void): { readonly result: BatchResult; readonly share: Tensor } {
    const { optimizer, accumulate = 1 } = this.#o;
    const result = this.result(batch);
    if (this.#isFirst) optimizer.zeroGrad();
    this.#isFirst = false;
    // Before the backward pass, so that one run does all that uses this batch.
    count(result);
    return { result, share: accumulate === 1 ? result.loss : result.loss.div(accumulate) };
  }

  /** Makes the update with the gradients that were gathered. */
  update(place: StepPlace): void {
    const { optimizer, clipGradNorm: norm, clipGradValue: value, average } = this.#o;
    this.#guarded(place, () => {
      const parameters = optimizer.paramGroups.flatMap(({ params }) => params);
      if (value !== undefined) clipGradValue(parameters, value);
      if (norm !== undefined) clipGradNorm(parameters, norm);
      for (const { lr } of optimizer.paramGroups) if (!Number.isFinite(lr)) throw badRate(lr);
      optimizer.step();
      if (average === undefined) return;
      average.update();
      // At once: a later step that fails would take it back.
      for (const engine of enginesOf(parameters)) engine.run([]);
    });
    this.forget();
  }

  /** The next batch begins an update. */
  forget(): void {
    this.#window = [];
    this.#isFirst = true;
  }

  /** The next batch adds to gradients that were restored. */
  goOn(): void {
    this.#isFirst = false;
  }

  #isFirst = true;

  get #isChecked(): boolean {
    return this.#o.checkFinite ?? true;
  }

  #guarded<T>(place: StepPlace, body: () => T): T {
    const before = switches.finite;
    switches.finite = before || this.#isChecked;
    try {
      return this.onDevice(body);
    } catch (error) {
      // An update that is written with its batch has explained its own.
      if (!(error instanceof NonFiniteError) || error.place.step !== undefined) throw error;
      switches.finite = false;
      throw this.#explained(error, place);
    } finally {
      switches.finite = before;
    }
  }

  /** Does the batches of the failed update again, with lines, and looks where it began. Nothing of it is kept. */
  #explained(error: NonFiniteError, place: StepPlace): NonFiniteError {
    const window = this.#window;
    this.forget();
    let found: { origin: NonFiniteOrigin; batch: B } | undefined;
    let cause: unknown = error;
    for (const { batch, streams } of window) {
      restoreStreams(streams);
      try {
        const origin = this.onDevice(() => this.#originIn(batch));
        if (origin === undefined) continue;
        found = { origin, batch };
        break;
      } catch (second) {
        cause = second;
      }
    }
    const last = window[window.length - 1];
    if (last !== undefined) restoreStreams(last.streams);
    return describeNonFinite(
      error,
      found?.origin,
      place,
      found === undefined ? "" : nameOf(found.batch, found.origin),
      cause,
    );
  }

  #originIn(batch: B): NonFiniteOrigin | undefined {
    let engine: Engine | undefined;
    try {
      const { loss } = withLines(() => this.result(batch));
      engine = loss[inner].engine ?? currentEngine();
      return findNonFinite(engine, loss[inner].value);
    } finally {
      for (const one of new Set([engine ?? currentEngine(), currentEngine()])) one.abandon();
    }
  }
}

const nothing = { output: undefined, target: undefined } as const;

function enginesOf(parameters: readonly StoredTensor[]): Set<Engine> {
  return new Set(parameters.map((parameter) => parameter[inner].engine ?? currentEngine()));
}

function inputOf(batch: unknown): Tensor {
  if (batch instanceof Tensor) return batch;
  if (Array.isArray(batch) && batch[0] instanceof Tensor) {
    if (batch.length <= 2) return batch[0];
    throw badBatch(`a list of ${batch.length}`, "for several inputs give forward: ([a, b]) => model.forward(a, b)");
  }
  throw badBatch(describe(batch), "for other batches give forward: (batch) => tensor, or step: (batch) => loss");
}

function targetOf(batch: unknown): Tensor {
  const target: unknown = Array.isArray(batch) && batch.length > 1 ? batch[batch.length - 1] : undefined;
  if (target instanceof Tensor) return target;
  if (target === undefined) throw badBatch(describe(batch), "for batches without targets give step: (batch) => loss");
  const isText = Array.isArray(target) && typeof target[0] === "string";
  throw badBatch(
    `targets that are ${isText ? `texts such as ${describe(target[0])}` : describe(target)}`,
    isText ? "turn class names into whole numbers" : "the loader's collate makes tensors of numbers",
  );
}

function badBatch(facts: string, hint: string): TwopassError {
  return new TwopassError({
    op: "Trainer",
    problem: "a batch must be [input, target], two tensors",
    facts: `got ${facts}`,
    hint,
  });
}

function stepResult(got: unknown): TwopassError {
  const isPromise = got instanceof Promise;
  if (isPromise) got.catch(() => undefined);
  return new TwopassError({
    op: "Trainer",
    problem: "step must return the loss, or { loss, output, target }",
    facts: `got ${describe(got)}`,
    ...(isPromise ? { hint: "it only writes the graph: do what must be awaited in the loader" } : {}),
  });
}

function checked(result: BatchResult): BatchResult {
  const { loss } = result;
  if (loss instanceof Tensor && loss.size === 1) return result;
  throw new TwopassError({
    op: "Trainer",
    problem: "the loss must be a tensor of one number",
    facts: `got ${loss instanceof Tensor ? `shape ${showShape(loss.shape)}` : describe(loss)}`,
    hint: 'reduce it, for instance with { reduction: "mean" }',
  });
}

/** Examples in a batch. */
function sizeOf(batch: unknown, output: Tensor | undefined): number {
  return output?.shape[0] ?? tensorsIn(batch)[0]?.shape[0] ?? 1;
}

function badRate(lr: number): TwopassError {
  return new TwopassError({
    op: "Trainer",
    problem: "the learning rate is not finite",
    facts: `lr ${lr}`,
    hint: "look at the schedule",
  });
}

/** "the input" or "the target" of a batch whose data is the origin; else "". */
function nameOf(batch: unknown, { data }: NonFiniteOrigin): string {
  if (data === undefined) return "";
  const tensors = tensorsIn(batch);
  const at = tensors.findIndex((x) => {
    const { leaf } = x[inner].value;
    return leaf?.kind === "data" && leaf.data === data;
  });
  if (at < 0) return "";
  if (tensors.length === 2) return at === 0 ? "the input" : "the target";
  return `tensor ${at + 1} of the batch`;
}

function describeNonFinite(
  error: NonFiniteError,
  origin: NonFiniteOrigin | undefined,
  place: StepPlace,
  data: string,
  cause: unknown,
): NonFiniteError {
  const { epoch, batch, step } = place;
  const when = `epoch ${epoch}, batch ${batch}`;
  const parts = {
    op: "fit",
    hint: `nothing of this step was written: the model is as after step ${step}; if the data is right, try a smaller learning rate`,
    cause,
  };
  if (origin === undefined) {
    return new NonFiniteError(
      { ...parts, problem: error.message.replace(/ \([^()]*\)$/, ""), facts: when },
      { ...place },
    );
  }
  const { pass, operation, path, line, facts } = origin;
  const problem =
    pass === "data"
      ? `${data !== "" ? data : operation !== "" ? operation : "a tensor that the step reads"} is not finite`
      : `${operation} gave the first number that is not finite, in the ${pass} pass`;
  const where = [facts, path === "" ? "" : `in ${path}`, line === "" ? "" : `at ${line}`, when];
  return new NonFiniteError(
    { ...parts, problem, facts: where.filter((text) => text !== "").join(", ") },
    { ...place, origin },
  );
}
