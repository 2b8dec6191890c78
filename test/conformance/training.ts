/** Section `training`: 30 steps of a whole model. */
import * as F from "../../src/nn/functional.ts";
import type { Module } from "../../src/nn/module/module.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { models } from "./models.ts";
import { type Clip, clipGradients, firstDifference, makeOptimizer, makeScheduler, missingClasses } from "./optim.ts";
import type { CaseBase, Encoded, TensorLookup } from "./reader.ts";
import { type Outcome, outcomeOf } from "./result.ts";
import type { Missing } from "./skips.ts";
import { compareTensor, toTensor } from "./values.ts";

export interface TrainingCase extends CaseBase {
  readonly model: string;
  readonly steps: number;
  readonly loss: "cross_entropy" | "cross_entropy_smooth" | "nll_sum" | "mse" | "bce";
  readonly optimizer: string;
  readonly options: Readonly<Record<string, Encoded>>;
  readonly scheduler?: string;
  readonly scheduler_options?: Readonly<Record<string, Encoded>>;
  readonly clip?: Clip;
  readonly batches: number;
  readonly target: "input" | "y";
  readonly losses: readonly number[];
  readonly loss_rtol: number;
  readonly first_grad_rtol: number;
  readonly first_grad_atol: number;
  readonly final_rtol: number;
  readonly final_atol: number;
  readonly final_left_out?: readonly string[];
  readonly eval_rtol: number;
  readonly eval_atol: number;
}

/** What the library lacks for a case. */
export function missingModel(one: TrainingCase): Missing | undefined {
  if (models[one.model] === undefined) return { list: "training", name: one.model, needs: `${one.model} in models.ts` };
  return missingClasses([one.optimizer, ...(one.scheduler === undefined ? [] : [one.scheduler])]);
}

/** Names of the case's tensors that begin with a prefix, without it. */
export type NamesOf = (prefix: string) => readonly string[];

export function runTraining(one: TrainingCase, reference: TensorLookup, namesOf: NamesOf): Promise<Outcome> {
  return outcomeOf(async () => {
    const make = models[one.model];
    if (make === undefined) throw new Error(`models.ts has no ${one.model}`);
    const model = make();
    model.loadStateDict(
      Object.fromEntries(namesOf("init.").map((name) => [name, toTensor(reference(`init.${name}`))])),
    );
    const wrong = (await train(model, one, reference, namesOf)) ?? (await compareFinal(model, one, reference, namesOf));
    if (wrong !== undefined) return wrong;
    const output = forward(model.eval(), toTensor(reference("x0")));
    return compareTensor("eval_out", output, reference("eval_out"), { rtol: one.eval_rtol, atol: one.eval_atol });
  });
}

async function train(
  model: Module,
  one: TrainingCase,
  reference: TensorLookup,
  namesOf: NamesOf,
): Promise<string | undefined> {
  const parameters = model.parameters();
  const optimizer = makeOptimizer(one.optimizer, parameters, one.options);
  const scheduler =
    one.scheduler === undefined ? undefined : makeScheduler(one.scheduler, optimizer, one.scheduler_options ?? {});
  for (let step = 0; step < one.steps; step++) {
    const batch = step % one.batches;
    const x = toTensor(reference(`x${batch}`));
    const target = one.target === "input" ? x : toTensor(reference(`y${batch}`));
    optimizer.zeroGrad();
    const loss = lossOf(one.loss, forward(model, x), target);
    loss.backward();
    if (step === 0) {
      const reason = await compareFirstGradients(model, one, reference, namesOf);
      if (reason !== undefined) return reason;
    }
    if (one.clip !== undefined) clipGradients(parameters, one.clip);
    optimizer.step();
    scheduler?.step();
    const tolerance = { rtol: one.loss_rtol, atol: 0 };
    const reason = firstDifference(`losses[${step}]`, [await loss.item()], [one.losses[step] as number], tolerance);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function forward(model: Module, x: Tensor): Tensor {
  return Reflect.apply(Reflect.get(model, "forward") as () => unknown, model, [x]) as Tensor;
}

function lossOf(kind: TrainingCase["loss"], output: Tensor, target: Tensor): Tensor {
  if (kind === "mse") return F.mseLoss(output, target);
  if (kind === "bce") return F.binaryCrossEntropy(output, target);
  const logits = output.reshape([-1, output.shape.at(-1) as number]);
  const labels = target.reshape([-1]);
  if (kind === "nll_sum") return F.nllLoss(logits.logSoftmax(-1), labels, { reduction: "sum" });
  return F.crossEntropy(logits, labels, kind === "cross_entropy_smooth" ? { labelSmoothing: 0.1 } : {});
}

async function compareFirstGradients(
  model: Module,
  one: TrainingCase,
  reference: TensorLookup,
  namesOf: NamesOf,
): Promise<string | undefined> {
  const parameters = new Map<string, Tensor>(model.namedParameters());
  const tolerance = { rtol: one.first_grad_rtol, atol: one.first_grad_atol };
  for (const name of namesOf("grad.")) {
    const reason = await compareTensor(
      `the first gradient of ${name}`,
      parameters.get(name)?.grad,
      reference(`grad.${name}`),
      tolerance,
    );
    if (reason !== undefined) return reason;
  }
  return undefined;
}

async function compareFinal(
  model: Module,
  one: TrainingCase,
  reference: TensorLookup,
  namesOf: NamesOf,
): Promise<string | undefined> {
  const state = model.stateDict();
  const tolerance = { rtol: one.final_rtol, atol: one.final_atol };
  for (const name of namesOf("final.")) {
    if (one.final_left_out?.includes(name) === true) continue;
    const reason = await compareTensor(`final ${name}`, state[name], reference(`final.${name}`), tolerance);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
