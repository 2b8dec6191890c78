/** A trace of a step that a trainer makes: the step is made by it. Floor: inspect. */
import { withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { tensorsIn } from "../nn/module/tensors-in.ts";
import { kit } from "../ops/kit.ts";
import { isState } from "../optim/optimizer-input.ts";
import { tensor } from "../tensor/creation.ts";
import { currentEngine } from "../tensor/engines.ts";
import { inner } from "../tensor/inner.ts";
import type { StoredTensor } from "../tensor/stored.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { StepParts } from "../train/callbacks/callback.ts";
import type { Trainer } from "../train/trainer/trainer.ts";
import { runTraced } from "./trace.ts";
import type { Trace } from "./trace-format.ts";

/**
 * Writes the step and runs it, at once; the promise is that of the record. Where batches are accumulated, the passes are
 * those of the last one, with its share of the loss.
 */
export function traceOfStep<B>(trainer: Trainer<B>, data: unknown, { forward, update }: StepParts): Promise<Trace> {
  const { model, optimizer } = trainer;
  const parameters = new Set<StoredTensor>([
    ...model.parameters(),
    ...optimizer.paramGroups.flatMap(({ params }) => params),
  ]);
  const before = new Map<StoredTensor, Value>();
  // While the trainer's part goes on, and from the update on, an error is one of the step.
  let isOfStep = false;
  const writeForward = (): Tensor => {
    isOfStep = true;
    const loss = forward();
    isOfStep = false;
    // Gradients of the batches before: a trace puts its own in their place.
    for (const parameter of parameters) {
      const { gradient } = parameter[inner];
      if (gradient !== undefined) before.set(parameter, gradient);
    }
    return loss;
  };
  const makeUpdate = (): void => {
    isOfStep = true;
    for (const [parameter, gradient] of before) addGradient(parameter, gradient);
    update();
  };
  const batch = tensorsIn(data).length > 0 ? [data] : [data, tensor(0)];
  const options = {
    forward: writeForward,
    optimizer: {
      paramGroups: optimizer.paramGroups,
      // The trainer does it with the first batch of an update.
      zeroGrad: () => undefined,
      step: makeUpdate,
      stateDict: () => {
        const state = optimizer.stateDict();
        return isState(state) ? state : { state: {}, paramGroups: [] };
      },
    },
  };
  let read: () => Promise<Trace>;
  try {
    read = runTraced(model, (loss: Tensor) => loss, batch, options);
  } catch (error) {
    // A step that fails says so at once.
    if (isOfStep) throw error;
    // What a trace cannot differentiate a step cannot either.
    forward().backward();
    update();
    const failed = Promise.reject(error);
    failed.catch(() => undefined);
    return failed;
  }
  const traced = read().then((record) => ({ ...withLoss(record), optimizer: optimizer.constructor.name }));
  // It is awaited later.
  traced.catch(() => undefined);
  return traced;
}

/** Adds what the batches before left. */
function addGradient(parameter: StoredTensor, before: Value): void {
  const { gradient, engine = currentEngine() } = parameter[inner];
  if (gradient === undefined || gradient === before) return;
  const sum = withMode({ phase: 1, grad: false }, () => kit.add(before, gradient));
  engine.setGradient(parameter[inner], sum);
}

/** What the forward pass makes of the model's results belongs to the loss: the trainer writes both in one. */
function withLoss(record: Trace): Trace {
  const behind = new Set(record.modules.find(({ path }) => path === "")?.calls.flatMap(({ outputs }) => outputs));
  const ends = new Set(behind);
  const operations = record.operations.map((one, i) => {
    if (one.phase !== "forward" || !one.inputs.some((input) => behind.has(input))) return one;
    behind.add(i);
    return one.module === "" && !ends.has(i) ? { ...one, module: "loss" } : one;
  });
  return { ...record, operations };
}
