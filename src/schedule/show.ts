/**
 * Text for kernels and plans, for people and snapshots: loops as pseudo code, accesses with their places, buffers with
 * their places in the arena. It is never read back. Floor: schedule.
 */
import { showShape } from "../base/errors.ts";
import { phases } from "../ir/mode.ts";
import type { Scalar } from "../ir/scalar.ts";
import type { Access, ContractKernel, Kernel, LoopKernel, Offsets, Statement } from "./kernel.ts";
import { counting, laneLoop, rowScratch, scalarsOf } from "./kernel.ts";
import type { KernelPlan, PlanBuffer, Step } from "./plan.ts";
import { inRounds } from "./step.ts";

/** What a buffer of a kernel is called. */
type Names = (buffer: number) => string;

const plainNames: Names = (buffer) => `b${buffer}`;

/** A kernel as pseudo code: loops with their extents, statements with the places that they read and write. */
export function showKernel(kernel: Kernel, names: Names = plainNames): string {
  switch (kernel.kind) {
    case "loop":
      return new LoopText(kernel, names).text();
    case "contract":
      return showContract(kernel, names);
    case "conv": {
      const { role, shape, parts } = kernel;
      const [taps, stride] = [shape.taps, shape.stride].map((pair) => pair.join("×"));
      const sizes = `${shape.images} images of ${shape.groups} × ${shape.inChannels} channels, ${shape.input.join("×")}`;
      const results = `${shape.groups} × ${shape.outChannels} channels, ${shape.output.join("×")}`;
      return `${role} of a convolution: ${sizes} to ${results}, taps ${taps}, stride ${stride}, ${parts} parts`;
    }
    case "attention": {
      const { role, batch, rows, keys, width, valueWidth, causal, mask, parts } = kernel;
      const sizes = `${batch.join(" × ")} heads, ${rows} rows, ${keys} keys, ${width} and ${valueWidth} features`;
      const reads = kernel.places.map((_, i) => names(i)).join(", ");
      const hidden = [causal ? "causal" : "", mask === "none" ? "" : `mask ${mask}`].filter((text) => text !== "");
      return `${names(kernel.places.length)} = attention ${role} of ${reads}: ${[sizes, ...hidden, `${parts} parts`].join(", ")}`;
    }
    case "sort":
      return [
        `${names(1)} = positions that sort ${kernel.rows} rows of ${kernel.length} ${kernel.dtype} of ${names(0)}`,
        `${kernel.descending ? "descending" : "ascending"}, scratch ${names(2)}`,
      ].join(", ");
  }
}

/** A plan: its buffers, then each kernel with its stage and label; b1@64 is the part of b1 from byte 64 on. */
export function showPlan(plan: KernelPlan): string {
  const steps = inRounds(plan).map(({ step: i, note }) => {
    if (i < 0) return note;
    const step = plan.steps[i] as Step;
    const text = showKernel(step.kernel, (buffer) => nameOf(step, buffer));
    return `kernel ${i}, ${stageName(step)}: ${step.label}\n${indent(text)}`;
  });
  const buffers = plan.buffers.flatMap((buffer, i) =>
    isUsed(plan, i) ? [`b${i}: ${showType(buffer)}${buffer.input < 0 ? "" : ` is input ${buffer.input}`}`] : [],
  );
  return [...buffers, ...steps, `results: ${plan.outputs.map((b) => `b${b}`).join(", ")}`].join("\n");
}

/** The arena: for each of its buffers the bytes it has and the kernels from which to which it lives. */
export function showArena(plan: KernelPlan): string {
  const lines = plan.buffers.flatMap((buffer, i) => {
    if (buffer.input >= 0 || !isUsed(plan, i)) return [];
    const uses = plan.steps.flatMap((step, at) => (step.buffers.includes(i) ? [at] : []));
    const end = plan.outputs.includes(i) ? "the end" : String(uses.at(-1));
    const text = `${buffer.offset}..${buffer.offset + buffer.bytes}: b${i} ${showType(buffer)}, kernels ${uses[0]} to ${end}`;
    return [{ offset: buffer.offset, text }];
  });
  lines.sort((a, b) => a.offset - b.offset);
  return [...lines.map(({ text }) => text), `${plan.arenaBytes} bytes in all`].join("\n");
}

