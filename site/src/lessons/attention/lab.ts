/** What the lesson of attention computes: a GPT of one block that reads letters, in training, and all inside of it for one line. */
import { type Compiled, type Tensor, arange, compile, grad, int32, manualSeed, noGrad, tensor, where } from "twopass";
import * as nn from "twopass/nn";
import { crossEntropy, linear } from "twopass/nn/functional";
import { Adam } from "twopass/optim";
import type { TrainingProgress } from "../kit/use-training.ts";
import { context, depth, heads, width } from "./sizes.ts";

const batch = 8;
/** Milliseconds after which a call gives what it has. */
const patience = 12;
const seed = 8;

/** What is looked at: a line of letters, one of its places, an earlier one, and a head. */
export interface AttentionPlace {
  readonly line: readonly string[];
  /** The letters that really follow each one of the line. */
  readonly next: readonly string[];
  readonly at: number;
  readonly to: number;
  readonly head: number;
  readonly isCausal: boolean;
}

export interface AttentionLook {
  readonly place: AttentionPlace;
  /** [3, 32]: of the letter, of its place, and their sum. */
  readonly vectors: Float32Array;
  /** Of the head at the place, and at the earlier one: 16 numbers each. */
  readonly query: Float32Array;
  readonly key: Float32Array;
  /** q · k, and divided by √16, with each letter of the line; −∞ where it is hidden. */
  readonly products: Float32Array;
  readonly scores: Float32Array;
  /** e to the scores, and the sum of them. */
  readonly powers: Float32Array;
  readonly total: number;
  /** [heads, T, T]: how much of each letter (column) a letter (row) takes. */
  readonly weights: Float32Array;
  /** The same before the training. */
  readonly firstWeights: Float32Array;
  /** What the head gives at the place: the sum of values by their weights. */
  readonly taken: Float32Array;
  /** Probabilities of the letter that follows the place, and −log of the right one. */
  readonly chances: Float32Array;
  readonly loss: number;
  /** [T, 32]: of that loss, for the vectors of all letters of the line. */
  readonly gradients: Float32Array;
  /** Their lengths, [T]. */
  readonly lengths: Float32Array;
}

export interface AttentionChances {
  /** The different letters of the text, sorted, and the probability of each. */
  readonly letters: readonly string[];
  readonly shares: Float32Array;
}

export interface AttentionLab {
  /** Begins with a text. */
  start(text: string): TrainingProgress;
  /** Trains for at most so many steps, and no longer than a frame lasts. */
  train(most: number, rate: number): TrainingProgress;
  /** Undefined where letters are not those of the text: it has changed in the meantime. */
  look(place: AttentionPlace): AttentionLook | undefined;
  /** Probabilities of the letter that follows a line. At temperature 0 they are those of 1. */
  chances(line: readonly string[], temperature: number): AttentionChances | undefined;
  /** The letter that is drawn by them; at temperature 0 the likeliest one. */
  write(line: readonly string[], temperature: number): string | undefined;
}

export class TinyGpt extends nn.Module {
  letters: nn.Embedding;
  places = new nn.Embedding(context, width);
  norm1 = new nn.LayerNorm(width);
  attention = new nn.MultiheadAttention(width, heads, { batchFirst: true });
  norm2 = new nn.LayerNorm(width);
  wide = new nn.Linear(width, 2 * width);
  narrow = new nn.Linear(2 * width, width);
  norm3 = new nn.LayerNorm(width);
  output: nn.Linear;

  constructor(vocabulary: number) {
    super();
    this.letters = new nn.Embedding(vocabulary, width);
    this.output = new nn.Linear(width, vocabulary);
    for (const { weight } of [this.letters, this.places]) nn.init.normal_(weight, 0, 0.3);
  }

  /** [B, T] letters to [B, T, 32]. */
  embed(letters: Tensor): Tensor {
    return this.letters.forward(letters).add(this.places.forward(arange(letters.shape[1] as number)));
  }

  /** What follows the vectors: [B, T, vocabulary], and the weights of attention, [B, heads, T, T]. */
  read(x: Tensor, isCausal: boolean): [logits: Tensor, weights: Tensor] {
    const y = this.norm1.forward(x);
    const options = { isCausal, needWeights: true, averageAttnWeights: false };
    const [attended, weights] = this.attention.forward(y, y, y, options);
    const h = x.add(attended);
    const more = this.narrow.forward(this.wide.forward(this.norm2.forward(h)).relu());
    return [this.output.forward(this.norm3.forward(h.add(more))), weights as Tensor];
  }

  forward(letters: Tensor): Tensor {
    return this.read(this.embed(letters), true)[0];
  }

  /** Of all heads, side by side: [T, 96]. */
  project(x: Tensor): Tensor {
    const { in_proj_weight, in_proj_bias } = this.attention;
    return linear(this.norm1.forward(x), in_proj_weight as Tensor, in_proj_bias as Tensor).at(0);
  }
}

