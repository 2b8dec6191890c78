/** What `twopass train digits` can train, with the settings that were found for each by measuring. Floor: cli. */
import { Conv2d, Linear, MaxPool2d, Module } from "../nn/index.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Pixels [B, 1, 28, 28] from 0 to 255, with mean 0 and variance 1 over the training images of MNIST. */
function standardize(pixels: Tensor): Tensor {
  return pixels.div(255).sub(0.1307).div(0.3081);
}

/** Two convolutions with pooling, then two layers, after LeNet-5 (LeCun et al. 1998). */
class Cnn extends Module {
  conv1 = new Conv2d(1, 8, 5);
  conv2 = new Conv2d(8, 16, 5);
  pool = new MaxPool2d(2);
  fc1 = new Linear(256, 64);
  fc2 = new Linear(64, 10);

  forward(pixels: Tensor): Tensor {
    const x = standardize(pixels); // [B, 1, 28, 28]
    const edges = this.pool.forward(this.conv1.forward(x)).relu(); // [B, 8, 12, 12]
    const shapes = this.pool.forward(this.conv2.forward(edges)).relu(); // [B, 16, 4, 4]
    return this.fc2.forward(this.fc1.forward(shapes.flatten(1)).relu()); // [B, 10]
  }
}

/** Three fully connected layers. */
class Mlp extends Module {
  fc1 = new Linear(784, 512);
  fc2 = new Linear(512, 256);
  fc3 = new Linear(256, 10);

  forward(pixels: Tensor): Tensor {
    const x = standardize(pixels).flatten(1); // [B, 784]
    const hidden = this.fc2.forward(this.fc1.forward(x).relu()).relu(); // [B, 256]
    return this.fc3.forward(hidden); // [B, 10]
  }
}

export const digitModels = {
  cnn: { make: (): Cnn => new Cnn(), epochs: 3, batchSize: 128, lr: 0.006 },
  mlp: { make: (): Mlp => new Mlp(), epochs: 8, batchSize: 128, lr: 0.002 },
} as const;

export type DigitModelName = keyof typeof digitModels;
