/** The models of section `training`, as its description writes them in Python. */
import * as nn from "../../src/nn/index.ts";
import * as F from "../../src/nn/functional.ts";
import { arange, ones } from "../../src/index.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

class MLP extends nn.Module {
  fc1 = new nn.Linear(16, 32);
  fc2 = new nn.Linear(32, 32);
  fc3 = new nn.Linear(32, 4);

  // x [N, 16] to logits [N, 4]
  override forward(x: Tensor): Tensor {
    const h = this.fc2.forward(this.fc1.forward(x).tanh()).relu();
    return this.fc3.forward(h);
  }
}

class LeNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5, { padding: 2 });
  conv2 = new nn.Conv2d(6, 16, 5);
  fc1 = new nn.Linear(16 * 5 * 5, 60);
  fc2 = new nn.Linear(60, 42);
  fc3 = new nn.Linear(42, 10);

  // x [N, 1, 28, 28] to logits [N, 10]
  override forward(x: Tensor): Tensor {
    let h = F.maxPool2d(this.conv1.forward(x).relu(), 2);
    h = F.maxPool2d(this.conv2.forward(h).relu(), 2).flatten(1);
    h = this.fc1.forward(h).relu();
    h = this.fc2.forward(h).relu();
    return this.fc3.forward(h);
  }
}

class Block extends nn.Module {
  conv1: nn.Conv2d;
  bn1: nn.BatchNorm2d;
  conv2: nn.Conv2d;
  bn2: nn.BatchNorm2d;
  down: nn.Sequential | null = null;

  constructor(from: number, to: number, stride: number) {
    super();
    this.conv1 = new nn.Conv2d(from, to, 3, { stride, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(to);
    this.conv2 = new nn.Conv2d(to, to, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(to);
    if (stride !== 1 || from !== to) {
      this.down = new nn.Sequential(new nn.Conv2d(from, to, 1, { stride, bias: false }), new nn.BatchNorm2d(to));
    }
  }

  override forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y));
    return y.add(this.down === null ? x : (this.down.forward(x) as Tensor)).relu();
  }
}

class ResNet extends nn.Module {
  stem = new nn.Conv2d(3, 8, 3, { padding: 1, bias: false });
  bn = new nn.BatchNorm2d(8);
  block1 = new Block(8, 8, 1);
  block2 = new Block(8, 16, 2);
  fc = new nn.Linear(16, 5);

  // x [N, 3, 12, 12] to logits [N, 5]
  override forward(x: Tensor): Tensor {
    const h = this.bn.forward(this.stem.forward(x)).relu();
    return this.fc.forward(this.block2.forward(this.block1.forward(h)).mean([2, 3]));
  }
}

class LSTMClassifier extends nn.Module {
  emb = new nn.Embedding(20, 8, { paddingIdx: 0 });
  lstm = new nn.LSTM(8, 12, { numLayers: 2, batchFirst: true, bidirectional: true });
  fc = new nn.Linear(24, 3);

  // x int32 [N, T] to logits [N, 3]
  override forward(x: Tensor): Tensor {
    const [h] = this.lstm.forward(this.emb.forward(x));
    return this.fc.forward(h.mean(1));
  }
}

class GPTBlock extends nn.Module {
  readonly #heads: number;
  ln1: nn.LayerNorm;
  qkv: nn.Linear;
  proj: nn.Linear;
  ln2: nn.LayerNorm;
  up: nn.Linear;
  down: nn.Linear;

  constructor(d: number, heads: number) {
    super();
    this.#heads = heads;
    this.ln1 = new nn.LayerNorm(d);
    this.qkv = new nn.Linear(d, 3 * d);
    this.proj = new nn.Linear(d, d);
    this.ln2 = new nn.LayerNorm(d);
    this.up = new nn.Linear(d, 4 * d);
    this.down = new nn.Linear(4 * d, d);
  }

  override forward(x: Tensor): Tensor {
    const [B, T, D] = x.shape as [number, number, number];
    const size = D / this.#heads;
    const [q, k, v] = this.qkv
      .forward(this.ln1.forward(x))
      .split(D, 2)
      .map((t) => t.view(B, T, this.#heads, size).transpose(1, 2)) as [Tensor, Tensor, Tensor];
    const scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(size));
    const future = ones([T, T], { dtype: "bool" }).tril().logicalNot();
    const attention = scores.maskedFill(future, Number.NEGATIVE_INFINITY).softmax(-1);
    const y = x.add(this.proj.forward(attention.matmul(v).transpose(1, 2).reshape(B, T, D)));
    return y.add(this.down.forward(F.gelu(this.up.forward(this.ln2.forward(y)), { approximate: "tanh" })));
  }
}

class GPT extends nn.Module {
  tok = new nn.Embedding(24, 24);
  pos = new nn.Embedding(12, 24);
  block0 = new GPTBlock(24, 4);
  block1 = new GPTBlock(24, 4);
  ln = new nn.LayerNorm(24);
  head = new nn.Linear(24, 24, { bias: false });

  // x int32 [N, T ≤ 12] to logits [N, T, 24]
  override forward(x: Tensor): Tensor {
    const h = this.tok.forward(x).add(this.pos.forward(arange(x.shape[1] as number)));
    return this.head.forward(this.ln.forward(this.block1.forward(this.block0.forward(h))));
  }
}

class ConvAutoencoder extends nn.Module {
  e1 = new nn.Conv2d(1, 4, 3, { stride: 2, padding: 1 });
  e2 = new nn.Conv2d(4, 8, 3, { stride: 2, padding: 1 });
  gn = new nn.GroupNorm(2, 8);
  d1 = new nn.ConvTranspose2d(8, 4, 4, { stride: 2, padding: 1 });
  d2 = new nn.ConvTranspose2d(4, 1, 4, { stride: 2, padding: 1 });

  // x [N, 1, 12, 12] to the same shape, in (0, 1)
  override forward(x: Tensor): Tensor {
    let h = F.leakyRelu(this.e1.forward(x), { negativeSlope: 0.1 });
    h = this.gn.forward(this.e2.forward(h)).silu();
    return this.d2.forward(F.elu(this.d1.forward(h))).sigmoid();
  }
}

/** Makers of the models by PyTorch's names. */
export const models: Readonly<Record<string, () => nn.Module>> = {
  MLP: () => new MLP(),
  LeNet: () => new LeNet(),
  ResNet: () => new ResNet(),
  LSTMClassifier: () => new LSTMClassifier(),
  GPT: () => new GPT(),
  ConvAutoencoder: () => new ConvAutoencoder(),
};
