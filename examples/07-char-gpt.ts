/**
 * A small GPT reads Moby-Dick letter by letter and then writes on by itself. Each position attends to those before it and
 * predicts the next letter. Argument: training steps (2000).
 */
import { type Tensor, arange, int32, manualSeed, noGrad, rand, randint } from "twopass";
import { CharTokenizer } from "twopass/data";
import { mobyDick } from "twopass/data/node";
import * as nn from "twopass/nn";
import { crossEntropy, linear } from "twopass/nn/functional";
import { AdamW, OneCycleLR } from "twopass/optim";

const [steps = 2000] = process.argv.slice(2).map(Number);
const [context, width, batch] = [64, 64, 32];
manualSeed(1);

class GPT extends nn.Module {
  letters: nn.Embedding;
  places = new nn.Embedding(context, width);
  blocks = Array.from(
    { length: 2 },
    () =>
      new nn.TransformerEncoderLayer(width, 4, {
        dimFeedforward: 4 * width,
        dropout: 0,
        activation: "gelu",
        normFirst: true,
        batchFirst: true,
      }),
  );
  norm = new nn.LayerNorm(width);
  constructor(vocabulary: number) {
    super();
    this.letters = new nn.Embedding(vocabulary, width);
    for (const { weight } of [this.letters, this.places]) nn.init.normal_(weight, 0, 0.02); // small, so that letters count
  }

  forward(x: Tensor): Tensor {
    let h = this.letters.forward(x).add(this.places.forward(arange(x.shape[1] as number))); // [B, T, width]
    for (const block of this.blocks) h = block.forward(h, { isCausal: true }); // [B, T, width]
    return linear(this.norm.forward(h), this.letters.weight); // [B, T, vocabulary], with the weights of the embedding
  }
}

const text = await mobyDick();
const tokenizer = CharTokenizer.fit(text);
const tokens = tokenizer.encode(text); // Int32Array
const training = tokens.subarray(0, Math.floor(tokens.length * 0.95));
const held = tokens.subarray(training.length);

const model = new GPT(tokenizer.size);
const optimizer = new AdamW(model.parameters(), { lr: 0.003, weightDecay: 0.1 });
const schedule = new OneCycleLR(optimizer, { maxLr: 0.003, totalSteps: steps });
/** Some places of the text: letters [n, 64] and for each the one that follows. */
async function sample(from: Int32Array, n: number): Promise<[x: Tensor, y: Tensor]> {
  const starts = await randint(0, from.length - context - 1, [n]).array(1);
  const rows = (shift: number) =>
    int32(starts.map((start) => [...from.subarray(start + shift, start + shift + context)]));
  return [rows(0), rows(1)];
}
const lossOn = ([x, y]: [Tensor, Tensor]) => crossEntropy(model.forward(x).flatten(0, 1), y.flatten());

for (let step = 1; step <= steps; step++) {
  const loss = lossOn(await sample(training, batch)); // forward pass
  optimizer.zeroGrad();
  loss.backward(); // backward pass
  nn.clipGradNorm(model.parameters(), 1);
  optimizer.step(); // update
  schedule.step();
  if (step % 100 === 0) console.log(`step ${step}: loss ${(await loss.item()).toFixed(3)}`);
}
const unread = await sample(held, 256);
const [reached, guessing] = [await noGrad(() => lossOn(unread)).item(), Math.log(tokenizer.size)];
console.log(`loss on unread text: ${reached.toFixed(3)} (guessing: ${guessing.toFixed(3)})`);

const written = [...tokenizer.encode("The whale ")];
while (written.length < 400) {
  const x = int32([written.slice(-context)]); // [1, T]
  const chances = await noGrad(() => model.forward(x).at(0, -1).div(0.8).softmax(-1)).array(1); // [vocabulary]
  let rest = await rand(1).item();
  const next = chances.findIndex((chance) => (rest -= chance) < 0);
  written.push(next < 0 ? chances.length - 1 : next);
}
console.log(tokenizer.decode(written));