function nameOf({ buffers, parts }: Step, buffer: number): string {
  const offset = parts?.offsets[buffer] ?? 0;
  return `b${buffers[buffer]}${offset === 0 ? "" : `@${offset}`}`;
}

function isUsed(plan: KernelPlan, buffer: number): boolean {
  return plan.outputs.includes(buffer) || plan.steps.some((step) => step.buffers.includes(buffer));
}

function stageName(step: Step): string {
  return step.stage === 3 ? "commit" : (phases[step.stage] as string);
}

function showType(buffer: PlanBuffer): string {
  return `${buffer.dtype} ${showShape(buffer.shape)}`;
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

function showContract(kernel: ContractKernel, names: Names): string {
  const { m, n, k, batch, fold } = kernel;
  const offset = (of: Offsets, loop: string): string => ("stride" in of ? sum([[of.stride, loop]]) : `table[${loop}]`);
  const loops = batch.map((_, i) => `i${i}`);
  const place = (start: number, parts: readonly string[], side: "a" | "b" | "c"): string => {
    const outside = sum([
      ...batch.map((l, i): [number, string] => [l[side], loops[i] as string]),
      ...(side === "c" || fold.extent === 1 ? [] : [[fold[side], "r"] as [number, string]]),
    ]);
    return [outside, ...parts, start === 0 ? "0" : String(start)].filter((part) => part !== "0").join(" + ") || "0";
  };
  const heads = batch.map((l, i) => `for ${loops[i]} < ${l.extent}`);
  const c = `${names(2)}[${place(0, [sum([[kernel.cM, "m"]]), "n"], "c")}]`;
  const a = `${names(0)}[${place(kernel.aOffset, [offset(kernel.aM, "m"), offset(kernel.aK, "k")], "a")}]`;
  const b = `${names(1)}[${place(kernel.bOffset, [offset(kernel.bK, "k"), offset(kernel.bN, "n")], "b")}]`;
  const over = fold.extent === 1 ? `k < ${k}` : `r < ${fold.extent}, k < ${k}`;
  return nest([...heads, `for m < ${m}, n < ${n}`], [`${c} = sum of ${a} * ${b} over ${over}  # ${kernel.dtype}`]);
}

/** Σ factor · name, without what is 0. */
function sum(parts: readonly (readonly [number, string])[]): string {
  const terms = parts.flatMap(([factor, name]) => (factor === 0 ? [] : [factor === 1 ? name : `${factor} ${name}`]));
  return terms.join(" + ").replaceAll("+ -", "- ") || "0";
}

/** Lines inside of heads, each indented more than the one before. */
function nest(heads: readonly string[], body: readonly string[]): string {
  const lines = heads.map((head, depth) => `${"  ".repeat(depth)}${head}`);
  return [...lines, ...body.map((line) => `${"  ".repeat(heads.length)}${line}`)].join("\n");
}

const infix: Readonly<Record<string, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  and: "&",
  or: "|",
  xor: "^",
  shl: "<<",
  shr: ">>",
  ushr: ">>>",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};

/** The text of one loop kernel. */
class LoopText {
  readonly #kernel: LoopKernel;
  readonly #names: Names;
  /** Computations that have a name already, in the block that is being written. */
  readonly #named = new Map<Scalar, string>();
  #count = 0;

  constructor(kernel: LoopKernel, names: Names) {
    this.#kernel = kernel;
    this.#names = names;
  }

