/** Operations that are bound by memory where they are done well: 4 × 2²⁰ elements, which no cache next to a core holds. */
import { layerNorm } from "../../src/nn/functional.ts";
import { Parameter } from "../../src/nn/index.ts";
import { Adam } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { randn } from "../../src/tensor/random.ts";
import { type Micro, intoStored, oneElement, stored } from "./micro.ts";

const [rows, columns] = [4096, 1024];
const shape = [rows, columns] as const;
const bytes = 4 * rows * columns;
const copied = { read: bytes, written: bytes };

export const elementwise: Readonly<Record<string, Micro>> = {
  softmax4096x1024: {
    what: "softmax of 4096 rows of 1024",
    work: copied,
    make() {
      const x = stored(shape);
      return intoStored(shape, () => x.softmax(-1));
    },
  },
  layernorm4096x1024: {
    what: "layer norm of 4096 rows of 1024, with weight and bias",
    work: copied,
    make() {
      const [x, weight, bias] = [stored(shape), stored([columns]), stored([columns])];
      return intoStored(shape, () => layerNorm(x, columns, weight, bias));
    },
  },
  gelu4M: {
    what: "GELU of 1.5 x + 0.1 by tanh, 4M elements",
    work: copied,
    make() {
      const x = stored(shape);
      return intoStored(shape, () => x.mul(1.5).add(0.1).gelu({ approximate: "tanh" }));
    },
  },
  gelu4M_erf: {
    what: "GELU of 1.5 x + 0.1 by erf, 4M elements",
    work: copied,
    make() {
      const x = stored(shape);
      return intoStored(shape, () => x.mul(1.5).add(0.1).gelu());
    },
  },
  adam4M: {
    what: "Adam's update of 4M parameters",
    // The parameter and two means are read and written, the gradient is read.
    work: { read: 4 * bytes, written: 3 * bytes },
    make() {
      const [parameter, gradient] = [new Parameter(randn(...shape)), stored(shape)];
      const optimizer = new Adam([parameter], { lr: 1e-3 });
      return compile(() => {
        optimizer.zeroGrad();
        parameter.mul(gradient).sum().backward();
        optimizer.step();
      });
    },
  },
  sum4M: {
    what: "sum of 4M elements",
    work: { read: bytes, written: 0 },
    make() {
      const x = stored(shape);
      return oneElement(() => x.sum());
    },
  },
};
