/**
 * Positions in sorted order, row by row: a stable merge sort of positions, bottom up, between the result and a scratch
 * row. Floor: codegen.
 *
 * Arguments: address of the elements, of the positions, of the scratch, number of rows, elements of a row, whether rows are
 * long. A unit is a row, its scratch the workspace. Long rows do not fit there: they are one unit, with a scratch of
 * their own.
 */
import { type Dtype, itemSize } from "../../base/dtype.ts";
import { type KernelFn, kernelArgument, kernelFunction } from "./driver.ts";
import type { Local } from "./function.ts";
import type { PlainOp } from "./opcodes.ts";

export function sortKernel(dtype: Dtype, descending: boolean): KernelFn {
  const f = kernelFunction();
  const [, from, to, workspace] = f.params;
  const [data, out, scratch, rows, length, isLong] = [0, 1, 2, 3, 4, 5].map((i) => kernelArgument(f, i)) as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const isFloat = dtype === "float32" || dtype === "float64";
  const type = dtype === "float64" ? "f64" : dtype === "float32" ? "f32" : "i32";
  const load = isFloat ? (`${type}.load` as const) : itemSize[dtype] === 1 ? "i32.load8_u" : "i32.load";
  const [row, i, width, left, middle, right, a, b, at, source, target, swap] = f.localArray("i32", 12) as Local[] &
    [Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local];
  const [x, y] = [f.local(type), f.local(type)];

  /** Loads the element whose position stands at `place` of the row `source`. */
  const element = (place: Local, into: Local): void => {
    f.address(source, place, 4).load("i32.load").i32(itemSize[dtype]).op("i32.mul").get(data).op("i32.add");
    f.load(load).set(into);
  };
  /** Whether y must come before x; equal ones keep their order. NaN counts as the largest. */
  const before = (): void => {
    const less = isFloat ? `${type}.lt` : `${type}.lt_s`;
    const more = isFloat ? `${type}.gt` : `${type}.gt_s`;
    f.push(y, x).op((descending ? more : less) as PlainOp);
    if (!isFloat) return;
    const [first, second] = descending ? [y, x] : [x, y];
    f.push(first, first).op(`${type}.ne` as PlainOp);
    f.push(second, second).op(`${type}.eq` as PlainOp, "i32.and", "i32.or");
  };
  const take = (place: Local): void => {
    f.address(target, at, 4).address(source, place, 4).load("i32.load").store("i32.store");
    f.increment(place, 1).increment(at, 1);
  };
  const bounded = (local: Local, start: Local, by: Local): void => {
    f.push(start, by).op("i32.add").set(local).minimum(local, length).set(local);
  };

  f.get(isLong).if(
    () => f.push(0).set(from).get(rows).set(to),
    () => f.get(workspace).set(scratch),
  );
  f.push(data, from, length).op("i32.mul").i32(itemSize[dtype]).op("i32.mul", "i32.add").set(data);
  f.push(out, from, length).op("i32.mul").i32(4).op("i32.mul", "i32.add").set(out);
  f.for(row, from, to, 1, () => {
    f.for(i, 0, length, 1, () => f.address(out, i, 4).get(i).store("i32.store"));
    f.get(out).set(source).get(scratch).set(target).i32(1).set(width);
    f.block((sorted) => {
      f.loop((again) => {
        f.push(width, length).op("i32.ge_s").brIf(sorted);
        f.i32(0).set(left);
        f.block((merged) => {
          f.loop((next) => {
            f.push(left, length).op("i32.ge_s").brIf(merged);
            bounded(middle, left, width);
            bounded(right, middle, width);
            f.get(left).set(a).get(middle).set(b).get(left).set(at);
            f.block((done) => {
              f.loop((more) => {
                f.push(at, right).op("i32.ge_s").brIf(done);
                f.push(a, middle)
                  .op("i32.ge_s")
                  .if(
                    () => take(b),
                    () => {
                      f.push(b, right)
                        .op("i32.ge_s")
                        .if(
                          () => take(a),
                          () => {
                            element(a, x);
                            element(b, y);
                            before();
                            f.if(
                              () => take(b),
                              () => take(a),
                            );
                          },
                        );
                    },
                  );
                f.br(more);
              });
            });
            f.get(right).set(left).br(next);
          });
        });
        f.get(source).set(swap).get(target).set(source).get(swap).set(target);
        f.push(width, 1).op("i32.shl").set(width).br(again);
      });
    });
    f.push(source, out)
      .op("i32.ne")
      .if(() => {
        f.push(out, scratch, length, 4).op("i32.mul").memoryCopy();
      });
    f.push(length, itemSize[dtype]).op("i32.mul").get(data).op("i32.add").set(data);
    f.push(length, 4).op("i32.mul").get(out).op("i32.add").set(out);
  });
  return f;
}
