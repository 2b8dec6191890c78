/**
 * What an optimiser made of one element of a parameter, line by line, from its gradient, its state and its settings to the
 * new value. A stroke marks what is new: w′, m′. Settings that have no line here give undefined.
 */
import type { TraceParameter } from "twopass/inspect";
import type { OptimizerName } from "../session/config.ts";
import {
  type Expression,
  type Formula,
  call,
  formula,
  known,
  minus,
  power,
  product,
  quotient,
  sum,
} from "./expression.ts";
import { type StepReading, elements } from "./step-reading.ts";

const one = known(1);

/** The lines of the update of one element; undefined where the trace has no update of it, or not its numbers. */
export function updateFormulas(
  { trace, optimizer }: Pick<StepReading, "trace" | "optimizer">,
  number: number,
  place: number,
  symbol: string,
): Formula[] | undefined {
  const parameter = trace.parameters[number] as TraceParameter;
  const before = elements(parameter.before)?.[place];
  const after = elements(parameter.after)?.[place];
  const of = parameter.gradient === undefined ? undefined : trace.operations[parameter.gradient]?.value;
  const gradient = elements(of)?.[place];
  if (before === undefined || after === undefined || gradient === undefined) return undefined;
  const element = new Element(parameter, place, symbol, before, gradient, after, trace.step ?? 1);
  if (["dampening", "centered", "amsgrad", "maximize"].some((name) => element.has(name))) return undefined;
  rules[optimizer](element);
  return element.lines;
}

/** One element while its lines are written. */
class Element {
  readonly lines: Formula[] = [];
  readonly symbol: string;
  readonly w: Expression;
  readonly g: Expression;
  readonly step: number;
  readonly #parameter: TraceParameter;
  readonly #place: number;
  readonly #after: number;

  constructor(
    parameter: TraceParameter,
    place: number,
    symbol: string,
    before: number,
    gradient: number,
    after: number,
    step: number,
  ) {
    this.symbol = symbol;
    this.w = known(before, symbol);
    this.g = known(gradient, "g");
    this.step = step;
    this.#parameter = parameter;
    this.#place = place;
    this.#after = after;
  }

