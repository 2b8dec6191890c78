/**
 * A network in training: its steps, at full speed or told in full, and every place where it has stood. A step depends on the
 * state and the examples alone, so that a place is computed again to the bit from a state that was kept before it.
 */
import { type Compiled, type Tensor, compile, stack } from "twopass";
import {
  type Finding,
  type Trace,
  type TraceValue,
  type WeightExplanation,
  explainWeight,
  health,
  summaryOf,
  trace,
} from "twopass/inspect";
import { Batches } from "./batches.ts";
import { type Edit, checkEdit } from "./change.ts";
import type { NetworkConfig } from "./config.ts";
import { type DataSet, type Split, splitSet } from "./data-set.ts";
import { Evaluation } from "./evaluation.ts";
import { Examples } from "./examples.ts";
import { Head } from "./head.ts";
import { History } from "./history.ts";
import { type Network, buildNetwork } from "./network.ts";
import type { Change, Consequence, Metrics } from "./protocol.ts";
import { type State, copyParameters, isFiniteState, loadParameters, restoreState, takeState } from "./state.ts";

/** Elements up to which a trace keeps a tensor whole: 64 units for 64 examples. */
const wholeElements = 4096;

export interface TracedRun {
  readonly trace: Trace;
  readonly findings: readonly Finding[];
}

export class Run {
  readonly set: DataSet;
  readonly head: Head;
  readonly split: Split;
  readonly network: Network;
  readonly batches: Batches;
  readonly evaluation: Evaluation;
  readonly #examples: Examples;
  readonly #update: Compiled<[Tensor, Tensor], Tensor>;
  readonly #history: History;
  #edits: Edit[] = [];
  #step = 0;
  #norms: readonly number[] = [];
  #isFinite = true;
  /** The batch of the last traced step, and the parameters in front of it. */
  #looked: { readonly batch: readonly [Tensor, Tensor]; readonly parameters: readonly Float32Array[] } | undefined;
  #metrics: Metrics | undefined;

