/** Section `optim`: optimisers on a small problem, and learning-rate schedules. */
import { Parameter, clipGradNorm, clipGradValue } from "../../src/nn/index.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { camelCase, exportedClass } from "./api.ts";
import type { CaseBase, Encoded, TensorLookup } from "./reader.ts";
import { type Outcome, outcomeOf } from "./result.ts";
import type { Missing } from "./skips.ts";
import { type Tolerance, isClose, toTensor } from "./values.ts";

type EncodedOptions = Readonly<Record<string, Encoded>>;

export interface Clip {
  readonly kind: "norm" | "value";
  readonly max_norm?: number;
  readonly norm_type?: number | "inf";
  readonly clip_value?: number;
}

interface OptimizerCase extends CaseBase {
  readonly kind: "optimizer";
  readonly optimizer: string;
  readonly options: EncodedOptions;
  readonly groups?: readonly (EncodedOptions & { readonly params: readonly number[] })[];
  readonly frozen?: readonly number[];
  readonly clip?: Clip;
  readonly clip_norms?: readonly number[];
  readonly scheduler?: string;
  readonly scheduler_options?: EncodedOptions;
  readonly steps: number;
  readonly constants: { readonly q: number; readonly r: number; readonly c: number };
  readonly func_evals?: readonly number[];
  readonly rtol: number;
  readonly atol: number;
}

interface SchedulerCase extends CaseBase {
  readonly kind: "scheduler";
  readonly scheduler: string;
  readonly options: EncodedOptions;
  readonly optimizer: string;
  readonly optimizer_options: EncodedOptions;
  readonly group_lrs: readonly number[];
  readonly steps: number;
  readonly lrs: readonly (readonly number[])[];
  readonly momentums?: readonly (readonly number[])[];
  readonly metrics?: readonly number[];
  readonly step_args?: readonly (number | null)[];
  readonly rtol: number;
  readonly atol: number;
}

export type OptimCase = OptimizerCase | SchedulerCase;

/** What the runner uses of an optimiser and of a schedule. */
export interface AnyOptimizer {
  readonly paramGroups: readonly object[];
  step(closure?: () => Tensor): unknown;
  zeroGrad(): void;
}

export interface AnyScheduler {
  step(argument?: number): void;
}

/** The class that the case is about. */
export function nameOfOptim(one: OptimCase): string {
  return one.kind === "scheduler" ? one.scheduler : one.optimizer;
}

/** Classes that a case needs and the library has not. */
export function missingOptim(one: OptimCase): Missing | undefined {
  const nested = one.kind === "scheduler" ? one.options["schedulers"] : undefined;
  const inner = Array.isArray(nested)
    ? (nested as readonly { scheduler: string }[]).map((entry) => entry.scheduler)
    : [];
  return missingClasses([one.optimizer, ...(one.scheduler === undefined ? [] : [one.scheduler]), ...inner]);
}

export function missingClasses(names: readonly string[]): Missing | undefined {
  const name = names.find((candidate) => exportedClass("optim", candidate) === undefined);
  return name === undefined ? undefined : { list: "optim", name, needs: `optim.${name}` };
}

export function runOptim(one: OptimCase, reference: TensorLookup): Promise<Outcome> {
  return outcomeOf(() => (one.kind === "scheduler" ? runScheduler(one) : runOptimizer(one, reference)));
}

function optionsOf(encoded: EncodedOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(encoded).map(([key, value]) => [optionName(key), optionValue(value)]));
}

/** T_max is tMax, T_0 is t0. */
function optionName(key: string): string {
  const name = camelCase(key);
  return `${name.slice(0, 1).toLowerCase()}${name.slice(1)}`;
}

function optionValue(value: Encoded): unknown {
  if (value === "inf") return Number.POSITIVE_INFINITY;
  if (typeof value === "object" && value !== null && "$float" in value) return Number(value["$float"]);
  return value;
}

export function makeOptimizer(name: string, parameters: readonly unknown[], options: EncodedOptions): AnyOptimizer {
  const make = exportedClass("optim", name);
  if (make === undefined) throw new Error(`there is no optim.${name}`);
  return new make(parameters, optionsOf(options)) as AnyOptimizer;
}

