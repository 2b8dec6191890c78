/** Moments in words. */
import type { SessionInfo } from "../session/protocol.ts";
import { t } from "../text/text.ts";
import type { ShownStep } from "./state.ts";
import { type Moment, placeAt } from "./timeline.ts";

/** Where one is: what was done last, or that nothing was. */
export function placeText(step: ShownStep, at: number, info: SessionInfo | undefined): string {
  const { moment } = placeAt(step.timeline, at);
  const texts = t().playground.step;
  if (moment === undefined) return texts.beginning(step.before.step + 1);
  const text = momentText(step, moment, info);
  return at === step.timeline.moments.length ? `${text} · ${texts.done}` : text;
}

/** "layer 2: weighted sums" and the like. */
export function momentText(step: ShownStep, moment: Moment, info: SessionInfo | undefined): string {
  const texts = t().playground;
  const { trace } = step.traced;
  if (moment.parameter !== undefined) {
    const path = trace.parameters[moment.parameter]?.path ?? "";
    const kind = path.endsWith(".bias") ? texts.step.biases : texts.step.weights;
    return `${layerName(moment.layer, info)}: ${kind}`;
  }
  const operation = trace.operations[moment.operation ?? -1];
  if (operation === undefined) return layerName(moment.layer, info);
  const what = operationName(operation.op);
  if (moment.phase === "loss") return what;
  if (moment.phase !== "backward") return `${layerName(moment.layer, info)}: ${what}`;
  const gradient = moment.operations.map((number) => gradientName(step, number)).find((name) => name !== undefined);
  return `${layerName(moment.layer, info)}: ${gradient === undefined ? what : `${gradient} (${what})`}`;
}

/** ∂L/∂W and the like, for the operation that gives it. */
function gradientName({ traced: { trace }, reading }: ShownStep, operation: number): string | undefined {
  const parameter = trace.parameters.find(({ gradient }) => gradient === operation);
  if (parameter !== undefined) return parameter.path.endsWith(".bias") ? "∂L/∂b" : "∂L/∂W";
  for (const layer of reading?.layers ?? []) {
    if (trace.operations[layer.z]?.gradient === operation) return "∂L/∂z";
    if (trace.operations[layer.a]?.gradient === operation) return "∂L/∂a";
  }
  return undefined;
}

/** What an operation of a trace does; its own name where there is no better one. */
export function operationName(op: string): string {
  const { operations } = t().playground;
  return Object.hasOwn(operations, op) ? operations[op as keyof typeof operations] : op;
}

export function layerName(layer: number, info: SessionInfo | undefined): string {
  const texts = t().playground.names;
  const count = info?.layers.length ?? 0;
  if (layer >= count) return texts.loss;
  return layer === count - 1 ? texts.output : t().view.layer(layer + 1);
}
