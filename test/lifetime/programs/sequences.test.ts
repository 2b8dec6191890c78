/** Programs that learn to go on with a sequence: a GPT with tied weights, an LSTM whose state goes from batch to batch. */
import { expect, test } from "vitest";
import { linear, crossEntropy } from "../../../src/nn/functional.ts";
import * as nn from "../../../src/nn/index.ts";
import { Adam, AdamW } from "../../../src/optim/index.ts";
import { arange, int32 } from "../../../src/tensor/creation.ts";
import { noGrad } from "../../../src/tensor/scope.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { randomFrom } from "../digits.ts";
import { Watch } from "../watch.ts";

const letters = 7;
/** Letters that follow from the one before and the place: 0, 1, 3, 6, 3, 1, 0, 0, ... */
const text = Int32Array.from({ length: 600 }, (_, i) => ((i * (i + 1)) / 2) % letters);
const guessing = Math.log(letters);

test("a GPT whose last layer has the weights of the embedding", async () => {
  const [context, width, batch] = [14, 16, 8];

  class GPT extends nn.Module {
    letters = new nn.Embedding(letters, width);
    places = new nn.Embedding(context, width);
    blocks = Array.from(
      { length: 2 },
      () =>
        new nn.TransformerEncoderLayer(width, 2, {
          dimFeedforward: 32,
          dropout: 0.1,
          activation: "gelu",
          normFirst: true,
          batchFirst: true,
        }),
    );
    norm = new nn.LayerNorm(width);

    forward(x: Tensor): Tensor {
      let h = this.letters.forward(x).add(this.places.forward(arange(x.shape[1] as number)));
      for (const block of this.blocks) h = block.forward(h, { isCausal: true });
      return linear(this.norm.forward(h), this.letters.weight);
    }
  }

  const watch = new Watch();
  const random = randomFrom(1);
  const sample = (): [Tensor, Tensor] => {
    const starts = Array.from({ length: batch }, () => Math.floor(random() * (text.length - context - 1)));
    const rows = (shift: number) =>
      int32(starts.map((start) => [...text.subarray(start + shift, start + shift + context)]));
    return [rows(0), rows(1)];
  };
  const model = new GPT();
  expect(model.namedParameters().filter(([path]) => path.startsWith("letters"))).toHaveLength(1);
  const optimizer = new AdamW(model.parameters(), { lr: 0.02, weightDecay: 0.1 });
  const losses: number[] = [];
  do {
    const [x, y] = sample();
    const loss = watch.forward(crossEntropy(model.forward(x).flatten(0, 1), y.flatten()));
    optimizer.zeroGrad();
    loss.backward();
    nn.clipGradNorm(model.parameters(), 1);
    optimizer.step();
    losses.push(await loss.item());
  } while (watch.step());
  expect(watch.report()).toEqual({ plans: 1, runs: 10, forwards: 1, changed: {} });
  expect(losses.at(-1)).toBeLessThan(0.5 * guessing);

  model.eval();
  const written = [...text.subarray(0, context)];
  while (written.length < context + 14) {
    const x = int32([written.slice(-context)]);
    written.push(await noGrad(() => model.forward(x).at(0, -1).argmax(0)).item());
  }
  expect(written).toEqual([...text.subarray(0, written.length)]);
});

test("an LSTM that carries its state from batch to batch", async () => {
  const [batch, length, size] = [6, 7, 24];

  class Reader extends nn.Module {
    embedding = new nn.Embedding(letters, 8);
    lstm = new nn.LSTM(8, size, { batchFirst: true });
    head = new nn.Linear(size, letters);

    forward(x: Tensor, state: nn.LSTMState | undefined): [scores: Tensor, state: nn.LSTMState] {
      const [h, next] = this.lstm.forward(this.embedding.forward(x), state);
      return [this.head.forward(h), next];
    }
  }

  const watch = new Watch();
  const model = new Reader();
  const optimizer = new Adam(model.parameters(), { lr: 0.02 });
  const losses: number[] = [];
  let state: nn.LSTMState | undefined;
  for (let at = 0; ; at += length) {
    // Row by row, each batch goes on where the one before it has ended.
    const rows = (shift: number) =>
      int32(
        Array.from({ length: batch }, (_, row) =>
          Array.from({ length }, (_, t) => text[(97 * row + at + t + shift) % text.length] as number),
        ),
      );
    const [scores, [h, c]] = model.forward(rows(0), state);
    const loss = watch.forward(crossEntropy(scores.flatten(0, 1), rows(1).flatten()));
    optimizer.zeroGrad();
    loss.backward();
    state = [h.detach(), c.detach()];
    optimizer.step();
    losses.push(await loss.item());
    if (!watch.step()) break;
  }
  // The first batch has no state.
  expect(watch.report()).toEqual({ plans: 2, runs: 10, forwards: 1, changed: {} });
  expect(losses.at(-1)).toBeLessThan(0.5 * guessing);
});
