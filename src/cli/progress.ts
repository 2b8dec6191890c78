/** The table that grows while a model trains: one line an epoch, and on a terminal one that changes. Floor: cli; Node only. */
import process from "node:process";

/** Milliseconds between two changes of the line of a running epoch. */
const interval = 500;

const columns = ["epoch", "loss", "train", "images/s", "forward", "backward", "update"];
const widths = [7, 9, 9, 10, 10, 10, 10];

export class Progress {
  readonly #epochs: number;
  /** Milliseconds in each phase, counted on by the device. */
  readonly #phaseTimes: readonly number[];
  #phasesBefore: readonly number[] = [];
  #epoch = 0;
  #images = 0;
  #seen = 0;
  #start = 0;
  #shown = 0;

  constructor(epochs: number, phaseTimes: readonly number[]) {
    this.#epochs = epochs;
    this.#phaseTimes = phaseTimes;
    console.log(lineOf(columns));
  }

  /** An epoch over so many images begins. */
  begin(epoch: number, images: number): void {
    this.#epoch = epoch;
    this.#images = images;
    this.#seen = 0;
    this.#phasesBefore = [...this.#phaseTimes];
    this.#start = performance.now();
    this.#shown = this.#start;
  }

  /** Counts images, and says whether the line of the running epoch should be shown. */
  isDue(images: number): boolean {
    this.#seen += images;
    return process.stdout.isTTY && performance.now() - this.#shown >= interval;
  }

  /** Shows the sums of the running epoch so far, over what was there. */
  show(lossSum: number, correct: number): void {
    this.#shown = performance.now();
    const done = Math.floor((100 * this.#seen) / this.#images);
    process.stdout.write(`\r${this.#line(lossSum, correct)}  ${String(done).padStart(3)}%`);
  }

  /** Shows the sums of the whole epoch; gives its milliseconds. */
  end(lossSum: number, correct: number): number {
    const milliseconds = performance.now() - this.#start;
    const line = this.#line(lossSum, correct);
    // On a terminal it goes over the line of the running epoch, and blanks over the per cent.
    process.stdout.write(process.stdout.isTTY ? `\r${line}      \n` : `${line}\n`);
    return milliseconds;
  }

  #line(lossSum: number, correct: number): string {
    const seconds = (performance.now() - this.#start) / 1000;
    const phases = this.#phaseTimes.map((time, i) => `${((time - (this.#phasesBefore[i] ?? 0)) / 1000).toFixed(2)} s`);
    return lineOf([
      `${this.#epoch}/${this.#epochs}`,
      showLoss(lossSum / this.#seen),
      `${((100 * correct) / this.#seen).toFixed(2)}%`,
      Math.round(this.#seen / seconds).toLocaleString("en"),
      ...phases,
    ]);
  }
}

/** Four places, or three digits where a diverging loss would not fit its column. */
function showLoss(loss: number): string {
  return loss < 1000 ? loss.toFixed(4) : loss.toPrecision(3);
}

function lineOf(cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("");
}
