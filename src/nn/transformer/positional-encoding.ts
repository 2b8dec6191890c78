/** Where an element stands in a sequence, as layers. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { rotatePairs } from "../../ops/composite/rotary.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Dropout } from "../layers/dropout.ts";
import { checkWhole, floatingVertex, resultOf, vertexOf, withDefaults } from "../functional/common.ts";
import { placesOf, rotaryTable } from "../functional/rotary.ts";
import { normalContent } from "../module/initial-content.ts";
import { Module } from "../module/module.ts";
import { Parameter, StateBuffer } from "../module/parameter.ts";

export interface PositionalEncodingOptions {
  /** The longest sequence; default 5000, for learned places 512. */
  readonly maxLength?: number;
  /** Dropout of the sum; default 0. */
  readonly dropout?: number;
  /** Whether the input is [N, L, dModel] instead of [L, N, dModel]; default false, as of the attention layers. */
  readonly batchFirst?: boolean;
}

export interface PlaceOptions {
  /** The place of the first element; default 0. */
  readonly offset?: number;
}

/** Throws unless the places from `offset` on are within the table. */
function checkPlaces(op: string, length: number, maxLength: number, options: PlaceOptions | undefined): number {
  const { offset } = withDefaults(op, options, { offset: 0 });
  const start = checkWhole(op, "offset", offset, 0);
  if (start + length <= maxLength) return start;
  throw new TwopassError({
    op,
    problem: "the sequence is longer than maxLength",
    facts: `${start === 0 ? "" : `offset ${start} and `}length ${length}, maxLength ${maxLength}`,
    hint: "make the layer with a larger maxLength, or cut the sequence",
  });
}

/** Layers that add a vector for each place. */
abstract class AddedEncoding extends Module {
  readonly dModel: number;
  readonly maxLength: number;
  readonly batchFirst: boolean;
  readonly dropout: Dropout;

  constructor(dModel: number, given: PositionalEncodingOptions | undefined, maxLength: number) {
    super();
    const op = `nn.${this.constructor.name}`;
    const options = withDefaults(op, given, { maxLength, dropout: 0, batchFirst: false });
    this.dModel = checkWhole(op, "dModel", dModel, 1);
    this.maxLength = checkWhole(op, "maxLength", options.maxLength, 1);
    this.batchFirst = options.batchFirst;
    this.dropout = new Dropout(options.dropout);
  }

  /** One row for each place, [maxLength, dModel]. */
  protected abstract rows(): Tensor;

  forward(input: Tensor, options?: PlaceOptions): Tensor {
    const op = `nn.${this.constructor.name}`;
    const x = floatingVertex(op, input);
    const rank = x.shape.length;
    if ((rank !== 2 && rank !== 3) || x.shape[rank - 1] !== this.dModel) {
      throw new TwopassError({
        op,
        problem: `the input must be ${this.batchFirst ? "[N, L, dModel]" : "[L, N, dModel]"}, or [L, dModel] without a batch`,
        facts: `shape ${showShape(x.shape)}, dModel ${this.dModel}`,
        shapes: [x.shape],
      });
    }
    const dim = rank === 3 && this.batchFirst ? 1 : 0;
    const length = x.shape[dim] as number;
    const start = checkPlaces(op, length, this.maxLength, options);
    const table = this.rows();
    const part = kit.cast(kit.range(vertexOf(op, "the table", table), 0, start, start + length), x.dtype);
    const along = rank === 3 && dim === 0 ? [length, 1, this.dModel] : part.shape;
    return this.dropout.forward(resultOf(kit.add(x, kit.reshape(part, along)), [input, table]));
  }

  protected override describeSettings(): string {
    return `${this.dModel}, maxLength: ${this.maxLength}`;
  }
}

/**
 * Adds sines and cosines of the place: p[m, 2i] = sin(m / 10000^(2i / dModel)), p[m, 2i + 1] = cos of the same.
 * Vaswani et al., "Attention Is All You Need" (2017), section 3.5.
 *
 * Input [L, N, dModel], with `batchFirst` [N, L, dModel], or [L, dModel]; output of the same shape. The table is no part
 * of `stateDict()`.
 *
 * @param options.maxLength the longest sequence; default 5000.
 * @param options.dropout of the sum; default 0.
 * @throws for a longer sequence.
 * @example
 * new nn.SinusoidalPositionalEncoding(8).forward(zeros(5, 2, 8)).shape; // [5, 2, 8]
 */
export class SinusoidalPositionalEncoding extends AddedEncoding {
  readonly table: StateBuffer;

