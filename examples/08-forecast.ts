/**
 * Forecast of a time series: how many children will be born tomorrow? An LSTM reads four weeks of daily births and
 * predicts the next day; it also gets the time of the year of each. It learns from 1969 to 1985 and is tested on 1986 to 1988. Argument: epochs (10).
 */
import { type Tensor, manualSeed, noGrad, tensor } from "twopass";
import { DataLoader, TensorDataset } from "twopass/data";
import { dailyBirths } from "twopass/data/node";
import * as nn from "twopass/nn";
import { Adam, OneCycleLR } from "twopass/optim";

const [epochs = 10] = process.argv.slice(2).map(Number);
const days = 28;
manualSeed(1);

class Forecaster extends nn.Module {
  lstm = new nn.LSTM(3, 48, { batchFirst: true });
  head = new nn.Linear(48, 1);

  forward(x: Tensor): Tensor {
    const [states] = this.lstm.forward(x); // [B, 28, 3] -> [B, 28, 48]
    return this.head.forward(states.at(":", -1)); // the state after the last day: [B, 48] -> [B, 1]
  }
}

const { dates, counts } = await dailyBirths();
const split = dates.indexOf("1986-01-01");
const known = counts.subarray(0, split);
const mean = known.reduce((sum, n) => sum + n, 0) / split;
const std = Math.sqrt(known.reduce((sum, n) => sum + (n - mean) ** 2, 0) / split);
const series = Float32Array.from(counts, (n) => (n - mean) / std);
/** What the network sees of each day: births, and the next day's place in the year as a point on a circle. */
const features = new Float32Array(3 * counts.length);
series.forEach((births, day) => {
  const angle = (2 * Math.PI * (day + 1)) / 365.25; // the first day is the first of January
  features.set([births, Math.sin(angle), Math.cos(angle)], 3 * day);
});

/** All runs of 28 days whose next day is in a range, and that next day: [n, 28, 3] and [n, 1]. */
function windows(from: number, to: number): TensorDataset<[Tensor, Tensor]> {
  const ends = Array.from({ length: to - from }, (_, i) => from + i);
  const x = new Float32Array(ends.length * days * 3);
  ends.forEach((end, i) => x.set(features.subarray(3 * (end - days), 3 * end), i * days * 3));
  return new TensorDataset(
    tensor(x, { shape: [ends.length, days, 3] }),
    tensor(series.slice(from, to), { shape: [ends.length, 1] }),
  );
}

const model = new Forecaster();
const loader = new DataLoader(windows(days, split), { batchSize: 64, shuffle: true });
const optimizer = new Adam(model.parameters());
const schedule = new OneCycleLR(optimizer, { maxLr: 0.01, totalSteps: epochs * loader.length });
const lossOf = new nn.HuberLoss(); // holidays are outliers

for (let epoch = 1; epoch <= epochs; epoch++) {
  let lossSum = tensor(0);
  for await (const [x, y] of loader) {
    const loss = lossOf.forward(model.forward(x), y); // forward pass, through 28 days
    optimizer.zeroGrad();
    loss.backward(); // backward pass, back through 28 days
    nn.clipGradNorm(model.parameters(), 1);
    optimizer.step(); // update
    schedule.step();
    lossSum = lossSum.add(loss.detach());
  }
  console.log(`epoch ${epoch}: mean loss ${((await lossSum.item()) / loader.length).toFixed(4)}`);
}

const test = windows(split, counts.length);
const [x] = test.rows(Array.from({ length: test.length }, (_, i) => i));
const births = (await noGrad(() => model.forward(x)).data()).map((z) => z * std + mean);
const meanError = (guess: (day: number) => number): number => {
  let sum = 0;
  for (let day = split; day < counts.length; day++) sum += Math.abs(guess(day) - (counts[day] as number));
  return sum / (counts.length - split);
};
const [ours, lastWeek] = [
  meanError((day) => births[day - split] as number),
  meanError((day) => counts[day - 7] as number),
];
console.log(`mean error: ${ours.toFixed(0)} births a day; the same weekday of last week: ${lastWeek.toFixed(0)}`);
