/**
 * Random programs of results, writes, gradients, steps and reads. Lazily run they read what they read when every
 * operation runs where it is written; where they cannot, they say so and never give another number.
 */
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { StaleError, TwopassError } from "../../src/base/errors.ts";
import { compile } from "../../src/tensor/compile.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { inner } from "../../src/tensor/inner.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import { setEager, setHints } from "../../src/tensor/switches.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { PlainTensor } from "./plain.ts";
import { Descent } from "./support.ts";

/** One line of a program; a and b choose among the tensors that are there. */
interface Line {
  readonly kind: (typeof kinds)[number];
  readonly a: number;
  readonly b: number;
}

const kinds = [
  "mul",
  "sub",
  "tanh",
  "detach",
  "under noGrad",
  "module call",
  "assign",
  "add in place",
  "backward",
  "backward, retained",
  "step",
  "zero",
  "read",
  "read gradient",
] as const;

type Seen = number[] | "stale" | "refused";

function makeStored(): readonly StoredTensor[] {
  return [
    new StoredTensor(tensor([0.5, -0.25]), { requiresGrad: true, label: "p" }),
    new StoredTensor(tensor([0.75, 1]), { requiresGrad: true, label: "q" }),
    new StoredTensor(tensor([0.125, 2]), { label: "s" }),
  ];
}

/** One line that is no read, over the tensors that are there; a result joins them. */
function write({ kind, a, b }: Line, stored: readonly StoredTensor[], all: Tensor[], optimizer: Descent): void {
  const [x, y] = [a, b].map((i) => all[i % all.length]) as [Tensor, Tensor];
  const target = stored[a % stored.length] as StoredTensor;
  if (kind === "mul") all.push(x.mul(y));
  else if (kind === "sub") all.push(x.sub(y));
  else if (kind === "tanh") all.push(x.tanh());
  else if (kind === "detach") all.push(x.detach());
  else if (kind === "under noGrad") all.push(noGrad(() => x.mul(0.3).add(y)));
  else if (kind === "module call") {
    const result = x.mul(y).tanh();
    currentEngine().noteCall([result[inner].value]);
    all.push(result);
  } else if (kind === "assign") target.assign(y);
  else if (kind === "add in place") target.add_(y);
  else if (kind === "backward") x.sum().backward();
  else if (kind === "backward, retained") x.mul(y).sum().backward({ retainGraph: true });
  else if (kind === "step") optimizer.step();
  else if (kind === "zero") optimizer.zeroGrad();
}

/** A program without its reads as a function of one tensor: what five calls give, and the contents at the end. */
function callFiveTimes(lines: readonly Line[], wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor): Seen[] {
  const stored = makeStored();
  const optimizer = new Descent(stored.slice(0, 2), 0.125);
  const call = wrap((x) => {
    optimizer.zeroGrad();
    const all: Tensor[] = [...stored, x];
    for (const line of lines) {
      try {
        write(line, stored, all, optimizer);
      } catch (error) {
        if (!(error instanceof TwopassError) || error instanceof StaleError) throw error;
      }
    }
    return (all[all.length - 1] as Tensor).mul(1);
  });
  const seen: Seen[] = [];
  for (let i = 1; i <= 5; i++) {
    try {
      seen.push([...call(tensor([i, 1 / i])).dataSync()]);
    } catch (error) {
      if (error instanceof StaleError) return [...seen, "stale"];
      throw error;
    }
  }
  return [...seen, ...stored.map((s) => [...s.dataSync()])];
}

/** Runs a program: what it read, line by line, and the contents at the end. */
function execute(lines: readonly Line[]): Seen[] {
  const stored = makeStored();
  const parameters = stored.slice(0, 2);
  const optimizer = new Descent(parameters, 0.125);
  const all: Tensor[] = [...stored, tensor([1, 2])];
  const seen: Seen[] = [];
  const pick = (i: number): Tensor => all[i % all.length] as Tensor;
  for (const line of lines) {
    try {
      write(line, stored, all, optimizer);
      if (line.kind === "read") seen.push([...pick(line.a).dataSync()]);
      else if (line.kind === "read gradient")
        seen.push([...((parameters[line.a % 2] as Tensor).grad?.dataSync() ?? [])]);
    } catch (error) {
      if (!(error instanceof TwopassError)) throw error;
      const isStale = error instanceof StaleError;
      seen.push(isStale ? "stale" : "refused");
      // What a failed run gives up depends on what it ran: the program ends here.
      if (isStale) break;
    }
  }
  if (seen.includes("stale")) return seen;
  try {
    currentEngine().run([]);
    return [...seen, ...stored.map((s) => [...s.dataSync()])];
  } catch (error) {
    if (error instanceof StaleError) return [...seen, "stale"];
    throw error;
  }
}

