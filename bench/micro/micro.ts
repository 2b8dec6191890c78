/** What a micro workload is: one operation alone, and how much work it is. */
import { withMode } from "../../src/ir/mode.ts";
import { compile } from "../../src/tensor/compile.ts";
import { zeros } from "../../src/tensor/creation.ts";
import { randn } from "../../src/tensor/random.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

export interface Micro {
  readonly what: string;
  /** Multiplications and additions, or bytes that must be read and written at least. */
  readonly work: { readonly flops: number } | { readonly read: number; readonly written: number };
  /** Gives what runs the operation once. */
  readonly make: () => () => void;
}

/** A tensor of normal numbers that is on the device already. */
export function stored(shape: readonly number[], requiresGrad = false): StoredTensor {
  return new StoredTensor(randn(...shape), { requiresGrad });
}

/** Runs an elementwise operation whose whole result goes into a stored tensor, written there by the operation's kernel. */
export function intoStored(shape: readonly number[], result: () => Tensor): () => void {
  const out = new StoredTensor(zeros(...shape));
  // Writes of the update happen in place.
  return compile(() => void withMode({ phase: 2 }, () => out.assign(withMode({ grad: false }, result))));
}

/** Runs an operation with a kernel of its own, of which one element is looked at: nothing else is copied. */
export function oneElement(result: () => Tensor): () => void {
  const out = new StoredTensor(zeros(1));
  return compile(() => {
    let x = result();
    while (x.ndim > 0) x = x.select(0, 0);
    withMode({ phase: 2 }, () => out.assign(x));
  });
}