  constructor(dModel: number, options?: PositionalEncodingOptions) {
    super(dModel, options, 5000);
    const data = new Float32Array(this.maxLength * dModel);
    for (let i = 0; i < dModel; i++) {
      const step = 10000 ** (-(i - (i % 2)) / dModel);
      const wave = i % 2 === 0 ? Math.sin : Math.cos;
      for (let place = 0; place < this.maxLength; place++) data[place * dModel + i] = wave(place * step);
    }
    this.table = new StateBuffer({ data, shape: [this.maxLength, dModel], dtype: "float32" }, { persistent: false });
  }

  protected override rows(): Tensor {
    return this.table;
  }
}

/**
 * Adds a vector for each place that trains: `weight` [maxLength, dModel] starts normal with deviation 0.02, as in
 * Radford et al. (2019). Shapes as of `SinusoidalPositionalEncoding`.
 *
 * @param options.maxLength the longest sequence; default 512.
 * @param options.dropout of the sum; default 0.
 * @throws for a longer sequence.
 * @example
 * new nn.LearnedPositionalEncoding(8, { maxLength: 16 }).forward(zeros(5, 2, 8)).shape; // [5, 2, 8]
 */
export class LearnedPositionalEncoding extends AddedEncoding {
  weight: Parameter;

  constructor(dModel: number, options?: PositionalEncodingOptions) {
    super(dModel, options, 512);
    this.weight = new Parameter(normalContent([this.maxLength, dModel], 0, 0.02));
  }

  protected override rows(): Tensor {
    return this.weight;
  }
}

export interface RotaryEncodingOptions {
  /** The longest sequence; default 4096. */
  readonly maxLength?: number;
  /** Pair i turns by base^(−2i / dim) a place; default 10000. */
  readonly base?: number;
  /** Whether pairs are neighbours, as in the paper, or lie half a vector apart; default true. */
  readonly interleaved?: boolean;
}

/**
 * Turns queries and keys by an angle for each place, as `functional.applyRotary`. Su et al. (2021).
 *
 * Input [..., L, dim], such as queries [N, heads, L, dim]; output of the same shape. The table is no part of `stateDict()`.
 *
 * @param dim the size of one head, even.
 * @throws for a sequence longer than `maxLength`.
 * @example
 * const rotary = new nn.RotaryPositionalEncoding(16);
 * rotary.forward(zeros(2, 4, 10, 16)).shape; // [2, 4, 10, 16]
 */
export class RotaryPositionalEncoding extends Module {
  readonly dim: number;
  readonly maxLength: number;
  readonly interleaved: boolean;
  readonly cos: StateBuffer;
  readonly sin: StateBuffer;

  constructor(dim: number, given?: RotaryEncodingOptions) {
    super();
    const op = "nn.RotaryPositionalEncoding";
    const options = withDefaults(op, given, { maxLength: 4096, base: 10000, interleaved: true });
    if (checkWhole(op, "dim", dim, 2) % 2 !== 0) {
      throw new TwopassError({ op, problem: "dim must be even", facts: `got ${dim}` });
    }
    this.dim = dim;
    this.maxLength = checkWhole(op, "maxLength", options.maxLength, 1);
    this.interleaved = options.interleaved;
    const { cos, sin } = rotaryTable(op, 0, this.maxLength, dim, options.base);
    const shape = [this.maxLength, dim / 2];
    this.cos = new StateBuffer({ data: cos, shape, dtype: "float32" }, { persistent: false });
    this.sin = new StateBuffer({ data: sin, shape, dtype: "float32" }, { persistent: false });
  }

  forward(input: Tensor, options?: PlaceOptions): Tensor {
    const op = "nn.RotaryPositionalEncoding";
    const x = floatingVertex(op, input);
    const [length, dim] = placesOf(op, x);
    if (dim !== this.dim) {
      throw new TwopassError({
        op,
        problem: "the last dim must be that of the layer",
        facts: `shape ${showShape(x.shape)}, dim ${this.dim}`,
        shapes: [x.shape],
      });
    }
    const start = checkPlaces(op, length, this.maxLength, options);
    const part = (table: Tensor): Value =>
      kit.cast(kit.range(vertexOf(op, "the table", table), 0, start, start + length), x.dtype);
    return resultOf(rotatePairs(kit, x, part(this.cos), part(this.sin), this.interleaved), [input, this.cos, this.sin]);
  }

  protected override describeSettings(): string {
    return `${this.dim}, maxLength: ${this.maxLength}`;
  }
}