/** The same one each time. */
function first(vocabulary: number): TinyGpt {
  manualSeed(seed);
  return new TinyGpt(vocabulary);
}

export function attentionLab(): AttentionLab {
  let names: readonly string[] = [];
  let text = new Int32Array(0);
  let model: TinyGpt;
  /** As it was before the training. */
  let untrained: TinyGpt;
  let optimizer: Adam;
  let update: Compiled<[Tensor, Tensor], Tensor>;
  let step = 0;
  let state = 1;
  let isFinite = true;
  /** From 0 to 1, the same each time. */
  const chance = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const floats = (x: Tensor): Float32Array => x.dataSync() as Float32Array;
  /** Undefined where one is unknown, or there is none. */
  const numbersOf = (line: readonly string[]): number[] | undefined => {
    const numbers = line.map((letter) => names.indexOf(letter));
    return numbers.length === 0 || numbers.includes(-1) ? undefined : numbers;
  };
  /** Of all letters, for what follows a line. */
  const sums = (line: readonly string[]): Tensor | undefined => {
    const numbers = numbersOf(line.slice(-context));
    return numbers === undefined ? undefined : noGrad(() => model.forward(int32([numbers])).at(0, -1));
  };
  const oneStep = (): number => {
    const length = Math.min(context, text.length - 1);
    const starts = Array.from({ length: batch }, () => Math.floor(chance() * (text.length - length)));
    const rows = (by: number): Tensor =>
      int32(starts.map((start) => [...text.subarray(start + by, start + by + length)]));
    const loss = update(rows(0), rows(1)).itemSync();
    step++;
    isFinite &&= Number.isFinite(loss);
    return loss;
  };
  return {
    start(given) {
      const letters = Array.from(given);
      names = [...new Set(letters)].sort();
      text = Int32Array.from(letters, (letter) => names.indexOf(letter));
      model = first(names.length);
      untrained = first(names.length);
      optimizer = new Adam(model.parameters());
      update = compile((x: Tensor, y: Tensor) => {
        optimizer.zeroGrad();
        const loss = crossEntropy(model.forward(x).flatten(0, 1), y.flatten());
        loss.backward();
        optimizer.step();
        return loss.detach();
      });
      [step, state, isFinite] = [0, 1, true];
      return { step, losses: [], isFinite };
    },
    train(most, rate) {
      for (const group of optimizer.paramGroups) group.lr = rate;
      const losses: number[] = [];
      const end = performance.now() + patience;
      do losses.push(oneStep());
      while (isFinite && losses.length < most && performance.now() < end);
      return { step, losses, isFinite };
    },
    look(place) {
      const { at, to, head, isCausal } = place;
      const line = numbersOf(place.line);
      const next = numbersOf(place.next);
      if (line === undefined || next === undefined) return undefined;
      const letters = int32([line]);
      const x = model.embed(letters);
      const [logits, weights] = model.read(x, isCausal);
      const last = logits.at(0, at);
      const loss = crossEntropy(last, tensor(next[at] as number, { dtype: "int32" }));
      const [gradients] = grad(loss, [x]);
      return noGrad(() => {
        const from = (part: number): number => part * width + head * depth;
        const projected = model.project(x);
        const [q, k, v] = [0, 1, 2].map((part) => projected.narrow(1, from(part), depth)) as [Tensor, Tensor, Tensor];
        const all = k.matmul(q.at(at));
        const isSeen = arange(line.length).le(isCausal ? at : line.length);
        const products = where(isSeen, all, -Infinity);
        const scores = products.div(Math.sqrt(depth));
        const powers = scores.exp();
        const standing = model.places.weight.at(at);
        const own = model.letters.weight.at(line[at] as number);
        return {
          place,
          vectors: Float32Array.of(...floats(own), ...floats(standing), ...floats(x.at(0, at))),
          query: floats(q.at(at)),
          key: floats(k.at(to)),
          products: floats(products),
          scores: floats(scores),
          powers: floats(powers),
          total: powers.sum().itemSync(),
          weights: floats(weights),
          firstWeights: floats(untrained.read(untrained.embed(letters), isCausal)[1]),
          taken: floats(weights.at(0, head, at).matmul(v)),
          chances: floats(last.softmax(0)),
          loss: loss.itemSync(),
          gradients: floats(gradients),
          lengths: floats(gradients.at(0).square().sum(1).sqrt()),
        };
      });
    },
    chances(line, temperature) {
      const last = sums(line);
      if (last === undefined) return undefined;
      return { letters: names, shares: floats(last.div(temperature || 1).softmax(0)) };
    },
    write(line, temperature) {
      const last = sums(line);
      if (last === undefined) return undefined;
      const likeliest = names[last.argmax().itemSync()];
      if (temperature === 0) return likeliest;
      let rest = chance();
      const drawn = floats(last.div(temperature).softmax(0)).findIndex((share) => (rest -= share) < 0);
      return names[drawn] ?? likeliest;
    },
  };
}