export function makeScheduler(name: string, optimizer: AnyOptimizer, encoded: EncodedOptions): AnyScheduler {
  const make = exportedClass("optim", name);
  if (make === undefined) throw new Error(`there is no optim.${name}`);
  const options = optionsOf(encoded);
  const rule = encoded["lr_lambda"];
  if (rule !== undefined) options["lrLambda"] = lambda(rule as unknown as LambdaRule);
  const nested = encoded["schedulers"];
  if (nested === undefined) return new make(optimizer, options) as AnyScheduler;
  delete options["schedulers"];
  const inner = (nested as unknown as readonly { scheduler: string; options: EncodedOptions }[]).map((entry) =>
    makeScheduler(entry.scheduler, optimizer, entry.options),
  );
  return (name === "ChainedScheduler" ? new make(inner) : new make(optimizer, inner, options)) as AnyScheduler;
}

interface LambdaRule {
  readonly fn: "pow" | "inverse" | "warmup";
  readonly base?: number;
  readonly k?: number;
  readonly n?: number;
}

function lambda({ fn, base = 1, k = 1, n = 1 }: LambdaRule): (epoch: number) => number {
  if (fn === "pow") return (epoch) => base ** epoch;
  if (fn === "inverse") return (epoch) => 1 / (1 + k * epoch);
  return (epoch) => Math.min(1, (epoch + 1) / n);
}

/** Clips the gradients of all parameters; the norm before it, where there is one. */
export function clipGradients(parameters: readonly Parameter[], clip: Clip): Tensor | undefined {
  if (clip.kind === "value") {
    clipGradValue(parameters, clip.clip_value ?? 0);
    return undefined;
  }
  const normType = clip.norm_type === "inf" ? Number.POSITIVE_INFINITY : (clip.norm_type ?? 2);
  return clipGradNorm(parameters, clip.max_norm ?? 0, { normType });
}

