/** Products of square matrices as stored (NN), with the left (TN) and the right one (NT) transposed; convolutions. */
import { conv2d } from "../../src/nn/functional.ts";
import { grad } from "../../src/tensor/grad.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type Micro, oneElement, stored } from "./micro.ts";

function product(n: number, layout: "nn" | "tn" | "nt"): Micro {
  return {
    what: `${n} × ${n} matrices, ${layout === "nn" ? "as they are" : layout === "tn" ? "left one transposed" : "right one transposed"}`,
    work: { flops: 2 * n ** 3 },
    make() {
      const [a, b] = [stored([n, n]), stored([n, n])];
      const left = (): Tensor => (layout === "tn" ? a.transpose(0, 1) : a);
      const right = (): Tensor => (layout === "nt" ? b.transpose(0, 1) : b);
      return oneElement(() => left().matmul(right()));
    },
  };
}

type Pass = "forward" | "input" | "weight";

/** 64 to 64 channels, 3 × 3, 32 × 32 pixels, batch 32: a convolution of w3. */
function convolution(pass: Pass): Micro {
  const [batch, channels, size] = [32, 64, 32];
  return {
    what: `3×3 convolution 64→64, 32×32, batch 32: ${pass}`,
    work: { flops: 2 * batch * size ** 2 * channels ** 2 * 9 },
    make() {
      const image = [batch, channels, size, size];
      const [x, weight] = [stored(image, pass === "input"), stored([channels, channels, 3, 3], pass === "weight")];
      const forward = (): Tensor => conv2d(x, weight, null, { padding: 1 });
      if (pass === "forward") return oneElement(() => noGrad(forward));
      const dy = stored(image);
      // The forward pass is linear, so nothing of it is computed here.
      return oneElement(() => grad(forward(), pass === "input" ? x : weight, { gradOutputs: dy })[0]);
    },
  };
}

const sizes = [256, 512, 1024, 2048];

export const products: Readonly<Record<string, Micro>> = Object.fromEntries([
  ...sizes.map((n) => [`matmul${n}`, product(n, "nn")]),
  ...[512, 1024].flatMap((n) => [
    [`matmul${n}-tn`, product(n, "tn")],
    [`matmul${n}-nt`, product(n, "nt")],
  ]),
  ["conv64-forward", convolution("forward")],
  ["conv64-input", convolution("input")],
  ["conv64-weight", convolution("weight")],
]);