/** The same program by the plain tape. */
function executePlainly(lines: readonly Line[]): Seen[] {
  const stored = [new PlainTensor([0.5, -0.25], true), new PlainTensor([0.75, 1], true), new PlainTensor([0.125, 2])];
  const parameters = stored.slice(0, 2);
  const all = [...stored, new PlainTensor([1, 2])];
  const seen: Seen[] = [];
  const pick = (i: number): PlainTensor => all[i % all.length] as PlainTensor;
  for (const { kind, a, b } of lines) {
    const [x, y] = [pick(a), pick(b)];
    const target = stored[a % stored.length] as PlainTensor;
    const plus = (c: readonly number[], d: readonly number[]): [number, number] =>
      [0, 1].map((i) => Math.fround((c[i] as number) + (d[i] as number))) as [number, number];
    if (kind === "mul") all.push(x.mul(y));
    else if (kind === "sub") all.push(x.sub(y));
    else if (kind === "tanh") all.push(x.tanh());
    else if (kind === "detach") all.push(x.detach());
    else if (kind === "under noGrad")
      all.push(
        new PlainTensor(
          plus(
            x.data.map((v) => v * Math.fround(0.3)),
            y.data,
          ),
        ),
      );
    else if (kind === "module call") all.push(x.mul(y).tanh());
    else if (kind === "assign") target.assign(y.data);
    else if (kind === "add in place") target.assign(plus(target.data, y.data));
    else if (kind === "backward" && !x.backward(false)) seen.push("refused");
    else if (kind === "backward, retained" && !x.mul(y).backward(true)) seen.push("refused");
    else if (kind === "step") {
      for (const p of parameters)
        if (p.grad !== undefined)
          p.assign(
            plus(
              p.data,
              p.grad.map((g) => -0.125 * g),
            ),
          );
    } else if (kind === "zero") {
      for (const p of parameters) p.grad = undefined;
    } else if (kind === "read") seen.push([...x.data]);
    else if (kind === "read gradient") seen.push([...((parameters[a % 2] as PlainTensor).grad ?? [])]);
  }
  return [...seen, ...stored.map((s) => [...s.data])];
}

/** Whether two readings agree but for rounding. Numbers that have run away are not compared. */
function agree(a: Seen, b: Seen): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  if (a.length !== b.length) return false;
  return a.every((x, i) => {
    const y = b[i] as number;
    return !(Math.abs(x) < 1e4 && Math.abs(y) < 1e4) || Math.abs(x - y) <= 2e-3 * Math.max(1, Math.abs(x));
  });
}

const program = fc.array(
  fc.record({ kind: fc.constantFrom(...kinds), a: fc.nat({ max: 40 }), b: fc.nat({ max: 40 }) }),
  { minLength: 5, maxLength: 40 },
);

/** More programs, or others: FUZZ_RUNS=5000 FUZZ_SEED=7. */
const settings = { numRuns: Number(process.env["FUZZ_RUNS"] ?? 300), seed: Number(process.env["FUZZ_SEED"] ?? 20) };

onEachDevice(() => {
  afterEach(() => {
    setEager(false);
    setHints(true);
  });

  const clear = (): void => {
    try {
      currentEngine().run([]);
    } catch (error) {
      expect(error).toBeInstanceOf(StaleError);
    }
  };

  test("lazy programs read what eager ones read, or say that it is gone", () => {
    setHints(false);
    let [numbers, stale] = [0, 0];
    fc.assert(
      fc.property(program, (lines) => {
        setEager(true);
        const eager = execute(lines);
        clear();
        setEager(false);
        const lazy = execute(lines);
        clear();
        // Where the eager program is at its end, a lazy one may go on: it still has what a pending write will replace.
        const end = eager.includes("stale") ? eager.length - 1 : eager.length;
        const compared = lazy.slice(0, end).filter((value) => value !== "stale");
        stale += lazy.slice(0, end).length - compared.length;
        numbers += compared.length;
        expect(compared).toEqual(eager.slice(0, compared.length));
      }),
      settings,
    );
    // The programs are worth something: most reads give numbers, some are gone.
    expect(numbers).toBeGreaterThan(10 * stale);
    expect(stale).toBeGreaterThan(0);
  }, 600_000);

  test("they read what a plain tape gives", () => {
    setHints(false);
    let numbers = 0;
    fc.assert(
      fc.property(program, (lines) => {
        const expected = executePlainly(lines);
        const lazy = execute(lines);
        clear();
        lazy.forEach((value, i) => {
          if (value === "stale") return;
          numbers++;
          expect(agree(value, expected[i] as Seen), `reading ${i}: ${String(value)}, not ${String(expected[i])}`).toBe(
            true,
          );
        });
      }),
      settings,
    );
    expect(numbers).toBeGreaterThan(1000);
  }, 600_000);

  test("as compiled functions they give what they give uncompiled", () => {
    setHints(false);
    let complete = 0;
    fc.assert(
      fc.property(program, (lines) => {
        const compiled = callFiveTimes(lines, (f) => compile(f));
        setEager(true);
        const eager = callFiveTimes(lines, (f) => f);
        clear();
        setEager(false);
        const end = eager.includes("stale") ? eager.length - 1 : eager.length;
        complete += Number(!eager.includes("stale"));
        expect(compiled.slice(0, end)).toEqual(eager.slice(0, end));
      }),
      settings,
    );
    expect(complete).toBeGreaterThan(settings.numRuns / 2);
  }, 600_000);
});
