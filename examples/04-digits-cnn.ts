/**
 * Handwritten digits with the trainer: a small convolutional network reaches 99% in three epochs. The loop of example 03 is
 * inside of `fit`. Arguments: where to save the model (digits-cnn.safetensors) and epochs (3).
 */
import { type Tensor, manualSeed, tensor } from "twopass";
import { DataLoader, TensorDataset } from "twopass/data";
import { type MnistDigits, mnist } from "twopass/data/node";
import { saveFile } from "twopass/io/node";
import * as nn from "twopass/nn";
import { Adam, OneCycleLR } from "twopass/optim";
import { Accuracy, Trainer } from "twopass/train";
import { progressBar } from "twopass/train/node";

const file = process.argv[2] ?? "digits-cnn.safetensors";
const epochs = Number(process.argv[3] ?? 3);
manualSeed(1);

const model = new nn.Sequential(
  new nn.Conv2d(1, 8, 5), // [B, 1, 28, 28] -> [B, 8, 24, 24]
  new nn.ReLU(),
  new nn.MaxPool2d(2), // [B, 8, 12, 12]
  new nn.Conv2d(8, 16, 5), // [B, 16, 8, 8]
  new nn.ReLU(),
  new nn.MaxPool2d(2), // [B, 16, 4, 4]
  new nn.Flatten(), // [B, 256]
  new nn.Linear(256, 64),
  new nn.ReLU(),
  new nn.Linear(64, 10), // [B, 10]
);

/** Pixels with mean 0 and deviation 1 over all training images. */
const standardize = ([pixels, labels]: [Tensor, Tensor]): [Tensor, Tensor] => [
  pixels.div(255).sub(0.1307).div(0.3081),
  labels,
];
const datasetOf = ({ images, labels, count }: MnistDigits) =>
  new TensorDataset(tensor(images, { shape: [count, 1, 28, 28], copy: false }), tensor(labels));
const training = new DataLoader(datasetOf(await mnist({ train: true })), {
  batchSize: 128,
  shuffle: true,
  map: standardize,
});
const test = new DataLoader(datasetOf(await mnist({ train: false })), { batchSize: 1000, map: standardize });

const optimizer = new Adam(model.parameters());
const trainer = new Trainer({
  model,
  optimizer,
  loss: new nn.CrossEntropyLoss(),
  metrics: [new Accuracy()],
  schedule: new OneCycleLR(optimizer, { maxLr: 0.006, totalSteps: epochs * training.length }),
  callbacks: [progressBar()],
});
await trainer.fit(training, { epochs });
const { accuracy } = await trainer.evaluate(test);
await saveFile(model.stateDict(), file);
console.log(`test accuracy: ${accuracy}`);
