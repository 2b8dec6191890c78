/**
 * Stored tensors: the only ones whose content changes. Parameters, buffers and optimiser state are stored.
 * A write is pending until the next run and happens in place; everything written before it sees the old content.
 * Floor: tensor.
 */
import { type Dtype, type TypedArray, isFloating } from "../base/dtype.ts";
import { TwopassError, checkOptions, showShape } from "../base/errors.ts";
import { sameShape, sizeOf } from "../base/shape.ts";
import { Cell } from "../ir/cell.ts";
import { withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { refuseData, refuseRead, structureChanged } from "./capture.ts";
import { convert } from "./data.ts";
import { elementLeaf } from "./elements.ts";
import type { Engine } from "./engine.ts";
import { type DeviceName, currentEngine, engineOf } from "./engines.ts";
import { Inner, inner } from "./inner.ts";
import { type Operand, promoteOperands } from "./operand.ts";
import { Tensor } from "./tensor.ts";
import { useAll, valueOf } from "./handle.ts";

export interface StoredOptions {
  /** Whether `backward()` leaves a gradient in `.grad`; default false. */
  readonly requiresGrad?: boolean;
  /** Name for messages. */
  readonly label?: string;
}

/**
 * A tensor whose content changes in place. Results that were made before a change see the old content.
 *
 * @example
 * const counter = new StoredTensor(zeros(2));
 * const before = counter.add(0);
 * counter.add_(tensor([1, 2]));
 * await before.array(); // [0, 0]
 * await counter.array(); // [1, 2]
 */
export class StoredTensor extends Tensor {
  /** Copies the elements of `from`, or takes `from.data` over when they are handed over. */
  constructor(
    from: Tensor | { data: TypedArray; shape: readonly number[]; dtype: Dtype },
    options: StoredOptions = {},
  ) {
    const requiresGrad = options.requiresGrad ?? false;
    if (requiresGrad && !isFloating(from.dtype)) {
      throw new TwopassError({
        op: "Parameter",
        problem: "only floating tensors can require grad",
        facts: `dtype ${from.dtype}`,
        hint: "use { requiresGrad: false } or a Buffer",
      });
    }
    const engine = (from instanceof Tensor ? from[inner].engine : undefined) ?? currentEngine();
    const label = options.label ?? "a stored tensor";
    const cell =
      from instanceof Tensor
        ? copyToCell(valueOf(from), engine, label)
        : new Cell([...from.shape], from.dtype, from.data, label);
    const leaf = makeLeaf(cell.shape, cell.dtype, { kind: "cell", cell, version: 0 }, requiresGrad);
    super(new Inner(leaf, engine, cell, requiresGrad));
  }

  /** Name for messages, such as "fc1.weight". */
  get label(): string {
    return (this[inner].cell as Cell).label;
  }

  set label(to: string) {
    (this[inner].cell as Cell).label = to;
  }

  /**
   * Replaces the content: `this ← value` at the next run. `value` is read as it is now; it is copied, never shared.
   * It is broadcast to the shape and cast to the dtype. No gradient flows through.
   *
   * @example
   * const x = new StoredTensor(zeros(2, 2));
   * await x.assign(tensor([1, 2])).array(); // [[1, 2], [1, 2]]
   */
  assign(value: Operand): this {
    return withMode({ grad: false }, () => {
      const x = value instanceof Tensor ? valueOf(value) : (promoteOperands("assign", [this, value])[1] as Value);
      if (!fits(x.shape, this.shape)) {
        throw new TwopassError({
          op: "assign",
          problem: "the value does not fit",
          facts: `shape ${showShape(x.shape)} into ${showShape(this.shape)}`,
          shapes: [x.shape, this.shape],
        });
      }
      const engine = useAll(value instanceof Tensor ? [this, value] : [this]);
      engine.noteWrite(this[inner], kit.broadcast(kit.cast(x, this.dtype), this.shape));
      return this;
    });
  }

  /** Replaces the content at once, without a run; what is pending runs first. */
  load(data: TypedArray): void {
    const part = this[inner];
    const cell = part.cell as Cell;
    if (data.length !== sizeOf(cell.shape)) {
      throw new TwopassError({
        op: "load",
        problem: "wrong number of elements",
        facts: `${data.length} for ${showShape(cell.shape)}`,
      });
    }
    refuseData("load");
    const engine = part.engine ?? currentEngine();
    if (!engine.idle) engine.run([]);
    engine.device.write(cell, data);
    cell.change();
  }

  /**
   * Moves the content to another device, or to another dtype, in place: an optimiser that knows this tensor goes on with
   * it. What is pending runs first. The gradient comes along.
   *
   * @example
   * const x = new StoredTensor(tensor([0.5]));
   * x.to_({ device: "js", dtype: "float64" });
   * [x.device, x.dtype]; // ["js", "float64"]
   */
  to_(target: { readonly device?: DeviceName; readonly dtype?: Dtype }): this {
    checkOptions("to_", target, ["device", "dtype"]);
    const part = this[inner];
    const old = part.cell as Cell;
    const before = part.engine ?? currentEngine();
    const engine = target.device === undefined ? before : engineOf(target.device);
    const dtype = target.dtype ?? old.dtype;
    if (engine === before && dtype === old.dtype) return this;
    if (part.collects && !isFloating(dtype)) {
      throw new TwopassError({
        op: "to_",
        problem: "only floating tensors can require grad",
        facts: `${this.label} to ${dtype}`,
        hint: "requiresGrad_(false) first",
      });
    }
    refuseData("to_");
    if (!before.idle) before.run([]);
    const cell = this.#copyOfCell(engine, dtype);
    const { owner, requiresGrad } = part.value;
    const held = part.gradient?.leaf;
    part.cell = cell;
    part.engine = engine;
    part.value = makeLeaf(cell.shape, dtype, { kind: "cell", cell, version: 0 }, requiresGrad);
    part.value.owner = owner;
    if (held?.kind === "data" || held?.kind === "remote") {
      const content =
        held.kind === "data"
          ? ({ kind: "data", data: convert(held.data, old.dtype, dtype).elements } as const)
          : elementLeaf(
              withMode({ grad: false }, () => kit.cast(part.gradient as Value, dtype)),
              before,
            );
      part.gradient = makeLeaf(cell.shape, dtype, content, false);
    }
    old.disposed = true;
    before.device.release(old);
    structureChanged("to_() moved a stored tensor");
    return this;
  }

  #copyOfCell(engine: Engine, dtype: Dtype): Cell {
    const { cell, value, engine: own } = this[inner];
    const before = own ?? currentEngine();
    const { shape, label } = cell as Cell;
    if (before.device.remote === undefined) {
      return new Cell(shape, dtype, convert(this.dataSync(), this.dtype, dtype).elements, label);
    }
    if (engine === before) {
      return copyToCell(
        withMode({ grad: false }, () => kit.cast(value, dtype)),
        engine,
        label,
      );
    }
    throw new TwopassError({
      op: "to_",
      problem: "the content is in another thread and cannot be had at once",
      facts: `${label} from ${before.device.name} to ${engine.device.name}`,
      hint: "make a new tensor there of await x.data()",
    });
  }

  /** this ← this + other. */
  add_(other: Operand): this {
    return this.#update(() => this.add(other));
  }

  /** this ← this − other. */
  sub_(other: Operand): this {
    return this.#update(() => this.sub(other));
  }

  /** this ← this · other. */
  mul_(other: Operand): this {
    return this.#update(() => this.mul(other));
  }

  /** this ← this / other. */
  div_(other: Operand): this {
    return this.#update(() => this.div(other));
  }

  /** this ← value everywhere. */
  fill_(value: number): this {
    return this.assign(value);
  }

  /** this ← 0. */
  zero_(): this {
    return this.assign(0);
  }

  /** this ← other, copied. */
  copy_(other: Tensor): this {
    return this.assign(other);
  }

  #update(make: () => Tensor): this {
    return this.assign(withMode({ grad: false }, make));
  }
}

/** A cell with a copy of the elements of a vertex; what is pending for them is run. */
function copyToCell(value: Value, engine: Engine, label: string): Cell {
  refuseRead();
  const leaf = elementLeaf(value, engine);
  const { shape, dtype } = value;
  if (leaf.kind === "data") return new Cell([...shape], dtype, leaf.data.slice(), label);
  const cell = new Cell([...shape], dtype, undefined, label);
  engine.device.remote?.adopt(cell, leaf.result);
  return cell;
}

function fits(from: readonly number[], to: readonly number[]): boolean {
  if (from.length > to.length) return false;
  return sameShape(
    from.map((n, i) => (n === 1 ? (to[i + to.length - from.length] as number) : n)),
    to.slice(to.length - from.length),
  );
}