  constructor(config: NetworkConfig, set: DataSet) {
    this.set = set;
    this.head = new Head(set, config.loss);
    this.split = splitSet(set, config.data.testShare, config.seed);
    this.network = buildNetwork(config, set.width, this.head.outputs);
    this.batches = new Batches(this.split.train, config.batchSize, config.seed);
    this.#examples = new Examples(set, this.head);
    this.evaluation = new Evaluation(this.network, this.head, this.#examples);
    this.#update = compileUpdate(this.network, this.head);
    this.#history = new History(this.#state());
  }

  /** Updates made. */
  get step(): number {
    return this.#step;
  }

  /** Whether the numbers of the last step were finite. */
  get isFinite(): boolean {
    return this.#isFinite;
  }

  /** One step at full speed. */
  advance(): void {
    this.#fullStep();
    this.#arrive();
  }

  /** One step, told in full: the same numbers. */
  async traced(): Promise<TracedRun> {
    this.#history.keepRecent(this.#state());
    const parameters = copyParameters(this.network);
    const batch = this.#batch();
    const { model, optimizer, info } = this.network;
    const record = await trace(model, this.head.loss, batch, {
      optimizer,
      whole: wholeElements,
      lines: false,
      time: false,
    });
    this.#looked = { batch, parameters };
    this.#norms = info.map(({ path }) => gradientNorm(record, path));
    this.#isFinite = [record.lossValue, ...this.#norms].every(Number.isFinite);
    this.#step++;
    this.#arrive();
    return { trace: record, findings: health(record) };
  }

  /** Makes what follows this place new: it will not be come to again. */
  branch(): void {
    this.#history.dropAfter(this.#step);
    this.#edits = this.#edits.filter(({ step }) => step <= this.#step);
  }

  /** Goes to the last state that is kept at a step or before it, unless the run stands between the two. */
  rewind(step: number): void {
    const state = this.#history.nearest(step);
    if (this.#step > step || state.step > this.#step) this.#restore(state);
  }

  /** Goes to a step that the run had, at once. */
  goTo(step: number): void {
    this.rewind(step);
    while (this.#step < step) this.advance();
  }

  /**
   * Where the first number that is not finite came from: the step that failed is made once more and told. The run then
   * stands where it stood.
   */
  async diagnose(): Promise<Finding | undefined> {
    const failed = this.#step;
    let from = Math.max(0, failed - 1);
    this.goTo(from);
    // An update may overflow though all that it is made of is finite: the step behind it is the one that shows it.
    if (from > 0 && !isFiniteState({ parameters: copyParameters(this.network) })) this.goTo(--from);
    const { findings } = await this.traced();
    this.goTo(failed);
    return findings.find(({ kind }) => kind === "nonFinite") ?? findings[0];
  }

  metrics(): Metrics {
    this.#metrics ??= this.#measure();
    return this.#metrics;
  }

  /** The examples of the next step. */
  nextBatch(): { readonly inputs: readonly (readonly number[])[]; readonly targets: readonly number[] } {
    const examples = this.batches.at(this.#step);
    return {
      inputs: Array.from(examples, (example) => Array.from(this.#examples.input(example))),
      targets: Array.from(this.#examples.targets(examples)),
    };
  }

  /** Of the last traced step, by the numbers that it had; before the first one of the next step. */
  async explain(path: string, index: readonly number[]): Promise<WeightExplanation> {
    const { batch, parameters } = this.#looked ?? {
      batch: this.#batch(),
      parameters: copyParameters(this.network),
    };
    const now = copyParameters(this.network);
    loadParameters(this.network, parameters);
    try {
      return await explainWeight(this.network.model, this.head.loss, batch, path, index);
    } finally {
      loadParameters(this.network, now);
    }
  }

  /** The losses of the next batches with and without a change. Nothing is changed. */
  consequence(change: Change, steps: number): Consequence {
    const edit = checkEdit(change, this.#place());
    const state = this.#state();
    const isFiniteNow = this.#isFinite;
    const losses = (): number[] => Array.from({ length: steps }, () => this.#fullStep());
    try {
      const without = losses();
      this.#restore(state);
      this.#apply(edit);
      return { without, with: losses() };
    } finally {
      this.#restore(state);
      this.#isFinite = isFiniteNow;
    }
  }

  /** Makes a change. The run is another from here on. */
  change(change: Change): void {
    const edit = checkEdit(change, this.#place());
    this.branch();
    this.#apply(edit);
    this.#edits.push(edit);
    this.#history.replace(this.#state());
    this.#metrics = undefined;
  }

  /** Makes an update and gives the loss in front of it. */
  #fullStep(): number {
    const [loss, ...squares] = this.#update(...this.#batch()).dataSync();
    this.#norms = squares.map(Math.sqrt);
    this.#isFinite = Number.isFinite(loss) && squares.every(Number.isFinite);
    this.#step++;
    return loss as number;
  }

  /** What belongs to a place that the run has come to. */
  #arrive(): void {
    this.#metrics = undefined;
    for (const edit of this.#edits) if (edit.step === this.#step) this.#apply(edit);
    if (!this.#isFinite || !this.#history.wants(this.#step)) return;
    const state = this.#state();
    if (isFiniteState(state)) this.#history.keepRegular(state);
  }

  #apply({ parameter, lr, example }: Edit): void {
    if (parameter !== undefined) {
      const { target, at, value } = parameter;
      const data = target.dataSync();
      data[at] = value;
      target.load(data);
    }
    if (lr !== undefined) for (const group of this.network.optimizer.paramGroups) group.lr = lr;
    if (example !== undefined) this.#examples.change(example);
  }

  #restore(state: State): void {
    restoreState(this.network, state);
    this.#step = state.step;
    this.#norms = state.norms;
    this.#isFinite = true;
    this.#metrics = undefined;
    const made = this.#edits.filter(({ step }) => step <= state.step);
    this.#examples.reset(made.flatMap(({ example }) => example ?? []));
  }

  #state(): State {
    return takeState(this.network, this.#step, this.#norms);
  }

  #batch(): [Tensor, Tensor] {
    return this.#examples.tensors(this.batches.at(this.#step));
  }

  #place(): Parameters<typeof checkEdit>[1] {
    const { set, network } = this;
    return { step: this.#step, set, model: network.model, batch: this.batches.at(this.#step) };
  }

  #measure(): Metrics {
    const { perEpoch } = this.batches;
    const train = this.evaluation.score(this.split.train);
    const test = this.evaluation.score(this.split.test);
    return {
      step: this.#step,
      epoch: Math.floor(this.#step / perEpoch),
      batch: this.#step % perEpoch,
      trainLoss: train?.loss ?? Number.NaN,
      testLoss: test?.loss,
      trainAccuracy: train?.accuracy,
      testAccuracy: test?.accuracy,
      gradientNorms: this.#norms,
    };
  }
}

/** The whole of a step as one function: it gives the loss, and the squared norm of each layer's gradient. */
function compileUpdate({ model, layers, optimizer }: Network, head: Head): Compiled<[Tensor, Tensor], Tensor> {
  return compile((x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = head.loss.forward(model.forward(x), y);
    loss.backward();
    const squares = layers.map(({ linear }) =>
      linear
        .parameters()
        .map(({ grad }) => (grad as Tensor).square().sum())
        .reduce((a, b) => a.add(b)),
    );
    optimizer.step();
    return stack([loss.detach(), ...squares]);
  });
}

function gradientNorm({ parameters, operations }: Trace, layer: string): number {
  let squares = 0;
  for (const { path, gradient } of parameters) {
    const value: TraceValue | undefined = gradient === undefined ? undefined : operations[gradient]?.value;
    if (value === undefined || path.slice(0, path.lastIndexOf(".")) !== layer) continue;
    const { norm, nonFinite } = summaryOf(value);
    squares += nonFinite > 0 ? Number.NaN : norm * norm;
  }
  return Math.sqrt(squares);
}
