/** Sections `ops` and `errors`: one call of a function or a method each. */
import { TwopassError } from "../../src/base/errors.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { adapterOf } from "./adapters/index.ts";
import { camelCase } from "./api.ts";
import type { CaseBase, Encoded, TensorLookup } from "./reader.ts";
import { type Outcome, describeError, outcomeOf } from "./result.ts";
import type { Keywords } from "./signature.ts";
import { Unsupported, compareTensor, compareValue, decode, ourDtype, pairTensors, show, toTensor } from "./values.ts";

export interface CallCase extends CaseBase {
  readonly op: string;
  readonly family: string;
  readonly variant?: string;
  readonly args: readonly Encoded[];
  readonly kwargs: Readonly<Record<string, Encoded>>;
}

export interface OpsCase extends CallCase {
  readonly dtypes: readonly string[];
  readonly out: Encoded;
  readonly out_fields?: readonly string[];
  readonly mutated?: Readonly<Record<string, string>>;
  readonly compare?: "shape";
  readonly rtol: number;
  readonly atol: number;
  readonly cot?: Readonly<Record<string, string>>;
  readonly grads?: Readonly<Record<string, string>>;
  readonly grad_rtol?: number;
  readonly grad_atol?: number;
}

export interface ErrorsCase extends CallCase {
  readonly raises: string;
  readonly message: string;
}

export async function runOp(one: OpsCase, reference: TensorLookup): Promise<Outcome> {
  return outcomeOf(async () => {
    one.dtypes.forEach(ourDtype);
    const inputs = new Map<string, Tensor>();
    const input = (name: string): Tensor => {
      const options = { requiresGrad: one.grads?.[name] !== undefined, stored: one.mutated?.[name] !== undefined };
      const made = inputs.get(name) ?? toTensor(reference(name), options);
      inputs.set(name, made);
      return made;
    };
    const [args, keywords] = decodeCall(one, input);
    const actual = inOrder(await adapterOf(one.op).call(args, keywords), one);
    const tolerance = { rtol: one.rtol, atol: one.atol };
    const wrong = await compareValue("out", actual, one.out, reference, tolerance, one.compare === "shape");
    if (wrong !== undefined) return wrong;
    for (const [name, later] of Object.entries(one.mutated ?? {})) {
      const reason = await compareTensor(`${name} afterwards`, input(name), reference(later), tolerance);
      if (reason !== undefined) return reason;
    }
    if (one.grads === undefined || one.cot === undefined) return undefined;
    backward(pairTensors(actual, one.out), one.cot, reference);
    return compareGradients(one.grads, input, reference, { rtol: one.grad_rtol ?? 0, atol: one.grad_atol ?? 0 });
  });
}

/** The call must throw an error of ours, be it at the call or when the result is read. Its text is the reason. */
export async function runError(one: ErrorsCase, reference: TensorLookup): Promise<Outcome> {
  let args: unknown[];
  let keywords: Keywords;
  try {
    [args, keywords] = decodeCall(one, (name) => toTensor(reference(name)));
  } catch (error) {
    if (error instanceof Unsupported) return { status: "skipped", reason: error.message };
    throw error;
  }
  try {
    const result = await adapterOf(one.op).call(args, keywords);
    for (const item of Array.isArray(result) ? (result as unknown[]) : [result])
      if (item instanceof Tensor) await item.data();
    return { status: "failed", reason: `gave ${show(result)}, expected an error: ${one.message}` };
  } catch (error) {
    const reason = describeError(error);
    // An option that the library does not know would hide that it does not check what the case is about.
    const isAboutTheCall =
      error instanceof TwopassError && error.op !== "internal" && !reason.includes("unknown option");
    return isAboutTheCall
      ? { status: "passed", reason }
      : { status: "failed", reason: `${reason}, expected a TwopassError for: ${one.message}` };
  }
}

function decodeCall(one: CallCase, input: (name: string) => unknown): [args: unknown[], keywords: Keywords] {
  return [one.args.map((value) => decode(value, input)), decode(one.kwargs, input) as Keywords];
}

/** Several results by name, as `{ values, indices }`, in PyTorch's order. */
function inOrder(actual: unknown, one: OpsCase): unknown {
  const fields = one.out_fields;
  if (
    fields === undefined ||
    actual === null ||
    typeof actual !== "object" ||
    actual instanceof Tensor ||
    Array.isArray(actual)
  ) {
    return actual;
  }
  return fields.map((field) => Reflect.get(actual, camelCase(field)) as unknown);
}

/** The backward pass of the sum over all outputs of `sum(out · cot)`. */
export function backward(
  outputs: ReadonlyMap<string, Tensor>,
  cotangents: Readonly<Record<string, string>>,
  reference: TensorLookup,
): void {
  const reached = Object.entries(cotangents).filter(([out]) => outputs.get(out)?.requiresGrad === true);
  reached.forEach(([out, cotangent], i) => {
    outputs.get(out)?.backward({ gradient: toTensor(reference(cotangent)), retainGraph: i + 1 < reached.length });
  });
}

export async function compareGradients(
  expected: Readonly<Record<string, string>>,
  tensorOf: (name: string) => Tensor | undefined,
  reference: TensorLookup,
  tolerance: { readonly rtol: number; readonly atol: number },
): Promise<string | undefined> {
  for (const [name, gradient] of Object.entries(expected)) {
    const actual = tensorOf(name)?.grad ?? null;
    if (actual === null) return `${name} has no gradient`;
    const reason = await compareTensor(`the gradient of ${name}`, actual, reference(gradient), tolerance);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
