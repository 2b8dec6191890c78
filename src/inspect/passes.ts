/** The two passes of a step, recorded: a model, a loss and a batch become one graph. Nothing runs. Floor: inspect. */
import { TwopassError, describe, showShape } from "../base/errors.ts";
import { withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { Module } from "../nn/module/module.ts";
import { tensorsIn } from "../nn/module/tensors-in.ts";
import { nameMembers } from "../nn/module/tree.ts";
import { kit } from "../ops/kit.ts";
import { tracing } from "../tensor/capture.ts";
import type { Engine } from "../tensor/engine.ts";
import { currentEngine } from "../tensor/engines.ts";
import { inner } from "../tensor/inner.ts";
import { noGradientHint } from "../tensor/no-gradient.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Pullback, pullback } from "../transform/grad.ts";
import type { Recorder } from "./recorder.ts";

/** A loss as a layer, or as a function. */
export type TraceLoss =
  | ((output: Tensor, target: Tensor) => Tensor)
  | { forward(output: Tensor, target: Tensor): Tensor };

/** What one step is made of. */
export interface Step<B extends readonly unknown[]> {
  readonly model: Module;
  readonly loss: TraceLoss;
  readonly batch: B;
  readonly forward?: (batch: B) => Tensor;
}

export interface Passes extends Pullback {
  readonly engine: Engine;
  readonly output: Value;
  readonly loss: Value;
}

/** Throws for what is no model or no loss, and inside of a compiled function. */
export function checkStep(op: string, model: unknown, loss: unknown): void {
  if (!(model instanceof Module)) throw wrong(op, "the model must be a module", model);
  if (
    typeof loss !== "function" &&
    typeof (loss as Partial<Exclude<TraceLoss, Function>> | undefined)?.forward !== "function"
  ) {
    throw wrong(op, "the loss must be a loss such as new nn.MSELoss(), or a function (output, target) => loss", loss);
  }
  if (tracing() === undefined) return;
  throw new TwopassError({ op, problem: "a compiled function cannot be looked into from inside of itself" });
}

/** Writes the forward pass and the backward pass. `.grad` stays as it is. */
export function recordPasses<B extends readonly unknown[]>(
  op: string,
  { model, loss, batch, forward }: Step<B>,
  recorder: Recorder,
): Passes {
  nameMembers(model);
  const output = recorder.watch(() => outputOf(op, model, batch, forward));
  const target = targetOf(op, batch);
  const result = recorder.watchLoss(() =>
    typeof loss === "function" ? loss(output, target) : loss.forward(output, target),
  );
  const value = checkedLoss(op, result);
  labelBatch(recorder, batch);
  const { reached, visited } = recorder.watch(() =>
    withMode({ phase: 1, grad: false }, () => {
      const gradient = kit.full(value.shape, 1, value.dtype);
      return pullback(op, [{ value, gradient }], undefined, (of, g) => recorder.noteFlow(of, g));
    }),
  );
  recorder.noteReached(reached);
  return {
    engine: result[inner].engine ?? currentEngine(),
    output: output[inner].value,
    loss: value,
    reached,
    visited,
  };
}

function outputOf<B extends readonly unknown[]>(
  op: string,
  model: Module,
  batch: B,
  forward: Step<B>["forward"],
): Tensor {
  let output: unknown;
  if (forward !== undefined) output = forward(batch);
  else {
    if (!Array.isArray(batch) || batch.length < 2 || !batch.every((x) => x instanceof Tensor)) {
      throw new TwopassError({
        op,
        problem: "a batch must be [input, target], tensors of which the last is the target",
        facts: `got ${describe(batch)}`,
        hint: "for other batches give { forward: (batch) => output }; the loss gets its last tensor",
      });
    }
    output = (model as unknown as { forward(...inputs: unknown[]): unknown }).forward(...batch.slice(0, -1));
  }
  if (output instanceof Tensor) return output;
  throw new TwopassError({
    op,
    problem: "the model must give one tensor",
    facts: `got ${describe(output)}`,
    hint: "give { forward: (batch) => tensor }",
  });
}

function targetOf(op: string, batch: readonly unknown[]): Tensor {
  const target = tensorsIn(batch).at(-1);
  if (target !== undefined) return target;
  throw new TwopassError({ op, problem: "a batch must hold tensors", facts: `got ${describe(batch)}` });
}

function labelBatch(recorder: Recorder, batch: readonly unknown[]): void {
  const tensors = tensorsIn(batch);
  tensors.forEach((x, i) => {
    const name = i === tensors.length - 1 ? "target" : tensors.length === 2 ? "input" : `input ${i}`;
    recorder.label(x[inner].value, name);
  });
}

function checkedLoss(op: string, loss: unknown): Value {
  if (!(loss instanceof Tensor) || loss.size !== 1) {
    throw new TwopassError({
      op,
      problem: "the loss must be a tensor of one number",
      facts: `got ${loss instanceof Tensor ? `shape ${showShape(loss.shape)}` : describe(loss)}`,
      hint: 'reduce it, for instance with { reduction: "mean" }',
    });
  }
  const { value } = loss[inner];
  if (value.requiresGrad) return value;
  throw new TwopassError({
    op,
    problem: "the loss does not depend on anything that requires grad",
    facts: `${loss.dtype} ${showShape(loss.shape)}`,
    hint: noGradientHint(value),
  });
}

function wrong(op: string, problem: string, got: unknown): TwopassError {
  return new TwopassError({ op, problem, facts: `got ${describe(got)}` });
}
