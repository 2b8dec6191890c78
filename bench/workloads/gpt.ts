/** w4: a GPT with 4 layers, 4 heads, width 128, 64 tokens, 65 letters and an untied head; AdamW. */
import * as F from "../../src/nn/functional.ts";
import * as nn from "../../src/nn/index.ts";
import { AdamW } from "../../src/optim/index.ts";
import { arange } from "../../src/tensor/creation.ts";
import { randint } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type Training, training } from "./training.ts";

interface GPTSizes {
  readonly vocabulary: number;
  readonly length: number;
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
}

class Block extends nn.Module {
  readonly ln1: nn.LayerNorm;
  readonly qkv: nn.Linear;
  readonly proj: nn.Linear;
  readonly ln2: nn.LayerNorm;
  readonly up: nn.Linear;
  readonly down: nn.Linear;
  readonly #heads: number;

  constructor({ width, heads }: GPTSizes) {
    super();
    this.ln1 = new nn.LayerNorm(width);
    this.qkv = new nn.Linear(width, 3 * width);
    this.proj = new nn.Linear(width, width);
    this.ln2 = new nn.LayerNorm(width);
    this.up = new nn.Linear(width, 4 * width);
    this.down = new nn.Linear(4 * width, width);
    this.#heads = heads;
  }

  forward(x: Tensor): Tensor {
    const [B, T, D] = x.shape as [number, number, number];
    const parts = this.qkv.forward(this.ln1.forward(x)).split(D, 2); // 3 × [B, T, D]
    const [q, k, v] = parts.map((t) => t.reshape(B, T, this.#heads, D / this.#heads).transpose(1, 2)) as [
      Tensor,
      Tensor,
      Tensor,
    ]; // [B, H, T, D / H]
    const y = F.scaledDotProductAttention(q, k, v, { isCausal: true }).transpose(1, 2).reshape(B, T, D);
    const h = x.add(this.proj.forward(y));
    return h.add(this.down.forward(this.up.forward(this.ln2.forward(h)).gelu({ approximate: "tanh" })));
  }
}

export class GPT extends nn.Module {
  readonly tok: nn.Embedding;
  readonly pos: nn.Embedding;
  readonly blocks: Block[];
  readonly ln: nn.LayerNorm;
  readonly head: nn.Linear;
  readonly places: nn.Buffer;

  constructor(sizes: GPTSizes) {
    super();
    const { vocabulary, length, width, layers } = sizes;
    this.tok = new nn.Embedding(vocabulary, width);
    this.pos = new nn.Embedding(length, width);
    this.blocks = Array.from({ length: layers }, () => new Block(sizes));
    this.ln = new nn.LayerNorm(width);
    this.head = new nn.Linear(width, vocabulary, { bias: false });
    this.places = new nn.Buffer(arange(length), { persistent: false });
    for (const [path, p] of this.namedParameters()) {
      if (p.ndim === 2) nn.init.normal_(p, 0, 0.02);
      else if (path.endsWith("bias")) nn.init.zeros_(p);
    }
  }

  /** Letters [B, T] to logits [B · T, vocabulary]. */
  forward(letters: Tensor): Tensor {
    const h = this.blocks.reduce(
      (x, block) => block.forward(x),
      this.tok.forward(letters).add(this.pos.forward(this.places)),
    );
    return this.head.forward(this.ln.forward(h)).flatten(0, 1);
  }
}

/** Batch 12. */
export function gpt(): Training {
  const sizes = { vocabulary: 65, length: 64, width: 128, heads: 4, layers: 4 };
  const model = new GPT(sizes);
  const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 });
  const x = randint(0, sizes.vocabulary, [12, sizes.length]);
  return training(model, new nn.CrossEntropyLoss(), optimizer, x, randint(0, sizes.vocabulary, [12 * sizes.length]));
}