async function runOptimizer(one: OptimizerCase, reference: TensorLookup): Promise<string | undefined> {
  const isClosed = one.func_evals !== undefined;
  // At the minimum the last bit of a float32 loss decides how often a line search evaluates it: in float64 the algorithm.
  const read = (name: string): Tensor => (isClosed ? toTensor(reference(name)).double() : toTensor(reference(name)));
  const p0 = new Parameter(read("p0"));
  const p1 = new Parameter(read("p1"));
  const parameters = [p0, p1];
  const groups = one.groups?.map(({ params, ...options }) => ({
    ...optionsOf(options),
    params: params.map((i) => parameters[i]),
  }));
  const optimizer = makeOptimizer(one.optimizer, groups ?? parameters, one.options);
  const scheduler =
    one.scheduler === undefined ? undefined : makeScheduler(one.scheduler, optimizer, one.scheduler_options ?? {});
  const lossOf = problem(one, read, p0, p1);
  const rows = recorder(one, reference);
  let evaluations = 0;
  const backward = (): Tensor => {
    evaluations++;
    optimizer.zeroGrad();
    const loss = lossOf();
    loss.backward();
    for (const i of one.frozen ?? []) (parameters[i] as Parameter).grad = null;
    return loss;
  };
  for (let step = 0; step < one.steps; step++) {
    let loss: Tensor;
    if (isClosed) {
      loss = (await optimizer.step(backward)) as Tensor;
      if (evaluations !== one.func_evals?.[step])
        return `${evaluations} evaluations up to step ${step}, expected ${one.func_evals?.[step]}`;
    } else {
      loss = backward();
      const norm = one.clip === undefined ? undefined : clipGradients(parameters, one.clip);
      const wrong = (await rows.gradients(step, parameters)) ?? (norm && (await rows.norm(step, norm)));
      if (wrong !== undefined) return wrong;
      optimizer.step();
    }
    scheduler?.step();
    const wrong =
      (await rows.row("loss_steps", step, loss)) ??
      (await rows.row("p0_steps", step, p0)) ??
      (await rows.row("p1_steps", step, p1));
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** The loss of the section's description. */
function problem({ constants }: OptimizerCase, read: (name: string) => Tensor, p0: Tensor, p1: Tensor): () => Tensor {
  const [A, b, d, m] = ["A", "b", "d", "m"].map(read) as [Tensor, Tensor, Tensor, Tensor];
  const { q, r, c } = constants;
  return () => {
    const quadratic = p0.mul(A.matmul(p0)).sum().mul(0.5).sub(b.mul(p0).sum());
    const quartic = p0
      .pow(4)
      .sum()
      .mul(0.25 * q);
    const distance = d
      .mul(p1.sub(m).square())
      .sum()
      .mul(0.5)
      .add(
        p1
          .pow(4)
          .sum()
          .mul(0.25 * r),
      );
    return quadratic.add(quartic).add(distance).add(p0.sum().mul(p1.sum()).mul(c));
  };
}

interface Recorder {
  row(name: string, step: number, actual: Tensor): Promise<string | undefined>;
  gradients(step: number, parameters: readonly Parameter[]): Promise<string | undefined>;
  norm(step: number, actual: Tensor): Promise<string | undefined>;
}

/** Compares what happens in a step with the row of that step. */
function recorder(one: OptimizerCase, reference: TensorLookup): Recorder {
  const tolerance = { rtol: one.rtol, atol: one.atol };
  const row = async (name: string, step: number, actual: Tensor): Promise<string | undefined> => {
    const size = actual.size;
    const expected = [...reference(name).data].slice(step * size, (step + 1) * size).map(Number);
    return firstDifference(`${name}[${step}]`, [...(await actual.data())], expected, tolerance);
  };
  return {
    row,
    gradients: async (step, parameters) => {
      for (const [i, parameter] of parameters.entries()) {
        if (one.frozen?.includes(i) === true) continue;
        if (parameter.grad === null) return `p${i} has no gradient at step ${step}`;
        const reason = await row(`g${i}_steps`, step, parameter.grad);
        if (reason !== undefined) return reason;
      }
      return undefined;
    },
    norm: async (step, actual) =>
      one.clip_norms === undefined
        ? undefined
        : firstDifference(
            `clip_norms[${step}]`,
            [...(await actual.data())],
            [one.clip_norms[step] as number],
            tolerance,
          ),
  };
}

export function firstDifference(
  name: string,
  actual: readonly number[],
  expected: readonly number[],
  tolerance: Tolerance,
): string | undefined {
  if (actual.length !== expected.length) return `${name} has ${actual.length} entries, expected ${expected.length}`;
  const at = expected.findIndex((e, i) => !isClose(actual[i] as number, e, tolerance));
  return at < 0 ? undefined : `${name}[${at}] is ${actual[at]}, expected ${expected[at]}`;
}

function runScheduler(one: SchedulerCase): string | undefined {
  const groups = one.group_lrs.map((lr) => ({
    params: [new Parameter({ data: new Float32Array(1), shape: [1], dtype: "float32" })],
    lr,
  }));
  const optimizer = makeOptimizer(one.optimizer, groups, { ...one.optimizer_options, lr: one.group_lrs[0] as number });
  const scheduler = makeScheduler(one.scheduler, optimizer, one.options);
  const tolerance = { rtol: one.rtol, atol: one.atol };
  const wrong = (step: number): string | undefined => {
    const read = (key: string): number[] => optimizer.paramGroups.map((group) => Reflect.get(group, key) as number);
    const reason = firstDifference(`lrs[${step}]`, read("lr"), one.lrs[step] ?? [], tolerance);
    if (reason !== undefined || one.momentums === undefined) return reason;
    const isAdam = "betas" in (optimizer.paramGroups[0] ?? {});
    const momentums = isAdam
      ? optimizer.paramGroups.map((group) => (Reflect.get(group, "betas") as number[])[0] as number)
      : read("momentum");
    return firstDifference(`momentums[${step}]`, momentums, one.momentums[step] ?? [], tolerance);
  };
  for (let step = 0; step <= one.steps; step++) {
    if (step > 0) {
      const argument = one.metrics?.[step - 1] ?? one.step_args?.[step - 1] ?? undefined;
      if (argument === undefined) scheduler.step();
      else scheduler.step(argument);
    }
    const reason = wrong(step);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
