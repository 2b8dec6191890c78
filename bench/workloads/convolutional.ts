/** w2: two convolutions and two linear layers. w3: four residual blocks of 64 channels with batch norm. SGD with momentum. */
import * as nn from "../../src/nn/index.ts";
import { relu } from "../../src/tensor/functions.ts";
import { SGD } from "../../src/optim/index.ts";
import { randint, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type Training, training } from "./training.ts";

/** 28 × 28 pixels, batch 64. */
export function cnn(): Training {
  const model = new nn.Sequential(
    new nn.Conv2d(1, 32, 3),
    new nn.ReLU(),
    new nn.Conv2d(32, 64, 3),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(9216, 128),
    new nn.ReLU(),
    new nn.Linear(128, 10),
  );
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  return training(model, new nn.CrossEntropyLoss(), optimizer, randn(64, 1, 28, 28), randint(0, 10, [64]));
}

/** relu(h + bn(conv(relu(bn(conv(h)))))). */
class Residual extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;

  constructor(channels: number) {
    super();
    this.conv1 = new nn.Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(channels);
    this.conv2 = new nn.Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(channels);
  }

  forward(h: Tensor): Tensor {
    const inner = relu(this.bn1.forward(this.conv1.forward(h)));
    return relu(h.add(this.bn2.forward(this.conv2.forward(inner))));
  }
}

/** 32 × 32 pixels of 3 channels, batch 32 unless given. */
export function resnet(batch = 32): Training {
  const model = new nn.Sequential(
    new nn.Conv2d(3, 64, 3, { padding: 1, bias: false }),
    ...[0, 1, 2, 3].map(() => new Residual(64)),
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Linear(64, 10),
  );
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  return training(model, new nn.CrossEntropyLoss(), optimizer, randn(batch, 3, 32, 32), randint(0, 10, [batch]));
}