  has(setting: string): boolean {
    return Boolean(this.#parameter.settings[setting]);
  }

  /** A setting under its sign. */
  setting(name: string, sign: string): Expression {
    const value = this.#parameter.settings[name];
    return known(typeof value === "number" ? value : NaN, sign);
  }

  betas(): readonly [Expression, Expression] {
    const { betas } = this.#parameter.settings;
    const [first = NaN, second = NaN] = Array.isArray(betas) ? betas : [];
    return [known(first, "β₁"), known(second, "β₂")];
  }

  /** The state in front of the update; it starts at 0. */
  state(name: string, sign: string, initial = 0): Expression {
    return known(elements(this.#parameter.state[name]?.before)?.[this.#place] ?? initial, sign);
  }

  /** Writes a line, and gives its result to go on with. */
  line(name: string, expression: Expression): Expression {
    const made = formula(name, expression);
    this.lines.push(made);
    return known(made.result, name);
  }

  /** The line of a state, whose result the trace knows. */
  newState(state: string, sign: string, expression: Expression): Expression {
    const result = elements(this.#parameter.state[state]?.after)?.[this.#place];
    if (result === undefined) return this.line(sign, expression);
    this.lines.push(formula(sign, expression, result));
    return known(result, sign);
  }

  /** The last line. */
  end(expression: Expression): void {
    this.lines.push(formula(`${this.symbol}′`, expression, this.#after));
  }

  /** The gradient with its share of the weight, where there is such a penalty. */
  decayed(): Expression {
    if (!this.has("weightDecay")) return this.g;
    return this.line("d", sum(this.g, product(this.setting("weightDecay", "λ"), this.w)));
  }

  /** The weight, made smaller by the rate times the penalty, where there is one. */
  shrunk(rate: Expression): Expression {
    if (!this.has("weightDecay")) return this.w;
    return product(this.w, minus(one, product(rate, this.setting("weightDecay", "λ"))));
  }
}

/** share · old + (1 − share) · now. */
function mixed(share: Expression, old: Expression, now: Expression): Expression {
  return sum(product(share, old), product(minus(one, share), now));
}

/** now / (√scale + ε). */
function scaled(now: Expression, scale: Expression, eps: Expression): Expression {
  return quotient(now, sum(call("sqrt", scale), eps));
}

function sgd(e: Element): void {
  const rate = e.setting("lr", "η");
  let direction = e.decayed();
  if (e.has("momentum")) {
    const momentum = e.setting("momentum", "μ");
    const buffer = e.state("momentum_buffer", "v");
    const next = e.newState("momentum_buffer", "v′", sum(product(momentum, buffer), direction));
    direction = e.has("nesterov") ? e.line("s", sum(direction, product(momentum, next))) : next;
  }
  e.end(minus(e.w, product(rate, direction)));
}

function rmsprop(e: Element): void {
  const rate = e.setting("lr", "η");
  const g = e.decayed();
  const squares = e.newState(
    "square_avg",
    "v′",
    mixed(e.setting("alpha", "ρ"), e.state("square_avg", "v"), power(g, 2)),
  );
  const direction = scaled(g, squares, e.setting("eps", "ε"));
  if (!e.has("momentum")) {
    e.end(minus(e.w, product(rate, direction)));
    return;
  }
  const kept = product(e.setting("momentum", "μ"), e.state("momentum_buffer", "s"));
  e.end(minus(e.w, product(rate, e.newState("momentum_buffer", "s′", sum(kept, direction)))));
}

function adagrad(e: Element): void {
  const initial = e.setting("initialAccumulatorValue", "");
  const g = e.decayed();
  const start = initial.kind === "number" && initial.value > 0 ? initial.value : 0;
  const total = e.newState("sum", "s′", sum(e.state("sum", "s", start), power(g, 2)));
  let rate = e.setting("lr", "η");
  if (e.has("lrDecay")) {
    rate = e.line("η′", quotient(rate, sum(one, product(known(e.step - 1, "(t−1)"), e.setting("lrDecay", "κ")))));
  }
  e.end(minus(e.w, product(rate, scaled(g, total, e.setting("eps", "ε")))));
}

function adam(e: Element, isDecoupled: boolean): void {
  const rate = e.setting("lr", "η");
  const [first, second] = e.betas();
  const g = isDecoupled ? e.g : e.decayed();
  const mean = e.newState("exp_avg", "m′", mixed(first, e.state("exp_avg", "m"), g));
  const squares = e.newState("exp_avg_sq", "v′", mixed(second, e.state("exp_avg_sq", "v"), power(g, 2)));
  const corrected = (x: Expression, share: Expression): Expression =>
    quotient(x, minus(one, power(share, e.step, "t")));
  const straight = e.line("m̂", corrected(mean, first));
  const spread = e.line("v̂", corrected(squares, second));
  const from = isDecoupled ? e.shrunk(rate) : e.w;
  e.end(minus(from, product(rate, scaled(straight, spread, e.setting("eps", "ε")))));
}

function lion(e: Element): void {
  const rate = e.setting("lr", "η");
  const [first, second] = e.betas();
  const mean = e.state("exp_avg", "m");
  const direction = e.line("c", mixed(first, mean, e.g));
  e.newState("exp_avg", "m′", mixed(second, mean, e.g));
  e.end(minus(e.shrunk(rate), product(rate, call("sign", direction))));
}

const rules: Readonly<Record<OptimizerName, (e: Element) => void>> = {
  sgd,
  momentum: sgd,
  nesterov: sgd,
  rmsprop,
  adagrad,
  adam: (e) => adam(e, false),
  adamw: (e) => adam(e, true),
  lion,
};
