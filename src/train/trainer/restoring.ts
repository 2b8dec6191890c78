/** Puts a state into all parts of a training, or into none. Floor: train. */
import { TwopassError } from "../../base/errors.ts";
import { tensor } from "../../tensor/creation.ts";
import type { StoredTensor } from "../../tensor/stored.ts";
import type { TrainerInside } from "./trainer.ts";
import { type Stateful, type TrainerState, copyState, isStateful, readState } from "./trainer-state.ts";

/** @throws where a part refuses its state; all parts have their old one then. */
export async function restoreAll<B>(inside: TrainerInside<B>, state: TrainerState): Promise<void> {
  const { options, callbacks, means, progress, records, step } = inside;
  const { model, optimizer, schedule, average } = options;
  const undo: (() => void)[] = [];
  const load = async (part: Stateful, given: object): Promise<void> => {
    const before = await copyState(part.stateDict());
    undo.push(() => part.loadStateDict(readState(before) as never));
    part.loadStateDict(readState(given) as never);
  };
  try {
    await load(model as unknown as Stateful, state.model);
    await load(optimizer, state.optimizer);
    await loadPart("schedule", schedule, state.schedule, load);
    await loadPart("average", average, state.average, load);
    for (const [i, callback] of callbacks.entries()) {
      const given = state.callbacks[i];
      if (given !== null && given !== undefined && isStateful(callback)) await load(callback, given);
    }
  } catch (error) {
    for (const takeBack of undo.reverse()) takeBack();
    throw error;
  }
  for (const [path, buffer] of model.namedBuffers()) {
    const content = state.buffers[path];
    if (content !== undefined) buffer.assign(content);
  }
  for (const [path, parameter] of model.namedParameters())
    parameter.grad = gradientFor(parameter, state.gradients[path]);
  Object.assign(progress, state.progress);
  records.splice(0, records.length, ...(readState(state.epochs) as typeof records));
  means.reset();
  means.restoreMetrics(state.metrics);
  means.restoreLoss(state.lossSum, progress.examples);
  inside.left = { loader: state.loader, validation: state.validation };
  step.forget();
  if (progress.waiting > 0) step.goOn();
}

/** A schedule or a mean that one side has and the other has not would change the training. */
async function loadPart(
  name: string,
  part: unknown,
  state: object | null,
  load: (part: Stateful, state: object) => Promise<void>,
): Promise<void> {
  if (isStateful(part) && state !== null) {
    await load(part, state);
    return;
  }
  if (!isStateful(part) && state === null) return;
  throw new TwopassError({
    op: "Trainer.restore",
    problem: `the state is of a trainer ${state === null ? "without" : "with"} ${name}`,
    facts: `this one has ${state === null ? "one" : "none"}`,
    hint: "make the trainer in the same way as the one that was saved",
  });
}

function gradientFor(parameter: StoredTensor, given: StoredTensor["grad"] | undefined): StoredTensor["grad"] {
  return given === undefined || given === null ? null : tensor(given.dataSync(), { shape: parameter.shape });
}
