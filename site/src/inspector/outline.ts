/** A trace without its elements: what the page holds, while the elements stay in the worker until they are looked at. */
import type { Trace, TraceOperation, TraceParameter, TraceValue } from "twopass/inspect";

export type OutlineParameter = Pick<TraceParameter, "path" | "shape" | "dtype" | "operation" | "gradient">;

export interface Outline extends Omit<Trace, "format" | "version" | "parameters"> {
  /** Without values, as the operations. */
  readonly parameters: readonly OutlineParameter[];
}

export function outlineOf(trace: Trace): Outline {
  const { date, device, model, optimizer, step, loss, lossValue, modules, operations, parameters, kernels } = trace;
  return {
    date,
    device,
    model,
    optimizer,
    ...(step === undefined ? {} : { step }),
    loss,
    lossValue,
    modules,
    operations: operations.map(withoutValue),
    parameters: parameters.map(({ path, shape, dtype, operation, gradient }) => ({
      path,
      shape,
      dtype,
      ...(operation === undefined ? {} : { operation }),
      ...(gradient === undefined ? {} : { gradient }),
    })),
    kernels,
  };
}

function withoutValue(operation: TraceOperation): TraceOperation {
  const copy: TraceOperation & { value?: TraceValue } = { ...operation };
  delete copy.value;
  return copy;
}

/** What an operation gave; a number that is everywhere is told by its label. */
export function valueOf({ value, op, label, shape }: TraceOperation): TraceValue | undefined {
  if (value !== undefined) return value;
  const isNumber = label !== "" && !Number.isNaN(Number(label)) && (op === "constant" || op === "leaf");
  const size = shape.reduce((product, length) => product * length, 1);
  if (!isNumber || size > 256) return undefined;
  return { kind: "elements", data: new Array<number>(size).fill(Number(label)) };
}
