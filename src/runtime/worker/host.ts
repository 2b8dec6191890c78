/** The end of a remote device that is in the thread: it owns the device that computes, and does what it is told. Floor: runtime. */
import type { TypedArray } from "../../base/dtype.ts";
import { TwopassError, internal } from "../../base/errors.ts";
import { Cell } from "../../ir/cell.ts";
import type { Leaf, Value } from "../../ir/value.ts";
import { type Device, type Plan, type RunFailure, opened } from "../device.ts";
import { findOutOfRange } from "../find-fault.ts";
import { HeldElements } from "./held.ts";
import { type Answer, type Request, type RunRequest, type WireProgram, readProgram } from "./wire.ts";

interface HostedPlan {
  readonly wire: WireProgram;
  readonly choices: readonly Value[];
  readonly compile: () => Plan;
  /** Absent before it is compiled, and where that failed: the next run tries again. */
  plan: Plan | undefined;
  isTold: boolean;
}

export type Send = (answer: Answer, transfer: readonly ArrayBufferLike[]) => void;

export class DeviceHost {
  readonly #device: Device;
  readonly #send: Send;
  readonly #plans = new Map<number, HostedPlan>();
  readonly #cells = new Map<number, Cell>();
  readonly #held = new HeldElements();
  #arrived = 0;
  /** Whether a run has failed and the page does not know yet. What follows was written in the belief that it had not. */
  #hasFailed = false;

  constructor(device: Device, send: Send) {
    this.#device = device;
    this.#send = send;
    const { features, threads } = device;
    send({ kind: "ready", features, threads, report: device.report() }, []);
  }

  /** How many arrays of elements it holds for the page. */
  get held(): number {
    return this.#held.count;
  }

  take(request: Request): void {
    switch (request.kind) {
      case "run":
        for (const { id, data } of request.given) this.#held.hold(id, data);
        if (!this.#hasFailed) this.#run(request);
        this.#tidy(request);
        return;
      case "plan":
        this.#plans.set(request.plan, this.#hostedPlan(request.program));
        return;
      case "drop":
        this.#plans.get(request.plan)?.plan?.dispose();
        this.#plans.delete(request.plan);
        return;
      case "cell":
        this.#cells.set(request.cell, new Cell(request.shape, request.dtype, request.data, request.label));
        return;
      case "adopt": {
        const data = this.#held.get(request.result);
        // Without one its run has failed, and what follows of it does not run either.
        if (data === undefined) return;
        this.#cells.set(request.cell, new Cell(request.shape, request.dtype, data.slice(), request.label));
        return;
      }
      case "write":
        // A cell that was to hold a result of the run that failed: the page hears of that first.
        if (this.#hasFailed && !this.#cells.has(request.cell)) return;
        this.#device.write(this.#cell(request.cell), request.data);
        return;
      case "release": {
        const cell = this.#cells.get(request.cell);
        if (cell !== undefined) this.#device.release(cell);
        this.#cells.delete(request.cell);
        return;
      }
      case "read": {
        const data = this.#hasFailed ? undefined : this.#device.read(this.#cell(request.cell));
        this.#send({ kind: "read", request: request.request, data }, data === undefined ? [] : [data.buffer]);
        return;
      }
      case "resume":
        this.#hasFailed = false;
        return;
    }
  }

  #cell(id: number): Cell {
    const cell = this.#cells.get(id);
    if (cell === undefined) throw internal("an unknown cell in a worker");
    return cell;
  }

  #hostedPlan(wire: WireProgram): HostedPlan {
    const { program, choices } = readProgram(wire);
    return { wire, choices, compile: () => this.#device.compile(program), plan: undefined, isTold: false };
  }

  #run(request: RunRequest): void {
    const hosted = this.#plans.get(request.plan);
    if (hosted === undefined) throw internal("an unknown plan in a worker");
    const leaves = request.leaves.map((content, i) => this.#leaf(hosted.wire.sources[i], content));
    let results: readonly TypedArray[];
    try {
      hosted.plan ??= hosted.compile();
      results = hosted.plan
        .run(leaves)
        .map(opened)
        .filter((data) => data !== undefined);
    } catch (error) {
      this.#fail(this.#failure(error, hosted.choices, leaves));
      return;
    }
    if (hosted.wire.isGuarded && results.at(-1)?.[0] === 0) {
      this.#fail(notFinite(results));
      return;
    }
    this.#answer(hosted, hosted.plan, results, request.firstResult);
  }

  #answer(hosted: HostedPlan, plan: Plan, results: readonly TypedArray[], firstResult: number): void {
    // A copy stays: a message that is on its way may name the result.
    results.forEach((data, i) => this.#held.holdCopy(firstResult + i, data));
    const { compiled, phaseTimes } = this.#device;
    const state = { memory: this.#device.memory(), compiled, phaseTimes, report: this.#device.report() };
    const { kernels, arenaBytes } = plan;
    const told = hosted.isTold ? undefined : { kernels, arenaBytes, text: plan.explain() };
    hosted.isTold = true;
    this.#send(
      { kind: "done", results, state, plan: told },
      results.map((data) => data.buffer),
    );
  }

  #leaf(source: WireProgram["sources"][number] | undefined, content: number): Leaf {
    if (source === "slot") return { kind: "slot", read: () => content };
    if (source === "cell") return { kind: "cell", cell: this.#cell(content), version: 0 };
    const data = this.#held.get(content);
    if (data === undefined) throw internal("a run in a worker without its elements");
    return { kind: "data", data };
  }

  #fail(failure: RunFailure): void {
    this.#hasFailed = true;
    this.#send({ kind: "failed", failure }, []);
  }

  #failure(error: unknown, choices: readonly Value[], leaves: readonly Leaf[]): RunFailure {
    if (!(error instanceof TwopassError)) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return { op: "worker", problem: text, hint: undefined };
    }
    const { op, message, hint } = error;
    const problem = message.slice(op.length + 2, hint === undefined ? undefined : -` (${hint})`.length);
    const choice = findOutOfRange(choices, (leaf) => this.#contentOf(leaf, leaves));
    return { op, problem, hint, ...(choice === undefined ? {} : { choice }) };
  }

  #contentOf(input: Leaf, leaves: readonly Leaf[]): TypedArray | number {
    const leaf = input.kind === "input" ? leaves[input.index] : undefined;
    if (leaf?.kind === "data") return leaf.data;
    if (leaf?.kind === "cell") return this.#device.read(leaf.cell);
    if (leaf?.kind === "slot") return leaf.read();
    throw internal("a program's input without elements");
  }

  /** Lets go of what the page has, or does not need any more. */
  #tidy({ given, forget, arrived }: RunRequest): void {
    for (const { id, stays } of given) if (!stays) this.#held.forget(id);
    for (const id of forget) this.#held.forget(id);
    for (; this.#arrived < arrived; this.#arrived++) this.#held.recycle(this.#arrived);
  }
}

/** What a run with guarded writes found: some number is not finite. */
function notFinite(results: readonly TypedArray[]): RunFailure {
  for (const data of results.slice(0, -1)) {
    const at =
      data instanceof Float32Array || data instanceof Float64Array ? data.findIndex((x) => !Number.isFinite(x)) : -1;
    if (at < 0) continue;
    const hint = "setEager(true) names the operation where it arises";
    return { op: "checkFinite", problem: `a loss or gradient is not finite: ${data[at]} at element ${at}`, hint };
  }
  return { op: "checkFinite", problem: "what would be written is not finite", hint: "look at the learning rate" };
}
