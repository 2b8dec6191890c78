/** Values made fit for a model, and back: columns of numbers, labels. Whole tables have a `TableEncoder`. Floor: data. */
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import { fromElements, tensor } from "../../tensor/creation.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { NestedData } from "../../tensor/data.ts";

export interface StandardizerJson {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * (x − mean) / std for each column, the last dim. The std is that of the whole (÷ n); a column that is constant only
 * loses its mean.
 *
 * @example
 * const scaler = Standardizer.fit([[1, 10], [3, 10]]);
 * await scaler.transform(tensor([[5, 10]])).array(); // [[3, 0]]
 */
export class Standardizer {
  readonly mean: readonly number[];
  readonly std: readonly number[];

  private constructor({ mean, std }: StandardizerJson) {
    this.mean = mean;
    this.std = std;
  }

  /** @param data [..., columns]. @throws where there are no rows, or a column has NaN or an infinity. */
  static fit(data: Tensor | readonly NestedData[]): Standardizer {
    const x = data instanceof Tensor ? data : tensor(data, { dtype: "float64" });
    const columns = x.shape.at(-1) ?? 0;
    const elements = x.dataSync();
    const rows = elements.length / columns;
    if (!(rows >= 1)) {
      throw new TwopassError({ op: "Standardizer.fit", problem: "needs rows and columns", facts: showShape(x.shape) });
    }
    const mean = new Array<number>(columns).fill(0);
    const square = new Array<number>(columns).fill(0);
    elements.forEach((value, i) => {
      mean[i % columns] = (mean[i % columns] as number) + value / rows;
    });
    elements.forEach((value, i) => {
      square[i % columns] = (square[i % columns] as number) + (value - (mean[i % columns] as number)) ** 2 / rows;
    });
    const wrong = square.findIndex((x) => !Number.isFinite(x));
    if (wrong >= 0) {
      const facts = `column ${wrong} has NaN or an infinity`;
      throw new TwopassError({ op: "Standardizer.fit", problem: "numbers must be finite", facts });
    }
    // What rounding alone can make of a constant column is no spread.
    const spread = square.map((x, column) =>
      Math.sqrt(x) > 1e-13 * Math.abs(mean[column] as number) ? Math.sqrt(x) : 1,
    );
    return new Standardizer({ mean, std: spread });
  }

  /** What `toJSON` gave, as a standardizer again. @throws where it is something else. */
  static fromJSON(json: StandardizerJson): Standardizer {
    const { mean, std } = json ?? {};
    const isList = (x: unknown): boolean => Array.isArray(x) && x.every((value) => Number.isFinite(value));
    if (isList(mean) && isList(std) && mean.length === std.length && std.every((x) => x > 0)) {
      return new Standardizer({ mean: [...mean], std: [...std] });
    }
    const facts = `got ${describe(json)}`;
    throw new TwopassError({ op: "Standardizer.fromJSON", problem: "not a standardizer", facts });
  }

  /** [..., columns] to the same shape. Integers become float32. */
  transform(x: Tensor): Tensor {
    const { mean, std } = this.#like("transform", x);
    return x.sub(mean).div(std);
  }

  /** What `transform` made, in the units of the data again. */
  inverse(x: Tensor): Tensor {
    const { mean, std } = this.#like("inverse", x);
    return x.mul(std).add(mean);
  }

  toJSON(): StandardizerJson {
    return { mean: this.mean, std: this.std };
  }

  #like(method: string, x: Tensor): { mean: Tensor; std: Tensor } {
    if (x.shape.at(-1) !== this.mean.length) {
      throw new TwopassError({
        op: `Standardizer.${method}`,
        problem: "the columns do not fit",
        facts: `${this.mean.length} columns were fitted, the tensor is ${showShape(x.shape)}`,
        shapes: [x.shape],
      });
    }
    const dtype = x.dtype === "float64" ? "float64" : "float32";
    return { mean: tensor(this.mean, { dtype }), std: tensor(this.std, { dtype }) };
  }
}

/** What can be a label. */
export type Label = string | number | boolean;

/**
 * A number for each different label, in sorted order: numbers by size, then texts, then false and true.
 *
 * @example
 * const labels = LabelEncoder.fit(["dog", "cat", "dog"]);
 * labels.encode(["dog"]); // Int32Array(1) [1]
 */
export class LabelEncoder {
  readonly classes: readonly Label[];
  readonly #ids: ReadonlyMap<Label, number>;

  private constructor(classes: readonly Label[]) {
    this.classes = classes;
    this.#ids = new Map(classes.map((label, id) => [label, id]));
  }

  static fit(labels: Iterable<Label>): LabelEncoder {
    const classes = [...new Set(labels)];
    const wrong = classes.find((label) => !isLabel(label));
    if (wrong !== undefined || classes.length === 0) {
      const facts = classes.length === 0 ? "got none" : `got ${describe(wrong)}`;
      throw new TwopassError({ op: "LabelEncoder.fit", problem: "needs texts, numbers or truth values", facts });
    }
    return new LabelEncoder(classes.sort(byLabel));
  }

  /** What `toJSON` gave, as an encoder again. @throws where it is something else. */
  static fromJSON(json: { readonly classes: readonly Label[] }): LabelEncoder {
    const classes: unknown = json?.classes;
    if (Array.isArray(classes) && classes.length > 0 && classes.every(isLabel)) return new LabelEncoder(classes);
    const facts = `got ${describe(json)}`;
    throw new TwopassError({ op: "LabelEncoder.fromJSON", problem: "not a label encoder", facts });
  }

  /** How many classes there are. */
  get size(): number {
    return this.classes.length;
  }

  /** @throws TwopassError that names the first label that was not there. */
  encode(labels: Iterable<Label>): Int32Array {
    return Int32Array.from(labels, (label, i) => {
      const id = this.#ids.get(label);
      if (id !== undefined) return id;
      const facts = `${describe(label)}, number ${i}`;
      throw new TwopassError({ op: "LabelEncoder.encode", problem: "an unknown label", facts });
    });
  }

  /** The labels of class numbers: those of a prediction, for instance. */
  decode(ids: ArrayLike<number>): Label[] {
    return Array.from(ids, (id) => {
      const label = this.classes[id];
      if (label !== undefined) return label;
      const facts = `${describe(id)} of ${this.size}`;
      throw new TwopassError({ op: "LabelEncoder.decode", problem: "no such class", facts });
    });
  }

  /** [labels, classes] float32: 1 at the class of each label, 0 elsewhere. */
  oneHot(labels: Iterable<Label>): Tensor {
    const ids = this.encode(labels);
    const data = new Float32Array(ids.length * this.size);
    ids.forEach((id, i) => {
      data[i * this.size + id] = 1;
    });
    return fromElements(data, [ids.length, this.size], "float32");
  }

  toJSON(): { readonly classes: readonly Label[] } {
    return { classes: this.classes };
  }
}

function isLabel(x: unknown): x is Label {
  return typeof x === "string" || typeof x === "boolean" || (typeof x === "number" && !Number.isNaN(x));
}

const kinds = ["number", "string", "boolean"];

function byLabel(a: Label, b: Label): number {
  if (typeof a !== typeof b) return kinds.indexOf(typeof a) - kinds.indexOf(typeof b);
  return a < b ? -1 : 1;
}