  text(): string {
    const { outer, lanes, extents, levels } = this.#kernel;
    const along = lanes === "along";
    const kept = outer + (along ? 1 : 0);
    const heads = extents.slice(0, kept).map((_, loop) => this.#head(loop));
    const inner = extents.slice(kept).map((_, i) => this.#head(kept + i));
    const body = levels.flatMap(({ row, loop, reload }) => {
      const lines = this.#block(row, reload);
      if (loop.length > 0) lines.push(...nest(inner, this.#block(loop, reload)).split("\n"));
      return lines;
    });
    return nest(heads, body);
  }

  #head(loop: number): string {
    const lanes = loop === laneLoop(this.#kernel) ? " in lanes" : "";
    return `for i${loop} < ${this.#kernel.extents[loop]}${lanes}`;
  }

  /** The statements of one loop body. What is used more than once gets a line and a name. */
  #block(statements: readonly Statement[], reload: ReadonlyMap<Scalar, Scalar>): string[] {
    this.#named.clear();
    const uses = new Map<Scalar, number>();
    const count = (given: Scalar): void => {
      const s = reload.get(given) ?? given;
      const seen = uses.get(s) ?? 0;
      uses.set(s, seen + 1);
      if (seen === 0) s.args.forEach(count);
    };
    for (const s of statements) scalarsOf(s).forEach(count);
    const lines: string[] = [];
    const text = (given: Scalar): string => {
      const s = reload.get(given) ?? given;
      const known = this.#named.get(s);
      if (known !== undefined) return known;
      const own = this.#spell(s, text);
      const isShort = s.args.length === 0 && s.instruction !== "load";
      if ((uses.get(s) ?? 0) < 2 || isShort || s.name === "row") return own;
      const name = `t${this.#count++}`;
      this.#named.set(s, name);
      lines.push(`${name} = ${own}`);
      return name;
    };
    for (const s of statements) lines.push(this.#statement(s, text));
    return lines;
  }

  #statement(s: Statement, text: (s: Scalar) => string): string {
    if (s.kind === "store") {
      const access = this.#kernel.accesses[s.access] as Access;
      const chosen = s.index === undefined ? undefined : text(s.index);
      const value = text(s.value);
      return `${this.#place(access, chosen)} ${chosen === undefined ? "=" : "+="} ${value}`;
    }
    const value = text(s.value);
    const position = s.position === undefined ? "" : ` at ${text(s.position)}`;
    return `r${s.accumulator} = ${s.running === true ? "running " : ""}${s.fold} of ${value}${position}  # ${s.dtype}`;
  }

  #place(access: Access, chosen: string | undefined): string {
    const terms: [number, string][] = access.strides.map((stride, loop) => [stride, `i${loop}`]);
    const { indirect } = access;
    if (indirect !== undefined) terms.push([indirect.stride, `{${chosen} below ${indirect.size}}`]);
    const moving = sum(terms);
    const { offset } = access;
    const at = offset === 0 ? moving : moving === "0" ? String(offset) : `${moving} + ${offset}`;
    if (access.buffer === counting) return `(${at})`;
    const name = access.buffer === rowScratch ? "row" : this.#names(access.buffer);
    return `${name}[${at.replace("+ -", "- ")}]`;
  }

  #spell(s: Scalar, text: (s: Scalar) => string): string {
    if (s.instruction === "const") return showNumber(s.value);
    if (s.instruction === "argument") return showNumber(this.#kernel.numbers[s.value]?.value);
    if (s.instruction === "load" && s.name === "row") return `r${s.value}`;
    if (s.instruction === "load" || s.instruction === "index") {
      const chosen = s.args[0] === undefined ? undefined : text(s.args[0]);
      return this.#place(this.#kernel.accesses[s.value] as Access, chosen);
    }
    const args = s.args.map(text);
    const sign = infix[s.instruction];
    if (sign !== undefined) return `(${args.join(` ${sign} `)})`;
    if (s.instruction === "cast" || s.instruction === "bitcast") {
      return `${s.instruction === "cast" ? "" : "bits as "}${s.dtype}(${args.join(", ")})`;
    }
    return `${s.instruction === "call" ? s.name : s.instruction}(${args.join(", ")})`;
  }
}

function showNumber(value: number | undefined): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
