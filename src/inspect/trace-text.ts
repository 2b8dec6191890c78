/** A trace as text, and back. JSON; NaN, infinities and −0 are strings of that name. Floor: inspect. */
import { getDotPath, safeParse } from "valibot";
import { TwopassError, describe } from "../base/errors.ts";
import { jsonText, traceSchema } from "./schema.ts";
import { type Trace, traceFormat, traceVersion } from "./trace-format.ts";

const op = "readTrace";

/**
 * The text of a trace: `readTrace(traceText(trace))` equals it.
 *
 * @example
 * const model = new nn.Linear(1, 1);
 * const text = traceText(await trace(model, new nn.MSELoss(), [tensor([[1]]), tensor([[2]])]));
 * text.startsWith('{"format":"twopass-trace","version":1'); // true
 */
export function traceText(trace: Trace): string {
  return jsonText(trace);
}

/**
 * A trace from its text.
 *
 * @throws for text that is cut short, of another version, or no trace; what is wrong is named.
 * @example
 * const model = new nn.Linear(1, 1);
 * const step = await trace(model, new nn.MSELoss(), [tensor([[1]]), tensor([[2]])]);
 * readTrace(traceText(step)).operations.length === step.operations.length; // true
 */
export function readTrace(text: string): Trace {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    const isCut = typeof text === "string" && text.startsWith(`{"format":"${traceFormat}"`);
    throw new TwopassError({
      op,
      problem: isCut ? "the trace is cut short or damaged" : "this is no trace",
      facts: isCut ? `${text.length} characters` : "it is not JSON",
      hint: isCut ? "write it again, or copy the whole file" : "a trace is what traceText gives",
      cause,
    });
  }
  const { format, version } = (data ?? {}) as { format?: unknown; version?: unknown };
  if (format !== traceFormat) {
    throw new TwopassError({ op, problem: "this is no trace", facts: `its format is ${describe(format)}` });
  }
  if (version !== traceVersion) {
    throw new TwopassError({
      op,
      problem: "the trace is of another version",
      facts: `version ${describe(version)}, and this reads ${traceVersion}`,
      hint: "read it with the twopass that wrote it, or write it again",
    });
  }
  const result = safeParse(traceSchema, data);
  if (!result.success) {
    const [issue] = result.issues;
    throw new TwopassError({
      op,
      problem: "the trace is damaged",
      facts: `${getDotPath(issue) ?? "it"}: ${issue.message}`,
      hint: "write it again",
    });
  }
  checkNumbers(result.output);
  return result.output;
}

/** Operations name each other by number, and each takes those in front of it. */
function checkNumbers({ operations, modules, parameters, loss }: Trace): void {
  const { length } = operations;
  const fail = (where: string, number: number): never => {
    throw new TwopassError({
      op,
      problem: "the trace is damaged",
      facts: `${where} names operation ${number}, and there are ${length}`,
      hint: "write it again",
    });
  };
  const check = (where: string, number: number | undefined, below = length): void => {
    if (number !== undefined && number >= below) fail(where, number);
  };
  operations.forEach(({ inputs, derivativeOf, gradient, gradientOf }, i) => {
    for (const input of inputs) check(`operations.${i}.inputs`, input, i);
    for (const number of [derivativeOf, gradient, gradientOf]) check(`operations.${i}`, number);
  });
  modules.forEach(({ calls }, i) => {
    for (const { inputs, outputs } of calls) for (const at of [...inputs, ...outputs]) check(`modules.${i}.calls`, at);
  });
  parameters.forEach(({ operation, gradient }, i) => {
    for (const number of [operation, gradient]) check(`parameters.${i}`, number);
  });
  check("loss", loss);
}
